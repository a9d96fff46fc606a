"""The settings server on real sockets, on loopback, over IPv4 and IPv6."""

import asyncio
import contextlib
import errno
import fcntl
import os
import select
import signal
import socket
import struct
import termios
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from typing import Any

import h11
import pytest
import uvloop

from bootwave import log
from bootwave.errors import StoreUnavailable
from bootwave.http.connection import Deadlines
from bootwave.http.contact import Contact
from bootwave.http.request import Request
from bootwave.http.response import Response
from bootwave.metrics import Counter, CounterPage, CounterRow
from bootwave.native.ring import SightingRing
from bootwave.options import HttpOptions, Options
from bootwave.provision.cache import DocumentCache, GeneralDocuments
from bootwave.provision.revocations import RevocationPage
from bootwave.server import tcp
from bootwave.server.answers import Answers
from bootwave.server.lane import make_lane
from bootwave.server.listeners import close_listeners, open_http_listeners
from bootwave.server.tcp import HttpServer
from bootwave.sightings import Reason, Sighting
from tests.server.exhaustion import no_descriptors

GET = b"GET /a HTTP/1.1\r\nHost: pbx\r\n\r\n"
GET_CLOSE = b"GET /a HTTP/1.1\r\nHost: pbx\r\nConnection: close\r\n\r\n"
GET_BIG = GET.replace(b"/a", b"/big")
BIG = bytes(range(256)) * 65_536  # 16 MiB: more than two kernels' buffers
PATIENCE = 20.0  # until a test that hangs is given up; nothing is measured
QUICK = Deadlines(head=0.3, idle=0.3, answer=0.3, write_stall=0.3, linger=0.3)

Run = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture(params=["uvloop", "asyncio"])
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    """Runs a coroutine in a loop of either kind, with a limit."""
    factory = uvloop.new_event_loop if request.param == "uvloop" else None

    async def limited(main: Coroutine[Any, Any, None]) -> None:
        async with asyncio.timeout(PATIENCE):
            await main

    with asyncio.Runner(loop_factory=factory) as runner:
        yield lambda main: runner.run(limited(main))


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[log.Event, dict[str, Any]]]:
    """What the server logs."""
    found: list[tuple[log.Event, dict[str, Any]]] = []
    monkeypatch.setattr(
        log, "note", lambda event, **values: found.append((event, values))
    )
    return found


class Served:
    """A running server, what it saw, and clients for it."""

    def __init__(self, server: HttpServer, listeners: list[socket.socket]) -> None:
        self.server = server
        self.addresses = [listener.getsockname()[:2] for listener in listeners]
        self.sightings: list[Sighting] = []
        self.requests: list[tuple[Request, Contact]] = []
        self.counters = CounterPage(1).row(0)
        self.clients: list[Client] = []

    @property
    def reasons(self) -> list[Reason]:
        return [sighting.reason for sighting in self.sightings]

    async def connect(self, number: int = 0, limit: int = 1 << 16) -> "Client":
        host, port = self.addresses[number]
        client = Client(*await asyncio.open_connection(host, port, limit=limit))
        self.clients.append(client)
        return client

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await asyncio.sleep(0.01)


