"""Connections as they arrive: how many, of whom, and what an unfinished one takes."""

import asyncio
import resource
import socket
import ssl
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest
import uvloop

from bootwave import Engine
from bootwave.cli.tlsfiles import self_signed_files
from bootwave.control.api import arrivals
from bootwave.control.api.acquaintances import LOOPBACK
from bootwave.control.api.arrivals import Arrivals
from bootwave.control.api.tls import tls_context
from bootwave.options import ControlOptions, Options
from tests.control.api.conftest import Served, problem
from tests.namespaces import in_namespace, ip

PATIENCE = 20.0
ELSEWHERE = ("192.0.2.1", "192.0.2.2")


class Echo(asyncio.Protocol):
    """Answers what comes, and leaves its place when it ends."""

    def __init__(self, left: Callable[[], None]) -> None:
        self._left = left

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._transport.write(data)  # type: ignore[attr-defined]

    def connection_lost(self, exc: Exception | None) -> None:
        self._left()


def counted(made: Arrivals) -> dict[str, float]:
    """Return its metrics by name and label."""
    return {
        f"{name} {labels}".rstrip(): value
        for name, _kind, _help, values in made.metrics()
        for labels, value in values.items()
    }


def refused(made: Arrivals, why: str) -> float:
    return counted(made)[f'api_connections_refused_total reason="{why}"']


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.01)


def scenario(
    play: Callable[[Arrivals, tuple[str, int]], Awaitable[None]],
    tls: ssl.SSLContext | None = None,
    host: str = "127.0.0.1",
    loop: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop,
    knows: Callable[[str], bool] = lambda key: False,
    **bounds: int,
) -> None:
    """Have *play* use arrivals with these *bounds*, in a loop as the engine has one."""

    async def run() -> None:
        with socket.create_server((host, 0)) as listener:
            made = Arrivals([listener], Echo, tls, knows=knows, **bounds)
            made.start()
            try:
                await play(made, listener.getsockname())
            finally:
                await made.stop()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(run())


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tls") / "api.pem"
    for each, content in self_signed_files([path], time.time()).items():
        each.write_bytes(content)
        each.chmod(0o600)
    return path


@pytest.fixture(scope="module")
def tls(certificate: Path) -> ssl.SSLContext:
    return tls_context([certificate])


@pytest.fixture
def trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def echoed(
    address: tuple[str, int], context: ssl.SSLContext | None = None
) -> asyncio.StreamWriter | None:
    """Return a connection that is answered, None for one that is closed instead."""
    try:
        reader, writer = await asyncio.open_connection(*address, ssl=context)
        writer.write(b"x")
        if await asyncio.wait_for(reader.read(1), PATIENCE) == b"x":
            return writer
        writer.close()
    except OSError:
        pass
    return None


