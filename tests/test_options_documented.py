"""The manual's page of options is the one the table makes."""

import runpy
from pathlib import Path

from bootwave.options import keys

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "options.md").read_text()


def test_the_page_is_what_its_generator_makes() -> None:
    made = runpy.run_path(str(ROOT / "tools" / "gen_options.py"))
    assert made["page"]() == PAGE, "run python tools/gen_options.py"
    assert "tools/gen_options.py" in PAGE.splitlines()[0]


def test_every_option_has_its_name_variable_and_help_in_the_manual() -> None:
    for key in keys():
        assert f"### {key.name}\n" in PAGE
        assert f"`{key.variable}`" in PAGE
        assert key.help.replace("|", "\\|") in PAGE
