"""Connections to proxies by TCP and TLS, against real servers on loopback."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bootwave.certificates import making
from bootwave.control import sipstreams as module
from bootwave.control.sipstreams import SipStreams
from bootwave.rollout.resolving import Target
from bootwave.sip.effects import Endpoint

MESSAGE = b"NOTIFY sip:401@a SIP/2.0\r\nContent-Length: 0\r\n\r\n"
OK = b"SIP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nhi"
NAME = "pbx.example.com"

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Told:
    """What streams said."""

    def __init__(self) -> None:
        self.received: list[tuple[bytes, Endpoint]] = []
        self.lost: list[tuple[Target, str]] = []

    def streams(self, **more: object) -> SipStreams:
        return SipStreams(
            lambda data, source: self.received.append((data, source)),
            lambda target, why: self.lost.append((target, why)),
            **more,  # type: ignore[arg-type]
        )


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def proxy(serve: Serve, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(run, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def answering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        try:
            await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        for at in range(0, len(OK), 7):
            writer.write(OK[at : at + 7])
            await writer.drain()
            await asyncio.sleep(0)


def test_one_connection_carries_all_to_a_target() -> None:
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await answering(reader, writer)

    async def scenario() -> None:
        told = Told()
        streams = told.streams()
        async with proxy(serve) as port:
            target = Target("tcp", "127.0.0.1", port)
            streams.send(MESSAGE, target)
            streams.send(MESSAGE, target)  # while it is being made
            await until(lambda: len(told.received) == 2)
            streams.send(MESSAGE, target)
            await until(lambda: len(told.received) == 3)
            await streams.close()
        assert set(told.received) == {(OK, Endpoint("127.0.0.1", port))}
        assert (connections, told.lost, len(streams)) == (1, [], 0)

    asyncio.run(scenario())


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A CA, and a certificate with key of the proxy that it signed."""
    place = tmp_path_factory.mktemp("tls")
    ca = making.root("proxies", time.time())
    made = making.server_certificate([NAME], "ecdsa", ca, time.time())
    (place / "ca.pem").write_bytes(ca.pem)
    (place / "proxy.pem").write_bytes(made)
    return place / "ca.pem", place / "proxy.pem"


@pytest.mark.parametrize(
    ("name", "trusted", "why"),
    [
        (NAME, True, ""),
        ("other.example.com", True, "Hostname mismatch"),
        (NAME, False, "unable to get local issuer certificate"),
    ],
)
def test_a_proxy_shows_a_certificate_of_the_name_that_was_written(
    files: tuple[Path, Path], name: str, trusted: bool, why: str
) -> None:
    ca, certificate = files
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    async def scenario() -> None:
        told = Told()
        streams = told.streams(cas=[ca] if trusted else [])
        async with proxy(answering, context) as port:
            target = Target("tls", "127.0.0.1", port, name)
            streams.send(MESSAGE, target)
            await until(lambda: told.received or told.lost)
            await streams.close()
        if not why:
            assert told.received == [(OK, Endpoint("127.0.0.1", port))]
            return
        ((lost, said),) = told.lost
        assert lost == target
        assert said.startswith("the TLS of its proxy is refused: ")
        assert why in said

    asyncio.run(scenario())


def test_a_file_of_cas_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    async def scenario() -> None:
        told = Told()
        streams = told.streams(cas=[tmp_path / "no.pem"])
        streams.send(MESSAGE, Target("tls", "127.0.0.1", 9, NAME))
        await until(lambda: told.lost)
        assert "waves.proxy_cas" in told.lost[0][1]
        await streams.close()

    asyncio.run(scenario())


async def hanging_up(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    await reader.readuntil(b"\r\n\r\n")


async def talking_http(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    await reader.read()


async def flooding(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"SIP/2.0 200 OK\r\n" + b"X: y\r\n" * 5_000)
    await reader.read()


@pytest.mark.parametrize(
    ("serve", "why"),
    [
        (hanging_up, "its proxy closed the connection"),
        (talking_http, "its proxy sends what is no SIP"),
        (flooding, "its proxy sends what is no SIP"),
    ],
)
def test_a_connection_that_ends_is_lost_and_the_next_is_another(
    serve: Serve, why: str
) -> None:
    async def scenario() -> None:
        told = Told()
        streams = told.streams()
        async with proxy(serve) as port:
            target = Target("tcp", "127.0.0.1", port)
            for times in (1, 2):
                streams.send(MESSAGE, target)
                await until(lambda times=times: len(told.lost) == times)  # type: ignore[misc]
            assert told.lost == [(target, why)] * 2
            await streams.close()

    asyncio.run(scenario())


def test_nobody_there_is_told() -> None:
    async def scenario() -> None:
        async with proxy(answering) as port:
            pass
        told = Told()
        streams = told.streams()
        streams.send(MESSAGE, Target("tcp", "127.0.0.1", port))
        await until(lambda: told.lost)
        assert "takes no connection: " in told.lost[0][1]
        assert len(streams) == 0

    asyncio.run(scenario())


def test_a_proxy_that_does_not_finish_tls_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "CONNECT_SECONDS", 0.3)

    async def silent(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.read()

    async def scenario() -> None:
        told = Told()
        streams = told.streams()
        async with proxy(silent) as port:
            streams.send(MESSAGE, Target("tls", "127.0.0.1", port, NAME))
            await until(lambda: told.lost)
            assert told.lost[0][1] == "its proxy takes no connection in time"
            await streams.close()

    asyncio.run(scenario())


def test_a_connection_that_nobody_uses_is_closed() -> None:
    async def scenario() -> None:
        told = Told()
        streams = told.streams(idle_seconds=0.2)
        async with proxy(answering) as port:
            streams.send(MESSAGE, Target("tcp", "127.0.0.1", port))
            await until(lambda: told.received)
            await until(lambda: not len(streams))

    asyncio.run(scenario())


def test_a_proxy_that_takes_nothing_is_held_no_more_than_that_for() -> None:
    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    async def scenario() -> None:
        told = Told()
        streams = told.streams()
        async with proxy(deaf) as port:
            target = Target("tcp", "127.0.0.1", port)
            for _ in range(100_000):
                streams.send(MESSAGE * 1_000, target)
                await asyncio.sleep(0)
                if told.lost:
                    break
            assert told.lost[0] == (target, "its proxy takes nothing more")
            await streams.close()

    asyncio.run(scenario())


def test_there_are_so_many_connections_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_PROXY_STREAMS", 2)

    async def scenario() -> None:
        told = Told()
        streams = told.streams()
        async with (
            proxy(answering) as one,
            proxy(answering) as two,
            proxy(answering) as three,
        ):
            targets = [Target("tcp", "127.0.0.1", port) for port in (one, two, three)]
            for target in targets:
                streams.send(MESSAGE, target)
            await until(lambda: told.lost)
            why = "there are 2 connections to proxies already"
            assert told.lost == [(targets[2], why)]
            await until(lambda: len(told.received) == 2)
            # Now no answer can come to what was sent.
            monkeypatch.setattr(module, "TIMER_F_SECONDS", 0.0)
            streams.send(MESSAGE, targets[2])
            await until(lambda: len(told.received) == 3)
            assert (len(streams), len(told.lost)) == (2, 1)
            await streams.close()

    asyncio.run(scenario())
