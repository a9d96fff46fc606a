import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from bootwave import log
from bootwave.errors import StoreUnavailable
from bootwave.http.connection import HttpConnection
from bootwave.http.contact import Contact
from bootwave.http.effects import Deliver, Effect, SendBytes
from bootwave.http.request import Request
from bootwave.http.response import Response
from bootwave.metrics import Counter, CounterPage
from bootwave.server.answers import MAX_PUT_OFF_PER_WAKE, MAX_REQUESTS_PER_TURN, Answers
from bootwave.server.peer import Peer

GET = b"GET /a HTTP/1.1\r\nHost: pbx\r\n\r\n"
CONTACT = Contact("192.0.2.9", ("192.0.2.1", 80))


class Asked:
    """Requests of one or more peers, and what becomes of them."""

    def __init__(
        self,
        respond: Callable[[Request, Contact], Awaitable[Response] | Response],
        cached: Callable[[Request, Contact], Response | None] | None = None,
    ) -> None:
        self.counters = CounterPage(1).row(0)
        self.resumed: list[tuple[Peer, list[Effect]]] = []
        self.answers = Answers(respond, cached, self.counters, None, self.resume)
        self.sockets: list[socket.socket] = []

    def resume(self, peer: Peer, make: Callable[[], list[Effect]]) -> None:
        self.resumed.append((peer, make()))

    def peer(self) -> tuple[Peer, Request]:
        """A peer that has just asked, and what."""
        sock, other = socket.socketpair()
        self.sockets += [sock, other]
        connection = HttpConnection(now=0.0, date=lambda: b"today")
        peer = Peer(sock, CONTACT, connection)
        (asked,) = connection.receive_data(GET, 0.0)
        assert isinstance(asked, Deliver)
        return peer, asked.request


@pytest.fixture
def asked(request: pytest.FixtureRequest) -> Iterator[Callable[..., Asked]]:
    made: list[Asked] = []

    def make(*arguments: Any) -> Asked:
        made.append(Asked(*arguments))
        return made[-1]

    yield make
    for each in made:
        for sock in each.sockets:
            sock.close()


def sent(effects: list[Effect]) -> bytes:
    return b"".join(bytes(e.data) for e in effects if isinstance(e, SendBytes))


def plainly(request: Request, contact: Contact) -> Response:
    return Response(200, b"plain", proven=True)


async def later(request: Request, contact: Contact) -> Response:
    await asyncio.sleep(0)
    return Response(200, b"later")


def test_what_is_known_at_once_is_returned(asked: Callable[..., Asked]) -> None:
    case = asked(plainly)
    peer, request = case.peer()
    assert sent(case.answers.to(peer, request)).endswith(b"plain")
    assert peer.answered
    assert peer.proven
    assert case.counters.load(Counter.HTTP_REQUESTS) == 1
    assert case.resumed == []


def test_what_is_cached_is_not_asked_for(asked: Callable[..., Asked]) -> None:
    case = asked(later, lambda request, contact: Response(200, b"cached"))
    assert sent(case.answers.to(*case.peer())).endswith(b"cached")
    assert not case.answers.tasks


def test_what_was_given_before_is_the_answer_once(asked: Callable[..., Asked]) -> None:
    case = asked(plainly)
    peer, request = case.peer()
    peer.given = Response(400)
    assert sent(case.answers.to(peer, request)).startswith(b"HTTP/1.1 400 ")
    assert peer.given is None


def test_what_must_be_waited_for_comes_by_resume(asked: Callable[..., Asked]) -> None:
    async def main() -> None:
        case = asked(later)
        peer, request = case.peer()
        assert case.answers.to(peer, request) == []
        await asyncio.wait(case.answers.tasks)
        ((resumed, effects),) = case.resumed
        assert resumed is peer
        assert sent(effects).endswith(b"later")
        await asyncio.sleep(0)
        assert not case.answers.tasks

    asyncio.run(main())


@pytest.mark.parametrize(
    ("error", "status"), [(StoreUnavailable("away"), 503), (KeyError("secret"), 500)]
)
@pytest.mark.parametrize("awaited", [False, True])
def test_a_failure_is_logged_and_its_answer_says_nothing_of_it(
    asked: Callable[..., Asked],
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    status: int,
    awaited: bool,
) -> None:
    noted: list[log.Event] = []
    monkeypatch.setattr(log, "note", lambda event, **more: noted.append(event))

    def fail(request: Request, contact: Contact) -> Response:
        raise error

    async def fail_later(request: Request, contact: Contact) -> Response:
        raise error

    async def main() -> None:
        case = asked(fail_later if awaited else fail)
        effects = case.answers.to(*case.peer())
        if awaited:
            await asyncio.wait(case.answers.tasks)
            ((_, effects),) = case.resumed
        answer = sent(effects)
        assert answer.startswith(b"HTTP/1.1 %d " % status)
        assert b"secret" not in answer
        assert case.counters.load(Counter.HTTP_FAILED) == 1

    asyncio.run(main())
    assert noted == [log.SERVER_REQUEST_FAILED]


def test_who_asks_more_than_its_turn_waits_until_others_had_theirs(
    asked: Callable[..., Asked],
) -> None:
    async def main() -> None:
        case = asked(plainly)
        late = [case.peer() for _ in range(MAX_PUT_OFF_PER_WAKE + 1)]
        for peer, request in late:
            peer.turns = MAX_REQUESTS_PER_TURN
            assert case.answers.to(peer, request) == []
        await asyncio.sleep(0)
        assert [peer for peer, _ in case.resumed] == [
            peer for peer, _ in late[:MAX_PUT_OFF_PER_WAKE]
        ]
        await asyncio.sleep(0)
        assert case.resumed[-1][0] is late[-1][0]
        assert late[-1][0].turns == 1

    asyncio.run(main())
