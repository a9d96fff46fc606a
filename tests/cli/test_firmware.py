"""``bootwave firmware``, above all its document."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Command

AT = "http://downloads.snom.com/fw/"
OLD = f'<firmware model="snom370" version="8.4.35">{AT}370-8.4.35.bin</firmware>'
NEW = OLD.replace("8.4.35", "8.5.36")


def document(*entries: str) -> str:
    lines = "".join(f" {entry}\n" for entry in entries)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f"<firmware-settings>\n{lines}</firmware-settings>\n"
    )


@pytest.fixture
def defined(store: Command) -> Command:
    """Run commands on a store in which snom370 is at 8.4.35 and snom320, too."""
    for model in ("370", "320"):
        url = f"{AT}{model}-8.4.35.bin"
        done = store("firmware", "set", f"snom{model}", "8.4.35", url)
        assert done.status == 0, done.err
    return store


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An editor that replaces 8.4.35 of the snom370 by what stands in a file."""
    script, becomes = tmp_path / "editor.py", tmp_path / "becomes"
    script.write_text(
        "import pathlib, sys\n"
        f"becomes = pathlib.Path({str(becomes)!r}).read_text()\n"
        "file = pathlib.Path(sys.argv[-1])\n"
        f"old = {OLD!r}\n"
        "assert old in file.read_text()\n"
        "file.write_text(file.read_text().replace(old, becomes))\n"
    )
    monkeypatch.setenv("EDITOR", f"'{sys.executable}' '{script}' --wait")
    monkeypatch.delenv("VISUAL", raising=False)
    return becomes


def test_who_goes_down_to_an_older_version_is_said(
    defined: Command, editor: Path
) -> None:
    down = "bootwave: Phones of snom370 were to run {} until now, which is newer than "
    first = down.format("8.4.35")
    done = defined("firmware", "set", "snom370", "8.4.30", AT + "370-8.4.30.bin")
    assert first + "8.4.30." in done.err
    done = defined("firmware", "set", "snom370", "8.4.35", AT + "370-8.4.35.bin")
    assert "until now" not in done.err
    done = defined("firmware", "pin", "8.4.30", "--model", "snom370")
    assert first + "8.4.30." in done.err
    defined("firmware", "unpin", "--model", "snom370")
    editor.write_text(OLD.replace("8.4.35", "8.4.20"))
    asked = defined("firmware", "edit")  # nobody is there to say yes
    assert first + "8.4.20." in asked.err
    file = editor.with_name("older.xml")
    file.write_text(document(OLD.replace("8.4.35", "8.4.20")))
    (said,) = defined("firmware", "import", file, "--json").json["warnings"]
    assert f"bootwave: {said}" == first + "8.4.20."


def test_what_was_set_is_listed_and_replaced(defined: Command) -> None:
    done = defined("firmware", "set", "snom370", "8.5.36", AT + "370-8.5.36.bin")
    assert "Set snom370 8.5.36 for all phones" in done.out
    assert "It replaces snom370 8.4.35." in done.err
    listed = defined("firmware", "list").out
    assert "snom370  8.5.36" in listed
    assert "snom320  8.4.35" in listed
    assert (
        "8.4.35.bin" not in defined("firmware", "list", "--device", "000413000001").out
    )
    assert defined("firmware", "unset", "snom370").out.startswith(
        "Unset snom370 8.5.36"
    )
    assert defined("firmware", "unset", "snom370").status == 1


def test_pins_and_what_is_forbidden_are_listed(defined: Command) -> None:
    assert (
        "keeps what it runs"
        in defined(
            *("firmware", "pin", "keep", "--model", "snom320"),
        ).out
    )
    assert (
        "Pinned snom370 to 8.4.35 for domain"
        in defined(
            *("firmware", "pin", "8.4.35", "--model", "snom370"),
            *("--domain", "pbx.example.com"),
        ).out
    )
    defined("firmware", "forbid", "snom370", "8.5.36", "--reason", "it loops")
    listed = defined("firmware", "list").out
    assert "pinned: snom320 keep" in listed
    assert "forbidden: snom370 8.5.36 it loops" in listed
    assert defined("firmware", "unpin", "--model", "snom320").status == 0
    assert defined("firmware", "permit", "snom370", "8.5.36").status == 0
    assert defined("firmware", "list", "--json").json["pins"] == []


