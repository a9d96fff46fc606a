import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from bootwave.errors import OptionError
from bootwave.store import keysources
from bootwave.store.keysources import (
    is_file,
    key_lines,
    make_file,
    new_line,
    replace_file,
    version,
)

ENVIRONMENT = Path("env:TEST_KEY_OF_BOOTWAVE")


@pytest.fixture
def variable(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(keysources, "_from_environment", {})
    line = new_line()
    monkeypatch.setenv("TEST_KEY_OF_BOOTWAVE", line)
    return line


def test_new_keys_differ() -> None:
    assert new_line() != new_line()


def test_a_variable_is_read_once_and_is_gone(variable: str) -> None:
    assert key_lines(ENVIRONMENT) == [variable]
    assert "TEST_KEY_OF_BOOTWAVE" not in os.environ
    assert key_lines(ENVIRONMENT) == [variable]
    assert not is_file(ENVIRONMENT)
    assert version(ENVIRONMENT) is None


def test_several_keys_stand_in_one_variable(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = new_line()
    monkeypatch.setenv("TEST_KEY_OF_BOOTWAVE", f"{other} {variable}\n")
    assert key_lines(ENVIRONMENT) == [other, variable]


def test_a_variable_that_is_not_set_is_told(variable: str) -> None:
    with pytest.raises(OptionError, match="TEST_OTHER, which is empty"):
        key_lines(Path("env:TEST_OTHER"))
    for name in ("", "A B", "1=2"):
        with pytest.raises(OptionError, match="names no variable: write env:NAME"):
            key_lines(Path(f"env:{name}"))


def test_neither_proc_nor_a_child_shows_what_was_in_the_variable() -> None:
    program = """
import subprocess, sys
from pathlib import Path
from bootwave.store.secrets import KeyRing
KeyRing.load(Path("env:TEST_KEY_OF_BOOTWAVE"))
own = Path("/proc/self/environ").read_bytes()
child = subprocess.run(["cat", "/proc/self/environ"], capture_output=True).stdout
sys.stdout.buffer.write(own + child)
"""
    line = new_line()
    environ = {**os.environ, "TEST_KEY_OF_BOOTWAVE": line}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environ, capture_output=True, check=True
    )
    assert line.split()[1].encode() not in done.stdout
    assert b"PATH=" in done.stdout


def test_a_credential_of_systemd_is_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Path("credential:bootwave.key")
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    with pytest.raises(OptionError, match="LoadCredential="):
        key_lines(source)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    with pytest.raises(OptionError) as raised:
        key_lines(source)
    assert str(raised.value) == (
        f"The credential 'bootwave.key', {tmp_path / 'bootwave.key'}, cannot be read "
        "(No such file or directory): see LoadCredential= in the unit and the file "
        "that it names; every password is sealed with the keys in it."
    )
    (tmp_path / "bootwave.key").write_bytes(b"\xff")
    with pytest.raises(OptionError, match=r"^The credential 'bootwave.key'.*damaged"):
        key_lines(source)
    line = new_line()
    (tmp_path / "bootwave.key").write_text(line + "\n")
    (tmp_path / "bootwave.key").chmod(0o440)  # as systemd makes it, with an ACL
    assert key_lines(source) == [line]
    for name in ("", "../key", "a/b"):
        with pytest.raises(OptionError, match="names no credential: write credential:"):
            key_lines(Path(f"credential:{name}"))
    assert not is_file(source)


def test_a_file_that_cannot_be_read_is_told_as_what_init_made(tmp_path: Path) -> None:
    path = tmp_path / "bootwave.key"
    with pytest.raises(OptionError) as raised:
        key_lines(path)
    assert str(raised.value) == (
        f"The key file {path} cannot be read (No such file or directory): it was made "
        "by bootwave init and every password is sealed with it, so restore it from a "
        "copy."
    )
    path.write_bytes(b"\xff")
    path.chmod(0o600)
    with pytest.raises(OptionError, match=r"^The key file .* is damaged: restore it"):
        key_lines(path)


def test_only_a_file_is_made(tmp_path: Path) -> None:
    for source in (ENVIRONMENT, Path("credential:x")):
        with pytest.raises(OptionError, match="is no file"):
            make_file(source, [new_line()])
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_replaced_whole_and_stays_private(tmp_path: Path) -> None:
    path = tmp_path / "bootwave.key"
    one, two = new_line(), new_line()
    make_file(path, [one])
    before = version(path)
    replace_file(path, [two, one])
    assert key_lines(path) == [two, one]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert version(path) != before
    assert [entry.name for entry in tmp_path.iterdir()] == ["bootwave.key"]


def test_a_file_that_cannot_be_replaced_stays(tmp_path: Path) -> None:
    missing = tmp_path / "missing.key"
    with pytest.raises(OptionError, match="cannot be replaced"):
        replace_file(missing, [new_line()])
    assert version(missing) is None
    assert list(tmp_path.iterdir()) == []
