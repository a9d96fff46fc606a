import sqlite3

import pytest

from bootwave.options import PairingOptions
from bootwave.pairing.instant import Instant
from bootwave.store.administration import Administration
from bootwave.store.bulk.accountstates import change, is_same, stored_of, take_away
from bootwave.store.bulk.importrows import ImportRow, checked_row
from bootwave.store.secrets import KeyRing
from bootwave.store.work import Work

A = "a.example.com"
MAC, OTHER = "0004132E08B4", "0004132E08B5"


def row(number: int, **values: str) -> ImportRow:
    return checked_row(number, {"extension": str(number), **values}, A)


@pytest.fixture
def work(
    admin: Administration, connection: sqlite3.Connection, keyring: KeyRing
) -> Work:
    admin.domain_add(A)
    admin.account_add(f"401@{A}", name="Anna", password="secret-1", mac=MAC)
    admin.account_add(f"402@{A}", password="secret-2")
    return Work(connection, keyring, PairingOptions(), Instant(1.0, "boot", 1.0))


def test_what_is_stored_is_found_in_the_domains_that_are_named(work: Work) -> None:
    rows = [row(401), row(402), row(403)]
    assert stored_of(work, rows, {}) == {}
    found = stored_of(work, rows, {A: 1})
    assert [name.number for name in found] == ["401", "402"]
    first, second = found.values()
    assert (first.account.display_name, first.macs) == ("Anna", {int(MAC, 16)})
    assert (second.macs, second.claims) == (frozenset(), frozenset())
    assert "secret" not in repr(found)
    assert "sealed" not in repr(found)


@pytest.mark.parametrize(
    ("values", "is_so", "unbound", "bound"),
    [
        ({}, True, 0, 0),
        ({"name": "Anna", "mac": MAC, "password": "secret-1"}, True, 0, 0),
        ({"name": ""}, False, 0, 0),
        ({"password": ""}, True, 0, 0),
        ({"password": "other"}, False, 0, 0),
        ({"mac": ""}, False, 1, 0),
        ({"mac": OTHER}, False, 1, 1),
        ({"mac": f"{MAC} {OTHER}"}, False, 0, 1),
        ({"mac": "*"}, True, 0, 0),  # it was claimed
        ({"mac": "?"}, False, 1, 1),
    ],
)
def test_an_account_becomes_what_a_row_says(
    work: Work, values: dict[str, str], is_so: bool, unbound: int, bound: int
) -> None:
    wanted = row(401, **values)

    (before,) = stored_of(work, [wanted], {A: 1}).values()
    assert is_same(work, wanted, before) is is_so
    taken, less = take_away(work, wanted, before)
    changed, times = change(work, wanted, before)
    assert (taken, times) == (unbound, bound)
    assert (changed or less) is not is_so
    (after,) = stored_of(work, [wanted], {A: 1}).values()
    assert is_same(work, wanted, after)
    assert bool(work.changes) is not is_so
