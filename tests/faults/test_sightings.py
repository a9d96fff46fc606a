"""Sightings survive kill -9 and a full disk: what was moved to the file stays there.

A child moves batches from its ring to the file and says on a pipe what it moved; it is
killed after a random number of them, while another one appends to the same file.
"""

import ctypes
import multiprocessing
import os
import random
import signal
from multiprocessing.connection import Connection
from pathlib import Path

from bootwave.native.ring import SightingRing
from bootwave.options import SightingsOptions
from bootwave.sightings import Reason, Sighting
from bootwave.store.sightings.sightings import SightingLog
from bootwave.store.sightings.writer import SightingWriter
from tests.peers.peer import missing

ROUNDS = 30
SEED = 20_131_122
BATCH = 600  # more than is written with one system call
ACK_BYTES = 16
NOW = 1_700_000_000.0
SURVIVOR, VICTIM = 1, 100
CLONE_NEWNS = 0x00020000
MS_PRIVATE_AND_BELOW = 0x44000
FORBIDDEN = 77
LIBC = ctypes.CDLL(None, use_errno=True)


def opened(path: Path, rows: int) -> SightingLog:
    return SightingLog(path, SightingsOptions(keep_rows=rows), clock=lambda: NOW)


def seen(mac: int, number: int) -> Sighting:
    return Sighting(NOW + number, mac, "10.0.0.7", Reason.CLOSED, f"{mac} {number}")


def append_for_ever(path: Path, rows: int, mac: int, acks: int) -> None:
    """Append, and acknowledge each batch that was moved, until killed."""
    log = opened(path, rows)
    number = 0
    while True:
        ring = SightingRing(BATCH)
        for _ in range(BATCH):
            ring.add(*seen(mac, number))
            number += 1
        log.take(ring)
        os.write(acks, b"%*d" % (ACK_BYTES, number))


def read_acks(pipe: int, count: int) -> int:
    """Return the last of *count* acknowledgements."""
    data = b""
    while len(data) < count * ACK_BYTES:
        data += os.read(pipe, ACK_BYTES - len(data) % ACK_BYTES)
    return int(data[-ACK_BYTES:])


def of(log: SightingLog, mac: int) -> list[int]:
    """The numbers of the sightings of *mac* that are shown, the oldest first."""
    line = log.time_line(mac, 1 << 30)
    for one in line:
        assert one.detail == f"{mac} {one.at - NOW:.0f}"
    return [int(one.at - NOW) for one in reversed(line)]


def killed_while_another_appends(path: Path, rows: int) -> None:
    chance = random.Random(SEED)
    context = multiprocessing.get_context("fork")
    reading, writing = os.pipe()
    survivor = context.Process(
        target=append_for_ever, args=(path, rows, SURVIVOR, writing)
    )
    survivor.start()
    os.close(writing)
    log = opened(path, rows)
    try:
        for number in range(ROUNDS):
            acked_read, acked_write = os.pipe()
            mac = VICTIM + number
            victim = context.Process(
                target=append_for_ever, args=(path, rows, mac, acked_write)
            )
            victim.start()
            os.close(acked_write)
            acked = read_acks(acked_read, chance.randint(1, 6))
            os.kill(victim.pid or 0, signal.SIGKILL)
            victim.join(30)
            os.close(acked_read)
            numbers = of(log, mac)
            # Whole batches, without a gap up to the last, and none that was told.
            if numbers and numbers[0] == 0:
                assert numbers == list(range(len(numbers)))
                assert len(numbers) >= acked
                assert len(numbers) % BATCH == 0
            elif numbers:
                assert numbers == list(range(numbers[0], numbers[-1] + 1))
                assert (numbers[-1] + 1) % BATCH == 0
            assert numbers or rows < 1 << 20
            read_acks(reading, 1)  # the other one goes on
    finally:
        os.kill(survivor.pid or 0, signal.SIGKILL)
        survivor.join(30)
        os.close(reading)


def test_kill_9_loses_no_batch_that_was_written(tmp_path: Path) -> None:
    killed_while_another_appends(tmp_path / "sightings.db", 1 << 20)


def test_kill_9_while_the_oldest_are_overwritten_leaves_whole_ones(
    tmp_path: Path,
) -> None:
    killed_while_another_appends(tmp_path / "sightings.db", 5000)


def fill_a_disk(told: Connection) -> None:
    """Write to a file system of one MiB of this process's own; tell what happened."""
    if LIBC.unshare(CLONE_NEWNS):
        os._exit(FORBIDDEN)
    assert LIBC.mount(b"none", b"/", None, MS_PRIVATE_AND_BELOW, None) == 0
    if LIBC.mount(b"tmpfs", b"/mnt", b"tmpfs", 0, b"size=1m"):
        os._exit(FORBIDDEN)
    log = opened(Path("/mnt/sightings.db"), 100_000)
    ballast = Path("/mnt/ballast")
    ballast.write_bytes(bytes(700_000))
    writer = SightingWriter(log, capacity=3000)
    number = 0
    worked = []
    for _ in range(6):
        for _ in range(1000):
            writer.add(seen(1, number))
            number += 1
        worked.append(writer.drain())
    full = (worked, writer.dropped, len(of(log, 1)))
    ballast.unlink()
    healed = writer.drain()
    for _ in range(10):
        writer.add(seen(1, number))
        number += 1
    healed = healed and writer.drain()
    told.send((full, healed, writer.dropped, of(log, 1)))


def test_a_full_disk_loses_the_newest_counts_them_and_heals() -> None:
    context = multiprocessing.get_context("fork")
    receiving, telling = context.Pipe(duplex=False)
    child = context.Process(target=fill_a_disk, args=(telling,))
    child.start()
    telling.close()
    child.join(60)
    if child.exitcode == FORBIDDEN:
        missing("mount namespaces may not be made here")
    assert child.exitcode == 0
    (worked, dropped, shown), healed, dropped_then, numbers = receiving.recv()
    # Some 330 KB are some 2000 records.
    written = worked.index(False) * 1000
    assert 0 < written < 3000
    assert not any(worked[written // 1000 :])
    assert shown == written
    assert dropped == 6000 - written - 3000
    assert healed
    assert dropped_then == dropped
    assert numbers == [*range(written + 3000), *range(6000, 6010)]