class Client:
    """A client that believes nothing: h11 reads the answers."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.reader, self.writer = reader, writer
        self.parser = h11.Connection(h11.CLIENT)

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, method: bytes = b"GET") -> tuple[h11.Response, bytes]:
        """The next answer; raises h11.RemoteProtocolError when there is none."""
        unread, over = self.parser.trailing_data
        self.parser = h11.Connection(h11.CLIENT)
        self.parser.send(
            h11.Request(method=method, target="/", headers=[("Host", "a")])
        )
        self.parser.send(h11.EndOfMessage())
        if unread:
            self.parser.receive_data(unread)
        if over:
            self.parser.receive_data(b"")
        response = await self._event()
        assert isinstance(response, h11.Response)
        body = b""
        while isinstance(event := await self._event(), h11.Data):
            body += event.data
        assert isinstance(event, h11.EndOfMessage)
        return response, body

    async def _event(self) -> object:
        while (event := self.parser.next_event()) is h11.NEED_DATA:
            self.parser.receive_data(await self.reader.read(1 << 20))
        return event

    async def status(self) -> int:
        return (await self.answer())[0].status_code

    async def is_closed(self) -> bool:
        """Wait for the end; whatever else comes makes it False."""
        try:
            return await self.reader.read(1) == b""
        except ConnectionResetError:
            return True

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()


Responder = Callable[[Request, Contact], Awaitable[Response] | Response]


async def echo(request: Request, contact: Contact) -> Response:
    await asyncio.sleep(0)
    if request.path == "/big":
        return Response(200, BIG)
    return Response(200, request.path.encode())


LANE = [False]


@pytest.fixture(autouse=True, params=[False, True], ids=["alone", "lane"])
def lane(request: pytest.FixtureRequest) -> None:
    """Once without a lane, once behind one that has nothing ready."""
    LANE[0] = request.param


def empty_lane(row: CounterRow, options: Options, deadlines: Deadlines) -> Any:
    if not LANE[0]:
        return None
    return make_lane(
        DocumentCache(0),
        GeneralDocuments(),
        RevocationPage(),
        row,
        SightingRing(1000),
        options,
        "boot",
        deadlines,
    )


@contextlib.asynccontextmanager
async def serving(
    respond: Responder = echo,
    *,
    cached: Callable[[Request, Contact], Response | None] | None = None,
    connections: int = 1000,
    deadlines: Deadlines | None = None,
) -> AsyncIterator[Served]:
    by_slot = open_http_listeners(["127.0.0.1:0", "[::1]:0"], 1)
    served: Served

    def answered(request: Request, contact: Contact) -> Awaitable[Response] | Response:
        served.requests.append((request, contact))
        return respond(request, contact)

    page = CounterPage(1)
    options = HttpOptions(connections=connections)
    server = HttpServer(
        by_slot[0],
        answered,
        lambda sighting: served.sightings.append(sighting),
        page.row(0),
        options,
        cached=cached,
        deadlines=deadlines or Deadlines(),
        lane=empty_lane(page.row(0), Options(http=options), deadlines or Deadlines()),
    )
    served = Served(server, by_slot[0])
    served.counters = page.row(0)
    await server.start()
    try:
        yield served
    finally:
        for client in served.clients:
            await client.close()
        await server.stop(0.2)
        close_listeners(by_slot)
    assert len(server) == 0


@pytest.mark.parametrize("number", [0, 1], ids=["ipv4", "ipv6"])
def test_a_phone_is_served_over_ipv4_and_ipv6(run: Run, number: int) -> None:
    async def main() -> None:
        async with serving() as served:
            client = await served.connect(number)
            await client.send(GET)
            response, body = await client.answer()
            assert (response.status_code, body) == (200, b"/a")
            assert dict(response.headers)[b"date"].endswith(b" GMT")
            ((request, contact),) = served.requests
            assert request.path == "/a"
            assert contact.source == served.addresses[number][0]
            assert contact.local == served.addresses[number]
            assert not contact.secure

    run(main())


def test_a_connection_is_used_again_and_closed_when_asked(run: Run) -> None:
    async def main() -> None:
        async with serving() as served:
            client = await served.connect()
            for _ in range(3):
                await client.send(GET)
                assert await client.status() == 200
            await client.send(GET_CLOSE)
            response, _ = await client.answer()
            assert (b"connection", b"close") in list(response.headers)
            assert await client.is_closed()
            assert served.counters.load(Counter.HTTP_CONNECTIONS) == 1
            assert served.counters.load(Counter.HTTP_REQUESTS) == 4
            assert served.sightings == []

    run(main())


def test_pipelined_requests_are_answered_in_order(run: Run) -> None:
    async def slow_first(request: Request, contact: Contact) -> Response:
        await asyncio.sleep(0.05 if request.path == "/0" else 0)
        return Response(200, request.path.encode())

    async def main() -> None:
        async with serving(slow_first) as served:
            client = await served.connect()
            count = 100
            await client.send(
                b"".join(GET.replace(b"/a", b"/%d" % n) for n in range(count))
            )
            for number in range(count):
                assert (await client.answer())[1] == b"/%d" % number

    run(main())


def test_pipelined_requests_from_the_cache_leave_others_their_turn(run: Run) -> None:
    order: list[str] = []

    def cached(request: Request, contact: Contact) -> Response:
        order.append(request.path)
        return Response(200, request.path.encode())

    async def main() -> None:
        async with serving(cached=cached) as served:
            greedy, modest = await served.connect(), await served.connect()
            await greedy.send(GET * 200)
            await modest.send(GET.replace(b"/a", b"/modest"))
            for _ in range(200):
                assert (await greedy.answer())[1] == b"/a"
            assert (await modest.answer())[1] == b"/modest"
            assert order.index("/modest") < 100

    run(main())


def unacknowledged(client: socket.socket) -> int:
    """How many bytes *client* sent that the other end did not acknowledge yet."""
    return int.from_bytes(fcntl.ioctl(client, termios.TIOCOUTQ, bytes(4)), "little")


@pytest.mark.parametrize("before", [b"", GET], ids=["first", "later"])
def test_a_piece_of_a_head_is_acknowledged_at_once(run: Run, before: bytes) -> None:
    """The peer may hold the next piece back until then (Nagle), some 40 ms otherwise.

    Beside it is a connection on which nobody sees to that, written to before.
    """

    async def main() -> None:
        (others,) = open_http_listeners(["127.0.0.1:0"], 1)
        async with serving() as served:
            # What a busy machine delays shows nothing; one round is enough.
            for _ in range(50):
                with (
                    socket.create_connection(others[0].getsockname()) as slow,
                    socket.create_connection(served.addresses[0]) as ours,
                    others[0].accept()[0] as reached,
                ):
                    ours.sendall(before)
                    while before and not select.select([ours], [], [], 0)[0]:
                        await asyncio.sleep(0.001)
                    slow.sendall(GET[:9])
                    reached.recv(9)
                    ours.sendall(GET[:9])
                    while unacknowledged(slow) and unacknowledged(ours):
                        await asyncio.sleep(0.001)
                    if unacknowledged(slow) and not unacknowledged(ours):
                        break
            else:
                pytest.fail("it was never sooner")
        close_listeners([others])

    run(main())


def test_what_the_cache_has_is_answered_without_a_task(run: Run) -> None:
    def cached(request: Request, contact: Contact) -> Response | None:
        return Response(200, b"cached") if request.path == "/a" else None

    async def main() -> None:
        async with serving(cached=cached) as served:
            client = await served.connect()
            await client.send(GET + GET.replace(b"/a", b"/b"))
            assert (await client.answer())[1] == b"cached"
            assert (await client.answer())[1] == b"/b"
            assert [request.path for request, _ in served.requests] == ["/b"]

    run(main())


def test_an_answer_may_be_given_without_waiting(run: Run) -> None:
    async def main() -> None:
        async with serving(lambda request, contact: Response(404)) as served:
            client = await served.connect()
            await client.send(GET)
            assert await client.status() == 404

    run(main())


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", 405),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", 413),
        (b"GET /" + b"a" * 1200 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 100_000, 431),
        (b"GET / HTTP/3.0\r\n\r\n", 505),
    ],
)
def test_a_refused_peer_gets_its_answer_before_the_end(
    run: Run, data: bytes, status: int
) -> None:
    async def main() -> None:
        async with serving() as served:
            client = await served.connect()
            await client.send(data)
            assert await client.status() == status
            assert await client.is_closed()
            assert served.requests == []
            assert served.reasons == [Reason.HTTP_SYNTAX]
            (sighting,) = served.sightings
            assert (sighting.mac, sighting.source) == (0, "127.0.0.1")
            assert sighting.detail.startswith(f"{status}: ")
            assert len(sighting.detail) <= 96
            assert served.counters.load(Counter.HTTP_REFUSED) == 1

    run(main())


def test_a_sighting_tells_neither_query_nor_credentials(run: Run) -> None:
    async def main() -> None:
        async with serving() as served:
            client = await served.connect()
            await client.send(
                b"DELETE /?key=SECRET HTTP/1.1\r\nHost: a\r\n"
                b"Authorization: Basic SECRET\r\n\r\n"
            )
            assert await client.status() == 405
            assert "SECRET" not in repr(served.sightings)

    run(main())


def test_a_head_that_trickles_in_is_served_or_times_out(run: Run) -> None:
    async def main() -> None:
        async with serving(deadlines=Deadlines(head=0.8)) as served:
            good, slow, mute = [await served.connect() for _ in range(3)]
            for at in range(len(GET)):
                await good.send(GET[at : at + 1])
                await asyncio.sleep(0.001)
            assert await good.status() == 200
            await slow.send(GET[:10])
            assert await slow.status() == 408
            assert await slow.is_closed()
            assert await mute.is_closed()
            assert served.reasons == [Reason.HTTP_TIMEOUT] * 2
            assert served.counters.load(Counter.HTTP_TIMEOUTS) == 2

    run(main())


def test_an_idle_connection_is_closed_without_a_word(run: Run) -> None:
    async def main() -> None:
        async with serving(deadlines=QUICK) as served:
            client = await served.connect()
            await client.send(GET)
            assert await client.status() == 200
            assert await client.is_closed()
            assert served.sightings == []

    run(main())


def test_a_request_nobody_decides_ends_in_503(run: Run) -> None:
    async def never(request: Request, contact: Contact) -> Response:
        await asyncio.Event().wait()
        raise AssertionError

    async def main() -> None:
        async with serving(never, deadlines=QUICK) as served:
            client = await served.connect()
            await client.send(GET)
            assert await client.status() == 503

    run(main())


def test_a_large_answer_reaches_a_slow_reader_whole(run: Run) -> None:
    async def main() -> None:
        async with serving() as served:
            client = await served.connect(limit=1024)
            await client.send(GET_BIG + GET)
            await asyncio.sleep(0.05)
            assert (await client.answer())[1] == BIG
            assert (await client.answer())[1] == b"/a"

    run(main())


def test_a_peer_that_never_reads_is_reset(run: Run) -> None:
    async def main() -> None:
        async with serving(deadlines=QUICK) as served:
            host, port = served.addresses[0]
            with socket.create_connection((host, port)) as client:
                client.setblocking(False)
                client.send(GET_BIG + GET)
                await served.until(lambda: Reason.HTTP_STALLED in served.reasons)
                assert len(served.server) == 0
                assert len(served.requests) == 1  # the second was never looked at

    run(main())


@pytest.mark.parametrize("moment", ["answering", "sending"])
def test_a_reset_in_the_middle_costs_nobody_else(run: Run, moment: str) -> None:
    async def main() -> None:
        release = asyncio.Event()

        async def respond(request: Request, contact: Contact) -> Response:
            if request.path == "/big" and moment == "answering":
                await release.wait()
            return await echo(request, contact)

        async with serving(respond) as served:
            bystander = await served.connect()
            doomed = socket.create_connection(served.addresses[0])
            doomed.send(GET_BIG)
            await served.until(lambda: len(served.requests) == 1)
            linger = struct.pack("ii", 1, 0)
            doomed.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            doomed.close()
            await served.until(lambda: len(served.server) == 1)
            release.set()
            await bystander.send(GET)
            assert await bystander.status() == 200
            assert served.counters.load(Counter.HTTP_FAILED) == 0

    run(main())


def test_a_peer_that_has_sent_all_and_only_reads_gets_its_answer(run: Run) -> None:
    async def main() -> None:
        async with serving() as served:
            client = await served.connect()
            await client.send(GET + GET)
            client.writer.write_eof()
            assert await client.status() == 200
            assert await client.status() == 200
            assert await client.is_closed()

    run(main())


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RuntimeError("SECRET"), 500),
        (StoreUnavailable("SECRET"), 503),
        (MemoryError("SECRET"), 503),
    ],
)
@pytest.mark.parametrize("where", ["cached", "called", "awaited"])
def test_a_failure_here_is_answered_without_a_reason_and_logged(
    run: Run,
    noted: list[tuple[log.Event, dict[str, Any]]],
    error: Exception,
    status: int,
    where: str,
) -> None:
    def fail(request: Request, contact: Contact) -> Response:
        raise error

    async def fail_later(request: Request, contact: Contact) -> Response:
        raise error

    async def main() -> None:
        respond: Responder = fail_later if where == "awaited" else fail
        cached = fail if where == "cached" else None
        async with serving(respond, cached=cached) as served:
            client = await served.connect()
            await client.send(GET)
            response, body = await client.answer()
            assert response.status_code == status
            assert b"SECRET" not in body
            assert (b"retry-after" in dict(response.headers)) == (status == 503)
            assert served.counters.load(Counter.HTTP_FAILED) == 1

    run(main())
    assert noted == [
        (log.SERVER_REQUEST_FAILED, {"exception": error, "source": "127.0.0.1"})
    ]


def test_a_fault_of_the_server_itself_costs_one_connection(
    run: Run,
    noted: list[tuple[log.Event, dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def main() -> None:
        async with serving() as served:
            good, bad = await served.connect(), await served.connect()
            await good.send(GET)
            assert await good.status() == 200
            with monkeypatch.context() as patch:
                patch.setattr(Answers, "_decide", None)
                await bad.send(GET)
                assert await bad.is_closed()
            await good.send(GET)
            assert await good.status() == 200
            assert [event for event, _ in noted] == [log.SERVER_CONNECTION_FAILED]

    run(main())


def test_an_answer_that_cannot_be_sent_becomes_500(run: Run) -> None:
    async def bad(request: Request, contact: Contact) -> Response:
        return Response(200, headers=((b"X", b"a\r\nb"),))

    async def main() -> None:
        async with serving(bad) as served:
            client = await served.connect()
            await client.send(GET)
            assert await client.status() == 500

    run(main())


def test_a_flood_of_idle_connections_loses_its_own_and_not_the_phones(
    run: Run,
) -> None:
    async def main() -> None:
        async with serving(connections=50) as served:
            phone = await served.connect(1)  # from ::1
            flood = [await served.connect() for _ in range(200)]
            await served.until(
                lambda: served.reasons.count(Reason.HTTP_CROWDED_OUT) > 160
            )
            assert len(served.server) <= 40
            assert await flood[0].is_closed()
            await phone.send(GET)
            assert await phone.status() == 200
            assert {s.source for s in served.sightings} == {"127.0.0.1"}

    run(main())


def test_a_proven_phone_outlasts_a_flood_from_its_own_address(run: Run) -> None:
    async def prove(request: Request, contact: Contact) -> Response:
        return Response(200, proven=request.path == "/proven")

    async def main() -> None:
        async with serving(prove, connections=20) as served:
            proven, other = await served.connect(), await served.connect()
            await proven.send(GET.replace(b"/a", b"/proven"))
            assert await proven.status() == 200
            await other.send(GET)
            assert await other.status() == 200
            for _ in range(100):
                await served.connect()
            assert await other.is_closed()
            await served.until(lambda: len(served.sightings) > 80)
            await proven.send(GET)
            assert await proven.status() == 200

    run(main())


def test_when_everybody_is_being_answered_the_rest_wait_in_the_queue(run: Run) -> None:
    async def main() -> None:
        gate = asyncio.Event()

        async def wait(request: Request, contact: Contact) -> Response:
            await gate.wait()
            return Response(200, b"late", close=True)

        async with serving(wait, connections=16) as served:
            clients = []
            for _ in range(40):
                clients.append(await served.connect())
                await clients[-1].send(GET)
            await served.until(lambda: len(served.requests) == 16)
            await asyncio.sleep(0.05)
            assert len(served.server) == 16
            gate.set()
            for client in clients:
                assert await client.status() == 200
                await client.close()
            assert served.sightings == []

    run(main())


class CountingEpoll:
    """An epoll set that counts how often it was asked and what it watched."""

    def __init__(self, real: select.epoll) -> None:
        self.real = real
        self.polls = 0
        self.watched: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def poll(self, timeout: float, limit: int) -> list[tuple[int, int]]:
        self.polls += 1
        return self.real.poll(timeout, limit)

    def register(self, number: int, mask: int) -> None:
        self.watched.append(number)
        self.real.register(number, mask)


@pytest.fixture
def epolls(monkeypatch: pytest.MonkeyPatch) -> list[CountingEpoll]:
    """The epoll sets that servers make from now on; the loops' are not among them."""
    made: list[CountingEpoll] = []
    real = select.epoll

    class Select:
        def __getattr__(self, name: str) -> Any:
            return getattr(select, name)

        def epoll(self) -> CountingEpoll:
            made.append(CountingEpoll(real()))
            return made[-1]

    monkeypatch.setattr(tcp, "select", Select())
    return made