def test_the_document_goes_out_and_in(defined: Command, tmp_path: Path) -> None:
    exported = defined("firmware", "export").out
    assert exported == document(
        OLD.replace("370", "320"),
        OLD,
    )
    file = tmp_path / "snom_3xx_fs.xml"
    file.write_text(document(NEW))
    tried = defined("firmware", "import", file, "--dry-run")
    assert tried.out == (
        f"- snom320 8.4.35 {AT}320-8.4.35.bin\n"
        f"- snom370 8.4.35 {AT}370-8.4.35.bin\n"
        f"+ snom370 8.5.36 {AT}370-8.5.36.bin\n"
    )
    assert defined("firmware", "export").out == exported
    assert defined("firmware", "import", file).status == 0
    assert defined("firmware", "export").out == document(NEW)
    file.write_bytes(document(OLD).encode("utf-16"))
    assert defined("firmware", "import", file).status == 0
    done = defined("firmware", "import", "-", stdin=document(NEW, OLD))
    assert done.status == 1
    assert "Line 4: snom370 has a version to run in line 3 already" in done.err
    assert defined("firmware", "import", tmp_path / "none").status == 1


def test_one_version_is_changed_in_the_editor(defined: Command, editor: Path) -> None:
    editor.write_text(NEW)
    done = defined("firmware", "edit", "--yes")
    assert done.status == 0, done.err
    assert done.out.splitlines()[:2] == [
        f"- snom370 8.4.35 {AT}370-8.4.35.bin",
        f"+ snom370 8.5.36 {AT}370-8.5.36.bin",
    ]
    assert "Saved: 2 definitions" in done.out
    assert NEW in defined("firmware", "export").out


def test_nobody_there_to_say_yes_saves_nothing(defined: Command, editor: Path) -> None:
    editor.write_text(NEW)
    done = defined("firmware", "edit")
    assert (done.status, done.err) == (1, "Nothing was saved.\n")
    assert OLD in defined("firmware", "export").out


def test_nothing_changed_is_nothing_saved(defined: Command, editor: Path) -> None:
    editor.write_text(OLD)
    done = defined("firmware", "edit")
    assert (done.status, done.out) == (0, "Nothing was changed.\n")
    assert defined("firmware", "edit", "--json").json["added"] == []


def test_a_wrong_document_is_told_with_its_line_and_not_saved(
    defined: Command, editor: Path
) -> None:
    editor.write_text(NEW.replace("model", "modell"))
    done = defined("firmware", "edit", "--yes")
    assert done.status == 1
    assert "Line 4: <firmware> has no modell" in done.err
    assert OLD in defined("firmware", "export").out


def test_an_editor_that_fails_saves_nothing(
    defined: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, sentence in (
        ("false", "The editor failed"),
        ("no-such-editor", "cannot be run"),
        ("'", "is no command"),
    ):
        monkeypatch.setenv("VISUAL", name)
        done = defined("firmware", "edit", "--yes")
        assert done.status == 1
        assert sentence in done.err


def test_at_a_terminal_it_is_asked_first(
    options_file: Path, defined: Command, editor: Path
) -> None:
    editor.write_text(NEW)
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "r+b", buffering=0) as terminal:
        process = subprocess.Popen(
            [sys.executable, "-m", "bootwave", "firmware", "edit"],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "TERM": "dumb"},
        )
        os.close(theirs)
        said = b""
        while b"Save? [y/N]" not in said:
            said += terminal.read(1000)
        terminal.write(b"y\n")
        assert process.wait(30) == 0
    assert NEW in defined("firmware", "export").out


def test_what_a_phone_would_be_told_is_said(defined: Command) -> None:
    done = defined("firmware", "explain", "8.4.18", "--model", "snom370")
    assert done.out == (
        f"snom370 8.4.18 is told snom370 8.4.35 ({AT}370-8.4.35.bin): "
        "it is told the next step.\n"
    )
    done = defined("firmware", "explain", "8.4.35", "--model", "snom370")
    assert "is told nothing: it runs this version already" in done.out
    defined("firmware", "set", "snom370", "7.3.30", AT + "7.bin", "--step")
    done = defined("firmware", "explain", "7.1.2", "--model", "snom370")
    assert "The way: 7.3.30, 8.4.35." in done.out


def test_one_scope_is_named(defined: Command) -> None:
    done = defined("firmware", "list", "--domain", "a", "--group", "b@a")
    assert done.status == 2
