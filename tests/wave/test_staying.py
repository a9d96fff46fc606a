"""Phones that stay: told by hand, they confirm and fetch from their own address."""

import asyncio
import itertools
import re
import socket
import time
from collections.abc import Callable

import pytest

from bootwave.wave import staying
from bootwave.wave.fleet import Wave
from bootwave.wave.staying import StayingFleet
from tests.wave.fakeserver import FakeServer
from tests.wave.test_checksync import NOTIFY

MAC = 0x0004132E0000
ADDRESSES = tuple(f"127.16.0.{number}" for number in range(1, 6))


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("0.0.0.0", 0))
        return int(probe.getsockname()[1])


class Teller:
    """Sends NOTIFYs, each to one phone, and hears what comes back."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)

    def tell(self, address: str, call_id: str = "cc@bootwave") -> None:
        data = (
            NOTIFY.replace(
                "127.0.0.1:40000", f"127.0.0.1:{self.socket.getsockname()[1]}"
            )
            .replace("127.16.0.1:5060", f"{address}:{self.port}")
            .replace("cc@bootwave", call_id)
        )
        self.socket.sendto(data.encode(), (address, self.port))

    async def answer(self) -> tuple[bytes, str]:
        loop = asyncio.get_running_loop()
        data, source = await asyncio.wait_for(loop.sock_recvfrom(self.socket, 4096), 10)
        return data, source[0]


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


def test_a_phone_that_is_told_confirms_and_fetches_from_its_own_address() -> None:
    async def main() -> None:
        async with FakeServer() as server:
            port = free_port()
            url = f"{server.base}/{{mac}}.xml"
            wave = Wave(MAC, url=url, count=5, sources=ADDRESSES)
            fleet = StayingFleet(wave, port, silent={MAC + 3}, deaf={MAC + 4})
            teller = Teller(port)
            with teller.socket:
                assert (await fleet.start()).all_booted
                try:
                    server.paths.clear()
                    teller.tell(ADDRESSES[1])
                    data, host = await teller.answer()
                    assert data.startswith(b"SIP/2.0 200 ")
                    assert host == ADDRESSES[1]
                    await until(lambda: fleet.fetched == {MAC + 1: 1})
                    assert server.paths[0] == f"/{MAC + 1:012X}.xml"
                    teller.tell(ADDRESSES[1])  # a repetition
                    assert (await teller.answer())[0] == data
                    teller.tell(ADDRESSES[3])
                    teller.tell(ADDRESSES[4])
                    assert (await teller.answer())[1] == ADDRESSES[4]
                    teller.tell(ADDRESSES[1], "dd@bootwave")
                    await until(lambda: fleet.fetched == {MAC + 1: 2})
                    told = [mac for _at, mac in fleet.notified]
                    assert told == [MAC + 1, MAC + 4, MAC + 1]
                    assert fleet.faults == []
                    teller.socket.sendto(b"nonsense", (ADDRESSES[0], port))
                    await until(lambda: bool(fleet.faults))
                finally:
                    await fleet.stop()

    asyncio.run(asyncio.wait_for(main(), 30))


@pytest.mark.parametrize(
    "wave",
    [
        Wave(MAC, ("127.0.0.1", 5060), sources=ADDRESSES[:1]),
        Wave(MAC, url="http://127.0.0.1/{mac}.xml"),
        Wave(MAC, url="http://127.0.0.1/", count=2, sources=(ADDRESSES[0],) * 2),
    ],
)
def test_a_phone_without_an_address_of_its_own_cannot_stay(wave: Wave) -> None:
    with pytest.raises(ValueError, match="an address each"):
        StayingFleet(wave, 5060)


def test_a_phone_that_is_told_a_firmware_restarts_with_it() -> None:
    """From its own server it loads the image, and asks again while that has to wait."""
    images = {"8.4.35": "8.5.20", "8.5.20": "8.5.36"}
    waits = [True]

    async def main() -> None:
        async with FakeServer() as server:

            def documents(path: str) -> tuple[int, bytes]:
                if path.endswith(".bin"):
                    return (503, b"") if waits and waits.pop() else (200, b"image")
                if "firmware" not in path:
                    return server.settings(path)
                running = re.findall(rb"snom370-SIP ([0-9.]+)", server.requests[-1])
                following = images.get(running[0].decode(), "")
                if not following or not told:
                    return 200, b""
                at = server.base if following == "8.5.20" else "http://192.0.2.1"
                url = f"{at}/fw/snom370-{following}-SIP-f.bin"
                return 200, (
                    f"<firmware-settings><firmware>{url}</firmware></firmware-settings>"
                ).encode()

            told: list[bool] = []
            server.documents = documents
            port = free_port()
            url = f"{server.base}/{{mac}}.xml"
            wave = Wave(MAC, url=url, count=2, sources=ADDRESSES[:2])
            fleet = StayingFleet(wave, port)
            teller = Teller(port)
            with teller.socket:
                assert (await fleet.start()).all_booted
                try:
                    assert fleet.versions == {}
                    told.append(True)
                    teller.tell(ADDRESSES[1])
                    await until(lambda: fleet.versions == {MAC + 1: "8.5.36"})
                    # Told, waiting for the image, with it, and with the next one.
                    await until(lambda: fleet.fetched == {MAC + 1: 4})
                    assert fleet.faults == []
                finally:
                    await fleet.stop()

    asyncio.run(asyncio.wait_for(main(), 30))


def test_a_firmware_without_end_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staying, "_MOST_RESTARTS", 3)

    async def main() -> None:
        async with FakeServer() as server:
            versions = itertools.count(10)

            def documents(path: str) -> tuple[int, bytes]:
                if "firmware" not in path:
                    return server.settings(path)
                url = f"http://192.0.2.1/snom370-8.{next(versions)}.bin"
                return 200, f"<firmware>{url}</firmware>".join(
                    ("<firmware-settings>", "</firmware-settings>")
                ).encode()

            server.documents = documents
            url = f"{server.base}/{{mac}}.xml"
            fleet = StayingFleet(Wave(MAC, url=url, sources=ADDRESSES[:1]), free_port())
            assert (await fleet.start()).all_booted
            try:
                await until(lambda: bool(fleet.faults))
                assert "again and again" in fleet.faults[0]
                assert fleet.fetched == {MAC: 3}
            finally:
                await fleet.stop()

    asyncio.run(asyncio.wait_for(main(), 30))


def test_nothing_boots_where_the_port_is_taken() -> None:
    async def main() -> None:
        async with FakeServer() as server:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
                taken.bind(("0.0.0.0", 0))
                url = f"{server.base}/{{mac}}.xml"
                wave = Wave(MAC, url=url, sources=ADDRESSES[:1])
                fleet = StayingFleet(wave, taken.getsockname()[1])
                with pytest.raises(OSError, match="in use"):
                    await fleet.start()
            assert not server.paths

    asyncio.run(asyncio.wait_for(main(), 30))
