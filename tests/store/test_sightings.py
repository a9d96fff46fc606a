import multiprocessing
import os
import sqlite3
import stat
from pathlib import Path

import pytest

from bootwave.errors import SchemaTooNew, StoreUnavailable
from bootwave.options import SightingsOptions
from bootwave.sightings import Reason, Sighting
from bootwave.store.sightings import STEP, SightingLog

MAC = 0x0004132E08B4
NOW = 1_700_000_000.0
DAY = 86_400.0


def seen(
    reason: Reason, *, mac: int = MAC, at: float = NOW, detail: str = ""
) -> Sighting:
    return Sighting(at, mac, "10.0.0.7", reason, detail)


def bounds(**values: float) -> SightingsOptions:
    return SightingsOptions.model_construct(
        **{"keep_days": 30.0, "keep_rows": 10**6, "unknown_rows": 10**6, **values}
    )


def trimmed(log: SightingLog, options: SightingsOptions, now: float = NOW) -> int:
    gone = steps = 0
    while step := log.trim(options, now):
        gone += step
        steps += 1
        assert steps < 100
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
    finally:
        os.umask(before)
    for file in tmp_path.glob("sightings.db*"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_text_of_phones_is_cut_and_made_storable(log: SightingLog) -> None:
    log.append([seen(Reason.CLOSED, detail="\ud800\x00'; DROP TABLE" + "x" * 500)])
    line = log.time_line(MAC)
    assert len(line[0].detail) < 110
    assert "DROP TABLE" in line[0].detail


def test_unknown_macs_are_listed_until_they_are_known(log: SightingLog) -> None:
    log.append([seen(Reason.UNKNOWN_MAC, at=NOW + n, mac=MAC + n) for n in range(3)])
    log.append([seen(Reason.PNP_NOT_BOUND, at=NOW + 10, detail="snom370")])
    newest, *others = log.unknown()
    assert (newest.mac, newest.contacts, newest.detail) == (MAC, 2, "snom370")
    assert (newest.first_at, newest.last_at) == (NOW, NOW + 10)
    assert [one.mac for one in others] == [MAC + 2, MAC + 1]
    assert len(log.unknown(1)) == 1
    log.append([seen(Reason.CLOSED)])  # somebody bound it
    assert MAC not in {one.mac for one in log.unknown()}


def test_a_general_document_makes_no_mac_known(log: SightingLog) -> None:
    log.append([seen(Reason.UNKNOWN_MAC), seen(Reason.SERVED_GENERAL)])
    assert [one.mac for one in log.unknown()] == [MAC]


def test_made_up_macs_do_not_push_out_what_is_known(log: SightingLog) -> None:
    log.append([seen(Reason.CLOSED), seen(Reason.SERVED_WINDOW)])
    log.append([seen(Reason.UNKNOWN_MAC, mac=n, at=NOW + n) for n in range(1, 3001)])
    log.append([seen(Reason.HTTP_SYNTAX, mac=0) for _ in range(100)])
    trimmed(log, bounds(keep_rows=1_000, unknown_rows=50))
    assert len(log.time_line(MAC)) == 2
    assert len(log.unknown(10_000)) == 50
    assert log.unknown()[0].mac == 3_000
    assert log.last(3_000) is None  # pushed out by the hundred that name no MAC


def test_old_sightings_go_in_bounded_steps(log: SightingLog) -> None:
    count = 2 * STEP + 10
    log.append([seen(Reason.CLOSED, at=NOW - 31 * DAY) for _ in range(count)])
    log.append([seen(Reason.UNKNOWN_MAC, mac=5, at=NOW - 31 * DAY)])
    log.append([seen(Reason.CLOSED)])
    assert log.trim(bounds(), NOW) <= 2 * STEP
    trimmed(log, bounds())
    assert len(log.time_line(MAC, 10_000)) == 1
    assert log.unknown() == []


def test_the_number_of_rows_is_bounded_whatever_their_age(log: SightingLog) -> None:
    log.append([seen(Reason.CLOSED, at=NOW + n) for n in range(500)])
    trimmed(log, bounds(keep_rows=100))
    line = log.time_line(MAC, 1_000)
    assert len(line) == 100
    assert line[-1].at == NOW + 400


def test_nothing_to_trim_takes_nothing(log: SightingLog) -> None:
    log.append([seen(Reason.CLOSED)])
    assert trimmed(log, bounds()) == 0


def test_a_newer_file_is_refused(log: SightingLog, tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "sightings.db")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(SchemaTooNew, match="newer version"):
        log.append([seen(Reason.CLOSED)])


def test_a_reason_of_a_newer_version_is_passed_over(
    log: SightingLog, tmp_path: Path
) -> None:
    log.append([seen(Reason.CLOSED), seen(Reason.CLOSED)])
    connection = sqlite3.connect(tmp_path / "sightings.db")
    connection.execute("UPDATE sightings SET reason = 9999 WHERE id = 1")
    connection.commit()
    connection.close()
    assert len(log.time_line(MAC)) == 1


def test_a_file_that_cannot_be_used_is_unavailable_and_tried_again(
    tmp_path: Path,
) -> None:
    path = tmp_path / "there" / "sightings.db"
    log = SightingLog(path)
    with pytest.raises(StoreUnavailable):
        log.append([seen(Reason.CLOSED)])
    path.parent.mkdir()
    path.write_bytes(b"no database" * 1_000)
    with pytest.raises(StoreUnavailable):
        log.last(MAC)
    path.unlink()
    log.append([seen(Reason.CLOSED)])
    assert log.last(MAC) is not None
    log.close()


def _append_many(path: Path, first: int) -> None:
    log = SightingLog(path)
    for batch in range(20):
        log.append([seen(Reason.CLOSED, mac=first + batch * 10 + n) for n in range(10)])
    log.close()


def test_several_processes_append_to_one_file(tmp_path: Path) -> None:
    path = tmp_path / "sightings.db"
    context = multiprocessing.get_context("spawn")
    children = [
        context.Process(target=_append_many, args=(path, 1 + child * 1_000))
        for child in range(3)
    ]
    for child in children:
        child.start()
    for child in children:
        child.join(60)
        assert child.exitcode == 0
    log = SightingLog(path)
    macs = {1 + child * 1_000 + n for child in range(3) for n in range(200)}
    assert log.latest(macs).keys() == macs
    log.close()


def test_the_newest_for_some_reasons_is_found_behind_any_number_of_others(
    log: SightingLog,
) -> None:
    wanted = {Reason.SERVED_WINDOW, Reason.NOT_MODIFIED}
    assert log.last_of(MAC, wanted) is None
    log.append([seen(Reason.SERVED_WINDOW), seen(Reason.NOT_MODIFIED, at=NOW - 1)])
    log.append([seen(Reason.CLOSED, at=NOW + number) for number in range(2_000)])
    log.append([seen(Reason.SERVED_WINDOW, mac=MAC + 1)])
    assert log.last_of(MAC, wanted) == seen(Reason.SERVED_WINDOW)
