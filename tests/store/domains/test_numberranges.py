"""Accounts by numbers and ranges, against a plain reading of them."""

import sqlite3
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bootwave.errors import StoreNotFound
from bootwave.store.administration import Administration
from bootwave.store.domains.numberranges import accounts_within

A, B = "a.example.com", "b.example.com"
NUMBERS = [
    *("1", "2", "9", "01", "10", "12", "40a", "400", "401", "410", "449", "450"),
    *("0400", "4000", "4001", "4999", "+491", "9" * 32),
]


@pytest.fixture
def accounts(admin: Administration) -> Administration:
    for domain in (A, B):
        admin.domain_add(domain)
    for number in (*NUMBERS, "777"):
        domain = B if number == "777" else A
        admin.account_add(f"{number}@{domain}", password="secret-word")
    return admin


def numbers_within(admin: Administration, numbers: list[str]) -> list[str]:
    with admin._look() as work:
        return [row.number for row in accounts_within(work, A, numbers)]


def is_within(number: str, text: str) -> bool:
    first, hyphen, last = text.partition("-")
    if not hyphen:
        return number == text
    return (
        len(number) == len(first)
        and number.isdecimal()
        and int(first) <= int(number) <= int(last)
    )


@st.composite
def ranges(draw: st.DrawFn) -> str:
    digits = draw(st.integers(1, 4))
    ends = sorted(draw(st.tuples(*[st.integers(0, 10**digits - 1)] * 2)))
    return "-".join(f"{end:0{digits}}" for end in ends)


@given(st.lists(ranges() | st.sampled_from(NUMBERS), max_size=8))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_named_is_found_once_and_what_nobody_has_is_refused(
    accounts: Administration, texts: list[str]
) -> None:
    found = {text: {n for n in NUMBERS if is_within(n, text)} for text in texts}
    if all(found.values()):
        wanted = sorted(set().union(*found.values()))
        assert numbers_within(accounts, texts) == wanted
    else:
        with pytest.raises(StoreNotFound, match="no account in"):
            numbers_within(accounts, texts)


def test_the_refusal_names_the_range_and_other_domains_are_not_looked_at(
    accounts: Administration,
) -> None:
    for text in ("777", "700-799", "5-8", "0" * 40 + "-" + "9" * 40):
        with pytest.raises(StoreNotFound, match=f"no account in {text}:"):
            numbers_within(accounts, ["400-449", text, "401"])


def test_an_account_is_read_once_however_often_it_is_named(
    accounts: Administration, connection: sqlite3.Connection
) -> None:
    asked: list[str] = []
    connection.set_trace_callback(asked.append)
    texts = [f"{first}-{last}" for first in range(400, 402) for last in range(410, 500)]
    assert numbers_within(accounts, texts * 10) == ["400", "401", "410", "449", "450"]
    connection.set_trace_callback(None)
    assert sum("a.number >=" in sql for sql in asked) == 1


@pytest.mark.parametrize("sql", ["_NAMED", "_RANGE"])
def test_the_index_of_numbers_is_used(sql: str, connection: sqlite3.Connection) -> None:
    from bootwave.store.domains import numberranges

    text: str = getattr(numberranges, sql)
    named = dict.fromkeys(("domain_id", "numbers", "first", "last", "digits"), "[]")
    with closing(connection.execute(f"EXPLAIN QUERY PLAN {text}", named)) as plan:
        steps = " ".join(row[3] for row in plan)
    assert "SEARCH a USING INDEX" in steps
    assert "(domain_id=? AND number" in steps