def test_running_out_of_descriptors_pauses_accepting_and_is_said_once(
    run: Run,
    noted: list[tuple[log.Event, dict[str, Any]]],
    epolls: list[CountingEpoll],
) -> None:
    async def prove(request: Request, contact: Contact) -> Response:
        return Response(200, proven=True)

    async def main() -> None:
        async with serving(prove) as served:
            proven = await served.connect()
            await proven.send(GET)
            assert await proven.status() == 200
            queued = [socket.create_connection(served.addresses[0]) for _ in range(5)]
            with no_descriptors():
                pauses = 3
                before = epolls[0].polls
                await served.until(
                    lambda: served.counters.load(Counter.HTTP_ACCEPT_PAUSES) >= pauses
                )
                assert epolls[0].polls - before < 10 * pauses  # it does not spin
                await proven.send(GET)
                assert await proven.status() == 200
            late = await served.connect()
            await late.send(GET)
            assert await late.status() == 200
            for each in queued:
                each.close()

    run(main())
    assert noted == [
        (log.SERVER_OUT_OF_DESCRIPTORS, {"error": os.strerror(errno.EMFILE)})
    ]


def test_stopping_finishes_answers_and_lets_the_queue_wait_for_a_successor(
    run: Run,
) -> None:
    async def main() -> None:
        by_slot = open_http_listeners(["127.0.0.1:0"], 1)
        host, port = by_slot[0][0].getsockname()
        started, gate = asyncio.Event(), asyncio.Event()

        async def slowly(request: Request, contact: Contact) -> Response:
            started.set()
            await gate.wait()
            return Response(200, b"first")

        def server(respond: Responder) -> HttpServer:
            return HttpServer(
                by_slot[0],
                respond,
                lambda sighting: None,
                CounterPage(1).row(0),
                HttpOptions(),
                lane=empty_lane(CounterPage(1).row(0), Options(), Deadlines()),
            )

        old = server(slowly)
        await old.start()
        busy = Client(*await asyncio.open_connection(host, port))
        await busy.send(GET)
        await started.wait()
        stopping = asyncio.ensure_future(old.stop(PATIENCE))
        await asyncio.sleep(0)
        queued = Client(*await asyncio.open_connection(host, port))
        await queued.send(GET)
        await asyncio.sleep(0.05)
        assert not stopping.done()
        gate.set()
        response, body = await busy.answer()
        assert body == b"first"
        assert (b"connection", b"close") in list(response.headers)
        await busy.close()
        await stopping

        new = server(echo)
        await new.start()
        assert (await queued.answer())[1] == b"/a"
        await queued.close()
        await new.stop(1)
        close_listeners(by_slot)

    run(main())


