"""bootwave store upgrade."""

import sqlite3
from pathlib import Path
from typing import Any

from tests.cli.conftest import Command
from tests.cli.test_main import refused


def test_a_store_of_this_version_is_left_alone(
    options_file: Path, run: Command
) -> None:
    done = run("store", "upgrade")
    assert (done.status, done.out) == (
        0,
        f"{options_file.parent / 'bootwave.db'} is as this version needs it.\n",
    )
    assert run("store", "upgrade", "--json").json["changed"] is False


def test_an_empty_store_is_upgraded(options_file: Path, run: Command) -> None:
    database = options_file.parent / "bootwave.db"
    database.unlink()
    sqlite3.connect(database).close()
    assert "upgrade" in refused(run("domain", "list"))
    assert run("store", "upgrade").out == f"{database} was upgraded.\n"
    assert run("domain", "list").status == 0


def test_a_running_engine_keeps_its_store(engine: list[Any], run: Command) -> None:
    assert "The engine is running" in refused(run("store", "upgrade"))
