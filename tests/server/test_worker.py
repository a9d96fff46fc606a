"""One worker in the test's own loop."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from bootwave.engine import local_options, make_store
from bootwave.metrics import Counter
from bootwave.options import Options, WavesOptions
from bootwave.server import worker as worker_module
from bootwave.server.shared import Shared, open_shared
from bootwave.server.turn import Turn
from bootwave.server.udp import PnpServer
from bootwave.server.worker import Worker
from bootwave.settings.capacity import Cost
from bootwave.store.administration import Administration
from bootwave.store.boot import instant
from bootwave.store.connection import connect
from bootwave.store.secrets import KeyRing
from bootwave.store.sightings.sightings import SightingLog

PHONE = 0x0004132E08B4


def directly(options: Options) -> Administration:
    """Return the operations on the store, past any engine."""
    return Administration(
        connect(options.store.database),
        KeyRing.load(options.store.key),
        options.pairing,
        now=instant,
        committed=lambda changes: None,
        waves=options.waves,
    )


async def status(shared: Shared) -> int:
    reader, writer = await asyncio.open_connection(*shared.addresses[0])
    writer.write(f"GET /{PHONE:012X}.xml HTTP/1.0\r\n\r\n".encode())
    line = await reader.readline()
    await reader.read()
    writer.close()
    await writer.wait_closed()
    return int(line.split()[1])


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


def test_a_worker_is_warm_before_it_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = local_options(tmp_path)
    make_store(options)
    warmed: list[KeyRing] = []
    monkeypatch.setattr(KeyRing, "warm", lambda ring: warmed.append(ring))

    async def scenario() -> None:
        shared = open_shared(options, 1)
        worker = Worker(options, shared, 0)
        assert len(warmed) == 1
        await worker.start()
        await worker.stop()
        shared.close()

    asyncio.run(scenario())


def test_a_worker_tells_phones_another_pace_as_soon_as_it_is_stored(
    tmp_path: Path,
) -> None:
    options = local_options(tmp_path).model_copy(
        update={"waves": WavesOptions(requests_per_second=1)}
    )
    make_store(options)

    async def told(shared: Shared) -> bytes:
        reader, writer = await asyncio.open_connection(*shared.addresses[0])
        writer.write(f"GET /{PHONE:012X}.xml HTTP/1.0\r\n\r\n".encode())
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer

    async def scenario() -> None:
        shared = open_shared(options, 1)
        administration = directly(options)
        administration.domain_add("pbx.example.com")
        administration.account_add(
            "401@pbx.example.com", password="x" * 12, mac=f"{PHONE:012X}"
        )
        administration.window_open(["401@pbx.example.com"])
        administration.pace_reconsidered(Cost(), 1)
        worker = Worker(options, shared, 0)
        await worker.start()
        try:
            assert b"max_boot_delay" not in await told(shared)
            for number in range(5):
                administration.account_add(
                    f"{500 + number}@pbx.example.com",
                    password="x" * 12,
                    mac=f"{PHONE + 1 + number:012X}",
                )
            administration.pace_reconsidered(Cost(), 1)
            async with asyncio.timeout(10):
                while b">24</max_boot_delay>" not in await told(shared):
                    await asyncio.sleep(0.01)
        finally:
            await worker.stop()
            administration.close()
            shared.close()

    asyncio.run(scenario())


def test_a_worker_sees_what_was_written_past_it_and_records_what_it_did(
    tmp_path: Path,
) -> None:
    options = local_options(tmp_path)
    make_store(options)

    async def scenario() -> None:
        shared = open_shared(options, 1)
        worker = Worker(options, shared, 0)
        await worker.start()
        try:
            assert await status(shared) == 401
            administration = directly(options)
            administration.domain_add("pbx.example.com")
            administration.account_add(
                "401@pbx.example.com", password="x" * 12, mac=f"{PHONE:012X}"
            )
            administration.window_open(["401@pbx.example.com"])
            assert await status(shared) == 200
            assert await status(shared) == 200
            administration.window_close(["401@pbx.example.com"])
            administration.close()
            async with asyncio.timeout(10):
                while await status(shared) != 401:
                    await asyncio.sleep(0.01)
        finally:
            await worker.stop()
            shared.close()
        totals = shared.counters.row(0)
        assert totals.load(Counter.DOCUMENTS_REFUSED) >= 2
        assert totals.load(Counter.DOCUMENTS_SECRET) >= 2

    asyncio.run(scenario())
    log = SightingLog(options.store.sightings)
    codes = [int(sighting.reason) for sighting in log.time_line(PHONE)]
    assert {51, 60, 62} <= set(codes)


def test_the_fleet_is_known_to_the_pnp_lane_before_it_asks(tmp_path: Path) -> None:
    options = local_options(tmp_path)
    make_store(options)
    administration = directly(options)
    administration.domain_add("pbx.example.com")
    for number in range(3):
        administration.account_add(
            f"40{number}@pbx.example.com",
            password="x" * 12,
            mac=f"{PHONE + number:012X}",
        )
    administration.close()

    async def scenario() -> None:
        shared = open_shared(options, 1)
        worker = Worker(options, shared, 0)
        await worker.start()
        try:
            bound = worker.provisioner.bound
            assert bound is not None
            await until(lambda: all(PHONE + number in bound for number in range(3)))
        finally:
            await worker.stop()
            shared.close()

    asyncio.run(scenario())


def test_a_worker_that_cannot_take_over_the_pnp_sockets_tries_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = local_options(tmp_path)
    make_store(options)
    turns = iter([False, True, True])
    starts = iter([OSError(24, "Too many open files")])
    started: list[PnpServer] = []
    given_back: list[Turn] = []
    start = PnpServer.start

    def fragile(server: PnpServer, loop: asyncio.AbstractEventLoop) -> None:
        for error in starts:
            raise error
        start(server, loop)
        started.append(server)

    monkeypatch.setattr(worker_module, "FAULT_SECONDS", 0.01)
    monkeypatch.setattr(Turn, "take", lambda turn: next(turns))
    monkeypatch.setattr(Turn, "give_back", lambda turn: given_back.append(turn))
    monkeypatch.setattr(PnpServer, "start", fragile)

    async def scenario() -> None:
        shared = open_shared(options, 1)
        worker = Worker(options, shared, 0)
        await worker.start()
        try:
            await until(lambda: bool(started))
            assert given_back  # another might have been able to
        finally:
            await worker.stop()
            shared.close()

    asyncio.run(scenario())


def test_the_worker_of_another_slot_leaves_the_pnp_sockets_alone(
    tmp_path: Path,
) -> None:
    options = local_options(tmp_path)
    make_store(options)

    async def scenario() -> None:
        shared = open_shared(options, 2)
        assert shared.pnp is not None
        worker = Worker(options, shared, 1)
        await worker.start()
        try:
            loop = asyncio.get_running_loop()
            transport, _ = await loop.create_datagram_endpoint(
                asyncio.DatagramProtocol,
                remote_addr=shared.pnp.unicast.getsockname(),
            )
            transport.sendto(b"OPTIONS sip:x SIP/2.0\r\n\r\n")
            transport.close()
            data = b""
            shared.pnp.unicast.setblocking(False)

            def arrived() -> bool:
                nonlocal data
                try:
                    data = shared.pnp.unicast.recv(100)  # type: ignore[union-attr]
                except BlockingIOError:
                    return False
                return True

            await until(arrived)
            assert data.startswith(b"OPTIONS")
        finally:
            await worker.stop()
            shared.close()

    asyncio.run(scenario())
