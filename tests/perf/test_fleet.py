from pathlib import Path

import pytest

from bootwave.control.session import open_session
from bootwave.optionsfile import load
from perf.contenders import engine
from perf.rows.fleet import SOURCES, phones_of


@pytest.mark.parametrize("devices", [1_000, 100_000, 1_000_000])
@pytest.mark.parametrize("count", [1_000, 20_000])
def test_phones_are_spread_and_keep_their_source_whatever_their_number(
    devices: int, count: int
) -> None:
    phones = phones_of(devices, min(devices, count))
    assert len(set(phones)) == min(devices, count)
    assert phones[-1] < devices
    assert phones[-1] >= devices * 0.9
    assert all(phone % SOURCES == n % SOURCES for n, phone in enumerate(phones))


def test_windows_are_opened_once_for_the_whole_fleet(tmp_path: Path) -> None:
    file = engine.make_fleet(tmp_path / "fleet", 16)
    engine.open_windows(file)
    with open_session(load(file, {}).options) as session:
        first = session.call(
            "records.page", resource="windows", filters={"state": "live"}
        )["rows"]
        assert len(first) == 16
        session.call("window.close", accounts=[first[0]["account"]])
        engine.open_windows(file)
        # What a row before has used up is not opened again.
        assert (
            len(
                session.call(
                    "records.page", resource="windows", filters={"state": "live"}
                )["rows"]
            )
            == 15
        )


def test_a_fleet_that_is_there_is_taken_as_it_is(tmp_path: Path) -> None:
    file = engine.make_fleet(tmp_path / "fleet", 8)
    before = (file.parent / "bootwave.key").read_bytes()
    assert engine.make_fleet(tmp_path / "fleet", 8) == file
    assert (file.parent / "bootwave.key").read_bytes() == before


def test_half_a_fleet_is_made_anew(tmp_path: Path) -> None:
    file = engine.make_fleet(tmp_path / "fleet", 8)
    (file.parent / "imported").unlink()
    before = (file.parent / "bootwave.key").read_bytes()
    engine.make_fleet(tmp_path / "fleet", 8)
    assert (file.parent / "bootwave.key").read_bytes() != before


def test_a_fleet_of_an_older_schema_is_made_anew(tmp_path: Path) -> None:
    file = engine.make_fleet(tmp_path / "fleet", 8)
    (file.parent / "imported").write_text("0001 3")
    before = (file.parent / "bootwave.key").read_bytes()
    engine.make_fleet(tmp_path / "fleet", 8)
    assert (file.parent / "bootwave.key").read_bytes() != before
