import sqlite3
from collections.abc import Iterator

import pytest

from bootwave.options import PairingOptions
from bootwave.pairing.instant import Instant
from bootwave.store.administration import Administration
from bootwave.store.bulk import importplan
from bootwave.store.bulk.importrows import ImportRow, checked_row
from bootwave.store.bulk.newaccounts import take_ids
from bootwave.store.secrets import KeyRing, password_owner
from bootwave.store.work import Work

A = "a.example.com"


def row(number: int, **values: str) -> ImportRow:
    return checked_row(number, {"extension": str(number), **values}, A)


@pytest.fixture
def work(
    admin: Administration, connection: sqlite3.Connection, keyring: KeyRing
) -> Iterator[Work]:
    admin.domain_add(A)
    admin.account_add(f"401@{A}", name="Anna", password="one")
    connection.execute("PRAGMA query_only = ON")  # as in a reading transaction
    yield Work(connection, keyring, PairingOptions(), Instant(1.0, "boot", 1.0))
    connection.execute("PRAGMA query_only = OFF")


def test_what_is_as_a_row_says_is_left_out(work: Work) -> None:
    rows = [row(401, name="Anna", password="one"), row(402, password="two")]
    assert importplan.outstanding(work, rows, update=True) == rows[1:]
    (first, second) = importplan.outstanding(work, rows, update=False)
    assert (first.account_id, second.account_id) == (1, 0)


def test_each_thing_that_a_row_says_may_differ(work: Work) -> None:
    for values in (
        {"name": "Berta"},
        {"password": "other"},
        {"mailbox": "900"},
        {"auth_user": "anna"},
        {"mac": "0004132E08B4"},
        {"mac": "*"},
    ):
        (found,) = importplan.outstanding(work, [row(401, **values)], update=True)
        assert found.account_id == 1


def test_passwords_are_sealed_for_ids_in_their_order(
    work: Work, keyring: KeyRing
) -> None:
    rows = [row(402, password="two"), row(403), row(404, password="four")]
    rows.append(row(401, password="other")._replace(account_id=1))
    assert importplan.new_accounts(rows) == 2
    found = importplan.prepared(keyring, rows, 70)
    assert [(one.account_id, one.is_new) for one in found] == [
        (70, True),
        (0, False),
        (71, True),
        (1, False),
    ]
    for one, word in zip(found, ("two", "", "four", "other"), strict=True):
        assert one.password == ""
        assert one.has_password is bool(word)
        if word:
            owner = password_owner(one.account_id)
            assert keyring.open(one.ready, owner=owner) == word


def test_ids_that_were_taken_are_nobody_elses(
    admin: Administration, connection: sqlite3.Connection
) -> None:
    admin.domain_add(A)
    assert take_ids(connection, 5) == 1
    assert take_ids(connection, 2) == 6
    admin.account_add(f"401@{A}", password="pw")
    ((account_id,),) = connection.execute("SELECT id FROM accounts").fetchall()
    assert account_id == 8
