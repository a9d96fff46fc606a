"""Fleets against the fake server, over real sockets on loopback."""

import asyncio
import socket
import struct
import time
from collections.abc import Coroutine
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import uvloop

from bootwave.wave import fleet as module
from bootwave.wave.fleet import Fleet, Progress, Wave, interface_address
from bootwave.wave.identity import Shape
from bootwave.wave.phone import Outcome, Patience
from bootwave.wave.report import Report
from tests.certificates import encoding, factory
from tests.wave.fakeserver import FakeServer
from tests.wave.serving import serving

MAC = 0x0004132E0000


def run(main: Coroutine[Any, Any, Report]) -> Report:
    return uvloop.run(asyncio.wait_for(main, 20))


def reason(report: Report) -> str:
    assert len(report.reasons) == 1
    return report.reasons[0].text


def free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@pytest.mark.parametrize("shape", list(Shape))
@pytest.mark.parametrize("keep_alive", [False, True])
def test_a_fleet_boots_whole(shape: Shape, keep_alive: bool) -> None:
    async def main() -> Report:
        async with FakeServer(path="/") as server:
            wave = Wave(MAC, server.local, count=50, shape=shape, keep_alive=keep_alive)
            report = await Fleet(wave).run()
            assert server.subscribes == 50
            assert f"/snom370-{MAC + 49:012X}.htm" in server.paths
            return report

    report = run(main())
    assert report.all_booted
    assert report.outcomes[Outcome.BOOTED] == 50
    assert report.requests == 150
    assert sorted(report.shares) == [50, 95, 99, 100]
    assert report.shares[50] <= report.shares[95] <= report.shares[100]
    assert report.as_json()["booted"] == 50


def test_a_fleet_boots_whole_although_a_tenth_of_the_datagrams_is_lost() -> None:
    async def main() -> Report:
        async with FakeServer(loss=0.1) as server:
            # In ten seconds a phone in some thousand loses all it sends and is sent.
            wave = Wave(MAC, server.local, count=100, patience=Patience(60.0))
            report = await Fleet(wave).run()
            assert server.subscribes > 100 - 20
            return report

    report = run(main())
    assert report.all_booted
    assert report.resends > 0


def test_phones_ask_the_multicast_group_on_loopback() -> None:
    async def main() -> Report:
        async with FakeServer(group="224.0.1.75") as server:
            target = ("224.0.1.75", server.local[1])
            wave = Wave(MAC, target, interface="127.0.0.1", count=20)
            return await Fleet(wave).run()

    assert run(main()).all_booted


def test_phones_are_started_at_the_rate_asked_for() -> None:
    seen: list[Progress] = []

    async def main() -> Report:
        async with FakeServer() as server:
            wave = Wave(MAC, server.local, count=20, rate=100)
            return await Fleet(wave, on_progress=seen.append).run()

    report = run(main())
    assert report.all_booted
    assert report.seconds >= 0.19
    assert seen[-1].finished == 20


def test_phones_take_the_source_addresses_in_turn() -> None:
    async def main() -> Report:
        async with FakeServer() as server:
            wave = Wave(MAC, server.local, count=8, sources=("127.0.0.3", "127.0.0.4"))
            return await Fleet(wave).run()

    assert run(main()).all_booted


def test_few_may_fetch_at_a_time() -> None:
    async def main() -> Report:
        async with FakeServer(path="/") as server:
            return await Fleet(Wave(MAC, server.local, count=40, in_flight=2)).run()

    assert run(main()).all_booted


def test_refusals_are_counted_by_reason() -> None:
    def documents(path: str) -> tuple[int, bytes]:
        return 401, b""

    async def main() -> Report:
        async with FakeServer(documents) as server:
            return await Fleet(Wave(MAC, server.local, count=10)).run()

    report = run(main())
    assert not report.all_booted
    assert report.outcomes[Outcome.REFUSED] == 10
    assert report.reasons[0].phones == 10
    assert report.reasons[0].example == f"{MAC:012X}"
    assert len(report.examples) == 10
    assert report.shares == {}