def test_a_killed_worker_loses_no_connection_that_waits_in_its_queue(run: Run) -> None:
    by_slot = open_http_listeners(["127.0.0.1:0"], 1)
    row = CounterPage(1).row(0)

    def server() -> HttpServer:
        return HttpServer(
            by_slot[0],
            echo,
            lambda sighting: None,
            row,
            HttpOptions(),
            lane=empty_lane(row, Options(), Deadlines()),
        )

    async def serve_until_killed(ready: int) -> None:
        await server().start()
        os.write(ready, b"1")
        await asyncio.Event().wait()

    async def succeed(client: socket.socket) -> None:
        successor = server()
        await successor.start()
        reader, writer = await asyncio.open_connection(sock=client)
        assert (await Client(reader, writer).answer())[1] == b"/a"
        writer.close()
        await successor.stop(1)

    reading, writing = os.pipe()
    worker = os.fork()
    if worker == 0:
        with contextlib.suppress(BaseException):
            asyncio.run(serve_until_killed(writing))
        os._exit(1)
    assert os.read(reading, 1) == b"1"
    os.kill(worker, signal.SIGSTOP)  # so that nobody accepts
    os.waitpid(worker, os.WUNTRACED)
    client = socket.create_connection(by_slot[0][0].getsockname())
    client.send(GET)
    os.kill(worker, signal.SIGKILL)
    os.waitpid(worker, 0)
    run(succeed(client))
    close_listeners(by_slot)
    os.close(reading)
    os.close(writing)


