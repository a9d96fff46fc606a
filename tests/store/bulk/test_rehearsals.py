"""Rows are tried out on a copy, and phones go on writing."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bootwave.errors import StoreConflict, StoreNotFound, StoreUnavailable
from bootwave.options import PairingOptions
from bootwave.store.administration import Administration
from bootwave.store.bulk import rehearsals
from bootwave.store.bulk.rehearsals import Rehearsal
from bootwave.store.bulk.staged import Stage
from bootwave.store.connection import connect
from bootwave.store.operations import bulk
from bootwave.store.operations.bulk import BEGUN_SECONDS
from bootwave.store.secrets import KeyRing
from tests.store.clock import Clock
from tests.store.steps import taken

A, B = "a.example.com", "b.example.com"
MAC = 0x0004132E08B4


def mac(number: int) -> str:
    return f"{MAC + number:012X}"


@pytest.fixture
def stored(admin: Administration) -> None:
    admin.domain_add(A, wildcard_subnet="10.0.0.0/24")
    admin.domain_add(B)
    for number in range(1, 5):
        admin.account_add(f"40{number}@{A}", password="pw", mac=mac(number))
    admin.account_add(f"409@{A}", password="pw")
    admin.account_bind(f"409@{A}", mac(1))
    admin.account_add(f"501@{B}", password="pw")
    admin.account_bind(f"501@{B}", "*")
    admin.account_add(f"502@{B}", password="pw", mac=mac(50))


@pytest.fixture
def impatient(
    path: Path, stored: None, keyring: KeyRing, clock: Clock
) -> Iterator[Administration]:
    """One that waits for no lock."""
    opened = Administration(
        connect(path, busy_seconds=0.0),
        keyring,
        PairingOptions(),
        now=clock,
        committed=lambda changes: None,
    )
    yield opened
    opened.close()


def test_what_is_copied_is_around_the_rows(stored: None, path: Path) -> None:
    with closing(Stage(A)) as stage, closing(Rehearsal(path)) as rehearsal:
        stage.add([{"extension": "401", "mac": mac(50)}, {"extension": "777"}])
        stage.add_missing(["402"])
        for pause in rehearsal.copied(stage):
            assert pause == 0.0
        with rehearsal.written() as copy:
            accounts = copy.execute("SELECT number FROM accounts ORDER BY number")
            # Those named, and who else has their phones.
            assert [number for (number,) in accounts] == ["401", "402", "409", "502"]
            macs = [row[0] - MAC for row in copy.execute("SELECT mac FROM devices")]
            assert sorted(macs) == [1, 2, 50]
            copy.execute("DELETE FROM accounts")
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT COUNT(*) FROM accounts").fetchall() == [(7,)]


def test_of_wildcards_those_are_copied_that_hold_the_network_of_a_domain(
    stored: None, path: Path, admin: Administration
) -> None:
    for number in (410, 411, 412):
        admin.account_add(f"{number}@{A}", password="pw")
        admin.account_bind(f"{number}@{A}", "?" if number == 412 else "*")
    with closing(Stage(A)) as stage, closing(Rehearsal(path)) as rehearsal:
        stage.add([{"extension": "401"}, {"extension": "402"}])
        for _ in rehearsal.copied(stage):
            pass
        with rehearsal.written() as copy:
            accounts = copy.execute("SELECT number FROM accounts WHERE wildcard <> ''")
            assert sorted(number for (number,) in accounts) == ["410", "411"]
    admin.account_unbind(f"501@{B}")
    admin.domain_set(B, wildcard_subnet="10.0.0.0/24")
    rows = [
        {"extension": "411", "domain": A, "mac": mac(60)},
        {"extension": "503", "domain": B, "mac": "*", "password": "pw"},
    ]
    found = admin.account_import(rows, update=True, dry_run=True)
    assert [error["row"] for error in found["errors"]] == [2]  # 410 holds it still
    admin.account_unbind(f"410@{A}")
    found = admin.account_import(rows, update=True, dry_run=True)
    assert (found["added"], found["updated"], found["error_count"]) == (1, 1, 0)


def test_it_is_of_one_moment(stored: None, path: Path, admin: Administration) -> None:
    with closing(Stage(A)) as stage, closing(Rehearsal(path)) as rehearsal:
        stage.add([{"extension": "401"}])
        admin.account_set(f"401@{A}", name="Anna")
        for _ in rehearsal.copied(stage):
            pass
        with rehearsal.written() as copy:
            names = copy.execute(
                "SELECT display_name FROM accounts WHERE number = '401'"
            ).fetchall()
    assert names == [("",)]


@pytest.mark.parametrize("small", [1, 2_000])
def test_whoever_only_asks_keeps_nobody_from_writing(
    impatient: Administration, path: Path, small: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "PLANNED_TOGETHER", small)
    rows: list[dict[str, Any]] = [
        {"extension": "401", "name": "Anna", "mac": mac(1)},
        {"extension": "402", "password": "other", "mac": f"{mac(2)} {mac(7)}"},
        {"extension": "403", "mac": mac(50)},
        {"extension": "700", "password": "pw", "mac": mac(8)},
        {"extension": "701"},
    ]
    with closing(sqlite3.connect(path, isolation_level=None)) as phone:
        phone.execute("BEGIN IMMEDIATE")
        found = impatient.account_import(rows, domain=A, update=True, dry_run=True)
        assert (found["added"], found["updated"], found["stored"]) == (1, 2, False)
        assert [error["row"] for error in found["errors"]] == [3, 5]
        stage = impatient.stage_begin(domain=A)["stage"]
        impatient.stage_add(stage, rows)
        replaced = taken(impatient.stage_replace, stage, dry_run=True)
        assert (replaced["added"], replaced["changed"], replaced["removed"]) == (
            1,
            2,
            2,
        )
        assert (replaced["same"], replaced["stored"]) == (0, False)
        assert [error["row"] for error in replaced["errors"]] == [3, 5]
        # A row is wrong: none of them would be stored.
        wrong = [*rows, {"extension": "x y"}]
        found = impatient.account_import(wrong, domain=A, all_or_nothing=True)
        assert (found["added"], found["error_count"], found["stored"]) == (1, 5, False)
        phone.execute("ROLLBACK")


def test_who_asks_and_goes_away_keeps_no_log_from_being_emptied(
    impatient: Administration,
    path: Path,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rehearsals, "_TOGETHER", 1)
    stage = impatient.stage_begin(domain=A)["stage"]
    rows = [{"extension": str(number), "name": "Anna"} for number in (401, 402, 403)]
    impatient.stage_add(stage, rows)
    for _ in range(3):
        assert impatient.stage_import(stage, update=True, dry_run=True)["more"]
    with closing(connect(path, busy_seconds=0.0)) as phone:

        def is_emptied() -> bool:
            phone.execute("UPDATE devices SET model = 'snom370'")
            ((busy, _, _),) = phone.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return not busy

        clock.pass_seconds(BEGUN_SECONDS)
        impatient.stages_forgotten(clock.at.boottime)
        assert not is_emptied()
        clock.pass_seconds(1)
        impatient.stages_forgotten(clock.at.boottime)
        assert is_emptied()
    with pytest.raises(StoreNotFound, match="left alone"):
        impatient.stage_import(stage)


def test_who_has_some_domains_may_try_out_any_number(
    impatient: Administration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "MAX_TOGETHER", 1)
    impatient.reach = frozenset({A})
    rows = [{"extension": str(number), "password": "pw"} for number in range(700, 704)]
    assert impatient.account_import(rows, domain=A, dry_run=True)["added"] == 4
    # He learns nothing of other domains by it.
    found = impatient.account_import(
        [{"extension": "401", "mac": mac(50)}, {"extension": "1", "domain": B}],
        domain=A,
        update=True,
        dry_run=True,
    )
    assert [error["row"] for error in found["errors"]] == [1, 2]
    assert "502" not in str(found["errors"])
    assert "add it with bootwave domain add" in found["errors"][1]["error"]


def test_what_the_schema_refuses_is_a_sentence(stored: None, path: Path) -> None:
    with closing(Rehearsal(path)) as rehearsal:
        with pytest.raises(StoreConflict, match="contradicts"):
            with rehearsal.written() as copy:
                copy.execute("UPDATE domains SET name = ''")
    with pytest.raises(StoreUnavailable, match="tried out"):
        Rehearsal(path.parent / "nowhere.db")
