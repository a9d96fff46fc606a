import sqlite3

import pytest

from bootwave.store import changelog
from bootwave.store.changelog import (
    EVERYTHING,
    Change,
    changes_after,
    last_seq,
    record,
    trim,
)
from tests.store.counted import counting

ONE, TWO, THREE = Change("device", 1), Change("domain", 2), Change("account", 3)


def test_changes_come_back_in_order_and_once(connection: sqlite3.Connection) -> None:
    assert changes_after(connection, 0) == (0, [])
    record(connection, [ONE, TWO, ONE])
    assert changes_after(connection, 0) == (2, [ONE, TWO])
    record(connection, [ONE])
    assert changes_after(connection, 2) == (3, [ONE])
    assert changes_after(connection, 3) == (3, [])
    assert last_seq(connection) == 3


def test_one_transaction_that_touches_very_much_says_everything(
    connection: sqlite3.Connection,
) -> None:
    many = [Change("device", mac) for mac in range(1, changelog.MOST_IN_ONE + 2)]
    assert record(connection, many) == [EVERYTHING]
    assert record(connection, [ONE, EVERYTHING, TWO]) == [EVERYTHING]
    assert changes_after(connection, 0) == (2, [EVERYTHING])


def test_who_fell_behind_the_trimmed_log_is_told_everything(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changelog, "KEPT", 2)
    record(connection, [ONE, TWO, THREE])
    trim(connection)
    assert changes_after(connection, 0) == (3, [EVERYTHING])
    assert changes_after(connection, 1) == (3, [TWO, THREE])


def test_a_log_that_ends_earlier_is_another_databases(
    connection: sqlite3.Connection,
) -> None:
    record(connection, [ONE])
    assert changes_after(connection, 10) == (1, [EVERYTHING])


def test_looking_for_news_costs_no_more_where_the_log_is_long(
    connection: sqlite3.Connection,
) -> None:
    def steps(rows: int) -> int:
        """Return how many instructions it takes once there are *rows* more."""
        record(connection, [Change("device", mac) for mac in range(1, rows + 1)])
        newest = last_seq(connection)
        with counting(connection) as taken:
            assert changes_after(connection, newest - 1)[0] == newest
            assert last_seq(connection) == newest
            return taken()

    assert steps(2) == steps(2_000)
