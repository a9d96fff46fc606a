import errno
import fcntl
import multiprocessing
import os
import sqlite3
import stat
import threading
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from bootwave.errors import SchemaTooNew, StoreUnavailable
from bootwave.native import sightingfile
from bootwave.native.ring import SightingRing
from bootwave.options import SightingsOptions
from bootwave.sightings import Reason, Sighting
from bootwave.store.sightings import sightings as module
from bootwave.store.sightings.sightings import SightingLog

MAC = 0x0004132E08B4
NOW = 1_700_000_000.0
DAY = 86_400.0


def seen(
    reason: Reason, *, mac: int = MAC, at: float = NOW, detail: str = ""
) -> Sighting:
    return Sighting(at, mac, "10.0.0.7", reason, detail)


def bounded(path: Path, **values: float) -> SightingLog:
    """A log of other bounds, small ones too."""
    options = SightingsOptions.model_construct(
        **{"keep_days": 30.0, "keep_rows": 1000, "unknown_rows": 1000, **values}
    )
    return SightingLog(path, options, clock=lambda: NOW)


def trimmed(log: SightingLog) -> int:
    gone = 0
    while step := log.trim():
        gone += step
    return gone


def test_a_time_line_is_newest_first_and_of_one_phone(log: SightingLog) -> None:
    log.append([seen(Reason.PNP_ANSWERED), seen(Reason.CLOSED, at=NOW + 1)])
    log.append([seen(Reason.SERVED_WINDOW, at=NOW + 2, detail="snom370 8.7.5.48")])
    log.append([seen(Reason.CLOSED, mac=MAC + 1)])
    line = log.time_line(MAC)
    assert [one.reason for one in line] == [
        Reason.SERVED_WINDOW,
        Reason.CLOSED,
        Reason.PNP_ANSWERED,
    ]
    assert line[0] == seen(Reason.SERVED_WINDOW, at=NOW + 2, detail="snom370 8.7.5.48")
    assert len(log.time_line(MAC, 2)) == 2
    assert log.last(MAC) == line[0]
    assert log.last(1) is None
    assert log.latest([MAC, MAC + 1, 1]).keys() == {MAC, MAC + 1}


def test_batches_of_two_processes_are_put_in_order(log: SightingLog) -> None:
    log.append([seen(Reason.SERVED_WINDOW, at=NOW + 1)])
    log.append([seen(Reason.PNP_ANSWERED, at=NOW)])
    assert log.time_line(MAC)[0].reason is Reason.SERVED_WINDOW


def test_the_newest_sighting_is_found_before_a_later_batch(log: SightingLog) -> None:
    newest = seen(Reason.CONSUMED_BY_OTHER, at=NOW + 1)
    log.append([newest])
    log.append([seen(Reason.PNP_ANSWERED), seen(Reason.PNP_CONFIRMED)])
    assert log.last(MAC) == newest
    assert log.latest([MAC]) == {MAC: newest}
    log.append([seen(Reason.CLOSED)] * 200)
    assert log.time_line(MAC, 50)[0] == newest
    assert len(log.time_line(MAC, 50)) == 50
    assert log.last(MAC) == newest


