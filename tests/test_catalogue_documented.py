"""What is known of settings, names and keys stands in the manual, word for word."""

from pathlib import Path

import pytest

from bootwave.settings.catalogue import catalogue
from bootwave.settings.locales import languages, timezones, tones
from tools.gen_catalogue import (
    BEGIN,
    END,
    PAGES,
    keys_page,
    settings_page,
    with_tables,
)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_the_manual_holds_what_is_known(path: Path) -> None:
    page = path.read_text()
    assert page == with_tables(page, PAGES[path]()), (
        "run .venv/bin/python tools/gen_catalogue.py"
    )


def test_every_setting_and_code_has_its_place() -> None:
    page = settings_page()
    for name in catalogue().known:
        assert f"`{name}`" in page
    for places in (timezones(), tones(), languages()):
        for code in places.by_code:
            assert f"| `{code}` |" in page


def test_no_cell_breaks_a_table() -> None:
    for page in (settings_page(), keys_page()):
        rows = [line for line in page.splitlines() if line.startswith("|")]
        assert {row.count("|") for row in rows} <= {4, 5}


@pytest.mark.parametrize("page", ["", BEGIN, END + BEGIN, (BEGIN + END) * 2])
def test_a_page_without_its_marks_is_refused(page: str) -> None:
    with pytest.raises(ValueError, match="once each"):
        with_tables(page, "")
