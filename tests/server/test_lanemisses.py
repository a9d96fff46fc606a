"""What the lane missed: the answers of h11's side, by the lane, whatever they are."""

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import bootwave
from bootwave.engine import local_options
from bootwave.errors import StoreUnavailable
from bootwave.http.connection import Deadlines
from bootwave.options import Options
from bootwave.provision.way import Way
from bootwave.server import lane as lanes
from bootwave.sightings import Sighting
from bootwave.store.serving.reader import Reader
from bootwave.store.serving.writer import Writer
from bootwave.store.sightings.sightings import SightingLog

FIRST = 0x0004132E0800
AGENT = "Mozilla/4.0 (compatible; snom370-SIP 8.4.35 1.1.3-s)"
DOMAIN = "pbx.example.com"
OTHER = "127.0.0.2"
COUNTERS = (
    "http_connections",
    "http_requests",
    "documents",
    "documents_secret",
    "documents_refused",
    "cache_hits",
    "cache_misses",
    "store_failures",
    "http_failed",
)


def mac_of(number: int) -> str:
    return f"{FIRST + number:012X}"


def options_of(directory: Path, lane: str = "on") -> Options:
    options = local_options(directory)
    http = options.http.model_copy(update={"lane": lane})
    return options.model_copy(update={"http": http})


def request(target: str, *fields: str, method: str = "GET") -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: h", f"User-Agent: {AGENT}"]
    return "\r\n".join([*lines, *fields, "\r\n"]).encode()


def timeless(answer: bytes) -> bytes:
    answer = re.sub(rb"Date: [^\r]{29}\r\n", b"Date: *\r\n", answer)
    return re.sub(rb'nonce="[^"]*"', b'nonce="*"', answer)


async def exchange(
    address: tuple[str, int], data: bytes, source: str = "127.0.0.1"
) -> bytes:
    reader, writer = await asyncio.open_connection(*address, local_addr=(source, 0))
    writer.write(data)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return timeless(answer)


async def fill(engine: bootwave.Engine) -> None:
    """Phones 0 to 4, whose windows are open, and 5, whose is not."""
    accounts = [
        {
            "extension": str(400 + number),
            "domain": DOMAIN,
            "name": f"Desk {number}",
            "password": f"secret-{number}",
            "mac": mac_of(number),
        }
        for number in range(6)
    ]
    await engine.bulk(
        domains=[{"name": DOMAIN}], accounts=accounts[:5], open_minutes=10
    )
    await engine.bulk(accounts=accounts[5:], open_minutes=None)


def settings(number: int) -> str:
    return f"/{mac_of(number)}.xml"


SCRIPT: list[tuple[str, str, tuple[str, ...], str]] = [
    # target, method, fields, source
    (settings(0), "HEAD", (), "127.0.0.1"),  # uses no window
    (settings(0), "GET", (), "127.0.0.1"),
    (settings(0), "GET", (), OTHER),  # used by another
    (settings(0), "GET", ("Connection: close",), OTHER),
    (settings(0), "HEAD", (), OTHER),
    (settings(1), "GET", ("Connection: close",), "127.0.0.1"),
    (f"/snom370-{mac_of(1)}.htm", "GET", (), "127.0.0.1"),
    (f"/snomD785-{mac_of(1)}.xml", "HEAD", (), "127.0.0.1"),
    (settings(5), "GET", (), "127.0.0.1"),  # closed
    (settings(77), "GET", (), "127.0.0.1"),  # unknown
    (settings(77), "HEAD", (), "127.0.0.1"),
    ("/general.xml", "GET", (), "127.0.0.1"),
    ("/general/snom710.xml", "GET", ("Connection: close",), OTHER),
    ("/snom370.htm", "HEAD", (), "127.0.0.1"),
    ("/snom370/snom370-firmware.htm", "GET", (), "127.0.0.1"),
]


async def played(options: Options) -> tuple[list[bytes], dict[str, int]]:
    async with bootwave.Engine(options) as engine:
        await fill(engine)
        answers = [
            await exchange(
                engine.http_address, request(target, *fields, method=method), source
            )
            for target, method, fields, source in SCRIPT
        ]
        # Who has it is told so by a miss, too.
        tag = re.search(rb"ETag: ([^\r]*)", answers[5])
        assert tag is not None
        await engine.call("window.close", accounts=[f"400@{DOMAIN}"])
        await engine.call(
            "settings.set", scope="engine", target="", name="language", value="x"
        )
        field = f"If-None-Match: {tag[1].decode()}"
        for condition in (field, 'If-None-Match: "another"'):
            data = request(settings(1), condition)
            answers.append(await exchange(engine.http_address, data))
        answers.append(await exchange(engine.http_address, request(settings(0))))
        # The store may be asked for the totals only when the lane has told its own.
        status = await engine.call("engine.status")
        port = str(engine.http_address[1]).encode()
        counted = {name: status["counters"][name] for name in COUNTERS}
        # Which of the two depends on when the worker hears of what was set.
        counted["looked up"] = counted.pop("cache_hits") + counted.pop("cache_misses")
    return [answer.replace(b":" + port, b":PORT") for answer in answers], counted


