import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from bootwave.errors import OptionError
from bootwave.store.listing import pages
from bootwave.store.listing.pages import mac_range, place_of, read, text_range


@pytest.fixture
def accounts(add: Callable[..., None]) -> list[str]:
    names = [f"{number}@{d}.example.com" for d in "ab" for number in (401, 402, 1)]
    add(*names)
    return names


def walk(connection: sqlite3.Connection, limit: int, **how: Any) -> list[str]:
    """Every row, page by page: what a reader of them sees."""
    found: list[str] = []
    after = None
    while True:
        page = read(
            connection, "accounts", 0, equal={}, after=after, limit=limit, **how
        )
        assert len(page.rows) <= limit
        found += [f"{row[1]}@{row[2]}" for row in page.rows]
        if page.after is None:
            return found
        after = page.after


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 6, 7, 100])
@pytest.mark.parametrize("descending", [False, True])
def test_pages_of_any_size_make_the_whole_list(
    accounts: list[str],
    connection: sqlite3.Connection,
    limit: int,
    descending: bool,
) -> None:
    expected = sorted(accounts, key=lambda name: name.split("@"))
    if descending:
        expected.reverse()
    assert walk(connection, limit, descending=descending) == expected


def test_rows_that_are_passed_over_are_no_more(
    accounts: list[str], connection: sqlite3.Connection
) -> None:
    def of_a(row: tuple[Any, ...]) -> bool:
        return bool(row[2] == "a.example.com")

    for descending in (False, True):
        page = read(
            connection,
            "accounts",
            0,
            equal={},
            prefix=text_range("40"),
            limit=2,
            descending=descending,
            keep=of_a,
        )
        assert (len(page.rows), page.after) == (2, None)
    for limit in (1, 2, 3, 4):
        found = walk(connection, limit, keep=of_a)
        assert found == sorted(name for name in accounts if "@a" in name)


def test_a_prefix_narrows_every_page_down(
    accounts: list[str], connection: sqlite3.Connection
) -> None:
    for descending in (False, True):
        found = walk(connection, 1, prefix=text_range("4"), descending=descending)
        assert sorted(found) == sorted(n for n in accounts if n.startswith("4"))


def test_what_comes_in_between_two_pages_is_neither_doubled_nor_does_it_double(
    accounts: list[str], connection: sqlite3.Connection, add: Callable[..., None]
) -> None:
    first = read(connection, "accounts", 0, equal={}, limit=3)
    add("0@a.example.com", "499@a.example.com")
    second = read(connection, "accounts", 0, equal={}, after=first.after, limit=10)
    numbers = [row[1] for row in (*first.rows, *second.rows)]
    assert numbers == ["1", "1", "401", "401", "402", "402", "499"]


def test_rows_that_are_passed_over_do_not_end_the_list(
    accounts: list[str],
    connection: sqlite3.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pages, "_TOGETHER", 2)
    assert walk(connection, 2, keep=lambda row: row[1] == "402") == [
        "402@a.example.com",
        "402@b.example.com",
    ]
    # No more than so many are looked at for one page, which is then short.
    monkeypatch.setattr(pages, "MOST_READ", 2)
    page = read(connection, "accounts", 0, equal={}, keep=lambda row: False, limit=2)
    assert page.rows == []
    assert page.after is not None
    assert walk(connection, 2, keep=lambda row: row[1] == "402") == [
        "402@a.example.com",
        "402@b.example.com",
    ]


def test_an_order_is_found_by_sorting_and_filters() -> None:
    assert place_of("accounts", "", ()) == 0
    assert place_of("accounts", "number", ("domain", "number_prefix")) == 1
    assert place_of("accounts", "", ("name_prefix",)) == 2
    assert place_of("accounts", "name", ("domain",)) == 3


@pytest.mark.parametrize(
    ("resource", "sort", "filters"),
    [
        ("accounts", "mailbox", ()),
        ("accounts", "number", ("name_prefix",)),
        ("accounts", "", ("mac", "domain")),
        ("devices", "", ("model", "group")),
    ],
)
def test_what_no_index_carries_is_refused_with_what_one_does(
    resource: str, sort: str, filters: tuple[str, ...]
) -> None:
    with pytest.raises(OptionError, match="It can be sorted by"):
        place_of(resource, sort, filters)


def test_macs_begin_with_digits_however_they_are_separated() -> None:
    assert mac_range("00:04:13") == (0x000413000000, 0x000414000000)
    assert mac_range("0004132E08B4") == (0x0004132E08B4, 0x0004132E08B5)
    assert mac_range("") == (0, 1 << 48)
    assert mac_range("1") == (0x1 << 44, 0x2 << 44)
    for wrong in ("x", "0004132E08B4F", "00 04", "-1f-g"):
        with pytest.raises(OptionError):
            mac_range(wrong)
