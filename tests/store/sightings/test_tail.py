import os
import random
from pathlib import Path

import pytest

from bootwave.errors import StoreUnavailable
from bootwave.options import SightingsOptions
from bootwave.sightings import Reason, Sighting
from bootwave.store.sightings.sightings import SightingLog
from bootwave.store.sightings.tail import Place, SightingTail, place_from_text

NOW = 1_700_000_000.0
REASONS = [Reason.CLOSED, Reason.UNKNOWN_MAC, Reason.SERVED_WINDOW, Reason.UNBOUND]
SOURCES = ["192.0.2.7", "2001:db8::1", "fe80::1%3", ""]


def seen(number: int) -> Sighting:
    return Sighting(
        NOW + number,
        0x000413000000 + number,
        SOURCES[number % 4],
        REASONS[number * 7 % 4],
        "ä" * (number % 60),
    )


@pytest.fixture
def log(tmp_path: Path) -> SightingLog:
    return SightingLog(tmp_path / "sightings", clock=lambda: NOW)


@pytest.fixture
def tail(tmp_path: Path) -> SightingTail:
    return SightingTail(tmp_path / "sightings")


@pytest.mark.parametrize("most", [1, 2, 7, 1_000])
def test_everything_that_comes_is_read_once_and_in_order(
    log: SightingLog, tail: SightingTail, most: int
) -> None:
    place = tail.end()
    batches = random.Random(1)
    number = 0
    read: list[Sighting] = []
    for _ in range(40):
        count = batches.randrange(8)
        log.append([seen(number + n) for n in range(count)])
        number += count
        while True:
            found = tail.read(place, most)
            assert len(found.sightings) <= most
            assert found.lost == 0
            read += [one for _, one in found.sightings]
            place = found.place
            if not found.sightings:
                break
    expected = [seen(n) for n in range(number)]
    assert [one.at for one in read] == [one.at for one in expected]
    assert [(one.mac, one.source, one.reason) for one in read] == [
        (one.mac, one.source, one.reason) for one in expected
    ]
    # A detail is cut between two characters.
    assert all(
        want.detail.startswith(one.detail)
        for one, want in zip(read, expected, strict=True)
    )


def test_each_is_told_with_the_place_behind_it(
    log: SightingLog, tail: SightingTail
) -> None:
    start = tail.end()
    log.append([seen(n) for n in range(20)])
    found = tail.read(Place(tail.end().file, 0, 0), 20)
    for number, (place, _) in enumerate(found.sightings):
        rest = tail.read(place, 100)
        assert [one.at for _, one in rest.sightings] == [
            NOW + later for later in range(number + 1, 20)
        ]
    assert tail.read(start, 5).behind == 15


def test_what_was_overwritten_is_counted(tmp_path: Path, tail: SightingTail) -> None:
    options = SightingsOptions(keep_rows=1_000, unknown_rows=10)
    log = SightingLog(tmp_path / "sightings", options, clock=lambda: NOW)
    log.append([seen(0)])
    place = tail.end()
    log.append([seen(0)._replace(reason=Reason.UNKNOWN_MAC) for _ in range(25)])
    found = tail.read(place, 100)
    assert (len(found.sightings), found.lost, found.behind) == (10, 15, 0)


def test_another_file_begins_with_its_oldest(
    tmp_path: Path, log: SightingLog, tail: SightingTail
) -> None:
    log.append([seen(n) for n in range(5)])
    place = tail.end()
    (tmp_path / "sightings").rename(tmp_path / "old")
    assert tail.read(place, 100).sightings == []
    log.append([seen(9)])
    assert [one.at for _, one in tail.read(place, 100).sightings] == [NOW + 9]
    # A place behind the end, of who knows where.
    found = tail.read(place._replace(file=tail.end().file, known=10**9), 100)
    assert len(found.sightings) <= 1


