import sqlite3

import pytest

from bootwave.errors import StoreConflict
from bootwave.store import pace
from bootwave.store.administration import Administration
from bootwave.store.bulk import importruns
from bootwave.store.operations.bulk import STAGE_SECONDS
from tests.store.clock import Clock
from tests.store.listed import accounts_of, notes_of

A = "a.example.com"


@pytest.fixture
def begun(admin: Administration, monkeypatch: pytest.MonkeyPatch) -> str:
    """An import of nine rows of which Anna has stored three."""
    for name in ("FIRST_ROWS", "LEAST_ROWS", "MOST_ROWS"):
        monkeypatch.setattr(pace, name, 3)
    admin.domain_add(A)
    admin.actor = "anna"
    stage: str = admin.stage_begin(domain=A)["stage"]
    rows = [{"extension": str(401 + n), "password": "p"} for n in range(9)]
    admin.stage_add(stage, rows)
    step = admin.stage_import(stage)
    assert (step["more"], step["added"], step["done"], step["total"]) == (True, 3, 3, 9)
    assert 0 < step["pause"] <= pace.MOST_PAUSE_SECONDS
    return stage


def noted(admin: Administration) -> list[tuple[str, str, int]]:
    return [
        (note["actor"], note["action"], note["detail"].get("added", 0))
        for note in reversed(notes_of(admin))
        if note["action"].startswith("accounts.")
    ]


def test_an_import_that_is_dropped_is_noted_of_who_began_it(
    admin: Administration, begun: str, clock: Clock
) -> None:
    assert noted(admin) == [("anna", "accounts.importing", 0)]
    clock.pass_seconds(STAGE_SECONDS + 1)
    admin.actor = "bob"
    admin.stage_begin()  # which forgets what was left alone
    assert noted(admin)[1:] == [("anna", "accounts.imported", 3)]
    assert len(accounts_of(admin)) == 3


def test_an_import_goes_on_beside_other_operations(
    admin: Administration, begun: str
) -> None:
    admin.account_add(f"405@{A}", password="q")
    admin.account_remove(f"401@{A}")
    while (step := admin.stage_import(begun))["more"]:
        pass
    assert (step["added"], step["error_count"]) == (8, 1)
    assert step["errors"][0]["row"] == 5
    assert len(accounts_of(admin)) == 8


def test_the_log_is_told_now_and_then(
    admin: Administration, begun: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importruns, "NOTED_TOGETHER", 6)
    admin.stage_import(begun)
    assert noted(admin)[1:] == [("anna", "accounts.imported", 6)]
    admin.stage_import(begun)
    assert noted(admin)[2:] == [("anna", "accounts.imported", 3)]


@pytest.mark.parametrize("together", [4, 10_000])
def test_the_log_is_told_nothing_of_a_part_that_is_not_stored(
    admin: Administration,
    begun: str,
    connection: sqlite3.Connection,
    monkeypatch: pytest.MonkeyPatch,
    together: int,
) -> None:
    monkeypatch.setattr(importruns, "NOTED_TOGETHER", together)
    connection.execute(
        "CREATE TRIGGER full BEFORE INSERT ON changes "
        "BEGIN SELECT RAISE(ABORT, 'full'); END"
    )
    with pytest.raises(StoreConflict):
        admin.stage_import(begun)
    assert noted(admin)[1:] == [("anna", "accounts.imported", 3)]
    assert len(accounts_of(admin)) == 3
