import sqlite3
from pathlib import Path

import pytest

from bootwave.errors import SchemaTooNew, StoreConflict, StoreNotFound, StoreUnavailable
from bootwave.store.connection import (
    BUSY_SECONDS,
    connect,
    placeholders,
    transaction,
)

MODEL = "INSERT INTO models (name) VALUES (?)"


def value(connection: sqlite3.Connection, pragma: str) -> object:
    return connection.execute(f"PRAGMA {pragma}").fetchone()[0]


def test_a_commit_reaches_the_disk_before_it_returns(
    connection: sqlite3.Connection,
) -> None:
    assert value(connection, "journal_mode") == "wal"
    assert value(connection, "synchronous") == 2  # FULL
    assert value(connection, "foreign_keys") == 1
    assert connection.isolation_level is None


def test_a_read_only_connection_refuses_to_write(path: Path) -> None:
    connection = connect(path, read_only=True)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute(MODEL, ("snom370",))
    connection.close()


def test_connecting_never_makes_a_file(tmp_path: Path) -> None:
    with pytest.raises(StoreNotFound, match="bootwave init"):
        connect(tmp_path / "missing.db")
    assert not list(tmp_path.iterdir())


def test_odd_characters_in_the_path_are_part_of_its_name(path: Path) -> None:
    odd = path.with_name("a?mode=memory#%20.db")
    path.rename(odd)
    connect(odd).close()


def test_a_newer_schema_is_refused(path: Path, connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaTooNew):
        connect(path)


def test_a_transaction_is_all_or_nothing(connection: sqlite3.Connection) -> None:
    def fail() -> None:
        with transaction(connection):
            connection.execute(MODEL, ("snom370",))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not connection.in_transaction
    assert connection.execute("SELECT COUNT(*) FROM models").fetchone() == (0,)
    with transaction(connection):
        connection.execute(MODEL, ("snom370",))
    assert connection.execute("SELECT COUNT(*) FROM models").fetchone() == (1,)


def test_a_broken_constraint_is_a_conflict(connection: sqlite3.Connection) -> None:
    def insert_twice() -> None:
        with transaction(connection):
            connection.execute(MODEL, ("snom370",))
            connection.execute(MODEL, ("snom370",))

    with pytest.raises(StoreConflict, match="nothing was changed"):
        insert_twice()
    assert connection.execute("SELECT COUNT(*) FROM models").fetchone() == (0,)


def test_a_store_that_cannot_be_locked_is_unavailable(
    path: Path, connection: sqlite3.Connection
) -> None:
    other = connect(path)
    other.execute("BEGIN IMMEDIATE")
    connection.execute("PRAGMA busy_timeout = 0")
    with pytest.raises(StoreUnavailable, match="locked"), transaction(connection):
        raise AssertionError("the transaction did not begin")
    other.close()


def test_placeholders_are_made_from_a_count_only() -> None:
    assert placeholders(3) == "?, ?, ?"
    assert placeholders(1) == "?"


def test_a_reader_never_waits_for_a_lock_and_a_writer_does(
    path: Path, connection: sqlite3.Connection
) -> None:
    assert value(connection, "busy_timeout") == BUSY_SECONDS * 1000
    reading = connect(path, read_only=True, busy_seconds=0.25)
    assert value(reading, "busy_timeout") == 250
    reading.close()
