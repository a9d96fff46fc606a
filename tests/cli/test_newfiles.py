"""Files that commands make: with their mode from the beginning, or not at all."""

import stat
from contextlib import ExitStack
from pathlib import Path

import pytest

from bootwave.cli.newfiles import make_directory, write_new
from bootwave.errors import OptionError


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


def test_a_directory_is_the_owners_alone_and_taken_away_when_it_was_made(
    tmp_path: Path,
) -> None:
    with ExitStack() as undo:
        make_directory(tmp_path / "place", undo)
        make_directory(tmp_path / "place", undo)
        assert stat.S_IMODE((tmp_path / "place").stat().st_mode) == 0o700
    assert not (tmp_path / "place").exists()
    assert tmp_path.is_dir()


def test_what_is_no_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"precious")
    with ExitStack() as undo:
        with pytest.raises(OptionError, match="is not a directory"):
            make_directory(tmp_path / "file", undo)
        with pytest.raises(OptionError, match="cannot be made"):
            make_directory(tmp_path / "file" / "below", undo)
    assert (tmp_path / "file").read_bytes() == b"precious"
