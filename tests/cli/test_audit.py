"""bootwave audit."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from bootwave.cli import rows as audit_rows
from bootwave.control.actors import this_actor
from tests.cli.conftest import Command
from tests.cli.test_main import refused


def change(options_file: Path, statement: str) -> None:
    connection = sqlite3.connect(options_file.with_name("bootwave.db"))
    connection.execute(statement)
    connection.commit()
    connection.close()


def test_who_did_what_is_listed_newest_first(store: Command) -> None:
    store("window", "open", "401@pbx.example.com", "--minutes", "2")
    heading, first, *_ = store("audit", "list").out.splitlines()
    assert heading.split() == ["number", "when", "who", "what", "of", "more"]
    assert f"  {this_actor()}  window.opened  401@pbx.example.com  " in first
    assert first.endswith("minutes 2, opening 1")
    rows = store("audit", "list", "--json").json
    assert [row["action"] for row in rows] == [
        "window.opened",
        "account.bound",
        "account.added",
        "domain.added",
        "setup.link",  # of init
    ]
    assert "s3cret" not in repr(rows)


def test_an_engine_tells_who_asked_it(store: Command, engine: list[Any]) -> None:
    store("window", "open", "401@pbx.example.com")
    (row,) = store("audit", "list", "--limit", "1", "--json").json
    assert (row["actor"], row["action"]) == (this_actor(), "window.opened")


def test_rows_are_chosen(store: Command) -> None:
    def actions(*words: str) -> list[str]:
        return [row["action"] for row in store("audit", "list", "--json", *words).json]

    assert actions("--actor", "nobody") == []
    assert actions("--subject", "401@") == ["account.bound", "account.added"]
    assert actions("--since", "1h", "--limit", "1") == ["account.bound"]
    assert actions("--since", "2999-01-01") == []
    assert actions("--since", "2020-01-01T10:00", "--subject", "pbx") != []
    assert "holds no such row" in store("audit", "list", "--actor", "nobody").err
    assert "does not understand" in refused(store("audit", "list", "--since", "x"), 2)


def test_a_log_that_is_whole_says_so_and_its_head(store: Command) -> None:
    done = store("audit", "verify")
    whole, head = done.out.splitlines()
    assert (done.status, whole) == (0, "The audit log is whole: rows 1 to 4.")
    assert "--head" in done.err
    remembered = head.removeprefix("head: ")
    store("window", "open", "401@pbx.example.com")
    again = store("audit", "verify", "--head", remembered)
    assert (again.status, again.err) == (0, "")
    assert store("audit", "verify", "--json").json["whole"]


def test_a_log_that_was_changed_is_told_by_the_exit_status(
    store: Command, options_file: Path
) -> None:
    head = store("audit", "verify", "--json").json["head"]
    change(options_file, "UPDATE audit SET subject = 'x' WHERE seq = 2")
    done = store("audit", "verify")
    assert done.status == 3
    assert done.out.splitlines() == [
        "Broken at row 2: it was changed after it was written.",
        "Row 1 is whole.",
    ]
    assert store("audit", "verify", "--json").json["broken_at"] == 2
    change(options_file, "DELETE FROM audit WHERE seq > 1")
    assert store("audit", "verify").status == 0
    cut = store("audit", "verify", "--head", head)
    assert cut.status == 3
    assert "its end was cut off" in cut.out


def test_what_is_whole_behind_a_missing_beginning_is_told(
    store: Command, options_file: Path
) -> None:
    change(options_file, "DELETE FROM audit WHERE seq = 1")
    done = store("audit", "verify")
    assert done.status == 3
    broken, whole = done.out.splitlines()
    assert broken.startswith("Broken at row 2: the rows before it are gone")
    assert whole == "Rows 2 to 4 are whole."


def test_an_empty_log_is_no_fault(run: Command, options_file: Path) -> None:
    change(options_file, "DELETE FROM audit")
    assert run("audit", "verify").out == "The audit log is empty.\n"


def test_what_is_no_head_is_not_looked_for(store: Command) -> None:
    for text in ("abc", "z" * 64, "0" * 65):
        sentence = refused(store("audit", "verify", "--head", text), 2)
        assert "is no head: give the 64 hex digits that bootwave audit" in sentence
    head = store("audit", "verify", "--json").json["head"]
    assert store("audit", "verify", "--head", f" {head.upper()} ").status == 0


def test_as_many_rows_are_listed_as_are_asked_for_and_no_others(
    store: Command, options_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        f"({n}, {n}, 'eve', 'x', 'S{n}', '{{}}', x'', x'')" for n in range(10, 5000)
    ]
    change(
        options_file,
        "INSERT INTO audit (seq, at, actor, action, subject, detail, previous, hash) "
        f"VALUES {', '.join(rows)}",
    )

    def numbers(*words: str) -> list[int]:
        return [row["seq"] for row in store("audit", "list", *words, "--json").json]

    assert numbers("--limit", "4980") == [*range(4999, 19, -1)]
    assert len(numbers("--limit", "20000")) == 4_990 + 4
    assert len(numbers()) == 100
    assert numbers("--subject", "s4999") == [4999]
    assert numbers("--actor", "eve", "--limit", "2") == [4999, 4998]
    monkeypatch.setattr(audit_rows, "PAGE", 7)
    assert numbers("--limit", "15") == [*range(4999, 4984, -1)]
    table = store("audit", "list", "--limit", "9").out.splitlines()
    assert [row.split()[0] for row in table[1:]] == [
        str(n) for n in range(4999, 4990, -1)
    ]
