from typing import Any

import pytest

from bootwave.errors import OperatorError, SettingError
from bootwave.store.bulk.importrows import SURPLUS, checked_row

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


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ({"extension": 402}, "The value of extension must be text"),
        ({"extension": "402", "mailbox": 0}, "The value of mailbox must be text"),
        ({"extension": "402", "mac": []}, "The value of mac must be text"),
        ({"extension": "402", "colour": "red"}, "Value 2 has no name that is known"),
        ({"extension": "402", "colour": 5}, "Value 2 has no name that is known"),
        ({"extension": "402", "": "x"}, "Value 2 has no name that is known"),
        ({"extension": "402", SURPLUS: ""}, "Value 2 stands in no known column"),
        ({"extension": "402", None: ["x"]}, "Value 2 stands in no known column"),
    ],
)
def test_what_is_wrong_with_a_row_is_told_by_the_place(
    row: dict[Any, Any], sentence: str
) -> None:
    with pytest.raises(SettingError, match=f"^{sentence}") as refused:
        checked_row(1, row, "a.example.com")
    assert ("heading" in str(refused.value)) is (SURPLUS in row or None in row)


def test_a_value_that_is_none_is_empty() -> None:
    values: dict[str, Any] = {"extension": "401", "name": None}
    assert checked_row(1, values, "a.example.com").display_name == ""
