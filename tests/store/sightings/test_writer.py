import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from bootwave.errors import StoreUnavailable
from bootwave.native.ring import SightingRing
from bootwave.sightings import Reason, Sighting
from bootwave.store.sightings import writer as module
from bootwave.store.sightings.sightings import SightingLog
from bootwave.store.sightings.writer import CAPACITY, SightingWriter

MAC = 0x0004132E08B4
NOW = 1_700_000_000.0


def seen(number: int) -> Sighting:
    return Sighting(NOW + number, MAC, "10.0.0.7", Reason.CLOSED, str(number))


class Recorder(SightingLog):
    """Takes into a list, and fails while told to."""

    def __init__(self) -> None:
        super().__init__(Path("/nonexistent/sightings.db"))
        self.taken: list[Sighting] = []
        self.failing = False
        self.trims = 0
        self.wrote = threading.Event()
        self.trimmed = threading.Event()

    def take(self, ring: SightingRing) -> int:
        if self.failing:
            raise StoreUnavailable("the disk is full")
        rows = ring.drain(len(ring))
        self.taken += [
            Sighting(at, mac, source, Reason(reason), detail)
            for at, mac, source, reason, detail in rows
        ]
        if rows:
            self.wrote.set()
        return len(rows)

    def trim(self) -> int:
        self.trims += 1
        if self.trims > 2:
            self.trimmed.set()
            raise StoreUnavailable("the disk is full")
        return 1


def test_what_was_seen_is_written_in_order_without_being_waited_for() -> None:
    log = Recorder()
    writer = SightingWriter(log)
    writer.start()
    for number in range(10):
        writer.add(seen(number))
    assert log.wrote.wait(30)
    writer.stop()
    assert log.taken == [seen(number) for number in range(10)]
    assert writer.dropped == 0


def test_what_native_code_saw_stands_among_the_rest() -> None:
    log = Recorder()
    writer = SightingWriter(log, capacity=4)
    for number in range(5):
        if number % 2:
            writer.ring.add(*seen(number))
        else:
            writer.add(seen(number))
    assert writer.drain()
    assert log.taken == [seen(number) for number in range(4)]
    assert writer.dropped == 1


def test_stopping_writes_what_waits(tmp_path: Path) -> None:
    log = SightingLog(tmp_path / "sightings.db", clock=lambda: NOW)
    writer = SightingWriter(log)
    writer.start()
    for number in range(3000):
        writer.add(seen(number))
    writer.stop()
    assert len(log.time_line(MAC, 10_000)) == 3000


def test_what_is_too_much_is_dropped_and_counted_the_newest_first() -> None:
    log = Recorder()
    writer = SightingWriter(log, capacity=5)
    for number in range(8):
        writer.add(seen(number))
    assert writer.dropped == 3
    writer.drain()
    assert log.taken == [seen(number) for number in range(5)]


def test_what_cannot_be_written_waits_and_is_told_once(noted: list[str]) -> None:
    log = Recorder()
    writer = SightingWriter(log, capacity=2)
    log.failing = True
    for number in range(3):
        writer.add(seen(number))
        assert not writer.drain()
    assert writer.dropped == 1
    assert noted == ["store.sightings_not_written"]
    log.failing = False
    assert writer.drain()
    assert log.taken == [seen(0), seen(1)]
    log.failing = True
    writer.drain()
    assert noted == ["store.sightings_not_written"] * 2


def test_what_cannot_be_written_at_the_end_is_counted(noted: list[str]) -> None:
    log = Recorder()
    writer = SightingWriter(log)
    log.failing = True
    writer.add(seen(0))
    writer.start()
    writer.stop()
    assert writer.dropped == 1


def test_the_file_is_trimmed_along_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TRIM_SECONDS", 0.0)
    log = Recorder()
    writer = SightingWriter(log)
    writer.start()
    assert log.trimmed.wait(30)
    writer.stop()
    assert writer.dropped == 0


def test_a_second_of_a_full_wave_finds_room_between_two_drains() -> None:
    assert module.DRAIN_SECONDS * 100_000 <= CAPACITY / 5


def test_an_unused_writer_keeps_no_memory(tmp_path: Path) -> None:
    """In a process of its own, where malloc has no used memory to give."""
    script = """
from pathlib import Path
from bootwave.options import SightingsOptions
from bootwave.sightings import Reason, Sighting
from bootwave.store.sightings.sightings import SightingLog
from bootwave.store.sightings.writer import SightingWriter

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

log = SightingLog(Path("sightings.db"), SightingsOptions())
before = resident()
writers = [SightingWriter(log) for _ in range(8)]  # 160 MB
for writer in writers:
    writer.add(Sighting(1.0, 1, "192.0.2.1", Reason.SERVED_WINDOW, ""))
    assert writer.drain()
    assert len(writer.ring) == 0
print(resident() - before)
"""
    out = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert int(out) < 20 << 20


def test_the_ring_begins_anew_when_it_is_empty(tmp_path: Path) -> None:
    log = SightingLog(tmp_path / "sightings.db")
    writer = SightingWriter(log)

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    now = time.time()
    before = resident()
    for number in range(CAPACITY):
        writer.add(Sighting(now, 1, "", Reason.CLOSED, ""))
        if number % 1000 == 0:
            assert writer.drain()
    assert resident() - before < 10 << 20  # of 20 MB
