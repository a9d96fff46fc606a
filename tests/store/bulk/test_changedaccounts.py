"""Accounts that keep their phones are changed together, others are not."""

import sqlite3
from contextlib import closing

import pytest

from bootwave.options import PairingOptions
from bootwave.store.administration import Administration
from bootwave.store.bulk import changedaccounts, importplan
from bootwave.store.bulk.accountstates import Stored, stored_of
from bootwave.store.bulk.changedaccounts import ChangedAccounts
from bootwave.store.bulk.importrows import ImportRow, checked_row
from bootwave.store.bulk.staged import Stage
from bootwave.store.changelog import Change
from bootwave.store.operations import bulk
from bootwave.store.secrets import KeyRing, password_owner
from bootwave.store.work import Work
from tests.store.clock import Clock

A = "a.example.com"
MAC = 0x0004132E08B4


def row(number: int, **values: str) -> ImportRow:
    return checked_row(number, {"extension": str(number), **values}, A)


@pytest.fixture
def work(
    admin: Administration,
    connection: sqlite3.Connection,
    keyring: KeyRing,
    clock: Clock,
) -> Work:
    admin.domain_add(A)
    for number in (401, 402, 403):
        admin.account_add(f"{number}@{A}", password="pw", mac=f"{MAC + number:012X}")
    admin.account_add(f"404@{A}", password="pw")
    admin.account_bind(f"404@{A}", "*")
    connection.execute("UPDATE devices SET provisioned_at = 7.0")
    return Work(connection, keyring, PairingOptions(), clock())


def stored(work: Work, row: ImportRow) -> Stored:
    return stored_of(work, [row], {A: 1})[row.account]


def test_what_differs_is_written_behind_a_flush(work: Work, keyring: KeyRing) -> None:
    changed = ChangedAccounts(work)
    rows = [
        (row(401, name="Zo\u00eb", mac=f"{MAC + 401:012X}"), True),
        (row(402, password="other"), True),
        (row(403, password="pw", mailbox=""), False),
        (row(404, name="Anna", mac="*"), True),
    ]
    for one, is_changed in rows:
        assert changed.add(one, stored(work, one)) is is_changed
    read = work.connection.execute
    names = "SELECT display_name, sort_name FROM accounts ORDER BY id"
    assert read(names).fetchall() == [("", "")] * 4
    changed.flush()
    assert read(names).fetchall() == [
        ("Zo\u00eb", "zo\u00eb"),
        ("", ""),
        ("", ""),
        ("Anna", "anna"),
    ]
    ((sealed,),) = read("SELECT sealed_password FROM accounts WHERE id = 2").fetchall()
    assert keyring.open(sealed, owner=password_owner(2)) == "other"
    # Who has another password was not told it yet.
    provisioned = read("SELECT provisioned_at FROM devices ORDER BY mac").fetchall()
    assert provisioned == [(7.0,), (None,), (7.0,)]
    assert work.changes == [
        *(Change("account", 1), Change("device", MAC + 401)),
        *(Change("account", 2), Change("device", MAC + 402)),
        *(Change("account", 4), Change("wildcard", 1)),
    ]
    before = work.connection.total_changes
    changed.flush()
    assert work.connection.total_changes == before


@pytest.mark.parametrize(
    "mac", ["", "*", f"{MAC:012X}", f"{MAC:012X} {MAC + 401:012X}"]
)
def test_whose_phones_are_others_is_left_to_others(work: Work, mac: str) -> None:
    changed = ChangedAccounts(work)
    one = row(401, name="Anna", mac=mac)
    if mac == "*":  # an unknown phone has claimed it since
        assert changed.add(one, stored(work, one))
    else:
        assert changed.add(one, stored(work, one)) is None


def test_a_password_that_was_sealed_for_another_account_is_sealed_anew(
    work: Work, keyring: KeyRing
) -> None:
    changed = ChangedAccounts(work)
    own = keyring.seal("own", owner=password_owner(1))
    others = keyring.seal("others", owner=password_owner(99))
    for number, account_id, ready in ((401, 1, own), (402, 99, others)):
        one = row(number, password="x")._replace(
            password="", ready=ready, account_id=account_id
        )
        assert changed.add(one, stored(work, one))
    changed.flush()
    sealed = [
        bytes(row[0])
        for row in work.connection.execute(
            "SELECT sealed_password FROM accounts WHERE id < 3 ORDER BY id"
        ).fetchall()
    ]
    assert sealed[0] == own
    assert keyring.open(sealed[1], owner=password_owner(2)) == "others"


def test_what_waits_does_not_grow(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changedaccounts, "_WRITTEN_TOGETHER", 2)
    changed = ChangedAccounts(work)
    for number in (401, 402, 403):
        one = row(number, name="Anna")
        changed.add(one, stored(work, one))
    names = work.connection.execute("SELECT display_name FROM accounts").fetchall()
    assert names == [("Anna",), ("Anna",), ("",), ("",)]


def test_what_was_worked_out_before_is_written_by_one_statement(
    work: Work,
    admin: Administration,
    keyring: KeyRing,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bulk, "MOST_IN_ONE", 0)
    monkeypatch.setattr(bulk, "_FEW", 0)
    monkeypatch.setattr(ChangedAccounts, "add", None)
    rows = [
        {"extension": "401", "name": "Zo\u00eb"},
        {"extension": "402", "password": "other"},
        {"extension": "403", "password": "third", "name": "Carl", "mailbox": ""},
        {"extension": "404", "password": "pw"},
    ]
    found = admin.account_import(rows, domain=A, update=True, all_or_nothing=True)
    assert (found["updated"], found["unchanged"], found["stored"]) == (3, 1, True)
    stored = work.connection.execute(
        "SELECT id, display_name, sort_name, sealed_password FROM accounts ORDER BY id"
    ).fetchall()
    assert [row[1:3] for row in stored] == [
        ("Zo\u00eb", "zo\u00eb"),
        ("", ""),
        ("Carl", "carl"),
        ("", ""),
    ]
    assert [keyring.open(row[3], owner=password_owner(row[0])) for row in stored] == [
        *("pw", "other", "third", "pw")
    ]
    provisioned = work.connection.execute(
        "SELECT provisioned_at FROM devices ORDER BY mac"
    ).fetchall()
    assert provisioned == [(7.0,), (None,), (None,)]


def test_what_was_sealed_with_the_key_before_is_not_written_together(
    work: Work, keyring: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(Stage(A)) as stage:
        stage.add([{"extension": "401", "password": "other"}])
        rows = importplan.outstanding(work, stage.some(0, 9), update=True)
        stage.keep_ready(importplan.prepared(keyring, rows, 99))
        stage.keep_changes(importplan.prepared(keyring, rows, 99))
        assert stage.some(0, 9) == []
        monkeypatch.setattr(keyring, "_source", None)
        monkeypatch.setattr(keyring, "_keys", {b"new1": b"n" * 32, **keyring._keys})
        monkeypatch.setattr(keyring, "_sealing_id", b"new1")
        assert changedaccounts.write(work, stage) == 0
        assert len(stage.some(0, 9)) == 1
