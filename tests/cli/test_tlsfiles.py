"""Files that commands make: with their mode from the beginning, or not at all."""

import stat
from contextlib import ExitStack
from pathlib import Path

import pytest

from bootwave.cli.tlsfiles import own_names, self_signed_files, write_new
from bootwave.errors import OptionError
from bootwave.server import interfaces
from tests.certificates.authorities import NOW


def test_a_file_is_the_owners_alone_and_can_be_undone(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    with ExitStack() as undo:
        write_new(path, b"secret", undo)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.read_bytes() == b"secret"
    assert not path.exists()


def test_what_exists_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(b"precious")
    with ExitStack() as undo, pytest.raises(OptionError, match="exists already"):
        write_new(path, b"new", undo)
    assert path.read_bytes() == b"precious"
    with ExitStack() as undo, pytest.raises(OptionError, match="cannot be made"):
        write_new(tmp_path / "missing" / "key.pem", b"new", undo)


def test_the_names_are_those_this_machine_is_reached_by(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = own_names()
    assert "localhost" in names
    assert "127.0.0.1" in names
    assert not any(name.startswith("fe80") for name in names)
    assert len(names) == len(set(names))

    def sandboxed() -> list[interfaces.Interface]:
        raise OSError

    monkeypatch.setattr(interfaces, "list_interfaces", sandboxed)
    assert "localhost" in own_names()


def test_one_file_of_each_kind_is_made(tmp_path: Path) -> None:
    paths = tuple(tmp_path / name for name in ("a", "b", "c"))
    made = self_signed_files(paths, NOW)
    assert list(made) == list(paths[:2])
    assert len(made[paths[0]]) > len(made[paths[1]])  # RSA's are longer
