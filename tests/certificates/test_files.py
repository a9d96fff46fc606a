"""Files are read whole, and only up to a bound."""

from pathlib import Path

import pytest

from bootwave.certificates.files import is_missing, is_open_to_others, read
from bootwave.errors import OptionError


def test_a_file_is_read_up_to_its_bound(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert read(path, 5, "https.crls") == b"12345"
    with pytest.raises(OptionError, match=r"of https\.crls is larger than 4 bytes\.$"):
        read(path, 4, "https.crls")


def test_what_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"of https\.crls cannot be read: No such"):
        read(tmp_path / "missing", 5, "https.crls")
    with pytest.raises(OptionError, match="cannot be read: Is a directory"):
        read(tmp_path, 5, "https.crls")
    with pytest.raises(OptionError, match=r"of https\.crls names no file"):
        read(tmp_path / "a\0b", 5, "https.crls")


def test_the_mode_tells_who_may_read(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"")
    for mode, is_open in ((0o600, False), (0o640, False), (0o644, True)):
        path.chmod(mode)
        assert is_open_to_others(path) is is_open


def test_only_what_is_not_there_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "server.pem"
    assert is_missing(path)
    path.touch()
    assert not is_missing(path)
    assert is_missing(path / "below a file")
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert not is_missing(loop)
    assert not is_missing(tmp_path / ("x" * 300))
    assert not is_missing(tmp_path / "a\0b")