def test_a_record_that_is_damaged_is_passed_over(
    tmp_path: Path, log: SightingLog, tail: SightingTail
) -> None:
    log.append([seen(0)._replace(reason=Reason.UNKNOWN_MAC)])
    log.append([seen(n)._replace(reason=Reason.UNKNOWN_MAC) for n in (1, 2)])
    size = SightingsOptions().unknown_rows * 152  # the nameless come first
    fd = os.open(tmp_path / "sightings", os.O_RDWR)
    os.pwrite(fd, b"\xff", 4096 + size + 152 + 60)
    os.close(fd)
    found = tail.read(Place(tail.end().file, 0, 0), 100)
    assert [one.at for _, one in found.sightings] == [NOW, NOW + 2]
    assert found.lost == 1


@pytest.mark.parametrize("content", [b"SQLite format 3\0" + b"\1" * 200, b"\1" * 5_000])
def test_a_file_of_something_else_is_refused(
    tmp_path: Path, tail: SightingTail, content: bytes
) -> None:
    (tmp_path / "sightings").write_bytes(content)
    with pytest.raises(StoreUnavailable, match="damaged"):
        tail.end()


def test_a_place_travels_as_text() -> None:
    place = Place(0xABC, 12, 34)
    assert place_from_text(str(place)) == place
    for text in ("", "1-2", "x-1-2", "1--2", "1-2-3-4", "1-٣-4", "f" * 99 + "-1-2"):
        assert place_from_text(text) is None


ALL = frozenset(Reason)


@pytest.mark.parametrize("most", [1, 3, 8, 1_000])
def test_the_newest_of_each_mac_is_found_in_one_way_through(
    log: SightingLog, tail: SightingTail, most: int
) -> None:
    kinds = (ALL, frozenset({Reason.SERVED_WINDOW}))
    sightings = [
        Sighting(NOW + at, mac, SOURCES[mac % 4], reason, f"{at}")
        for at, (mac, reason) in enumerate(
            (mac, reason)
            for mac in (1, 2, 3, 0)
            for reason in (*REASONS, Reason.STORE_AWAY)
        )
    ]
    log.append(sightings)
    log.append([Sighting(NOW - 9, 1, "", Reason.CLOSED, "older")])
    found: list[dict[int, Sighting]] = [{}, {}]
    ends = None
    while True:
        read = tail.newest(ends, most, kinds)
        for kept, new in zip(found, read.by_kind, strict=True):
            kept |= {
                mac: seen
                for mac, seen in new.items()
                if mac not in kept or kept[mac].at <= seen.at
            }
        assert read.lost == 0
        ends = read.ends
        if not read.behind:
            break
    for kept, kind in zip(found, kinds, strict=True):
        expected = {one.mac: one for one in sightings if one.mac and one.reason in kind}
        assert kept == expected
    assert tail.newest(ends, most, kinds).by_kind == [{}, {}]


def test_what_was_overwritten_before_is_counted(tmp_path: Path) -> None:
    log = SightingLog(
        tmp_path / "sightings", SightingsOptions(keep_rows=1_000), clock=lambda: NOW
    )
    tail = SightingTail(tmp_path / "sightings")
    log.append([Sighting(NOW, 1, "", Reason.CLOSED)])
    ends = tail.newest(None, 10_000, (ALL,)).ends
    log.append([Sighting(NOW, 2 + n, "", Reason.CLOSED) for n in range(1_200)])
    found = tail.newest(ends, 10_000, (ALL,))
    assert (len(found.by_kind[0]), found.lost, found.behind) == (1_000, 200, 0)


def test_a_newest_record_that_is_damaged_is_left_out(
    log: SightingLog, tail: SightingTail, tmp_path: Path
) -> None:
    log.append([Sighting(NOW, 1, "", Reason.CLOSED, "whole")])
    log.append([Sighting(NOW + 1, 2, "", Reason.CLOSED, "broken")])
    file = tmp_path / "sightings"
    file.write_bytes(file.read_bytes().replace(b"broken", b"brokes"))
    assert tail.newest(None, 100, (ALL,)).by_kind[0].keys() == {1}


def test_without_a_file_nothing_was_done(tail: SightingTail) -> None:
    read = tail.newest(None, 100, (ALL,))
    assert (read.by_kind, read.behind, read.ends.file) == ([{}], 0, 0)
