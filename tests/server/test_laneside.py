import asyncio
import select
import socket
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bootwave.http.connection import Deadlines
from bootwave.http.effects import Note
from bootwave.http.response import Response
from bootwave.metrics import CounterPage
from bootwave.native.http import Lane, Miss
from bootwave.native.ring import SightingRing
from bootwave.options import Options
from bootwave.provision.cache import DocumentCache, GeneralDocuments
from bootwave.provision.revocations import RevocationPage
from bootwave.server.lane import make_lane
from bootwave.server.lanemisses import HandedOver
from bootwave.server.laneside import LaneSide
from bootwave.sightings import Reason

ASKED = b"GET /0004132E08B4.xml HTTP/1.1\r\nHost: a\r\n\r\n"
STRANGE = b"OPTIONS * HTTP/1.1\r\n\r\n"
ANSWER = Response(404, b"nothing")
MOST = 8 << 20  # bytes: more than the kernels' buffers


class Others:
    """Who holds what is not the lane's; tells what it was told."""

    def __init__(self) -> None:
        self.handed: list[tuple[HandedOver, Response | None]] = []
        self.told: list[tuple[str, Reason]] = []
        self.moved = 0
        self.armed = 0

    def held(self) -> int:
        return len(self.handed)

    def take_over(self, handed: Any, given: Response | None = None) -> None:
        self.handed += [(each, given) for each in handed or ()]

    def tell(self, source: str, note: Note) -> None:
        self.told.append((source, note.reason))

    def lane_moved(self) -> None:
        self.moved += 1

    def date(self) -> bytes:
        return b"today"

    def arm(self) -> None:
        self.armed += 1


class Case:
    """A lane beside others, and a listener; *answer* is what every miss is told."""

    def __init__(self, answer: Response | None, deadlines: Deadlines) -> None:
        self.native: Lane = make_lane(
            DocumentCache(0),
            GeneralDocuments(),
            RevocationPage(),
            CounterPage(1).row(0),
            SightingRing(10),
            Options(),
            "boot",
            deadlines,
        )
        self.others = Others()
        self.answer = answer
        self.missed: list[Miss] = []
        self.side = LaneSide(self.native, self.ask, self.others)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setblocking(False)

    def ask(self, missed: Any, tell: Callable[[Miss, object], None]) -> None:
        self.missed += missed
        for miss in missed:
            if self.answer is not None:
                tell(miss, self.answer)

    def connect(self, data: bytes) -> socket.socket:
        client = socket.create_connection(self.listener.getsockname())
        client.sendall(data)
        select.select([self.listener], [], [], 10)
        assert self.side.accept(self.listener.fileno(), 8) == 0
        return client


@asynccontextmanager
async def running(
    answer: Response | None = ANSWER, deadlines: Deadlines | None = None
) -> AsyncIterator[Case]:
    case = Case(answer, deadlines or Deadlines())
    loop = asyncio.get_running_loop()
    case.side.start(loop)
    try:
        yield case
    finally:
        case.side.end(loop)
        assert len(case.side) == 0
        case.listener.close()
        for (number, *_), _ in case.others.handed:
            socket.socket(fileno=number).close()


def run(main: Coroutine[Any, Any, None]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(20):
            await main

    asyncio.run(limited())


def test_what_the_lane_does_not_recognise_is_handed_over() -> None:
    async def main() -> None:
        async with running() as case:
            with case.connect(STRANGE):
                (((_, data, answered, proven, ends), given),) = case.others.handed
                assert (data, answered, proven, ends) == (STRANGE, False, False, None)
                assert given is None
                assert len(case.side) == 0

    run(main())


def test_what_it_missed_is_asked_for_and_the_connection_goes_on_in_the_loop() -> None:
    async def main() -> None:
        async with running() as case:
            with case.connect(ASKED) as client:
                client.settimeout(10)
                assert client.recv(1 << 16).startswith(b"HTTP/1.1 404 ")
                assert len(case.side) == 1
                client.sendall(ASKED)
                while len(case.missed) < 2:
                    await asyncio.sleep(0.01)
                assert client.recv(1 << 16).startswith(b"HTTP/1.1 404 ")
            while len(case.side):
                await asyncio.sleep(0.01)
            assert case.others.moved
            assert case.others.armed
            assert case.others.handed == []

    run(main())


def test_what_idles_without_a_proof_is_shed_and_finished() -> None:
    async def main() -> None:
        async with running() as case:
            with case.connect(ASKED), case.connect(ASKED):
                assert len(case.side) == 2
                case.side.shed(1)
                assert len(case.side) == 1
                case.side.finish()
                assert len(case.side) == 0
                assert len(case.others.handed) == 2
            assert not case.side.close_slow()
            assert not case.side.close_any()

    run(main())


def test_who_does_not_read_makes_room_and_that_is_told() -> None:
    async def main() -> None:
        async with running(Response(200, bytes(MOST))) as case:
            with case.connect(ASKED):
                assert case.side.close_slow()
                assert case.others.told == [("127.0.0.1", Reason.HTTP_CROWDED_OUT)]
                assert len(case.side) == 0

    run(main())


@pytest.mark.parametrize(
    ("answer", "reason"),
    [(Response(200, bytes(MOST)), Reason.HTTP_STALLED), (None, None)],
    ids=["not read", "not answered"],
)
def test_deadlines_pass(answer: Response | None, reason: Reason | None) -> None:
    async def main() -> None:
        async with running(answer) as case:
            with case.connect(ASKED):
                case.side.tick(time.monotonic() + 1)
                assert len(case.side) == 1
                for passed in range(1, 200):
                    case.side.tick(time.monotonic() + passed)
                assert len(case.side) == 0
                if reason is None:
                    ((_, given),) = case.others.handed
                    assert given is not None
                    assert given.status == 503
                    assert case.others.told == []
                else:
                    assert case.others.told == [("127.0.0.1", reason)]
                    assert case.others.handed == []

    run(main())
