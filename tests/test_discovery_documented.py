"""What the manual says of finding the server is what the data and the code say."""

import pytest

from bootwave.phone.models import known_models
from tools.gen_discovery import BEGIN, END, PAGE, table, with_table


def test_the_manual_holds_the_web_pages_of_the_table() -> None:
    page = PAGE.read_text()
    assert page == with_table(page), "run .venv/bin/python tools/gen_discovery.py"


def test_every_model_stands_in_one_row() -> None:
    rows = [line for line in table().splitlines() if line.startswith("| ")][2:]
    for model in known_models().values():
        title = model.title.removeprefix("snom ")
        cells = [row.split(" | ")[0].partition(": ")[2].split(", ") for row in rows]
        assert [title in titles for titles in cells].count(True) == 1


@pytest.mark.parametrize("page", ["", BEGIN, END + BEGIN, (BEGIN + END) * 2])
def test_a_page_without_its_marks_is_refused(page: str) -> None:
    with pytest.raises(ValueError, match="once each"):
        with_table(page)
