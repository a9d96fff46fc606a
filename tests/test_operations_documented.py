"""Every operation stands in the manual with the arguments that it takes."""

import pytest

from bootwave.control.operations import OPERATIONS
from tools.gen_operations import BEGIN, END, PAGE, table, with_table


def test_the_manual_holds_the_operations_of_the_code() -> None:
    page = PAGE.read_text()
    assert page == with_table(page), "run .venv/bin/python tools/gen_operations.py"


def test_every_operation_has_one_row_of_three_cells() -> None:
    rows = [line for line in table().splitlines() if line.startswith("| `")]
    for op in OPERATIONS - {"bulk"}:
        assert [row.startswith(f"| `{op}` |") for row in rows].count(True) == 1
    for row in rows:
        assert row.replace("\\|", "").count("|") == 4
        assert "something else" not in row


@pytest.mark.parametrize("page", ["", BEGIN, END + BEGIN, (BEGIN + END) * 2])
def test_a_page_without_its_marks_is_refused(page: str) -> None:
    with pytest.raises(ValueError, match="once each"):
        with_table(page)
