"""The lane within an engine: the bytes and sightings of h11, and no secret."""

import asyncio
import re
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

import bootwave
from bootwave import log
from bootwave.engine import local_options
from bootwave.http.contact import Contact
from bootwave.http.request import Request
from bootwave.http.response import Response
from bootwave.http.target import DocumentKind
from bootwave.metrics import CounterPage
from bootwave.native.ring import SightingRing
from bootwave.options import HttpOptions, Options
from bootwave.provision.cache import (
    DocumentCache,
    DocumentKey,
    GeneralDocument,
    GeneralDocuments,
)
from bootwave.provision.revocations import RevocationPage
from bootwave.provision.urls import base_url
from bootwave.server import worker
from bootwave.server.lane import make_lane
from bootwave.server.listeners import close_listeners, open_http_listeners
from bootwave.server.tcp import HttpServer
from bootwave.sightings import Reason, Sighting
from bootwave.store.sightings.sightings import SightingLog

PHONE = 0x0004132E08B4
MAC = f"{PHONE:012X}"
DOMAIN = {"name": "pbx.example.com"}
ACCOUNT = {
    "extension": "401",
    "domain": "pbx.example.com",
    "name": "Anna",
    "password": "not-for-others",
    "mac": MAC,
}
AGENTS = [
    "",
    "Mozilla/4.0 (compatible; snom370-SIP 8.4.35 1.1.3-s)",
    f"Mozilla/4.0 (compatible; snomD785-SIP 10.1.33.33 {MAC})",
    f"Mozilla/4.0 (compatible; snom710) build {MAC}",
    "curl/8.0",
]
TARGETS = [
    f"/{MAC}.xml",
    f"/prov/{MAC}.cfg",
    f"/{MAC}",
    f"/snom370-{MAC}.htm",
    f"/snomD785-{MAC}.xml",
    f"/any?mac={MAC}",
    "/snom370.htm",
    "/general.xml",
    "/general/snom370.xml",
    "/snom370/snom370-firmware.htm",
]


@asynccontextmanager
async def running(options: Options) -> AsyncIterator[bootwave.Engine]:
    async with bootwave.Engine(options) as engine:
        await engine.bulk(domains=[DOMAIN], accounts=[ACCOUNT], open_minutes=10)
        yield engine


def options_of(directory: Path, lane: str = "on") -> Options:
    options = local_options(directory)
    http = options.http.model_copy(update={"lane": lane})
    return options.model_copy(update={"http": http})


