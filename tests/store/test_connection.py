import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from bootwave.errors import SchemaTooNew, StoreConflict, StoreNotFound, StoreUnavailable
from bootwave.store import reader as reader_module
from bootwave.store.connection import (
    BUSY_SECONDS,
    connect,
    placeholders,
    transaction,
)
from bootwave.store.reader import PATIENCE_SECONDS, Reader

CONNECTING = (
    "import sys; from pathlib import Path; from bootwave.store.connection import "
    "connect; path = Path(sys.argv[1])"
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


def test_a_reader_waits_for_who_has_the_store_to_itself_for_a_moment(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As a connection has it that is being closed, which is too short to be hit.
    monkeypatch.setattr(reader_module, "PATIENCE_SECONDS", 30.0)
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN IMMEDIATE")
    closing = threading.Timer(0.1, other.close)
    closing.start()
    reader = Reader(path)
    assert reader.devices([1]) == {}
    reader.close()
    closing.join()


def test_a_reader_of_a_locked_store_is_told_that_it_is_unavailable(path: Path) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN IMMEDIATE")
    reader = Reader(path)
    with pytest.raises(StoreUnavailable, match="locked"):
        reader.devices([1])
    # Who waited in vain once keeps phones waiting no more.
    began = time.monotonic()
    for _ in range(10):
        with pytest.raises(StoreUnavailable, match="locked"):
            reader.devices([1])
    assert time.monotonic() - began < 10 * PATIENCE_SECONDS / 2
    other.close()
    assert reader.devices([1]) == {}
    reader.close()


def test_a_reader_opens_while_others_close(path: Path) -> None:
    """Even when somebody always does: a roll closes what old workers had open."""
    stay = "kept = connect(path); print(flush=True); input()"
    close = "print(flush=True); [connect(path).close() for _ in iter(int, 1)]"
    # Programs of their own: a forked child believes that it has its parent's locks.
    others = [
        subprocess.Popen(
            [sys.executable, "-c", f"{CONNECTING}; {what}", str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for what in (stay, close, close)
    ]
    try:
        for other in others:
            assert other.stdout is not None
            other.stdout.readline()
        for _ in range(300):
            reader = Reader(path)
            assert reader.devices([1]) == {}
            reader.close()
    finally:
        for other in others:
            other.kill()
            other.communicate()
