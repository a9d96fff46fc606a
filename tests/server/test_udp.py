"""The UDP edge: a real server on loopback, around a core that the test scripts."""

import asyncio
import gc
import os
import re
import socket
import time
from collections import Counter as Tally
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Sequence,
)
from contextlib import asynccontextmanager, closing
from typing import Any

import pytest
import uvloop

from bootwave.limits import MAX_SIP_DATAGRAM_BYTES
from bootwave.log import PNP_DROPPED, PNP_FAULT, PNP_STALE, Event
from bootwave.metrics import Counter
from bootwave.native.pnp import BoundMacs, PnpLane
from bootwave.native.ring import SightingRing
from bootwave.options import PnpOptions
from bootwave.server import udp
from bootwave.server.interfaces import Interface
from bootwave.server.udp import PnpServer, PnpSockets, open_pnp_sockets
from bootwave.sightings import Reason, Sighting
from bootwave.sip.effects import Effect, Endpoint, Local, LookUp, SendDatagram, Sight
from bootwave.sip.pnp import PnpCore
from tests.peers.peer import missing
from tests.server.datagrams import received

GROUP = "224.0.1.75"
MAC = 0x0004132E08B4
URL = "http://127.0.0.1:8080/{mac}.xml"
LOOPBACK = socket.if_nametoindex("lo")
Answers = Sequence[str | None]


class Core:
    """Looks up every datagram; its answers are a response and a request."""

    def __init__(self) -> None:
        self.heard: list[tuple[bytes, Endpoint, Local, bool]] = []
        self.answered: list[tuple[bytes, str | None]] = []
        self.timer: float | None = None
        self.fired: list[float] = []
        self.at_timer: Callable[[float], list[Effect]] = lambda now: []

    def receive_datagram(
        self,
        data: bytes,
        source: Endpoint,
        local: Local,
        now: float,
        *,
        on_link: bool = True,
        received: float | None = None,
    ) -> list[Effect]:
        self.heard.append((data, source, local, on_link))
        if data == b"fault":
            raise RuntimeError("planted")
        if data == b"noise":
            return [Sight(Reason.SIP_METHOD, 0, source.host, "x" * 200)]
        return [LookUp(data, MAC, True, local, source, "snom370", "8.7")]

    def answer(self, lookup: LookUp, url: str | None, now: float) -> list[Effect]:
        self.answered.append((lookup.key, url))
        if lookup.key == b"bad answer":
            raise RuntimeError("planted")
        if url is None:
            return [Sight(Reason.PNP_NOT_BOUND, MAC, lookup.source.host, "")]
        response = b"SIP/2.0 200 " + lookup.key
        return [
            SendDatagram(response, lookup.source, lookup.local),
            SendDatagram(b"NOTIFY " + url.encode(), lookup.source, lookup.local),
            Sight(Reason.PNP_ANSWERED, MAC, lookup.source.host, "snom370"),
        ]

    def next_timer(self) -> float | None:
        return self.timer

    def handle_timer(self, now: float) -> list[Effect]:
        self.fired.append(now)
        self.timer = None
        return self.at_timer(now)


class Counts:
    def __init__(self) -> None:
        self.of: Tally[Counter] = Tally()

    def add(self, counter: Counter, by: int = 1) -> None:
        self.of[counter] += by


class Edge:
    """One server and what it told."""

    def __init__(self, sockets: PnpSockets, core: Any, urls: udp.Urls) -> None:
        self.sockets = sockets
        self.core = core
        self.counts = Counts()
        self.seen: list[Sighting] = []
        self.server = PnpServer(sockets, core, urls, self.seen.append, self.counts)


def always(lookups: Sequence[LookUp]) -> Answers:
    return [URL] * len(lookups)


@asynccontextmanager
async def edge(
    urls: udp.Urls = always,
    *,
    core: Any = None,
    options: PnpOptions | None = None,
    make_core: Callable[[PnpSockets], Any] | None = None,
) -> AsyncIterator[Edge]:
    chosen = options or PnpOptions(listen="0.0.0.0:0", interfaces=("127.0.0.1",))
    with closing(open_pnp_sockets(chosen)) as sockets:
        if make_core is not None:
            core = make_core(sockets)
        made = Edge(sockets, core or Core(), urls)
        made.server.start(asyncio.get_running_loop())
        try:
            yield made
        finally:
            made.server.stop()