async def exchange(address: tuple[str, int], data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(data)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


def request(target: str, agent: str, *fields: str, method: str = "GET") -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: h", *fields]
    if agent:
        lines.append(f"User-Agent: {agent}")
    return "\r\n".join([*lines, "\r\n"]).encode()


def timeless(answer: bytes) -> bytes:
    return re.sub(rb"Date: [^\r]{29}\r\n", b"Date: *\r\n", answer, count=1)


def seen(options: Options) -> list[Sighting]:
    log = SightingLog(options.store.sightings)
    return [row._replace(at=0.0) for row in log.time_line(PHONE, 10_000)]


def test_the_lane_answers_with_the_bytes_and_sightings_of_h11(
    tmp_path: Path, taken: list[bytes]
) -> None:
    options = options_of(tmp_path)

    async def scenario() -> None:
        async with running(options) as engine:
            address = engine.http_address
            for agent in AGENTS:
                for target in TARGETS:
                    # What makes it ready.
                    first = await exchange(address, request(target, agent))
                    etag = re.search(rb"ETag: ([^\r]*)", first)
                    assert etag is not None, (target, agent, first)
                    tag = f"If-None-Match: {etag[1].decode()}"
                    for fields, method in [
                        ((), "GET"),
                        ((), "HEAD"),
                        (("Connection: close",), "GET"),
                        ((tag,), "GET"),
                        ((tag, "Connection: close"), "HEAD"),
                        (('If-None-Match: "other"',), "GET"),
                    ]:
                        fast = request(target, agent, *fields, method=method)
                        slow = request(target, agent, *fields, "X: 1", method=method)
                        taken.clear()
                        answer = await exchange(address, fast)
                        assert taken == [], fast
                        assert timeless(answer) == timeless(
                            await exchange(address, slow)
                        )
                        assert len(taken) == 1

    asyncio.run(scenario())
    rows = seen(options)
    own, general, each = 6, 4, 1 + 6 * 2
    details = {"": 2, "snom370 8.4.35": 1, "snomD785 10.1.33.33": 1, "snom710": 1}
    for detail, agents in details.items():
        expected = agents * own * each
        if "snomD785" in detail or detail == "snom710":  # they name their MAC
            expected += general * each
        assert sum(row.detail == detail for row in rows) == expected, detail
    assert {row.source for row in rows} == {"127.0.0.1"}
    not_modified = sum(row.reason is Reason.NOT_MODIFIED for row in rows)
    assert not_modified == 4 * len(AGENTS) * own


def test_general_documents_are_sighted_with_the_mac_of_the_agent(
    tmp_path: Path, taken: list[bytes]
) -> None:
    options = options_of(tmp_path)
    agent = f"Mozilla/4.0 (compatible; snomD785-SIP 10.1.33.33 {MAC})"

    async def scenario() -> None:
        async with running(options) as engine:
            for fields in ((), (), ("X: 1",)):
                await exchange(
                    engine.http_address, request("/general.xml", agent, *fields)
                )
            assert len(taken) == 1

    asyncio.run(scenario())
    rows = seen(options)
    assert len(rows) == 3
    assert len(set(rows)) == 1
    assert rows[0].detail == "snomD785 10.1.33.33"


@pytest.mark.parametrize("lane", ["on", "off"])
def test_what_was_closed_is_refused_from_then_on_under_load(
    tmp_path: Path, lane: str, taken: list[bytes]
) -> None:
    async def scenario() -> None:
        async with running(options_of(tmp_path, lane)) as engine:
            address = engine.http_address
            get = request(f"/{MAC}.xml", AGENTS[1])
            assert b" 200 OK" in await exchange(address, get)
            closed = asyncio.Event()
            done = asyncio.Event()
            given = [0, 0]

            async def hammer(stay: bool) -> None:
                reader, writer = await asyncio.open_connection(*address)
                while not done.is_set():
                    was_closed = closed.is_set()
                    writer.write(get)
                    head = await reader.readuntil(b"\r\n\r\n")
                    length = re.search(rb"Content-Length: (\d+)", head)
                    assert length is not None
                    await reader.readexactly(int(length[1]))
                    if was_closed:
                        assert head.startswith(b"HTTP/1.1 401 "), head
                    given[was_closed] += 1
                    if not stay:
                        writer.close()
                        reader, writer = await asyncio.open_connection(*address)
                writer.close()

            tasks = [asyncio.create_task(hammer(bool(n % 2))) for n in range(8)]
            await asyncio.sleep(0.3)
            await engine.call("window.close", accounts=["401@pbx.example.com"])
            closed.set()
            await asyncio.sleep(0.2)
            done.set()
            await asyncio.gather(*tasks)
            assert min(given) > 0
            if lane == "off":
                assert b"" in taken

    asyncio.run(scenario())


def test_another_source_is_never_given_what_is_ready(
    tmp_path: Path, taken: list[bytes]
) -> None:
    async def scenario() -> None:
        async with running(options_of(tmp_path)) as engine:
            address = engine.http_address
            get = request(f"/{MAC}.xml", AGENTS[1], "Connection: close")
            for _ in range(2):
                assert b" 200 OK" in await exchange(address, get)
            reader, writer = await asyncio.open_connection(
                *address, local_addr=("127.0.0.2", 0)
            )
            writer.write(get)
            assert (await reader.read()).startswith(b"HTTP/1.1 401 ")
            writer.close()
            await writer.wait_closed()
            assert taken == []

    asyncio.run(scenario())


def test_the_answer_takes_the_acknowledgement_and_the_close_in_one_segment(
    tmp_path: Path,
) -> None:
    options = options_of(tmp_path)

    async def main() -> list[int]:
        async with running(options) as engine:
            address = engine.http_address
            segments = []
            # One that is kept waiting for 40 ms is acknowledged by itself.
            for _ in range(20):
                reader, writer = await asyncio.open_connection(*address)
                writer.write(request("/snom370.htm", AGENTS[1], "Connection: close"))
                assert (await reader.read()).startswith(b"HTTP/1.1 200 OK\r\n")
                sock = writer.get_extra_info("socket")
                # struct tcp_info: tcpi_segs_in
                info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 144)
                segments.append(struct.unpack_from("I", info, 140)[0])
                writer.close()
            return segments

    # SYN and ACK; then content, end, and that the request was received.
    assert min(asyncio.run(main())) == 2