@pytest.mark.parametrize("scheme", ["sip", "http"])
def test_no_phone_is_given_up_while_its_answer_waits_to_be_read(
    monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    patience = Patience(notify_seconds=5.0, file_seconds=5.0)
    ahead, held = [0.0], list[Progress]()
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + ahead[0])
    monkeypatch.setattr(module, "time", clock)

    def hold_up(progress: Progress) -> None:
        if held:
            return
        held.append(progress)
        # As a machine does that has others to run; the server answers meanwhile.
        began = time.monotonic()
        while len(fleet._unread()) < (40 if wave.url else 1):
            assert time.monotonic() - began < 15
            time.sleep(0.01)
        ahead[0] = 10.0
        fleet._tick()

    with serving() as server:
        if scheme == "sip":
            wave = Wave(MAC, server.local, count=40, patience=patience)
        else:
            url = f"{server.base}/settings.xml"
            wave = Wave(MAC, url=url, count=40, patience=patience)
        fleet = Fleet(wave, on_progress=hold_up)
        report = run(fleet.run())
    assert (held[0].started, held[0].finished) == (40, 0)
    assert report.all_booted


def test_a_wave_ends_although_there_is_always_something_to_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_BEHIND_SECONDS", 0.5)
    monkeypatch.setattr(Fleet, "_unread", lambda fleet: set(fleet._udp))

    async def main() -> Report:
        async with FakeServer(answers=False) as server:
            wave = Wave(MAC, server.local, count=3, patience=Patience(0.2))
            return await Fleet(wave).run()

    assert run(main()).outcomes[Outcome.SILENT] == 3


def test_a_server_that_says_nothing_leaves_phones_silent() -> None:
    async def main() -> Report:
        async with FakeServer(answers=False) as server:
            wave = Wave(MAC, server.local, count=3, patience=Patience(0.6))
            report = await Fleet(wave).run()
            assert server.subscribes == 6
            return report

    report = run(main())
    assert report.outcomes[Outcome.SILENT] == 3
    assert report.notes == []


def test_a_port_nobody_listens_on_is_said_so() -> None:
    port = free_port(socket.SOCK_DGRAM)
    wave = Wave(MAC, ("127.0.0.1", port), patience=Patience(0.2))
    report = run(Fleet(wave).run())
    assert report.outcomes[Outcome.SILENT] == 1
    assert report.notes == [f"Nothing listens on UDP port {port} of 127.0.0.1."]


def test_a_settings_url_nobody_serves_is_said_so() -> None:
    port = free_port(socket.SOCK_STREAM)
    report = run(Fleet(Wave(MAC, url=f"http://127.0.0.1:{port}/{{mac}}")).run())
    assert f"nothing listens on TCP port {port} of 127.0.0.1" in reason(report)


def test_an_https_url_nobody_serves_is_said_so() -> None:
    port = free_port(socket.SOCK_STREAM)
    url = f"https://127.0.0.1:{port}/{{mac}}.xml"
    report = run(Fleet(Wave(MAC, url=url)).run())
    assert f"nothing listens on TCP port {port}" in reason(report)


def test_a_certificate_without_its_key_is_said_so(tmp_path: Path) -> None:
    file = tmp_path / "phone.pem"
    file.write_bytes(encoding.pem(factory.WORLD.root.der))
    url = "https://127.0.0.1:1/{mac}.xml"
    report = run(Fleet(Wave(MAC, url=url, certificate=str(file))).run())
    assert "it must hold certificate, chain and key in PEM" in reason(report)


def test_a_url_given_by_hand_boots_without_subscribe() -> None:
    async def main() -> Report:
        async with FakeServer() as server:
            url = f"{server.base}/{{mac}}.xml"
            report = await Fleet(Wave(MAC, url=url, count=5)).run()
            assert server.subscribes == 0
            return report

    assert run(main()).all_booted