def test_the_file_is_its_owners_only(log: SightingLog, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        log.append([seen(Reason.CLOSED)])
        bounded(tmp_path / "sightings.db", keep_rows=2000).append([seen(Reason.CLOSED)])
    finally:
        os.umask(before)
    (file,) = tmp_path.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_text_of_phones_is_cut_and_made_storable(log: SightingLog) -> None:
    log.append([seen(Reason.CLOSED, detail="\ud800\x00'; DROP TABLE" + "x" * 500)])
    (one,) = log.time_line(MAC)
    assert one.detail == "\\ud800\x00'; DROP TABLE".ljust(96, "x")


def test_unknown_macs_are_listed_until_they_are_known(log: SightingLog) -> None:
    log.append([seen(Reason.UNKNOWN_MAC, at=NOW + n, mac=MAC + n) for n in range(3)])
    log.append([seen(Reason.PNP_NOT_BOUND, at=NOW + 10, detail="snom370")])
    newest, *others = log.unknown()
    assert (newest.mac, newest.contacts, newest.detail) == (MAC, 2, "snom370")
    assert (newest.first_at, newest.last_at) == (NOW, NOW + 10)
    assert [one.mac for one in others] == [MAC + 2, MAC + 1]
    assert len(log.unknown(1)) == 1
    log.append([seen(Reason.CLOSED, at=NOW + 11)])  # somebody bound it
    assert MAC not in {one.mac for one in log.unknown()}
    log.append([seen(Reason.UNBOUND, at=NOW + 12)])  # and unbound it again
    newest = log.unknown()[0]
    assert (newest.mac, newest.contacts, newest.first_at) == (MAC, 1, NOW + 12)


def test_a_general_document_makes_no_mac_known(log: SightingLog) -> None:
    log.append([seen(Reason.UNKNOWN_MAC), seen(Reason.SERVED_GENERAL)])
    assert [one.mac for one in log.unknown()] == [MAC]


def test_made_up_macs_do_not_push_out_what_is_known(tmp_path: Path) -> None:
    log = bounded(tmp_path / "sightings.db", unknown_rows=50)
    log.append([seen(Reason.CLOSED), seen(Reason.SERVED_WINDOW)])
    log.append([seen(Reason.UNKNOWN_MAC, mac=n, at=NOW + n) for n in range(1, 3001)])
    assert len(log.time_line(MAC)) == 2
    assert len(log.unknown(10_000)) == 50
    assert log.unknown()[0].mac == 3_000


@pytest.mark.parametrize(
    "reason",
    [
        Reason.WILDCARD_VENDOR,
        Reason.WILDCARD_TAKEN,
        Reason.WILDCARD_AMBIGUOUS,
        Reason.PNP_OFF_SUBNET,
        Reason.PNP_OVERLOAD,
        Reason.SIP_SYNTAX,
        Reason.STORE_AWAY,
    ],
)
def test_whatever_a_made_up_mac_is_told_it_pushes_out_nobody_and_is_no_proof(
    tmp_path: Path, reason: Reason
) -> None:
    log = bounded(tmp_path / "sightings.db", keep_rows=10, unknown_rows=20)
    log.append([seen(Reason.CLOSED), seen(Reason.UNKNOWN_MAC, mac=7, at=NOW + 1)])
    log.append([seen(reason, mac=n, at=NOW + 2) for n in range(7, 20)])
    assert log.last(MAC) is not None
    assert log.last(7) == seen(reason, mac=7, at=NOW + 2)
    assert 7 in {one.mac for one in log.unknown()}


def test_what_names_no_mac_does_not_push_out_who_asked(tmp_path: Path) -> None:
    log = bounded(tmp_path / "sightings.db", unknown_rows=50)
    log.append([seen(Reason.CLOSED), seen(Reason.UNKNOWN_MAC, mac=7)])
    log.append([seen(Reason.HTTP_SYNTAX, mac=0) for _ in range(100)])
    log.append([seen(Reason.SERVED_GENERAL, mac=n) for n in range(100, 2000)])
    assert log.last(MAC) is not None
    assert [one.mac for one in log.unknown()] == [7]
    assert log.last(0) is None
    assert log.latest([0, 7]).keys() == {7}


def test_what_is_too_old_is_not_shown(log: SightingLog) -> None:
    old = NOW - 30 * DAY - 1
    log.append([seen(Reason.CLOSED, at=old), seen(Reason.UNKNOWN_MAC, mac=5, at=old)])
    assert log.time_line(MAC) == []
    assert log.latest([MAC, 5]) == {}
    assert log.unknown() == []
    log.append([seen(Reason.CLOSED, at=old + 2)])
    assert log.last(MAC) is not None


def test_old_sightings_are_erased_in_bounded_steps(
    log: SightingLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STEP", 100)
    old = NOW - 31 * DAY
    log.append([seen(Reason.CLOSED, at=old, detail="long ago") for _ in range(250)])
    log.append([seen(Reason.UNKNOWN_MAC, mac=5, at=old, detail="long ago")])
    log.append([seen(Reason.CLOSED, detail="today")])
    assert [log.trim() for _ in range(4)] == [101, 100, 50, 0]
    assert log.time_line(MAC, 10_000) == [seen(Reason.CLOSED, detail="today")]
    data = (tmp_path / "sightings.db").read_bytes()
    assert b"long ago" not in data
    assert b"today" in data


def test_what_a_wrong_clock_stamped_does_not_keep_the_old_behind_it(
    log: SightingLog,
) -> None:
    log.append([seen(Reason.CLOSED, at=NOW + 900 * DAY)])
    log.append([seen(Reason.CLOSED, at=NOW - 31 * DAY), seen(Reason.CLOSED)])
    assert trimmed(log) == 2
    assert log.time_line(MAC) == [seen(Reason.CLOSED)]


def test_the_number_of_rows_is_bounded_whatever_their_age(tmp_path: Path) -> None:
    log = bounded(tmp_path / "sightings.db", keep_rows=100)
    log.append([seen(Reason.CLOSED, at=NOW + n) for n in range(500)])
    line = log.time_line(MAC, 1_000)
    assert len(line) == 100
    assert line[-1].at == NOW + 400


def test_nothing_to_trim_takes_nothing(log: SightingLog) -> None:
    log.append([seen(Reason.CLOSED)])
    assert trimmed(log) == 0


@pytest.mark.parametrize("rows", [1, 20, 99, 100, 101, 5000])
def test_other_bounds_keep_the_newest(tmp_path: Path, rows: int) -> None:
    path = tmp_path / "sightings.db"
    former = bounded(path, keep_rows=100, unknown_rows=100)
    former.append([seen(Reason.CLOSED, at=NOW + n) for n in range(150)])
    former.append([seen(Reason.UNKNOWN_MAC, mac=n, at=NOW + n) for n in range(1, 151)])
    log = bounded(path, keep_rows=rows, unknown_rows=rows)
    assert len(log.time_line(MAC, 1000)) == 100  # who only reads changes nothing
    log.append([seen(Reason.CLOSED, at=NOW + 150)])
    kept = min(rows, 101)
    line = log.time_line(MAC, 1000)
    assert [one.at for one in line] == [NOW + 150 - n for n in range(kept)]
    assert [one.mac for one in log.unknown()] == [
        150 - n for n in range(min(rows, 100))
    ]
    assert os.listdir(tmp_path) == ["sightings.db"]
    former.append([seen(Reason.CLOSED, at=NOW + 151)])  # and does not change it back
    assert len(log.time_line(MAC, 1000)) == min(rows, 102)


def test_a_disk_without_room_for_other_bounds_keeps_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, noted: list[str]
) -> None:
    def full(fd: int, to: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "sightings.db"
    bounded(path).append([seen(Reason.CLOSED)])
    monkeypatch.setattr(sightingfile, "copy", full)
    log = bounded(path, keep_rows=2000)
    log.append([seen(Reason.CLOSED)])
    assert len(log.time_line(MAC)) == 2
    assert noted == ["store.sightings_not_resized"]
    assert os.listdir(tmp_path) == ["sightings.db"]


def test_a_newer_file_is_refused(log: SightingLog, tmp_path: Path) -> None:
    head = sightingfile.MAGIC + (sightingfile.VERSION + 1).to_bytes(4, "little")
    (tmp_path / "sightings.db").write_bytes(head.ljust(5000, b"x"))
    for use in (
        lambda: log.append([seen(Reason.CLOSED)]),
        lambda: log.last(MAC),
        lambda: log.trim(),
    ):
        with pytest.raises(SchemaTooNew, match="newer version"):
            use()


def test_every_reason_has_a_number_that_the_file_tells_apart() -> None:
    assert max(Reason) < len(module._RINGS)


def test_a_reason_of_a_newer_version_is_passed_over(log: SightingLog) -> None:
    ring = SightingRing(3)
    for reason in (99, 999, Reason.CLOSED):
        ring.add(NOW, MAC, "10.0.0.7", reason, "")
    assert log.take(ring) == 3
    assert log.time_line(MAC) == [seen(Reason.CLOSED)]


def test_a_file_of_an_earlier_version_is_put_aside(
    tmp_path: Path, noted: list[str]
) -> None:
    path = tmp_path / "sightings.db"
    earlier = sqlite3.connect(path)
    earlier.execute("PRAGMA journal_mode = WAL").fetchall()
    earlier.execute("CREATE TABLE sightings (id)")
    earlier.execute("PRAGMA user_version = 1")
    earlier.execute("PRAGMA wal_checkpoint").fetchall()
    earlier.execute("INSERT INTO sightings VALUES (7)")
    earlier.commit()
    log = bounded(path)
    with pytest.raises(StoreUnavailable, match="earlier version"):
        log.last(MAC)
    log.append([seen(Reason.CLOSED)])
    earlier.close()
    assert log.last(MAC) is not None
    assert noted == ["store.sightings_put_aside"]
    kept = sqlite3.connect(tmp_path / "sightings.db.old")
    assert kept.execute("SELECT * FROM sightings").fetchall() == [(7,)]
    kept.close()


def test_a_damaged_file_is_put_aside(tmp_path: Path, noted: list[str]) -> None:
    path = tmp_path / "sightings.db"
    log = bounded(path)
    for damage in (b"x", bytes(3000)):
        log.append([seen(Reason.CLOSED)])
        with path.open("r+b") as file:
            file.seek(0 if damage[:1] == b"\0" else 20)
            file.write(damage)
        with pytest.raises(StoreUnavailable):
            log.last(MAC)
        log.append([seen(Reason.CLOSED)])
        assert len(log.time_line(MAC)) == 1
        assert (tmp_path / "sightings.db.damaged").exists()
    assert noted == ["store.sightings_put_aside"] * 2


@pytest.mark.parametrize("size", [0, 1, 50, 4096, 4096 + 2000 * 152 + 200])
def test_a_file_that_somebody_cut_short_is_written_on_or_refused(
    tmp_path: Path, size: int, noted: list[str]
) -> None:
    path = tmp_path / "sightings.db"
    log = bounded(path)
    log.append([seen(Reason.CLOSED, at=NOW + n) for n in range(5)])
    os.truncate(path, size)
    try:
        left = len(log.time_line(MAC))
        log.append([seen(Reason.CLOSED)])
    except StoreUnavailable:
        assert size in (1, 50)
        return
    assert left == (1 if size > 5000 else 0)
    assert len(log.time_line(MAC)) == left + 1


def test_another_kind_of_file_is_left_alone(log: SightingLog, tmp_path: Path) -> None:
    path = tmp_path / "sightings.db"
    database = sqlite3.connect(tmp_path / "other.db")
    database.execute("CREATE TABLE t (a)")
    database.close()
    for data in (b"of somebody else", (tmp_path / "other.db").read_bytes()):
        path.write_bytes(data)
        with pytest.raises(StoreUnavailable, match=r"store\.sightings"):
            log.append([seen(Reason.CLOSED)])
        with pytest.raises(StoreUnavailable, match=r"store\.sightings"):
            log.last(MAC)
        assert path.read_bytes() == data
    assert sorted(os.listdir(tmp_path)) == ["other.db", "sightings.db"]


def test_a_file_that_cannot_be_used_is_unavailable_and_tried_again(
    tmp_path: Path,
) -> None:
    path = tmp_path / "there" / "sightings.db"
    log = bounded(path)
    with pytest.raises(StoreUnavailable, match="No such file"):
        log.append([seen(Reason.CLOSED)])
    assert log.last(MAC) is None  # there is no file yet, and so nothing in it
    path.mkdir(parents=True)
    with pytest.raises(StoreUnavailable, match="directory"):
        log.append([seen(Reason.CLOSED)])
    with pytest.raises(StoreUnavailable, match="directory"):
        log.last(MAC)
    path.rmdir()
    log.append([seen(Reason.CLOSED)])
    assert log.last(MAC) is not None
    path.unlink()  # while the engine runs
    assert log.last(MAC) is None
    log.append([seen(Reason.CLOSED)])
    assert log.last(MAC) is not None


def test_a_lock_that_is_held_too_long_is_not_waited_for(
    log: SightingLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.append([seen(Reason.CLOSED)])
    monkeypatch.setattr(module, "LOCK_SECONDS", 0.01)
    ring = SightingRing(1)
    ring.add(*seen(Reason.CLOSED))
    with (tmp_path / "sightings.db").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(StoreUnavailable, match="lock"):
            log.take(ring)
        assert len(ring) == 1
        assert len(log.time_line(MAC)) == 1  # who reads needs none
    assert log.take(ring) == 1


def _append_many(path: Path, first: int, rows: int) -> None:
    log = bounded(path, keep_rows=rows)
    for batch in range(100):
        log.append([seen(Reason.CLOSED, mac=first + batch * 10 + n) for n in range(10)])


def test_several_processes_append_to_one_file(tmp_path: Path) -> None:
    path = tmp_path / "sightings.db"
    # Others have made it, and each wants to be the one that gives it other bounds.
    bounded(path, keep_rows=3000).append([seen(Reason.CLOSED)])
    context = multiprocessing.get_context("spawn")
    children = [
        context.Process(target=_append_many, args=(path, 1 + child * 1_000, 5_000))
        for child in range(3)
    ]
    for child in children:
        child.start()
    for child in children:
        child.join(60)
        assert child.exitcode == 0
    log = bounded(path)
    macs = {1 + number for number in range(3_000)} | {MAC}
    assert log.latest(macs).keys() == macs
    assert all(len(log.time_line(mac)) == 1 for mac in list(macs)[::100])
    assert os.listdir(tmp_path) == ["sightings.db"]


def _overwrite(path: Path, done: Event) -> None:
    log = bounded(path, keep_rows=2_000, unknown_rows=10)
    number = 0
    while not done.is_set():
        batch = []
        for _ in range(700):
            number += 1
            # Each half of it says what the other half has to be.
            batch.append(seen(Reason.CLOSED, at=NOW + number, detail=f"{number} " * 12))
        log.append(batch)


def test_who_reads_while_others_overwrite_sees_whole_sightings_only(
    tmp_path: Path,
) -> None:
    path = tmp_path / "sightings.db"
    context = multiprocessing.get_context("spawn")
    done = context.Event()
    writing = context.Process(target=_overwrite, args=(path, done))
    writing.start()
    try:
        log = bounded(path)
        while log.last(MAC) is None:
            pass
        rounds = set()
        while len(rounds) < 30:
            line = log.time_line(MAC, 3_000)
            rounds.add(line[0].at if line else 0.0)
            for one in line:
                text = f"{one.at - NOW:.0f} " * 12
                assert one.detail == text[:96]
            at = [one.at for one in line]
            assert at == sorted(set(at), reverse=True)
    finally:
        done.set()
        writing.join(60)
    assert writing.exitcode == 0


def test_other_threads_go_on_while_a_batch_is_written(tmp_path: Path) -> None:
    log = bounded(tmp_path / "sightings.db", keep_rows=10**6)
    ring = SightingRing(1 << 17)
    kept = 0
    stop = threading.Event()

    def produce() -> None:
        nonlocal kept
        while not stop.is_set():
            if len(ring) < 100_000:
                ring.add(*seen(Reason.CLOSED, at=NOW + kept, detail=str(kept)))
                kept += 1

    thread = threading.Thread(target=produce)
    thread.start()
    written = 0
    while written < 100_000:
        written += log.take(ring)
    stop.set()
    thread.join()
    written += log.take(ring)
    assert written == kept
    assert ring.dropped == 0
    line = log.time_line(MAC, 10**6)
    assert [one.detail for one in reversed(line)] == [str(n) for n in range(kept)]


def test_the_newest_for_some_reasons_is_found_behind_any_number_of_others(
    log: SightingLog,
) -> None:
    wanted = {Reason.SERVED_WINDOW, Reason.NOT_MODIFIED}
    assert log.last_of(MAC, wanted) is None
    log.append([seen(Reason.SERVED_WINDOW), seen(Reason.NOT_MODIFIED, at=NOW - 1)])
    log.append([seen(Reason.CLOSED, at=NOW + number) for number in range(2_000)])
    log.append([seen(Reason.SERVED_WINDOW, mac=MAC + 1)])
    assert log.last_of(MAC, wanted) == seen(Reason.SERVED_WINDOW)
