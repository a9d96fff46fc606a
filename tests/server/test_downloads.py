"""Images on real sockets, on loopback."""

import asyncio
import io
import os
import socket
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bootwave.http.effects import SendFile
from bootwave.http.response import FileContent
from bootwave.metrics import Counter, CounterPage, CounterRow
from bootwave.server import downloads as module
from bootwave.server.downloads import Downloads
from bootwave.store.firmware.imagefolder import ImageFolder

CONTENT = os.urandom(3 * 1024 * 1024 + 7)
HEAD = b"HTTP/1.1 200 OK\r\n\r\n"
RATE = 1e9
PATIENCE = 20.0  # until a test that hangs is given up


@pytest.fixture
def folder(tmp_path: Path) -> ImageFolder:
    return ImageFolder(tmp_path / "images")


@pytest.fixture
def name(folder: ImageFolder) -> str:
    return folder.take(io.BytesIO(CONTENT), 1 << 30).sha256


@pytest.fixture
def row() -> CounterRow:
    return CounterPage(1).row(0)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


Pair = Callable[[], tuple[socket.socket, socket.socket]]


@pytest.fixture
def pair(listener: socket.socket) -> Iterator[Pair]:
    """Makes the phone's end of a connection and the server's."""
    phones: list[socket.socket] = []

    def made() -> tuple[socket.socket, socket.socket]:
        phone = socket.socket()
        # Small, so that who does not read is noticed.
        phone.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        phone.connect(listener.getsockname())
        phone.setblocking(False)
        phones.append(phone)
        server, _ = listener.accept()
        server.setblocking(False)
        return phone, server

    yield made
    for phone in phones:
        phone.close()


@asynccontextmanager
async def running(
    folder: ImageFolder,
    row: CounterRow,
    *,
    most: int = 10,
    rate: float = RATE,
    stall: float = 20.0,
) -> AsyncIterator[Downloads]:
    downloads = Downloads(folder.open, row, most=most, rate=rate, stall_seconds=stall)
    try:
        async with asyncio.timeout(PATIENCE):
            yield downloads
    finally:
        await downloads.stop(0)
        assert len(downloads) == 0


def whole(name: str) -> SendFile:
    return SendFile(HEAD, FileContent(name, 0, len(CONTENT)))


async def all_of(phone: socket.socket) -> bytes:
    """Return what comes until the end; raises ConnectionResetError."""
    loop = asyncio.get_running_loop()
    received = bytearray()
    while some := await loop.sock_recv(phone, 65536):
        received += some
    return bytes(received)


async def closed(downloads: Downloads) -> None:
    while len(downloads):
        await asyncio.sleep(0.01)


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_many_phones_get_the_whole_file_and_share_it(
    folder: ImageFolder, name: str, row: CounterRow, pair: Pair
) -> None:
    async def main() -> None:
        async with running(folder, row) as downloads:
            phones = []
            for _ in range(5):
                phone, server = pair()
                downloads.take(server, whole(name), "10.0.0.1")
                phones.append(phone)
            assert len(downloads) == 5
            assert len(downloads._files) == 1
            for received in await asyncio.gather(*map(all_of, phones)):
                assert received == HEAD + CONTENT
            for phone in phones:
                phone.close()
            await closed(downloads)
            assert not downloads._files
        assert row.load(Counter.IMAGES) == 5
        assert row.load(Counter.IMAGE_BYTES) == 5 * (len(HEAD) + len(CONTENT))

    before = open_files()
    asyncio.run(main())
    assert open_files() <= before + 5  # the phones' ends, closed later


def test_a_part_is_just_that(
    folder: ImageFolder, name: str, row: CounterRow, pair: Pair
) -> None:
    async def main() -> None:
        async with running(folder, row) as downloads:
            phone, server = pair()
            part = FileContent(name, 1_000_000, 700_001)
            downloads.take(server, SendFile(HEAD, part), "10.0.0.1")
            received = await all_of(phone)
            assert received == HEAD + CONTENT[1_000_000:1_700_001]

    asyncio.run(main())


def test_what_the_phone_still_says_does_not_take_the_end_away(
    folder: ImageFolder, name: str, row: CounterRow, pair: Pair
) -> None:
    async def main() -> None:
        async with running(folder, row) as downloads:
            phone, server = pair()
            downloads.take(server, whole(name), "10.0.0.1")
            await asyncio.get_running_loop().sock_sendall(phone, b"GET / HTTP/1.1\r\n")
            assert await all_of(phone) == HEAD + CONTENT
            await asyncio.get_running_loop().sock_sendall(phone, b"more\r\n")
            phone.close()
            await closed(downloads)

    asyncio.run(main())


def test_who_reads_nothing_is_reset(
    folder: ImageFolder, name: str, row: CounterRow, pair: Pair
) -> None:
    async def main() -> None:
        async with running(folder, row, stall=0.05) as downloads:
            phone, server = pair()
            downloads.take(server, whole(name), "10.0.0.1")
            await closed(downloads)
            with pytest.raises(ConnectionResetError):
                await all_of(phone)
        assert row.load(Counter.IMAGES_STALLED) == 1
        assert row.load(Counter.IMAGES) == 0

    asyncio.run(main())


def test_who_reads_nothing_does_not_hold_up_others(
    folder: ImageFolder, name: str, row: CounterRow, pair: Pair
) -> None:
    async def main() -> None:
        async with running(folder, row) as downloads:
            for _ in range(5):
                downloads.take(pair()[1], whole(name), "10.0.0.1")
            phone, server = pair()
            downloads.take(server, whole(name), "10.0.0.2")
            assert await all_of(phone) == HEAD + CONTENT

    asyncio.run(main())


