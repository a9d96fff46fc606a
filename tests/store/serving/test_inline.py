import sqlite3
from pathlib import Path

import pytest

from bootwave.errors import StoreConflict, StoreNotFound
from bootwave.store.connection import connect
from bootwave.store.create import create
from bootwave.store.serving.inline import InlineWriter

ADD = "INSERT INTO models (name) VALUES (?)"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    create(tmp_path / "store.db")
    return tmp_path / "store.db"


def names(path: Path) -> list[str]:
    connection = connect(path, read_only=True)
    try:
        return [name for (name,) in connection.execute("SELECT name FROM models")]
    finally:
        connection.close()


def test_an_operation_is_committed_when_submit_returns(path: Path) -> None:
    writer = InlineWriter(path)

    def add(connection: sqlite3.Connection) -> str:
        connection.execute(ADD, ("snom370",))
        return "added"

    assert writer.submit(add).result() == "added"
    assert names(path) == ["snom370"]
    writer.close()


def test_a_conflict_undoes_its_operation_and_the_next_one_works(path: Path) -> None:
    writer = InlineWriter(path)

    def twice(connection: sqlite3.Connection) -> None:
        connection.execute(ADD, ("snom370",))
        connection.execute(ADD, ("snom370",))

    with pytest.raises(StoreConflict):
        writer.submit(twice).result()
    assert names(path) == []
    writer.submit(lambda connection: connection.execute(ADD, ("snom300",))).result()
    assert names(path) == ["snom300"]
    writer.close()


def test_a_store_that_is_missing_is_told_by_the_future(tmp_path: Path) -> None:
    writer = InlineWriter(tmp_path / "none.db")
    with pytest.raises(StoreNotFound):
        writer.submit(lambda connection: None).result()
