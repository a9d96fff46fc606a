import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from bootwave.errors import StoreUnavailable
from bootwave.options import SightingsOptions
from bootwave.sightings import Reason, Sighting
from bootwave.store import sightingwriter as module
from bootwave.store.sightings import SightingLog
from bootwave.store.sightingwriter import SightingWriter

MAC = 0x0004132E08B4
OPTIONS = SightingsOptions()


def seen(number: int) -> Sighting:
    return Sighting(1_700_000_000.0 + number, MAC, "10.0.0.7", Reason.CLOSED)


class Recorder(SightingLog):
    """Appends to a list, and fails while told to."""

    def __init__(self) -> None:
        super().__init__(Path("/nonexistent/sightings.db"))
        self.batches: list[list[Sighting]] = []
        self.failing = False
        self.trims = 0
        self.wrote = threading.Event()
        self.trimmed = threading.Event()

    def append(self, batch: Sequence[Sighting]) -> None:
        if self.failing:
            raise StoreUnavailable("the disk is full")
        self.batches.append(list(batch))
        self.wrote.set()

    def trim(self, options: SightingsOptions, now: float) -> int:
        self.trims += 1
        if self.trims > 2:
            self.trimmed.set()
            raise StoreUnavailable("the disk is full")
        return 1


def test_what_was_seen_is_written_in_order_without_being_waited_for() -> None:
    log = Recorder()
    writer = SightingWriter(log, OPTIONS)
    writer.start()
    for number in range(10):
        writer.add(seen(number))
    assert log.wrote.wait(30)
    writer.stop()
    assert [one for batch in log.batches for one in batch] == [
        seen(number) for number in range(10)
    ]
    assert writer.dropped == 0


def test_what_native_code_saw_is_written_among_the_rest_by_its_time() -> None:
    log = Recorder()
    writer = SightingWriter(log, OPTIONS, capacity=2)
    writer.add(seen(1))
    for number in (0, 2, 3):
        one = seen(number)
        writer.ring.add(one.at, one.mac, one.source, one.reason, one.detail)
    writer.drain()
    assert log.batches == [[seen(0), seen(1), seen(2)]]
    assert writer.dropped == 1  # the third of the ring's two places


def test_all_that_keep_sightings_are_written_together_until_none_has_any() -> None:
    log = Recorder()
    writer = SightingWriter(log, OPTIONS)
    kept = [[seen(1), seen(4)], [seen(5)]]
    writer.follow(lambda limit: kept.pop(0) if kept else [])
    writer.add(seen(2))
    for number in (0, 3):
        one = seen(number)
        writer.ring.add(one.at, one.mac, one.source, one.reason, one.detail)
    writer.drain()
    assert log.batches == [[seen(number) for number in range(5)], [seen(5)]]
    assert writer.dropped == 0


def test_stopping_writes_what_waits(tmp_path: Path) -> None:
    log = SightingLog(tmp_path / "sightings.db")
    writer = SightingWriter(log, OPTIONS)
    for number in range(3):
        writer.add(seen(number))
    writer.stop()
    assert len(log.time_line(MAC)) == 3
    log.close()


def test_what_is_too_much_is_dropped_and_counted() -> None:
    log = Recorder()
    writer = SightingWriter(log, OPTIONS, capacity=5)
    for number in range(8):
        writer.add(seen(number))
    assert writer.dropped == 3
    writer.drain()
    assert log.batches == [[seen(number) for number in range(5)]]


def test_what_cannot_be_written_is_dropped_and_counted() -> None:
    log = Recorder()
    writer = SightingWriter(log, OPTIONS)
    log.failing = True
    writer.add(seen(0))
    writer.drain()
    assert writer.dropped == 1
    log.failing = False
    writer.add(seen(1))
    writer.drain()
    assert log.batches == [[seen(1)]]


def test_the_file_is_trimmed_along_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TRIM_SECONDS", 0.0)
    log = Recorder()
    writer = SightingWriter(log, OPTIONS)
    writer.start()
    assert log.trimmed.wait(30)
    writer.stop()
    assert writer.dropped == 0