@pytest.mark.parametrize("factory", [uvloop.new_event_loop, asyncio.new_event_loop])
def test_what_came_while_the_process_was_stopped_is_not_late(
    factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    by_slot = open_http_listeners(["127.0.0.1:0"], 1)
    deadlines = Deadlines(head=1.5, idle=1.5)
    server = HttpServer(
        by_slot[0],
        echo,
        lambda sighting: None,
        CounterPage(1).row(0),
        HttpOptions(),
        deadlines=deadlines,
    )

    async def serve_until_killed(accepted: int) -> None:
        await server.start()
        while len(server) < 3:
            await asyncio.sleep(0.01)
        await asyncio.sleep(
            2 * tcp.TICK_SECONDS
        )  # so that the next tick knows the time
        os.write(accepted, b"1")
        await asyncio.Event().wait()

    reading, writing = os.pipe()
    worker = os.fork()
    if worker == 0:
        with contextlib.suppress(BaseException):
            asyncio.Runner(loop_factory=factory).run(serve_until_killed(writing))
        os._exit(1)
    clients = [
        socket.create_connection(by_slot[0][0].getsockname(), PATIENCE)
        for _ in range(3)
    ]
    fresh, begun, idle = clients
    begun.send(GET_CLOSE[:10])
    idle.send(GET)
    assert idle.recv(65_536).startswith(b"HTTP/1.1 200 ")
    assert os.read(reading, 1) == b"1"
    os.kill(worker, signal.SIGSTOP)
    os.waitpid(worker, os.WUNTRACED)
    fresh.send(GET_CLOSE)
    begun.send(GET_CLOSE[10:])
    idle.send(GET_CLOSE)
    time.sleep(2.0)  # every deadline is over; what was sent waits in the kernel
    os.kill(worker, signal.SIGCONT)
    try:
        for client in clients:
            with client:
                assert client.recv(65_536).startswith(b"HTTP/1.1 200 ")
    finally:
        os.kill(worker, signal.SIGKILL)
        os.waitpid(worker, 0)
    close_listeners(by_slot)
    os.close(reading)
    os.close(writing)


def test_stopping_answers_what_had_arrived_and_closes_what_was_idle(run: Run) -> None:
    async def main() -> None:
        async with serving(deadlines=Deadlines(linger=0.1)) as served:
            idle, asking, new = [await served.connect() for _ in range(3)]
            for client in (idle, asking):
                await client.send(GET)
                assert await client.status() == 200
            await served.until(lambda: len(served.server) == 3)
            await asking.send(GET)
            stopping = asyncio.ensure_future(served.server.stop(PATIENCE))
            assert await asking.status() == 200
            assert await idle.is_closed()
            await new.send(GET)
            assert await new.status() == 200
            await stopping

    run(main())


def test_a_server_stops_once_and_may_start_again(run: Run) -> None:
    async def main() -> None:
        async with serving(deadlines=QUICK) as served:
            idle = await served.connect()
            await idle.send(GET)
            assert await idle.status() == 200
            await asyncio.gather(served.server.stop(1), served.server.stop(1))
            await served.server.start()
            client = await served.connect()
            await client.send(GET)
            assert await client.status() == 200
            assert await client.is_closed()  # its deadlines are kept again

    run(main())


def test_stopping_gives_up_after_its_grace(run: Run) -> None:
    async def never(request: Request, contact: Contact) -> Response:
        await asyncio.Event().wait()
        raise AssertionError

    async def main() -> None:
        async with serving(never) as served:
            client = await served.connect()
            await client.send(GET)
            await served.until(lambda: len(served.requests) == 1)
            await served.server.stop(0.05)
            assert await client.is_closed()
            await served.server.stop(0.05)

    run(main())


def test_a_socket_is_adopted_with_the_bytes_already_read(run: Run) -> None:
    async def main() -> None:
        async with serving() as served:
            with socket.create_server(("127.0.0.1", 0)) as other:
                for split in (0, 5, len(GET)):
                    client = Client(
                        *await asyncio.open_connection(*other.getsockname())
                    )
                    accepted, _ = other.accept()
                    served.server.adopt(accepted, GET[:split])
                    await client.send(GET[split:])
                    assert await client.status() == 200
                    await client.send(GET_CLOSE)
                    assert await client.status() == 200
                    assert await client.is_closed()
                    await client.close()
                assert served.requests[0][1].local == other.getsockname()

    run(main())


def test_an_adopted_socket_without_a_place_is_told_so(run: Run) -> None:
    async def main() -> None:
        async def never(request: Request, contact: Contact) -> Response:
            await asyncio.Event().wait()
            raise AssertionError

        async with serving(never, connections=16) as served:
            with socket.create_server(("127.0.0.1", 0)) as other:
                clients = []
                for _ in range(17):
                    clients.append(
                        Client(*await asyncio.open_connection(*other.getsockname()))
                    )
                    served.server.adopt(other.accept()[0], GET)
                assert await clients[-1].status() == 503
                assert len(served.server) == 16
                for client in clients:
                    await client.close()

    run(main())


def test_a_server_that_does_not_run_adopts_nothing() -> None:
    server = HttpServer(
        [], echo, lambda sighting: None, CounterPage(1).row(0), HttpOptions()
    )
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(RuntimeError, match="does not run"):
        server.adopt(ours)


def test_several_hundred_phones_at_once_are_all_served(run: Run) -> None:
    async def phone(served: Served, number: int) -> bytes:
        client = await served.connect(number % 2)
        path = b"/%d" % number
        await client.send(GET_CLOSE.replace(b"/a", path))
        body = (await client.answer())[1]
        assert await client.is_closed()
        await client.close()
        return body

    async def main() -> None:
        async with serving() as served:
            count = 300
            bodies = await asyncio.gather(*(phone(served, n) for n in range(count)))
            assert bodies == [b"/%d" % number for number in range(count)]
            assert served.sightings == []

    run(main())


def test_nothing_is_watched_for_a_request_that_is_there_and_answered(
    run: Run, epolls: list[CountingEpoll]
) -> None:
    async def main() -> None:
        async with serving(cached=lambda *_: Response(200, b"x")) as served:
            epolls[0].watched.clear()
            with socket.create_connection(served.addresses[0]) as client:
                client.send(GET_CLOSE)
                client.setblocking(False)
                data = b""
                while not data.endswith(b"x"):
                    await asyncio.sleep(0.001)
                    with contextlib.suppress(BlockingIOError):
                        data += client.recv(4096)
            assert epolls[0].watched == []

    run(main())
