"""bootwave store."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bootwave.store import keysources
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


def test_every_secret_gets_a_new_key(
    store: Command, options_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = options_file.parent / "bootwave.key"
    before = key.read_text().split()[0]
    done = store("store", "rekey")
    after = key.read_text().split()[0]
    assert done.out == f"1 secrets were sealed anew, with the key {after}.\n"
    assert f"Nothing needs {before} any more" in done.err
    assert "s3cret" in store("document", "0004132E08B4", "--reveal").out
    assert "try again in" in refused(store("store", "rekey", "--drop-old"))
    os.utime(key, (1, 1))
    assert f"Dropped {before}" in store("store", "rekey", "--drop-old").out
    assert store("store", "rekey", "--drop-old").out == "There is one key only.\n"
    assert len(key.read_text().splitlines()) == 1
    assert "s3cret" in store("document", "0004132E08B4", "--reveal").out
    actions = [row["action"] for row in store("audit", "list", "--json").json]
    assert actions[1:4] == ["key.dropped", "document.revealed", "key.changed"]


def test_a_key_can_be_made_for_elsewhere(run: Command) -> None:
    line = run("store", "rekey", "--new-key").out.split()
    assert (len(line), len(line[0])) == (2, 8)
    assert run("store", "rekey", "--new-key", "--json").json["line"].split() != line
    assert "not both" in refused(run("store", "rekey", "--new-key", "--drop-old"), 2)


def test_a_secret_that_cannot_be_opened_is_named(
    store: Command, options_file: Path
) -> None:
    connection = sqlite3.connect(options_file.with_name("bootwave.db"))
    connection.execute("UPDATE accounts SET sealed_password = x'0011223344'")
    connection.commit()
    connection.close()
    done = store("store", "rekey")
    assert (done.status, done.out[:9]) == (1, "0 secrets")
    assert "account/1" in done.err


def test_the_key_may_come_from_the_environment(
    run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keysources, "_from_environment", {})
    monkeypatch.setenv("BOOTWAVE_STORE__KEY", "env:BOOTWAVE_KEY")
    monkeypatch.setenv("BOOTWAVE_KEY", run("store", "rekey", "--new-key").out)
    place = tmp_path / "other"
    assert run("init", str(place)).status == 0
    assert not list(place.glob("*key*"))
    monkeypatch.setenv("BOOTWAVE_OPTIONS", str(place / "bootwave.toml"))
    assert run("domain", "add", "pbx.example.com").status == 0
    added = run("account", "add", "401@pbx.example.com", "--password", "s3cret")
    assert added.status == 0
    assert "--new-key" in refused(run("store", "rekey"))
    both = (
        run("store", "rekey", "--new-key").out
        + keysources.key_lines(Path("env:BOOTWAVE_KEY"))[0]
    )
    monkeypatch.setattr(keysources, "_from_environment", {"BOOTWAVE_KEY": both})
    assert run("store", "rekey").err.endswith(
        " any more: take it away from env:BOOTWAVE_KEY, and restart the engine.\n"
    )


@pytest.fixture
def given_to_the_command(
    store: Command, options_file: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], None]:
    """Have commands take the keys from a variable; the engine keeps its own."""

    def give(keys: str) -> None:
        monkeypatch.setattr(keysources, "_from_environment", {"BOOTWAVE_KEY": keys})
        monkeypatch.setenv("BOOTWAVE_STORE__KEY", "env:BOOTWAVE_KEY")

    return give


def test_nothing_is_sealed_with_a_key_that_the_engine_was_not_given(
    store: Command,
    options_file: Path,
    engine: list[Any],
    given_to_the_command: Callable[[str], None],
) -> None:
    old = options_file.with_name("bootwave.key").read_text()
    new = keysources.new_line()
    given_to_the_command(f"{new}\n{old}")
    assert refused(store("store", "rekey")) == (
        f"The engine seals with the key {old.split()[0]}, and {new.split()[0]} stands "
        "first in env:BOOTWAVE_KEY here: restart the engine with the keys in this "
        "order, or give this command them in the engine's."
    )
    given_to_the_command(f"{old}\n{new}")
    done = store("store", "rekey")
    assert done.out.startswith("0 secrets were sealed anew")
    assert done.err == (
        f"Nothing was sealed with {new.split()[0]}: if that is the new key, put its "
        "line first in env:BOOTWAVE_KEY, for the engine, too. Else take it away "
        "there, and restart the engine.\n"
    )
