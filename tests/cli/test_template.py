"""The options file that init writes."""

import re
from pathlib import Path

from bootwave.cli.template import options_text
from bootwave.options import keys
from bootwave.optionsfile import inspect


def test_every_option_stands_in_the_file_and_none_is_set(tmp_path: Path) -> None:
    file = tmp_path / "bootwave.toml"
    file.write_text(options_text())
    found = inspect(file, {})
    assert found.problems == ()
    assert found.written == {}
    assert all(len(line) <= 88 for line in options_text().splitlines())


def test_taking_the_marks_away_sets_every_option_to_its_default(
    tmp_path: Path,
) -> None:
    file = tmp_path / "bootwave.toml"
    file.write_text(re.sub(r"^#(?! )", "", options_text(), flags=re.M))
    found = inspect(file, {})
    assert found.problems == ()
    assert set(found.written) == {key.name for key in keys()}
    untouched = inspect(tmp_path / "none.toml", {}).options
    assert found.options == untouched
