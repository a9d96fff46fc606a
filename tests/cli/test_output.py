"""Tables, and text that cannot move the cursor."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootwave.cli.output import (
    called,
    duration,
    moment,
    print_json,
    print_json_rows,
    print_table,
    printable,
)


def test_columns_are_aligned_by_what_they_take_on_a_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_table(
        ("name", "n"), [("日本", 1), ("a\u0308b", 22), ("x", None)], empty="none"
    )
    assert capsys.readouterr().out == "name  n\n日本  1\na\u0308b    22\nx\n"


def test_an_empty_table_is_a_hint_beside_the_data(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_table(("a",), [], empty="There is nothing.")
    assert capsys.readouterr() == ("", "There is nothing.\n")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("ok ä €", "ok ä €"),
        ("a\x1b[2Jb\n", "a\\x1b[2Jb\\x0a"),
        ("\u202e", "\\x202e"),
        (None, ""),
        (True, "yes"),
        (False, ""),
        (0, "0"),
    ],
)
def test_only_printable_characters_are_printed(value: object, text: str) -> None:
    assert printable(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.6, "1 min"),
        (598, "9 min 58 s"),
        (600, "10 min"),
        (7500, "2 h 5 min"),
        (86400, "24 h"),
    ],
)
def test_durations_are_said_as_people_do(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_moment_is_local_time(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "UTC-2")
    time.tzset()
    try:
        assert moment(0) == "1970-01-01 02:00:00"
    finally:
        monkeypatch.undo()
        time.tzset()
    assert moment(None) == ""


def test_json_keeps_every_letter(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"name": "Änne 日本"})
    assert capsys.readouterr().out == '{\n  "name": "Änne 日本"\n}\n'


def test_a_command_says_how_to_call_it_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "bin" / "bootwave"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(program)])
    monkeypatch.setenv("PATH", str(program.parent))
    assert called() == "bootwave"
    monkeypatch.setenv("PATH", "/nowhere")
    assert called() == "bin/bootwave"
    monkeypatch.setattr(sys, "argv", ["/usr/lib/python3/bootwave/__main__.py"])
    assert called() == "bootwave"


def test_a_table_fits_the_terminal_and_is_not_broken_elsewhere(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    row = ("0004132E08B4", "a sentence of some length, which nobody has to read")
    monkeypatch.setenv("COLUMNS", "40")
    print_table(("phone", "said"), [row], empty="")
    assert len(capsys.readouterr().out.splitlines()) == 2
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    print_table(("phone", "said"), [row], empty="")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert max(map(len, lines)) <= 40


@pytest.mark.parametrize("many", [0, 1, 2, 999, 1_000, 1_001, 2_500])
def test_rows_are_printed_as_they_come_as_a_list_of_them_is(
    capsys: pytest.CaptureFixture[str], many: int
) -> None:
    rows = [{"name": "Änne", "bound": [], "of": [{"at": n}]} for n in range(many)]
    print_json(rows)
    whole = capsys.readouterr().out
    print_json_rows(iter(rows))
    assert capsys.readouterr().out == whole


def test_a_list_that_fails_in_the_middle_is_no_list(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def rows() -> Iterator[int]:
        yield from range(1_000)
        raise OSError("the engine went away")

    with pytest.raises(OSError, match="went away"):
        print_json_rows(rows())
    begun = capsys.readouterr().out
    assert begun.startswith("[\n  0,\n")
    with pytest.raises(json.JSONDecodeError):
        json.loads(begun)