def test_a_place_is_taken_from_who_reads_nothing(
    folder: ImageFolder,
    name: str,
    row: CounterRow,
    pair: Pair,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def main() -> None:
        async with running(folder, row, most=2) as downloads:
            for _ in range(2):
                downloads.take(pair()[1], whole(name), "10.0.0.1")
            assert not downloads.has_room
            monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.0)
            while not downloads.has_room:
                await asyncio.sleep(0.01)
            phone, server = pair()
            downloads.take(server, whole(name), "10.0.0.2")
            assert len(downloads) == 2
            assert await all_of(phone) == HEAD + CONTENT
        assert row.load(Counter.IMAGES_STALLED) == 1

    asyncio.run(main())


def test_all_together_get_the_rate_and_share_it(
    folder: ImageFolder, name: str, row: CounterRow, pair: Pair
) -> None:
    async def main() -> None:
        # The first 64 KiB are there at once, and the rest never comes.
        async with running(folder, row, rate=0.0) as downloads:
            phones = []
            for _ in range(4):
                phone, server = pair()
                downloads.take(server, whole(name), "10.0.0.1")
                phones.append(phone)
            while row.load(Counter.IMAGE_BYTES) < module.PIECE_BYTES - 4096:
                await asyncio.sleep(0.01)
            for _ in range(10):
                await asyncio.sleep(0.01)
            assert row.load(Counter.IMAGE_BYTES) <= module.PIECE_BYTES + 4 * len(HEAD)

    asyncio.run(main())


def test_a_phone_that_goes_away_leaves_nothing_behind(
    folder: ImageFolder, name: str, row: CounterRow, pair: Pair
) -> None:
    async def main() -> None:
        async with running(folder, row) as downloads:
            gone, server = pair()
            downloads.take(server, whole(name), "10.0.0.1")
            linger = struct.pack("ii", 1, 0)
            gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            gone.close()
            await closed(downloads)
            assert not downloads._files

    asyncio.run(main())


def test_a_file_that_is_gone_or_shorter_is_a_reset(
    folder: ImageFolder, name: str, row: CounterRow, pair: Pair, tmp_path: Path
) -> None:
    async def main() -> None:
        async with running(folder, row) as downloads:
            phone, server = pair()
            downloads.take(server, whole("ab" * 32), "10.0.0.1")
            with pytest.raises(ConnectionResetError):
                await all_of(phone)
            os.truncate(tmp_path / "images" / name, 100_000)
            phone, server = pair()
            downloads.take(server, whole(name), "10.0.0.1")
            with pytest.raises(ConnectionResetError):
                await all_of(phone)
            await closed(downloads)

    asyncio.run(main())


def test_a_fault_costs_one_download_only(
    folder: ImageFolder,
    name: str,
    row: CounterRow,
    pair: Pair,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sendfile = os.sendfile

    async def main() -> None:
        async with running(folder, row) as downloads:
            unlucky, server = pair()
            number = server.fileno()

            def faulty(to: int, source: int, offset: int, count: int) -> int:
                if to == number:
                    raise RuntimeError("planted")
                return sendfile(to, source, offset, count)

            monkeypatch.setattr(os, "sendfile", faulty)
            downloads.take(server, whole(name), "10.0.0.1")
            phone, server = pair()
            downloads.take(server, whole(name), "10.0.0.2")
            with pytest.raises(ConnectionResetError):
                await all_of(unlucky)
            assert await all_of(phone) == HEAD + CONTENT
        assert row.load(Counter.HTTP_FAILED) == 1

    asyncio.run(main())


def test_who_fetches_may_finish_until_it_is_enough(
    folder: ImageFolder, name: str, row: CounterRow, pair: Pair
) -> None:
    async def main() -> None:
        async with running(folder, row, stall=3600.0) as downloads:
            enough = asyncio.Event()
            await downloads.finish(enough)  # nobody fetches
            phone, server = pair()
            downloads.take(server, whole(name), "10.0.0.1")
            finishing = asyncio.create_task(downloads.finish(enough))
            reading = asyncio.create_task(all_of(phone))
            reading.add_done_callback(lambda _: phone.close())
            await finishing
            assert await reading == HEAD + CONTENT
            _mute, server = pair()
            downloads.take(server, whole(name), "10.0.0.1")
            finishing = asyncio.create_task(downloads.finish(enough))
            await asyncio.sleep(0.05)
            assert not finishing.done()
            enough.set()
            await finishing
            assert len(downloads) == 1

    asyncio.run(main())


def test_who_fetches_has_some_time_when_it_stops(
    folder: ImageFolder, name: str, row: CounterRow, pair: Pair
) -> None:
    async def main() -> None:
        downloads = Downloads(folder.open, row, most=2, rate=RATE)
        phone, server = pair()
        downloads.take(server, whole(name), "10.0.0.1")
        reading = asyncio.create_task(all_of(phone))
        reading.add_done_callback(lambda _: phone.close())
        await downloads.stop(PATIENCE)
        assert await reading == HEAD + CONTENT
        phone, server = pair()
        downloads.take(server, whole(name), "10.0.0.1")
        await downloads.stop(0)
        with pytest.raises(ConnectionResetError):
            await all_of(phone)

    asyncio.run(main())
