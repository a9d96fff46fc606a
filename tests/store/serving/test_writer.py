import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from bootwave.errors import StoreConflict, StoreUnavailable
from bootwave.store.connection import connect
from bootwave.store.serving import writer as module
from bootwave.store.serving.writer import Writer

MODEL = "INSERT INTO models (name) VALUES (?)"


def insert(name: str) -> Any:
    def operation(connection: sqlite3.Connection) -> str:
        connection.execute(MODEL, (name,))
        return name

    return operation


def names(connection: sqlite3.Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM models")}


class Gate:
    """An operation that holds the writer's group open."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.leave = threading.Event()

    def __call__(self, connection: sqlite3.Connection) -> None:
        self.entered.set()
        assert self.leave.wait(30)


@pytest.fixture
def writer(path: Path) -> Iterator[Writer]:
    made = Writer(path)
    made.start()
    yield made
    made.stop()


def results(futures: list[Future[Any]]) -> list[Any]:
    return [future.result(30) for future in futures]


def test_a_result_is_set_after_its_commit(
    writer: Writer, connection: sqlite3.Connection
) -> None:
    assert writer.submit(insert("a")).result(30) == "a"
    assert names(connection) == {"a"}


def test_operations_that_wait_share_one_commit(
    path: Path, connection: sqlite3.Connection
) -> None:
    writer = Writer(path)
    seen: list[int] = []

    def count(own: sqlite3.Connection) -> None:
        seen.append(own.total_changes)
        insert(str(len(seen)))(own)

    futures = [writer.submit(count) for _ in range(50)]
    writer.start()
    results(futures)
    writer.stop()
    # All on one connection, and nobody else saw any before all were there.
    assert seen == list(range(50))
    assert len(names(connection)) == 50


def test_what_one_operation_raises_undoes_only_its_own_writes(
    path: Path, connection: sqlite3.Connection
) -> None:
    writer = Writer(path)

    def fail(own: sqlite3.Connection) -> None:
        insert("lost")(own)
        raise ZeroDivisionError

    before, failed, after = map(writer.submit, (insert("a"), fail, insert("b")))
    writer.start()
    assert before.result(30) == "a"
    with pytest.raises(ZeroDivisionError):
        failed.result(30)
    assert after.result(30) == "b"
    writer.stop()
    assert names(connection) == {"a", "b"}


def test_a_broken_constraint_is_the_operations_own_conflict(
    writer: Writer, connection: sqlite3.Connection
) -> None:
    writer.submit(insert("a")).result(30)
    with pytest.raises(StoreConflict):
        writer.submit(insert("a")).result(30)
    assert writer.submit(insert("b")).result(30) == "b"


class Failing:
    """A connection whose statement *sql* fails, once."""

    def __init__(self, connection: sqlite3.Connection, sql: str) -> None:
        self._connection = connection
        self._sql = sql

    def execute(self, sql: str, *values: Any) -> Any:
        if sql == self._sql:
            self._sql = ""
            raise sqlite3.OperationalError("disk I/O error")
        return self._connection.execute(sql, *values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


@pytest.mark.parametrize(
    "sql", ["BEGIN IMMEDIATE", "SAVEPOINT operation", "RELEASE operation", "COMMIT"]
)
def test_a_failing_database_fails_the_whole_group_and_is_opened_again(
    path: Path,
    connection: sqlite3.Connection,
    monkeypatch: pytest.MonkeyPatch,
    sql: str,
) -> None:
    opened: list[Failing] = []

    def failing(path: Path) -> Any:
        opened.append(Failing(connect(path), "" if opened else sql))
        return opened[-1]

    monkeypatch.setattr(module, "connect", failing)
    writer = Writer(path)
    futures = [writer.submit(insert(name)) for name in "abc"]
    writer.start()
    for future in futures:
        with pytest.raises(StoreUnavailable, match="disk I/O"):
            future.result(30)
    assert names(connection) == set()
    assert writer.submit(insert("d")).result(30) == "d"
    assert len(opened) == 2
    writer.stop()
    assert names(connection) == {"d"}


def test_a_database_that_fails_inside_an_operation_fails_the_group(
    path: Path, connection: sqlite3.Connection
) -> None:
    writer = Writer(path)

    def fail(own: sqlite3.Connection) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    good, bad = writer.submit(insert("a")), writer.submit(fail)
    writer.start()
    for future in (good, bad):
        with pytest.raises(StoreUnavailable, match="full"):
            future.result(30)
    assert writer.submit(insert("b")).result(30) == "b"
    writer.stop()
    assert names(connection) == {"b"}


def test_a_missing_database_is_unavailable_until_it_is_back(path: Path) -> None:
    away = path.with_name("away.db")
    path.rename(away)
    writer = Writer(path)
    writer.start()
    with pytest.raises(StoreUnavailable):
        writer.submit(insert("a")).result(30)
    away.rename(path)
    assert writer.submit(insert("a")).result(30) == "a"
    writer.stop()


def test_a_full_queue_refuses_and_never_blocks(path: Path) -> None:
    writer = Writer(path, queued=2)
    gate = Gate()
    writer.start()
    first = writer.submit(gate)
    assert gate.entered.wait(30)
    waiting = [writer.submit(insert("a")), writer.submit(insert("b"))]
    with pytest.raises(StoreUnavailable, match="waiting"):
        writer.submit(insert("c")).result(0)
    gate.leave.set()
    first.result(30)
    assert results(waiting) == ["a", "b"]
    writer.stop()


def test_stopping_finishes_what_waits_and_refuses_what_comes(
    path: Path, connection: sqlite3.Connection
) -> None:
    writer = Writer(path, group=3)
    futures = [writer.submit(insert(str(number))) for number in range(20)]
    writer.start()
    writer.stop()
    assert results(futures) == [str(number) for number in range(20)]
    assert len(names(connection)) == 20
    with pytest.raises(StoreUnavailable, match="stopped"):
        writer.submit(insert("late")).result(0)
    writer.stop()


def test_a_writer_that_never_started_stops_and_fails_what_waits(path: Path) -> None:
    writer = Writer(path)
    future = writer.submit(insert("a"))
    writer.stop()
    with pytest.raises(StoreUnavailable, match="stopped"):
        future.result(0)


def test_an_operation_nobody_waits_for_any_more_is_not_run(
    path: Path, connection: sqlite3.Connection
) -> None:
    writer = Writer(path)
    future = writer.submit(insert("a"))
    assert future.cancel()
    writer.start()
    writer.submit(insert("b")).result(30)
    writer.stop()
    assert names(connection) == {"b"}


def test_the_change_log_is_trimmed_along_the_way(
    path: Path, connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_TRIM_EVERY", 1)
    monkeypatch.setattr("bootwave.store.changelog.KEPT", 5)
    writer = Writer(path)
    writer.start()
    for number in range(1, 11):
        writer.submit(
            lambda own, number=number: own.execute(
                "INSERT INTO changes (kind, key) VALUES ('device', ?)", (number,)
            ).fetchall()
        ).result(30)
    writer.stop()
    rows = connection.execute("SELECT key FROM changes ORDER BY seq").fetchall()
    assert [key for (key,) in rows] == [6, 7, 8, 9, 10]
