"""Every reason that can stand in a time-line stands in the manual, word for word."""

import pytest

from bootwave.sightings import Reason
from tools.gen_reasons import BEGIN, END, PAGE, tables, with_tables


def test_the_manual_holds_the_reasons_of_the_code() -> None:
    page = PAGE.read_text()
    assert page == with_tables(page), "run .venv/bin/python tools/gen_reasons.py"


def test_every_reason_has_one_row() -> None:
    rows = [line for line in tables().splitlines() if line.startswith("| ")]
    for reason in Reason:
        assert [row.startswith(f"| {reason.value} |") for row in rows].count(True) == 1


def test_no_sentence_breaks_the_table() -> None:
    for reason in Reason:
        assert "|" not in reason.sentence + reason.advice
        assert "\n" not in reason.sentence + reason.advice


@pytest.mark.parametrize("page", ["", BEGIN, END + BEGIN, (BEGIN + END) * 2])
def test_a_page_without_its_marks_is_refused(page: str) -> None:
    with pytest.raises(ValueError, match="once each"):
        with_tables(page)
