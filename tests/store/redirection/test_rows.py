"""Rows of redirection: kept, found by their time or their MAC, and forgotten."""

import sqlite3
from collections.abc import Callable

from bootwave.store.administration import Administration
from bootwave.store.redirection.rows import (
    delete,
    due,
    entries_of,
    next_due,
    save,
    within,
)
from tests.store.redirection.test_account import MAC, entry


def test_entries_are_kept_found_by_their_time_and_forgotten(
    connection: sqlite3.Connection,
) -> None:
    assert next_due(connection) is None
    save(connection, [entry(0, next_at=30.0), entry(1, next_at=10.0), entry(2)])
    assert next_due(connection) == 10.0
    assert [one.mac - MAC for one in due(connection, 40.0, 1e5, 9)] == [1, 0]
    assert [one.mac - MAC for one in due(connection, 40.0, 1e5, 1)] == [1]
    assert not due(connection, 5.0, 1e5, 9)
    # Put off before the clock was set back by years.
    save(connection, [entry(2, next_at=9e9)])
    assert [one.mac - MAC for one in due(connection, 5.0, 1e5, 9)] == [2]
    save(connection, [entry(0, words="Error:no_such_mac", trouble="refused")])
    assert entries_of(connection, [MAC])[0].words == "Error:no_such_mac"
    delete(connection, [MAC, MAC + 1])
    assert entries_of(connection, [MAC, MAC + 1]) == []
    assert entries_of(connection, []) == []


def test_macs_come_some_at_a_time_whether_bound_or_known(
    admin: Administration,
    add: Callable[..., None],
    connection: sqlite3.Connection,
) -> None:
    for number in range(5):
        add(f"{400 + number}@pbx.example.com", mac=f"{MAC + 2 * number:012X}")
    save(connection, [entry(number) for number in (1, 2, 3, 9, 11)])
    seen: list[int] = []
    known: list[int] = []
    after: int | None = 0
    while after is not None:
        bound, entries, after = within(connection, after, 2)
        seen += [one.mac - MAC for one in bound]
        known += [one.mac - MAC for one in entries]
    assert seen == [0, 2, 4, 6, 8]
    assert known == [1, 2, 3, 9, 11]