def test_an_engine_without_a_lane_serves_everything_by_h11(
    tmp_path: Path, taken: list[bytes]
) -> None:
    async def scenario() -> None:
        async with running(options_of(tmp_path, "off")) as engine:
            for _ in range(3):
                answer = await exchange(
                    engine.http_address, request(f"/{MAC}.xml", AGENTS[1])
                )
                assert b" 200 OK" in answer
            assert len(taken) == 3

    asyncio.run(scenario())


def test_where_epoll_is_missing_the_worker_says_so(
    tmp_path: Path, taken: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[object] = []
    monkeypatch.setattr(worker, "lane_is_possible", lambda: False)
    monkeypatch.setattr(
        log, "note", lambda event, **how: said.append(how.get("warning"))
    )

    async def scenario() -> None:
        async with running(options_of(tmp_path)) as engine:
            get = request(f"/{MAC}.xml", AGENTS[1])
            for _ in range(2):
                assert b" 200 OK" in await exchange(engine.http_address, get)

    asyncio.run(scenario())
    assert len(taken) == 2
    assert any("http.lane" in str(one) for one in said)


def test_who_asks_and_does_not_read_keeps_no_phone_out() -> None:
    """Not even when the whole table is full of them, long before their deadline."""
    places = 16
    options = Options(http=HttpOptions(connections=places))
    by_slot = open_http_listeners(["127.0.0.1:0"], 1, deferred=True)
    (listener,) = by_slot[0]
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    address = listener.getsockname()
    general = GeneralDocuments()
    revocations = RevocationPage()
    key = DocumentKey(
        DocumentKind.GENERAL_SETTINGS, base_url(options, address, secure=False), ""
    )
    general.keep(key, GeneralDocument(revocations.everything(), bytes(250_000), b'"a"'))
    row = CounterPage(1).row(0)
    lane = make_lane(
        DocumentCache(0),
        general,
        revocations,
        row,
        SightingRing(64),
        options,
        "boot",
    )
    sightings: list[Sighting] = []

    def respond(request: Request, contact: Contact) -> Response:
        return Response(200, b"for the phone")

    def slow() -> socket.socket:
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        return client

    async def scenario() -> None:
        server = HttpServer(
            by_slot[0], respond, sightings.append, row, options.http, lane=lane
        )
        await server.start()
        loop = asyncio.get_running_loop()
        clients = [slow() for _ in range(places)]
        try:
            for client in clients:
                await loop.sock_connect(client, address)
                await loop.sock_sendall(client, request("/general.xml", ""))
            async with asyncio.timeout(10):
                while len(lane) < places:
                    await asyncio.sleep(0.01)
                for _ in range(3):
                    get = request(f"/{MAC}.xml", "", "Connection: close")
                    answer = await exchange(address, get)
                    assert answer.endswith(b"for the phone")
        finally:
            for client in clients:
                client.close()
            await server.stop(0)

    try:
        asyncio.run(scenario())
    finally:
        close_listeners(by_slot)
    assert {seen.reason for seen in sightings} == {Reason.HTTP_CROWDED_OUT}