def seen(options: Options) -> list[Sighting]:
    log = SightingLog(options.store.sightings)
    return sorted(
        row._replace(at=0.0)
        for number in (0, 1, 5, 77)
        for row in log.time_line(FIRST + number, 10_000)
    )


def test_misses_get_the_answers_sightings_and_counts_of_h11(
    tmp_path: Path, taken: list[bytes]
) -> None:
    told = []
    for lane in ("on", "off"):
        directory = tmp_path / lane
        directory.mkdir()
        options = options_of(directory, lane)
        taken.clear()
        answers, counted = asyncio.run(played(options))
        told.append((answers, counted, seen(options)))
        assert (taken == []) is (lane == "on")
    by_lane, by_h11 = told
    assert [a.partition(b"\r\n")[0] for a in by_lane[0]] == [
        a.partition(b"\r\n")[0] for a in by_h11[0]
    ]
    lengths = re.compile(rb"ETag: [^\r]*|Content-Length: \d+|http_client_[^>]*>[^<]*")
    for one, other in zip(by_lane[0], by_h11[0], strict=True):
        # The port stands in the document, and so in its length and tag; credentials
        # are made by chance.
        assert lengths.sub(b"", one) == lengths.sub(b"", other)
    assert by_lane[1] == by_h11[1]
    assert by_lane[2] == by_h11[2]
    refused = [lengths.sub(b"", answer) for answer in by_lane[0]]
    assert refused[0] == refused[4]  # HEAD: unused window, another's window
    assert refused[2] == refused[8] == refused[9]  # another's, closed, unknown


def run_with_engine(options: Options, act: Callable[[bootwave.Engine], Any]) -> None:
    async def scenario() -> None:
        async with bootwave.Engine(options) as engine:
            await fill(engine)
            await act(engine)

    asyncio.run(scenario())


