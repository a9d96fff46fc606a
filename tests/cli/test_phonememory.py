"""The file of what simulated phones keep."""

import stat
from pathlib import Path

import pytest

from bootwave.cli.phonememory import load, save
from bootwave.errors import OptionError
from bootwave.wave.credentials import Credentials

MAC = 0x0004132E08B4


def test_what_is_saved_is_loaded_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "flash.json"
    assert load(path) == {}
    kept = {MAC: Credentials("anna", "secret")}
    for _ in range(2):
        save(path, kept)
        assert load(path) == kept
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"x": ["a", "b"]}',
        '{"0004132E08B4": ["a"]}',
        '{"0004132E08B4": [1, 2]}',
    ],
)
def test_another_file_is_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(text)
    with pytest.raises(OptionError, match="no memory of simulated phones"):
        load(path)


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="No such file"):
        save(tmp_path / "nowhere" / "flash.json", {})