def test_a_name_is_looked_up() -> None:
    async def main() -> Report:
        async with FakeServer() as server:
            url = f"{server.base}/{{mac}}.xml".replace("127.0.0.1", "localhost")
            return await Fleet(Wave(MAC, url=url, count=5)).run()

    assert run(main()).all_booted


@pytest.mark.parametrize("host", ["192.0.2.1", "[2001:db8::1]"])
def test_a_wave_against_loopback_never_leaves_loopback(host: str) -> None:
    def documents(path: str) -> tuple[int, bytes]:
        listing = f'<setting-files><file url="http://{host}/a"/></setting-files>'
        return 200, listing.encode()

    async def main() -> Report:
        async with FakeServer(documents) as server:
            return await Fleet(Wave(MAC, server.local)).run()

    assert "stays on loopback" in reason(run(main()))


def test_a_reset_connection_is_said_so() -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        sock = writer.get_extra_info("socket")
        linger = struct.pack("ii", 1, 0)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()

    async def main() -> Report:
        server = await asyncio.start_server(reset, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        try:
            return await Fleet(Wave(MAC, url=f"http://127.0.0.1:{port}/{{mac}}")).run()
        finally:
            server.close()

    assert "reset" in reason(run(main()))


def test_a_stopped_wave_tells_what_is_known() -> None:
    async def main() -> Report:
        async with FakeServer(answers=False) as server:
            fleet = Fleet(Wave(MAC, server.local, count=10))
            running = asyncio.ensure_future(fleet.run())
            await asyncio.sleep(0.1)
            fleet.stop()
            return await running

    report = run(main())
    assert report.unfinished == 10
    assert not report.all_booted


def test_a_single_phone_says_what_is_wrong_with_a_stray_datagram() -> None:
    class Wrong(FakeServer):
        def send(self, data: bytes, source: tuple[str, int]) -> None:
            super().send(data.replace(b"Call-ID: ", b"Call-ID: x"), source)

    async def main() -> Report:
        async with Wrong() as server:
            return await Fleet(Wave(MAC, server.local)).run()

    assert "Call-ID" in reason(run(main()))


def test_strays_of_a_fleet_are_counted() -> None:
    class Wrong(FakeServer):
        def send(self, data: bytes, source: tuple[str, int]) -> None:
            super().send(data.replace(b"Call-ID: ", b"Call-ID: x"), source)

    async def main() -> Report:
        async with Wrong() as server:
            wave = Wave(MAC, server.local, count=2, patience=Patience(0.2))
            return await Fleet(wave).run()

    assert run(main()).strays >= 4


@pytest.mark.parametrize(("mac", "count"), [(MAC, 0), ((1 << 48) - 1, 2)])
def test_a_wave_that_cannot_be_is_refused(mac: int, count: int) -> None:
    with pytest.raises(ValueError, match=r"phone|FFFFFFFFFFFF"):
        Fleet(Wave(mac, ("127.0.0.1", 5060), count=count))


def test_an_interface_is_named_or_given_by_address() -> None:
    assert interface_address("lo") == "127.0.0.1"
    assert interface_address("192.0.2.1") == "192.0.2.1"
    with pytest.raises(OSError, match="No such device"):
        interface_address("nosuch0")


def test_a_wave_may_name_each_of_its_phones() -> None:
    macs = (MAC + 7, MAC + 3)

    async def main() -> Report:
        async with FakeServer() as server:
            url = f"{server.base}/{{mac}}.xml"
            report = await Fleet(Wave(0, url=url, count=2, macs=macs)).run()
            own = {path for path in server.paths if path.endswith(".xml")}
            assert own == {f"/{mac:012X}.xml" for mac in macs}
            return report

    assert run(main()).all_booted
    with pytest.raises(ValueError, match="each of its MACs"):
        Fleet(Wave(0, url="http://127.0.0.1/", count=3, macs=macs))
