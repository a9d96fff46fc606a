"""bootwave account import: files as spreadsheets write them."""

import sys
from functools import partial
from pathlib import Path

import pytest

from bootwave.cli import importing
from bootwave.cli.progress import Progress
from tests.cli.conftest import Command
from tests.cli.test_main import refused
from tests.cli.test_progress import Terminal

TWO = (
    "extension,domain,name,password,mac\n"
    "501,pbx.example.com,Anna,p1,000413000501\n"
    '502,pbx.example.com,"Bob, the builder",p2,\n'
)


@pytest.mark.parametrize("way", ["file", "stdin"])
def test_a_file_or_standard_input_is_imported(
    store: Command, tmp_path: Path, way: str
) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(b"\xef\xbb\xbf" + TWO.encode())
    done = (
        store("account", "import", file)
        if way == "file"
        else store("account", "import", "-", stdin=TWO)
    )
    assert (done.status, done.err) == (0, "")
    assert done.out == "Stored: 2 added, 0 updated, 0 unchanged, 1 bound.\n"
    names = [one["name"] for one in store("account", "list", "--json").json]
    assert names == ["Anna", "Anna", "Bob, the builder"]
    assert ">p1</user_pass>" in store("document", "000413000501", "--reveal").out


def test_with_a_wrong_row_nothing_is_stored_on_request(store: Command) -> None:
    text = TWO + "503,pbx.example.com,C,p3,nonsense\n504,no.example.com,D,p4,\n"
    done = store("account", "import", "-", "--all-or-nothing", stdin=text)
    assert done.status == 1
    assert done.out == "Nothing was stored, because 2 rows are wrong.\n"
    assert done.err.splitlines()[0].startswith("row 3: 'nonsense' is not a MAC")
    assert done.err.splitlines()[1].startswith("row 4: There is no domain")
    assert len(store("account", "list", "--json").json) == 1


def test_right_rows_are_stored_and_wrong_ones_told(store: Command) -> None:
    text = TWO + "503,pbx.example.com,C,p3,nonsense\n"
    done = store("account", "import", "-", "--json", stdin=text)
    assert done.status == 1
    assert done.json["added"] == 2
    assert done.json["error_count"] == 1
    assert not done.json.keys() & {"more", "pause", "done", "total"}
    assert len(store("account", "list", "--json").json) == 3
    # Mended, the same file does the rest.
    text = text.replace("nonsense", "")
    done = store("account", "import", "-", "--update", stdin=text)
    assert done.out == "Stored: 1 added, 0 updated, 2 unchanged, 0 bound.\n"
    assert (done.status, done.err) == (0, "")


def test_a_dry_run_stores_nothing(store: Command) -> None:
    done = store("account", "import", "-", "--dry-run", stdin=TWO)
    assert done.out.startswith("Nothing was stored; it would be: 2 added")
    assert len(store("account", "list", "--json").json) == 1


def test_accounts_are_updated_on_request(store: Command) -> None:
    text = "extension,name\n401,New name\n"
    words = ["account", "import", "-", "--domain", "pbx.example.com"]
    assert "exists already" in store(*words, stdin=text).err
    assert store(*words, "--update", stdin=text).status == 0
    assert store("account", "list", "--json").json[0]["name"] == "New name"


def test_a_file_full_of_errors_is_cut(store: Command) -> None:
    text = "extension,domain,password\n" + "1,nowhere,p\n" * 30
    done = store("account", "import", "-", stdin=text)
    lines = done.err.splitlines()
    assert len(lines) == importing.SHOWN_ERRORS + 1
    assert lines[-1] == "… and 10 rows more, which --json shows."


def test_thousands_are_set_apart(store: Command) -> None:
    text = "extension,domain,password\n" + "1,nowhere,p\n" * 1_234
    done = store("account", "import", "-", "--all-or-nothing", stdin=text)
    assert done.out == "Nothing was stored, because 1,234 rows are wrong.\n"
    assert done.err.endswith("\n… and 1,214 rows more, which --json shows.\n")


def test_a_file_that_cannot_be_read_is_one_sentence(store: Command) -> None:
    assert "cannot be read" in refused(store("account", "import", "none.csv"))
    bad = store("account", "import", "-", stdin=b"extension\n\xe4\n")
    assert "is not UTF-8 (line 2)" in refused(bad)


def test_rows_with_too_many_values_are_told_with_all_that_is_wrong(
    store: Command,
) -> None:
    text = (
        "extension,domain,password\n"
        "501,pbx.example.com,p1,Smith; John\n"
        "5 02,pbx.example.com,p2\n"
        "503,pbx.example.com,p3\n"
        "504,pbx.example.com,p4,x,y\n"
    )
    done = store("account", "import", "-", stdin=text)
    assert done.status == 1
    assert done.out == "Stored: 1 added, 0 updated, 0 unchanged, 0 bound.\n"
    many, first, second, third = done.err.splitlines()
    assert many == "3 rows are wrong and were not stored:"
    assert first.startswith("row 1: Value 4 stands in no known column")
    assert "double quotes" in first
    assert second.startswith("row 2: '5 02' is not")
    assert third.startswith("row 4: Value 4 stands in no known column")
    assert "Smith" not in done.err


def test_a_file_without_a_heading_keeps_its_passwords_to_itself(
    store: Command,
) -> None:
    done = store("account", "import", "-", stdin="hunter2,401,pbx.example.com\n")
    assert "hunter2" not in refused(done)


@pytest.mark.parametrize("name", ["a.jsonl", "a.NDJSON", "-"])
def test_json_lines_are_imported(store: Command, tmp_path: Path, name: str) -> None:
    text = (
        '{"extension":"501","domain":"pbx.example.com","password":"p1"}\n'
        '{"extension":"502","domain":"pbx.example.com","password":"p2"}\n'
    )
    if name == "-":
        done = store("account", "import", "-", "--format", "jsonl", stdin=text)
    else:
        (tmp_path / name).write_text(text)
        done = store("account", "import", tmp_path / name)
    assert done.out == "Stored: 2 added, 0 updated, 0 unchanged, 0 bound.\n"


def test_how_much_of_a_large_file_is_read_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(importing, "Progress", partial(Progress, shown_after=0.0))
    file = tmp_path / "a.csv"
    file.write_bytes(b"x" * 200_000)
    pieces = importing._pieces(str(file))
    assert len(next(pieces)) == 65_536
    assert sum(map(len, pieces)) == 200_000 - 65_536
    assert "Reading" in screen.getvalue()
    assert "100%" in screen.getvalue()


def test_a_domain_becomes_what_a_file_says(store: Command, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("extension,name,password\n401,Anna,p1\n402,Bob,p2\n")
    words = ("account", "replace", "pbx.example.com", file)
    done = store(*words, "--dry-run")
    assert done.out.startswith("Nothing was stored; it would be: 1 added, 1 changed")
    done = store(*words, "--json")
    assert (done.json["added"], done.json["stored"]) == (1, True)
    done = store(*words)
    assert done.out.endswith("0 bound, 0 unbound, 2 same.\n")
    file.write_text("extension\n")
    assert "would remove 2 of the 2 accounts" in refused(store(*words))
    assert store(*words, "--most-removed", "2").status == 0
    assert store("account", "list", "--json").json == []