def test_all_misses_of_a_turn_are_one_query_and_one_commit(
    tmp_path: Path, taken: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    real = Reader.devices

    def devices(reader: Reader, macs: list[int]) -> Any:
        asked.append(len(macs))
        return real(reader, macs)

    monkeypatch.setattr(Reader, "devices", devices)
    # The fleet is not looked up beside them.
    monkeypatch.setattr(Reader, "bound", lambda *_: [])

    async def act(engine: bootwave.Engine) -> None:
        ends = [await asyncio.open_connection(*engine.http_address) for _ in range(5)]
        asked.clear()
        # All in one turn of the loop that the engine has, too.
        for number, (_, writer) in enumerate(ends):
            writer.write(request(settings(number), "Connection: close"))
        for number, (reader, writer) in enumerate(ends):
            answer = await reader.read()
            assert f">secret-{number}<".encode() in answer
            writer.close()
            await writer.wait_closed()

    run_with_engine(options_of(tmp_path), act)
    assert taken == []
    # What came first may have been looked up alone; each is looked up twice.
    assert sum(asked) == 10
    assert len(asked) <= 6


def test_with_the_store_away_a_miss_is_refused_like_any_other(
    tmp_path: Path, taken: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def act(engine: bootwave.Engine) -> None:
        refused = await exchange(engine.http_address, request(settings(77)))

        def away(reader: Reader, macs: list[int]) -> Any:
            raise StoreUnavailable("away")

        monkeypatch.setattr(Reader, "devices", away)
        assert await exchange(engine.http_address, request(settings(0))) == refused
        status = await engine.call("engine.status")
        assert status["counters"]["store_failures"] == 1

    run_with_engine(options_of(tmp_path), act)
    assert taken == []


def test_a_write_that_fails_refuses_and_uses_nothing(
    tmp_path: Path, taken: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Writer.submit

    def full(writer: Writer, operation: Any) -> Any:
        def fail(connection: Any) -> Any:
            raise StoreUnavailable("full")

        return real(writer, fail)

    async def act(engine: bootwave.Engine) -> None:
        refused = await exchange(engine.http_address, request(settings(77)))
        monkeypatch.setattr(Writer, "submit", full)
        assert await exchange(engine.http_address, request(settings(0))) == refused
        monkeypatch.setattr(Writer, "submit", real)
        answer = await exchange(engine.http_address, request(settings(0)), OTHER)
        assert b">secret-0<" in answer

    run_with_engine(options_of(tmp_path), act)
    assert taken == []


@pytest.mark.parametrize("where", ["begun", "gone_on"])
def test_what_fails_is_left_to_h11_which_says_so(
    tmp_path: Path,
    taken: list[bytes],
    monkeypatch: pytest.MonkeyPatch,
    where: str,
) -> None:
    def broken(*_args: object) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(Way, where, broken)

    async def act(engine: bootwave.Engine) -> None:
        answer = await exchange(engine.http_address, request(settings(0)))
        assert answer.startswith(b"HTTP/1.1 500 ")
        status = await engine.call("engine.status")
        assert status["counters"]["http_failed"] == 1
        assert status["counters"]["http_requests"] == 1

    run_with_engine(options_of(tmp_path), act)
    assert taken == [request(settings(0))]


async def used(engine: bootwave.Engine) -> None:
    """Wait until the window of phone 0 is used."""
    async with asyncio.timeout(10):
        while True:
            page = await engine.call("records.page", resource="windows")
            for row in page["rows"]:
                if row["account"].startswith("400@") and row["mac"]:
                    return
            await asyncio.sleep(0.01)


class HeldWrites:
    """Lets no write begin before it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.waiting: list[Callable[[], None]] = []
        real = Writer.submit

        def submit(writer: Writer, operation: Any) -> Any:
            from concurrent.futures import Future

            outer: Future[Any] = Future()

            def begin() -> None:
                real(writer, operation).add_done_callback(
                    lambda inner: outer.set_result(inner.result())
                )

            self.waiting.append(begin)
            return outer

        monkeypatch.setattr(Writer, "submit", submit)

    async def some(self, number: int = 1) -> None:
        async with asyncio.timeout(10):
            while len(self.waiting) < number:
                await asyncio.sleep(0.01)

    def begin(self) -> None:
        for begin in self.waiting:
            begin()
        self.waiting.clear()


def test_a_phone_that_hangs_up_while_it_waits_takes_back_no_write(
    tmp_path: Path, taken: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    writes = HeldWrites(monkeypatch)

    async def act(engine: bootwave.Engine) -> None:
        _, writer = await asyncio.open_connection(*engine.http_address)
        writer.write(request(settings(0)))
        await writes.some()
        writer.transport.abort()
        await asyncio.sleep(0.05)
        writes.begin()
        await used(engine)
        # It was used from there, so nobody else gets anything, and it gets all.
        refused = await exchange(engine.http_address, request(settings(0)), OTHER)
        assert refused.startswith(b"HTTP/1.1 401 ")
        answer = await exchange(engine.http_address, request(settings(0)))
        assert b">secret-0<" in answer
        assert len(engine._worker._http) == 0  # type: ignore[union-attr]

    run_with_engine(options_of(tmp_path), act)
    assert taken == []


@pytest.mark.parametrize("lane", ["on", "off"])
def test_one_line_end_too_many_takes_no_answer_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lane: str
) -> None:
    writes = HeldWrites(monkeypatch)

    async def act(engine: bootwave.Engine) -> None:
        reader, writer = await asyncio.open_connection(*engine.http_address)
        writer.write(request(settings(0), "Connection: close"))
        await writes.some()
        writer.write(b"\r\n")
        await asyncio.sleep(0.05)
        writes.begin()
        assert b">secret-0<" in await reader.read()
        writer.close()
        await writer.wait_closed()

    run_with_engine(options_of(tmp_path, lane), act)


def test_a_window_closed_while_the_answer_waits_is_not_served(
    tmp_path: Path, taken: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def act(engine: bootwave.Engine) -> None:
        refused = await exchange(engine.http_address, request(settings(77)))
        writes = HeldWrites(monkeypatch)
        asking = asyncio.create_task(
            exchange(engine.http_address, request(settings(0)))
        )
        await writes.some()
        monkeypatch.undo()
        await engine.call("window.close", accounts=[f"400@{DOMAIN}"])
        writes.begin()
        assert await asking == refused

    run_with_engine(options_of(tmp_path), act)


def test_who_waits_when_the_engine_stops_is_answered_and_told_to_go(
    tmp_path: Path, taken: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    writes = HeldWrites(monkeypatch)

    async def scenario() -> None:
        async with bootwave.Engine(options_of(tmp_path)) as engine:
            await fill(engine)
            ends = []
            for number, fields in enumerate([(), ("Connection: close",)]):
                ends.append(await asyncio.open_connection(*engine.http_address))
                ends[-1][1].write(request(settings(number), *fields))
            await writes.some(2)
            stopping = asyncio.create_task(engine.stop())
            await asyncio.sleep(0.05)
            writes.begin()
            for number, (reader, writer) in enumerate(ends):
                answer = await reader.read()
                assert f">secret-{number}<".encode() in answer
                assert b"\r\nConnection: close\r\n" in answer
                writer.close()
                await writer.wait_closed()
            await stopping

    asyncio.run(scenario())


def test_an_answer_that_takes_too_long_is_a_503(
    tmp_path: Path, taken: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    writes = HeldWrites(monkeypatch)
    real = lanes.make_lane
    monkeypatch.setattr(
        "bootwave.server.worker.make_lane",
        lambda *args, **named: real(*args, Deadlines(answer=0.3), **named),
    )

    async def act(engine: bootwave.Engine) -> None:
        answer = await exchange(engine.http_address, request(settings(0)))
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"Retry-After: 5\r\n" in answer
        assert b"Connection: close\r\n" in answer
        writes.begin()
        await used(engine)  # the write was made all the same
        answer = await exchange(engine.http_address, request(settings(0)))
        assert b">secret-0<" in answer

    run_with_engine(options_of(tmp_path), act)
    assert taken == [request(settings(0))]