async def silent(
    address: tuple[str, int],
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(*address)


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("is_tls", [False, True])
def test_who_arrives_while_it_stops_is_hung_up_on_and_leaves_its_place(
    tls: ssl.SSLContext, turns: int, is_tls: bool
) -> None:
    """However far it has come by then."""
    peers = []

    async def play(made: Arrivals, address: tuple[str, int]) -> None:
        peers.append(socket.create_connection(address))
        while not counted(made)["api_connections_total"]:
            await asyncio.sleep(0)
        for _ in range(turns):
            await asyncio.sleep(0)
        await made.stop()
        await until(lambda: not counted(made)['api_connections state="arriving"'])
        await until(lambda: not counted(made)['api_connections state="open"'])

    scenario(play, tls if is_tls else None)
    with peers[0] as peer:
        peer.settimeout(PATIENCE)
        assert peer.recv(100) == b""


def test_handshakes_that_nobody_ends_are_bounded_with_what_is_open(
    tls: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    async def play(made: Arrivals, address: tuple[str, int]) -> None:
        kept = await echoed(address, trusting)
        assert kept is not None
        waiting = [await silent(address) for _ in range(3)]
        await until(lambda: counted(made)['api_connections state="arriving"'] == 3)
        assert await echoed(address, trusting) is None
        over = [await silent(address) for _ in range(5)]
        assert [await reader.read() for reader, _ in over] == [b""] * 5
        assert refused(made, "full") == 6
        # What was there is served on, and a place that is left is another's.
        waiting[0][1].close()
        await until(lambda: counted(made)['api_connections state="arriving"'] == 2)
        other = await echoed(address, trusting)
        assert other is not None
        for writer in (kept, other, *(each for _, each in waiting + over)):
            writer.close()

    scenario(play, tls, most=4)


def test_places_are_free_again_however_a_connection_ended(
    tls: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    async def play(made: Arrivals, address: tuple[str, int]) -> None:
        for _ in range(3):
            garbage = await silent(address)
            garbage[1].write(b"GET / HTTP/1.1\r\n\r\n")
            await garbage[0].read()
            garbage[1].close()
            good = await echoed(address, trusting)
            assert good is not None
            good.transport.abort()
            gone = await silent(address)
            gone[1].close()
        await until(lambda: made._taken == 0)
        assert made._places == {}
        assert counted(made)["api_handshakes_failed_total"] == 6
        assert counted(made)["api_connections_total"] == 9

    scenario(play, tls, most=8)


def test_who_does_not_end_his_handshake_is_cut_off(
    tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrivals, "API_TLS_SECONDS", 0.2)

    async def play(made: Arrivals, address: tuple[str, int]) -> None:
        reader, writer = await silent(address)
        assert await asyncio.wait_for(reader.read(), PATIENCE) == b""
        await until(lambda: made._taken == 0)
        writer.close()

    scenario(play, tls)


def test_handshakes_under_way_end_with_the_api(tls: ssl.SSLContext) -> None:
    ends: list[socket.socket] = []

    async def play(made: Arrivals, address: tuple[str, int]) -> None:
        ends.append(socket.create_connection(address, timeout=PATIENCE))
        await until(lambda: counted(made)["api_connections_total"] == 1)

    scenario(play, tls)
    with ends[0] as end:
        assert end.recv(1) == b""


def test_one_address_has_some_places_and_leaves_the_others(
    tls: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    def inside() -> None:
        for address in ELSEWHERE:
            ip(f"addr add {address}/32 dev lo")

        async def play(made: Arrivals, address: tuple[str, int]) -> None:
            port = address[1]
            greedy = [
                socket.create_connection(
                    (ELSEWHERE[0], port), PATIENCE, (ELSEWHERE[1], 0)
                )
                for _ in range(10)
            ]
            await until(lambda: refused(made, "address") == 7)
            assert await echoed((ELSEWHERE[0], port), trusting) is not None
            # Loopback, where a proxy may stand for everybody, has no such bound.
            local = [await echoed(("127.0.0.1", port), trusting) for _ in range(4)]
            assert None not in local
            assert refused(made, "full") == 0
            for end in greedy:
                end.close()

        # A fork of a process that had a uvloop has none that works.
        loop = asyncio.new_event_loop
        scenario(play, tls, host="0.0.0.0", loop=loop, most=16, most_of_one=3, kept=3)

    in_namespace(inside)


def test_others_leave_places_for_this_machine() -> None:
    def inside() -> None:
        for address in ELSEWHERE:
            ip(f"addr add {address}/32 dev lo")

        async def play(made: Arrivals, address: tuple[str, int]) -> None:
            port = address[1]
            first, second = (
                [
                    socket.create_connection((there, port), PATIENCE, (there, 0))
                    for _ in range(3)
                ]
                for there in ELSEWHERE
            )
            await until(lambda: refused(made, "full") == 2)
            assert refused(made, "address") == 0
            local = [await echoed(("127.0.0.1", port)) for _ in range(4)]
            assert [writer is None for writer in local] == [False] * 3 + [True]
            # What this machine holds is not kept a second time.
            first[0].close()
            await until(lambda: made._taken == 6)
            assert await echoed((ELSEWHERE[0], port)) is not None
            for end in (*first, *second):
                end.close()

        loop = asyncio.new_event_loop
        scenario(play, host="0.0.0.0", loop=loop, most=7, most_of_one=3, kept=0)

    in_namespace(inside)


def test_others_leave_places_for_who_is_known() -> None:
    def inside() -> None:
        for address in ELSEWHERE:
            ip(f"addr add {address}/32 dev lo")

        async def play(made: Arrivals, address: tuple[str, int]) -> None:
            port = address[1]

            def many(there: str) -> list[socket.socket]:
                return [
                    socket.create_connection((there, port), PATIENCE, (there, 0))
                    for _ in range(4)
                ]

            unknown = many(ELSEWHERE[0])
            await until(lambda: refused(made, "full") == 2)
            known = many(ELSEWHERE[1])
            await until(lambda: refused(made, "full") == 4)
            # Those of loopback are for loopback, and what is known holds its own.
            local = await echoed(("127.0.0.1", port))
            unknown[0].close()
            await until(lambda: made._taken == 4)
            other = await echoed((ELSEWHERE[0], port))
            assert local is not None
            assert other is not None
            for end in (*unknown, *known, local, other):
                end.close()
            await until(lambda: made._by_known == 0)

        loop = asyncio.new_event_loop
        bounds = {"most": 8, "most_of_one": 4, "kept": 2}
        knows = {ELSEWHERE[1]}.__contains__
        scenario(play, host="0.0.0.0", loop=loop, knows=knows, **bounds)

    in_namespace(inside)


def test_who_proved_who_he_is_is_known(api: Served, admin: httpx.Client) -> None:
    assert api.plane._api is not None
    known = api.plane._api._desk.acquaintances
    assert problem(api.client("bw_made-up").get("/api/v1/domains")) == "signed-out"
    assert not known.knows(LOOPBACK)
    assert admin.get("/api/v1/domains").status_code == 200
    assert known.knows(LOOPBACK)
    assert api.plane._api._server is not None
    assert api.plane._api._server.arrivals._knows(LOOPBACK)


def test_without_descriptors_it_waits_and_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(arrivals, "PAUSE_SECONDS", 0.1)

    async def play(made: Arrivals, address: tuple[str, int]) -> None:
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        end = socket.socket()
        end.setblocking(False)
        lowest = end.fileno() + 1
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, limits[1]))
        try:
            await asyncio.get_running_loop().sock_connect(end, address)
            await until(lambda: refused(made, "descriptors") >= 2)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        await asyncio.get_running_loop().sock_sendall(end, b"x")
        async with asyncio.timeout(PATIENCE):
            assert await asyncio.get_running_loop().sock_recv(end, 1) == b"x"
        end.close()

    scenario(play)


@pytest.mark.parametrize(
    ("address", "key"),
    [
        (("127.0.0.1", 1), ""),
        (("127.3.2.1", 1), ""),
        (("::1", 1, 0, 0), ""),
        (("::ffff:127.0.0.1", 1, 0, 0), ""),
        (("192.0.2.7", 1), "192.0.2.7"),
        (("::ffff:192.0.2.7", 1, 0, 0), "192.0.2.7"),
        (("2001:db8:1:2:3:4:5:6", 1, 0, 0), "2001:db8:1:2::/64"),
        (("fe80::1%eth0", 1, 0, 2), "fe80::1%eth0"),
        ("", ""),
    ],
)
def test_connections_are_counted_by_what_one_host_has(
    address: object, key: str
) -> None:
    assert arrivals._key_of(address) == key


def test_metrics_tell_of_connections(api: Served) -> None:
    text = api.token("read").get("/metrics").text
    assert '\nbootwave_api_connections{state="open"} 1\n' in text
    assert '\nbootwave_api_connections_refused_total{reason="address"} 0\n' in text
    assert api.call("engine.metrics")["text"].count("api_handshakes_failed_total ") == 3


def test_an_engine_with_more_handshakes_than_places_is_there_for_its_other_duties(
    options: Options, certificate: Path, trusting: ssl.SSLContext
) -> None:
    made = ControlOptions(listen="127.0.0.1:0", certificates=(certificate,))
    options = options.model_copy(update={"control": made})

    async def run() -> None:
        async with Engine(options) as engine:
            token = await engine.call("admin.token.add", name="t", scopes=["read"])
            host, port = engine.api_address
            flood = [await silent((host, port)) for _ in range(300)]
            assert (await engine.call("domain.list")) == []
            # Those beyond the places are closed, and hold nothing.
            assert [await reader.read() for reader, _ in flood[256:]] == [b""] * 44
            for _, writer in flood:
                writer.close()
            headers = {"Authorization": f"Bearer {token['token']}"}
            async with httpx.AsyncClient(verify=trusting, timeout=PATIENCE) as client:
                url = f"https://{host}:{port}/metrics"
                text = (await client.get(url, headers=headers)).text
            assert 'api_connections_refused_total{reason="full"} 44\n' in text

    asyncio.run(run())
