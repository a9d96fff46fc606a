from typing import Any

import pytest

from bootwave.errors import OperatorError, SettingError
from bootwave.store.bulk.importrows import checked_row

MAC = 0x0004132E08B4


def test_a_row_says_what_stands_in_it() -> None:
    row = checked_row(
        7,
        {"extension": "401", "password": "hunter2", "mac": "00:04:13:2e:08:b4 *"},
        "a.example.com",
    )
    assert str(row.account) == "401@a.example.com"
    assert (row.wildcard, row.macs) == ("*", (MAC,))
    assert row.given == ("password", "mac")
    assert "hunter2" not in repr(row)


def test_a_value_that_is_empty_is_given_all_the_same() -> None:
    row = checked_row(1, {"number": "401", "name": "", "mac": ""}, "a.example.com")
    assert row.given == ("name", "mac")
    assert row.macs == ()


@pytest.mark.parametrize(
    "row",
    [
        {"extension": "401", "mac": "* ?"},
        {"extension": "401", "mac": "00 04 13 2E 08 B4"},
        {"extension": "401", "mac": None, "name": 5},
        {"extension": ""},
        {"extension": "401", "domain": "@"},
        {"hunter2": "401"},
    ],
)
def test_a_wrong_row_is_refused_without_its_secrets(row: dict[str, Any]) -> None:
    with pytest.raises(OperatorError) as refused:
        checked_row(1, {**row, "password": "hunter2"}, "a.example.com")
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("row", [None, [], "hunter2", 5])
def test_a_row_that_is_no_object_is_refused(row: Any) -> None:
    with pytest.raises(SettingError, match="This line is no JSON object") as refused:
        checked_row(1, row, "a.example.com")
    assert "hunter2" not in str(refused.value)