class Phone:
    """A UDP socket on loopback that waits without blocking the loop."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.socket = socket.socket(
            socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK
        )
        self.socket.bind((host, 0))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.setsockopt(
            socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1")
        )
        self.endpoint = Endpoint(*self.socket.getsockname())

    def __enter__(self) -> "Phone":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes, to: tuple[str, int]) -> None:
        self.socket.sendto(data, to)

    async def receive(self) -> tuple[bytes, tuple[str, int]]:
        return await received(self.socket)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.001)


@pytest.fixture(params=["asyncio", "uvloop"])
def run(
    request: pytest.FixtureRequest,
) -> Callable[[Callable[[], Coroutine[Any, Any, None]]], None]:
    def run_one(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
        factory = uvloop.new_event_loop if request.param == "uvloop" else None
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(scenario())

    return run_one


Run = Callable[[Callable[[], Coroutine[Any, Any, None]]], None]


@pytest.fixture
def notes(monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    """What is logged, before the log holds back what repeats."""
    told: list[Event] = []
    monkeypatch.setattr(udp, "note", lambda event, **values: told.append(event))
    return told


def test_a_phone_on_the_group_is_answered_from_the_interfaces_own_address(
    run: Run,
) -> None:
    async def scenario() -> None:
        async with edge() as here:
            with Phone("127.0.0.1") as phone:
                phone.send(b"who", (GROUP, here.sockets.group_port))
                from_us = ("127.0.0.1", here.sockets.port)
                assert await phone.receive() == (b"SIP/2.0 200 who", from_us)
                assert await phone.receive() == (b"NOTIFY " + URL.encode(), from_us)
                local = Local("127.0.0.1", LOOPBACK)
                assert here.core.heard == [(b"who", phone.endpoint, local, True)]
            (sighting,) = here.seen
            assert sighting[1:] == (MAC, "127.0.0.1", Reason.PNP_ANSWERED, "snom370")
            assert sighting.at > 1_700_000_000
            assert here.counts.of == {
                Counter.SIP_DATAGRAMS: 1,
                Counter.SIP_ANSWERS: 1,
                Counter.SIP_NOTIFIES: 1,
            }

    run(scenario)


def test_a_unicast_request_is_answered_from_the_address_it_was_sent_to(
    run: Run,
) -> None:
    async def scenario() -> None:
        async with edge() as here:
            with Phone("127.0.0.2") as phone:
                phone.send(b"who", ("127.0.0.77", here.sockets.port))
                assert (await phone.receive())[1] == ("127.0.0.77", here.sockets.port)
                assert here.core.heard[0][2] == Local("127.0.0.77", LOOPBACK)

    run(scenario)


@pytest.mark.parametrize("bind", ["any", "group"])
def test_responses_leave_where_the_request_was_heard_and_requests_from_our_port(
    run: Run, bind: Any
) -> None:
    async def scenario() -> None:
        options = PnpOptions(listen="127.0.0.1:0", bind=bind)
        async with edge(options=options) as here:
            with Phone() as phone:
                ports = here.sockets.group_port, here.sockets.port
                phone.send(b"all", (GROUP, ports[0]))
                assert (await phone.receive())[1] == ("127.0.0.1", ports[0])
                assert (await phone.receive())[1] == ("127.0.0.1", ports[1])
                phone.send(b"one", ("127.0.0.1", ports[1]))
                assert (await phone.receive())[1] == ("127.0.0.1", ports[1])
                assert (await phone.receive())[1] == ("127.0.0.1", ports[1])
            assert (ports[0] == ports[1]) is (bind == "any")

    run(scenario)


def test_the_urls_of_one_wake_are_asked_for_at_once(run: Run) -> None:
    asked: list[int] = []

    def urls(lookups: Sequence[LookUp]) -> Answers:
        asked.append(len(lookups))
        return [URL if lookup.key != b"5" else None for lookup in lookups]

    async def scenario() -> None:
        async with edge(urls) as here:
            with Phone() as phone:
                for number in range(300):
                    phone.send(b"%d" % number, ("127.0.0.1", here.sockets.port))
                await until(lambda: len(here.core.answered) == 300)
                got = [await phone.receive() for _ in range(598)]
            assert asked == [128, 128, 44]
            assert Tally(data for data, _ in got)[b"SIP/2.0 200 5"] == 0
            assert here.counts.of[Counter.SIP_ANSWERS] == 299
            assert here.counts.of[Counter.SIP_REFUSED] == 1
            assert here.counts.of[Counter.SIP_DATAGRAMS] == 300

    run(scenario)


def test_awaited_urls_hold_nobody_else_up(run: Run) -> None:
    async def scenario() -> None:
        slow: asyncio.Future[Answers] = asyncio.get_running_loop().create_future()

        async def quick(lookups: Sequence[LookUp]) -> Answers:
            return always(lookups)

        def urls(lookups: Sequence[LookUp]) -> Awaitable[Answers]:
            return slow if lookups[0].key == b"slow" else quick(lookups)

        async with edge(urls) as here:
            with Phone() as phone:
                phone.send(b"slow", ("127.0.0.1", here.sockets.port))
                await until(lambda: len(here.core.heard) == 1)
                phone.send(b"quick", ("127.0.0.1", here.sockets.port))
                assert (await phone.receive())[0] == b"SIP/2.0 200 quick"
                await phone.receive()
                slow.set_result([URL])
                assert (await phone.receive())[0] == b"SIP/2.0 200 slow"

    run(scenario)


def test_reading_pauses_while_too_many_answers_are_awaited(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(udp, "MAX_AWAITED_BATCHES", 2)

    async def scenario() -> None:
        waiting: list[asyncio.Future[Answers]] = []

        def urls(lookups: Sequence[LookUp]) -> Awaitable[Answers]:
            waiting.append(asyncio.get_running_loop().create_future())
            return waiting[-1]

        async with edge(urls) as here:
            with Phone() as phone:
                to = ("127.0.0.1", here.sockets.port)
                phone.send(b"0", to)
                await until(lambda: len(waiting) == 1)
                phone.send(b"1", to)
                await until(lambda: len(waiting) == 2)
                phone.send(b"2", to)
                for _ in range(20):
                    await asyncio.sleep(0)
                assert len(here.core.heard) == 2
                waiting[0].set_result([URL])
                assert (await phone.receive())[0] == b"SIP/2.0 200 0"
                await until(lambda: len(waiting) == 3)
                waiting[1].cancel()
                waiting[2].set_result([URL])
                await phone.receive()
                assert (await phone.receive())[0] == b"SIP/2.0 200 2"

    run(scenario)


def test_stopping_forgets_what_is_awaited(run: Run) -> None:
    async def scenario() -> None:
        begun = asyncio.Event()

        async def never(lookups: Sequence[LookUp]) -> Answers:
            begun.set()
            await asyncio.Event().wait()
            return []

        async with edge(never) as here:
            with Phone() as phone:
                phone.send(b"who", ("127.0.0.1", here.sockets.port))
                await until(begun.is_set)
                here.server.stop()
                here.server.stop()
                phone.send(b"after", ("127.0.0.1", here.sockets.port))
                for _ in range(20):
                    await asyncio.sleep(0)
                assert [heard[0] for heard in here.core.heard] == [b"who"]
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)
        assert here.core.answered == []

    run(scenario)


def test_stopping_from_within_a_callback_is_clean(run: Run, notes: list[Event]) -> None:
    async def scenario() -> None:
        core = Core()

        def urls(lookups: Sequence[LookUp]) -> Answers:
            here.server.stop()
            core.timer = asyncio.get_running_loop().time()
            return always(lookups)

        async with edge(urls, core=core) as here:
            with Phone() as phone:
                phone.send(b"who", ("127.0.0.1", here.sockets.port))
                await until(lambda: core.timer is not None)
                for _ in range(20):
                    await asyncio.sleep(0)
        assert core.fired == []

    run(scenario)
    assert notes == []


def test_a_start_that_fails_leaves_nothing_behind(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> list[Interface]:
        raise OSError(1, "refused")

    async def scenario() -> None:
        monkeypatch.setattr(udp, "list_interfaces", refuse)
        gc.collect()  # what tests before left open would be closed meanwhile
        before = os.listdir("/proc/self/fd")
        with closing(open_pnp_sockets(PnpOptions(listen="127.0.0.1:0"))) as sockets:
            server = PnpServer(sockets, Core(), always, print, Counts())
            with pytest.raises(OSError, match="refused"):
                server.start(asyncio.get_running_loop())
        assert os.listdir("/proc/self/fd") == before

    run(scenario)


def test_a_stopped_server_may_start_again(run: Run) -> None:
    async def scenario() -> None:
        async with edge() as here:
            here.server.stop()
            here.server.start(asyncio.get_running_loop())
            with Phone() as phone:
                phone.send(b"who", ("127.0.0.1", here.sockets.port))
                assert (await phone.receive())[0] == b"SIP/2.0 200 who"

    run(scenario)


@pytest.mark.parametrize("trouble", [b"fault", b"bad answer", b"bad urls", b"few urls"])
@pytest.mark.parametrize("later", [False, True])
def test_a_fault_costs_one_phone_its_answer_and_nobody_else(
    run: Run, notes: list[Event], trouble: bytes, later: bool
) -> None:
    def now(lookups: Sequence[LookUp]) -> Answers:
        if any(lookup.key == b"bad urls" for lookup in lookups):
            raise RuntimeError("planted")
        if any(lookup.key == b"few urls" for lookup in lookups):
            return []
        return always(lookups)

    async def soon(lookups: Sequence[LookUp]) -> Answers:
        return now(lookups)

    async def scenario() -> None:
        async with edge(soon if later else now) as here:
            with Phone() as phone:
                first, last = b"first", b"last"
                phone.send(first, ("127.0.0.1", here.sockets.port))
                assert (await phone.receive())[0] == b"SIP/2.0 200 first"
                await phone.receive()
                phone.send(trouble, ("127.0.0.1", here.sockets.port))
                await until(lambda: here.counts.of[Counter.SIP_FAULTS] == 1)
                phone.send(last, ("127.0.0.1", here.sockets.port))
                assert (await phone.receive())[0] == b"SIP/2.0 200 last"

    run(scenario)
    assert notes == [PNP_FAULT]


def test_a_fault_in_a_batch_spares_the_rest_of_it(run: Run) -> None:
    async def scenario() -> None:
        async with edge() as here:
            with Phone() as phone:
                for data in (b"one", b"fault", b"bad answer", b"two"):
                    phone.send(data, ("127.0.0.1", here.sockets.port))
                got = [(await phone.receive())[0] for _ in range(4)]
                assert got[::2] == [b"SIP/2.0 200 one", b"SIP/2.0 200 two"]
                assert here.counts.of[Counter.SIP_FAULTS] == 2

    run(scenario)


def test_what_is_not_for_us_is_seen_and_counted_with_its_detail_cut(run: Run) -> None:
    async def scenario() -> None:
        async with edge() as here:
            with Phone() as phone:
                phone.send(b"noise", ("127.0.0.1", here.sockets.port))
                await until(lambda: bool(here.seen))
            assert here.seen[0].reason is Reason.SIP_METHOD
            assert here.seen[0].detail == "x" * 96
            assert here.counts.of[Counter.SIP_REFUSED] == 1

    run(scenario)


def test_a_datagram_that_is_too_long_never_reaches_the_core(run: Run) -> None:
    async def scenario() -> None:
        async with edge() as here:
            with Phone() as phone:
                to = ("127.0.0.1", here.sockets.port)
                phone.send(b"a" * (MAX_SIP_DATAGRAM_BYTES + 1), to)
                phone.send(b"a" * MAX_SIP_DATAGRAM_BYTES, to)
                await until(lambda: len(here.core.heard) == 1)
            assert len(here.core.heard[0][0]) == MAX_SIP_DATAGRAM_BYTES
            assert here.seen[0].reason is Reason.SIP_SYNTAX
            assert here.seen[0].source == "127.0.0.1"
            assert here.counts.of[Counter.SIP_REFUSED] == 1

    run(scenario)


def test_the_core_is_called_when_its_time_has_come_and_sends(run: Run) -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        core = Core()
        with Phone() as phone:
            local = Local("127.0.0.1", LOOPBACK)
            core.at_timer = lambda now: [SendDatagram(b"NOTIFY", phone.endpoint, local)]
            async with edge(core=core) as here:
                due = core.timer = loop.time() + 0.0123
                phone.send(b"noise", ("127.0.0.1", here.sockets.port))
                data, source = await phone.receive()
                assert (data, source[1]) == (b"NOTIFY", here.sockets.port)
                assert len(core.fired) == 1
                assert core.fired[0] >= due

    run(scenario)


def test_an_earlier_time_replaces_a_later_one(run: Run) -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        core = Core()
        core.timer = loop.time() + 3600
        async with edge(core=core) as here:
            with Phone() as phone:
                core.timer = loop.time() + 0.005
                phone.send(b"noise", ("127.0.0.1", here.sockets.port))
                await until(lambda: bool(core.fired))

    run(scenario)


def test_time_never_runs_backwards_for_the_core(run: Run) -> None:
    instants: list[float] = []

    class Watch(Core):
        def receive_datagram(self, *arguments: Any, **named: Any) -> Any:
            instants.append(arguments[3])
            self.timer = arguments[3] + 0.0004
            return []

        def handle_timer(self, now: float) -> list[Effect]:
            instants.append(now)
            return super().handle_timer(now)

    async def scenario() -> None:
        async with edge(core=Watch()) as here:
            with Phone() as phone:
                for number in range(200):
                    phone.send(b"x", ("127.0.0.1", here.sockets.port))
                    if number % 3:
                        await asyncio.sleep(0.0005)
                await until(lambda: here.core.timer is None)

    run(scenario)
    assert instants == sorted(instants)
    assert len(instants) > 200


def test_a_timer_that_fails_does_not_spin(run: Run) -> None:
    class Failing(Core):
        calls = 0

        def handle_timer(self, now: float) -> list[Effect]:
            self.calls += 1
            raise RuntimeError("planted")

    async def scenario() -> None:
        core = Failing()
        core.timer = asyncio.get_running_loop().time()
        async with edge(core=core) as here:
            await until(lambda: core.calls == 1)
            for _ in range(100):
                await asyncio.sleep(0)
            assert core.calls == 1
            with Phone() as phone:
                phone.send(b"who", ("127.0.0.1", here.sockets.port))
                assert (await phone.receive())[0] == b"SIP/2.0 200 who"

    run(scenario)


def test_answers_wait_for_room_and_keep_their_order(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = 1

    def crowded(
        fd: int, datagrams: list[tuple[bytes, str, int, str, int]]
    ) -> tuple[int, int]:
        nonlocal room
        done, refused = send(fd, datagrams[:room])
        room = 2
        return done, refused

    send = udp.send
    monkeypatch.setattr(udp, "send", crowded)

    async def scenario() -> None:
        async with edge() as here:
            with Phone() as phone:
                for number in range(5):
                    phone.send(b"%d" % number, ("127.0.0.1", here.sockets.port))
                got = [(await phone.receive())[0] for _ in range(10)]
            assert got[::2] == [b"SIP/2.0 200 %d" % number for number in range(5)]

    run(scenario)


def test_what_finds_no_room_is_dropped_and_counted(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(udp, "MAX_UNSENT_DATAGRAMS", 3)
    is_full = True
    send = udp.send
    monkeypatch.setattr(
        udp, "send", lambda fd, all_: (0, 0) if is_full else send(fd, all_)
    )

    async def scenario() -> None:
        nonlocal is_full
        async with edge() as here:
            with Phone() as phone:
                for number in range(5):
                    phone.send(b"%d" % number, ("127.0.0.1", here.sockets.port))
                await until(lambda: len(here.core.answered) == 5)
                assert here.counts.of[Counter.SIP_DROPPED] == 7
                is_full = False
                got = [(await phone.receive())[0] for _ in range(3)]
                assert got[::2] == [b"SIP/2.0 200 0", b"SIP/2.0 200 1"]

    run(scenario)


def test_what_the_kernel_refuses_is_counted(run: Run) -> None:
    class Astray(Core):
        def answer(self, lookup: LookUp, url: str | None, now: float) -> list[Effect]:
            nowhere = SendDatagram(
                b"SIP/2.0 200", Endpoint("127.0.0.1", 0), lookup.local
            )
            return [nowhere, *super().answer(lookup, url, now)]

    async def scenario() -> None:
        async with edge(core=Astray()) as here:
            with Phone() as phone:
                phone.send(b"who", ("127.0.0.1", here.sockets.port))
                assert (await phone.receive())[0] == b"SIP/2.0 200 who"
            assert here.counts.of[Counter.SIP_UNSENT] == 1

    run(scenario)


def test_drops_of_the_kernel_are_counted_and_logged(
    run: Run, notes: list[Event]
) -> None:
    async def scenario() -> None:
        async with edge() as here:
            here.sockets.unicast.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            with Phone() as phone:
                # Nothing is read meanwhile: the loop does not run.
                for _ in range(200):
                    phone.send(b"noise", ("127.0.0.1", here.sockets.port))
                await until(lambda: bool(here.seen))
                phone.send(b"noise", ("127.0.0.1", here.sockets.port))
                counts = here.counts.of
                await until(lambda: counts[Counter.SIP_DROPPED] > 0)
                assert (
                    counts[Counter.SIP_DATAGRAMS] + counts[Counter.SIP_DROPPED] == 201
                )

    run(scenario)
    assert PNP_DROPPED in notes


# The whole way with the real core.

SUBSCRIBE = (
    b"SUBSCRIBE sip:MAC%%3a0004132E08B4@lan SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 127.0.0.1:%(port)d;rport\r\n"
    b"From: <sip:MAC%%3a0004132E08B4@lan>;tag=668717252\r\n"
    b"To: <sip:MAC%%3a0004132E08B4@lan>\r\n"
    b"Call-ID: 949137397@127.0.0.1\r\n"
    b"CSeq: 1 SUBSCRIBE\r\n"
    b'Event: ua-profile;profile-type="device";vendor="snom";model="snom370";'
    b'version="8.7.5.48"\r\n'
    b"Expires: 0\r\n"
    b"Accept: application/url\r\n"
    b"Contact: <sip:127.0.0.1:%(port)d>\r\n"
    b"Content-Length: 0\r\n\r\n"
)


def field(message: bytes, name: str) -> bytes:
    found = re.search(rb"\r\n" + name.encode() + rb": ([^\r]*)", message)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("bind", ["any", "group"])
def test_a_phone_gets_its_settings_url_and_confirms_it(run: Run, bind: Any) -> None:
    async def scenario() -> None:
        options = PnpOptions(listen="0.0.0.0:0", bind=bind, interfaces=("lo",))
        async with edge(
            make_core=lambda sockets: PnpCore(secret=b"s" * 32, port=sockets.port),
            options=options,
        ) as here:
            with Phone() as phone:
                text = SUBSCRIBE % {b"port": phone.endpoint.port}
                phone.send(text, (GROUP, here.sockets.group_port))
                accepted, from_group = await phone.receive()
                notify, from_us = await phone.receive()
                assert accepted.startswith(b"SIP/2.0 200 ")
                assert from_group == ("127.0.0.1", here.sockets.group_port)
                assert notify.startswith(b"NOTIFY ")
                assert notify.endswith(b"\r\n\r\n" + URL.encode())
                assert from_us == ("127.0.0.1", here.sockets.port)
                via = field(notify, "Via")
                assert b"127.0.0.1:%d" % here.sockets.port in via
                names = "Via", "From", "To", "Call-ID", "CSeq"
                lines = [
                    b"%s: %s\r\n" % (name.encode(), field(notify, name))
                    for name in names
                ]
                response = b"SIP/2.0 200 OK\r\n" + b"".join(lines)
                phone.send(response + b"Content-Length: 0\r\n\r\n", from_us)
                await until(lambda: len(here.seen) == 2)
            reasons = [sighting.reason for sighting in here.seen]
            assert reasons == [Reason.PNP_ANSWERED, Reason.PNP_CONFIRMED]
            assert here.core.pending == 0

    run(scenario)


@pytest.mark.parametrize("bind", ["any", "group"])
def test_what_is_common_is_answered_by_the_lane_from_the_same_sockets(
    run: Run, bind: Any
) -> None:
    async def scenario() -> None:
        options = PnpOptions(listen="0.0.0.0:0", bind=bind, interfaces=("lo",))
        asked: list[LookUp] = []
        ring = SightingRing(10)
        bound = BoundMacs(bytes(24), 1)
        bound.keep(MAC, 0, 1, 2, 0)

        def urls(lookups: Sequence[LookUp]) -> Answers:
            asked.extend(lookups)
            return always(lookups)

        with closing(open_pnp_sockets(options)) as sockets:
            core = PnpCore(secret=b"s" * 32, port=sockets.port)
            lane = PnpLane(
                core.table,
                bound,
                ring,
                secret=b"s" * 32,
                port=sockets.port,
                most_sends=4,
            )
            counts, seen = Counts(), list[Sighting]()
            server = PnpServer(sockets, core, urls, seen.append, counts, lane)
            server.start(asyncio.get_running_loop())
            try:
                with Phone() as phone:
                    text = SUBSCRIBE % {b"port": phone.endpoint.port}
                    group = (GROUP, sockets.group_port)
                    # The first one tells the lane the URL of this address.
                    for number in (b"1", b"2"):
                        phone.send(text.replace(b"949137397", number), group)
                        accepted, from_group = await phone.receive()
                        notify, from_us = await phone.receive()
                        assert accepted.startswith(b"SIP/2.0 200 ")
                        assert from_group == ("127.0.0.1", sockets.group_port)
                        assert notify.startswith(b"NOTIFY ")
                        assert notify.endswith(URL.encode())
                        assert from_us == ("127.0.0.1", sockets.port)
                    kept = re.findall(
                        rb"^(?:Via|From|To|Call-ID|CSeq): [^\r]*\r\n", notify, re.M
                    )
                    response = b"SIP/2.0 200 OK\r\n%b\r\n" % b"".join(kept)
                    phone.send(response, from_us)
                    await until(lambda: len(ring) == 2)
            finally:
                server.stop()
        assert (len(asked), len(seen), core.pending) == (1, 1, 1)
        assert [told[1:4] for told in ring.drain(9)] == [
            (MAC, "127.0.0.1", Reason.PNP_ANSWERED),
            (MAC, "127.0.0.1", Reason.PNP_CONFIRMED),
        ]
        assert counts.of[Counter.SIP_DATAGRAMS] == 3
        assert counts.of[Counter.SIP_ANSWERS] == counts.of[Counter.SIP_NOTIFIES] == 2

    run(scenario)


def test_an_unconfirmed_notify_is_sent_again_by_the_clock(run: Run) -> None:
    async def scenario() -> None:
        async with edge(
            make_core=lambda sockets: PnpCore(secret=b"s" * 32, port=sockets.port),
        ) as here:
            with Phone() as phone:
                text = SUBSCRIBE % {b"port": phone.endpoint.port}
                phone.send(text, (GROUP, here.sockets.group_port))
                await phone.receive()
                first = await phone.receive()
                assert await phone.receive() == first

    run(scenario)


def laned(
    sockets: PnpSockets, core: PnpCore, counts: Counts, ring: SightingRing
) -> PnpServer:
    """A server whose lane answers the phone of SUBSCRIBE."""
    bound = BoundMacs(bytes(24), 1)
    bound.keep(MAC, 0, 1, 2, 0)
    lane = PnpLane(
        core.table, bound, ring, secret=b"s" * 32, port=sockets.port, most_sends=4
    )
    lane.tell("127.0.0.1", URL)
    return PnpServer(sockets, core, always, lambda sighting: None, counts, lane)


@pytest.mark.parametrize("count", [3_000, 20_000])
def test_a_burst_on_a_loop_that_was_blocked_is_answered_whole_at_first_try(
    run: Run, count: int
) -> None:
    async def scenario() -> None:
        options = PnpOptions(listen="0.0.0.0:0", interfaces=("lo",))
        with closing(open_pnp_sockets(options)) as sockets, Phone() as phone:
            if sockets.warnings:
                missing("the kernel grants no receive buffer of 16 MB: run as root")
            core, counts = PnpCore(secret=b"s" * 32, port=sockets.port), Counts()
            server = laned(sockets, core, counts, SightingRing(count))
            server.start(asyncio.get_running_loop())
            try:
                text = SUBSCRIBE % {b"port": phone.endpoint.port}
                began = time.monotonic()
                for number in range(count):
                    numbered = text.replace(b"949137397", b"%d" % number)
                    phone.send(numbered, ("127.0.0.1", sockets.port))
                time.sleep(max(0.0, 0.1 - (time.monotonic() - began)))
                of = counts.of
                await until(lambda: of[Counter.SIP_DATAGRAMS] == count)
                await until(lambda: core.answered == count)
            finally:
                server.stop()
            assert of[Counter.SIP_ANSWERS] == count
            assert of[Counter.SIP_STALE] == of[Counter.SIP_DROPPED] == 0

    run(scenario)


def test_a_server_that_was_stopped_answers_the_newest_first_and_counts_the_stale(
    run: Run, notes: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(udp, "LATE_SECONDS", 0.1)
    monkeypatch.setattr(udp, "STALE_SECONDS", 0.4)

    async def scenario() -> None:
        options = PnpOptions(listen="0.0.0.0:0", interfaces=("lo",))
        with closing(open_pnp_sockets(options)) as sockets, Phone() as phone:
            core, counts = PnpCore(secret=b"s" * 32, port=sockets.port), Counts()
            server = laned(sockets, core, counts, SightingRing(999))
            server.start(asyncio.get_running_loop())
            to = ("127.0.0.1", sockets.port)
            text = SUBSCRIBE % {b"port": phone.endpoint.port}
            try:
                await asyncio.sleep(0.05)  # by then the kernel stamps what it receives
                for number in range(5):
                    phone.send(text.replace(b"949137397", b"%d" % number), to)
                time.sleep(0.5)  # the whole process, as when it is stopped
                # The phone of 4 still waits and asks again, twice; 5 asks first now.
                for number in (4, 5, 4):
                    phone.send(text.replace(b"949137397", b"%d" % number), to)
                time.sleep(0.15)
                of = counts.of
                await until(lambda: of[Counter.SIP_DATAGRAMS] == 8)
                got = [(await phone.receive())[0] for _ in range(4)]
                for _ in range(20):
                    await asyncio.sleep(0)
            finally:
                server.stop()
            calls = [field(one, "Call-ID") for one in got if one.startswith(b"SIP")]
            assert calls == [b"4@127.0.0.1", b"5@127.0.0.1"]
            assert of[Counter.SIP_ANSWERS] == of[Counter.SIP_NOTIFIES] == 2
            assert of[Counter.SIP_STALE] == 5

    run(scenario)
    assert notes.count(PNP_STALE) == 1


def test_what_was_read_before_a_pause_is_answered_after_it(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(udp, "MAX_AWAITED_BATCHES", 1)
    monkeypatch.setattr(udp, "LATE_SECONDS", 0.0)

    async def scenario() -> None:
        waiting: list[asyncio.Future[Answers]] = []

        def urls(lookups: Sequence[LookUp]) -> Awaitable[Answers]:
            waiting.append(asyncio.get_running_loop().create_future())
            waiting[-1].set_result(always(lookups)) if len(waiting) > 1 else None
            return waiting[-1]

        async with edge(urls) as here:
            with Phone() as phone:
                await asyncio.sleep(0.05)  # by then the kernel stamps what it receives
                for number in range(200):
                    phone.send(b"%d" % number, ("127.0.0.1", here.sockets.port))
                time.sleep(0.01)
                await until(lambda: len(waiting) == 1)
                for _ in range(20):
                    await asyncio.sleep(0)
                heard = [int(heard[0]) for heard in here.core.heard]
                assert heard == list(reversed(range(72, 200)))
                waiting[0].set_result([URL] * 128)
                await until(lambda: len(here.core.answered) == 200)
                heard = [int(heard[0]) for heard in here.core.heard]
                assert heard == list(reversed(range(200)))

    run(scenario)


def test_a_server_stopped_with_a_backlog_forgets_it(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(udp, "LATE_SECONDS", 0.0)

    async def scenario() -> None:
        def urls(lookups: Sequence[LookUp]) -> Answers:
            here.server.stop()
            return always(lookups)

        async with edge(urls) as here:
            with Phone() as phone:
                await asyncio.sleep(0.05)  # by then the kernel stamps what it receives
                for number in range(300):
                    phone.send(b"%d" % number, ("127.0.0.1", here.sockets.port))
                time.sleep(0.01)
                await until(lambda: bool(here.core.heard))
                for _ in range(20):
                    await asyncio.sleep(0)
                heard = [int(heard[0]) for heard in here.core.heard]
                assert heard == list(reversed(range(172, 300)))

    run(scenario)
