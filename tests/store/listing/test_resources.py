"""No list that is offered reads a table through, or sorts."""

import re
import sqlite3

import pytest

from bootwave.store.listing.orders import Part
from bootwave.store.listing.resources import (
    RESOURCES,
    STORED,
    kinds_of,
    lowest_of,
)

STATEMENTS = STORED.statements
Key = tuple[str, int, Part, bool, bool]


def plan(connection: sqlite3.Connection, sql: str) -> list[str]:
    named = dict.fromkeys(re.findall(r":(\w+)", sql), 1)
    rows = connection.execute(f"EXPLAIN QUERY PLAN {sql}", named).fetchall()
    return [str(row[3]) for row in rows]


@pytest.mark.parametrize("key", STATEMENTS, ids=lambda key: f"{key[0]}-{key[1:]}")
def test_every_page_enters_an_index(connection: sqlite3.Connection, key: Key) -> None:
    steps = plan(connection, STATEMENTS[key])
    assert not [step for step in steps if "TEMP B-TREE" in step]
    assert not [step for step in steps if step.startswith("SCAN")]
    assert steps[0].startswith("SEARCH")


@pytest.mark.parametrize("key", STATEMENTS, ids=lambda key: f"{key[0]}-{key[1:]}")
def test_a_page_enters_it_at_its_key(connection: sqlite3.Connection, key: Key) -> None:
    resource, place, part, prefixed, _descending = key
    order = RESOURCES[resource][place]
    steps = plan(connection, STATEMENTS[key])
    entered = steps[0].rpartition("(")[2] if part is not Part.ALIKE else str(steps)
    if part is Part.ALIKE:
        # All of the key, in one table or two.
        assert entered.count("=?") + entered.count(">?") + entered.count("<?") > 1
        assert re.search(r"[<>]\(?\?", entered)
    elif part is Part.BEHIND or prefixed:
        assert re.search(r"[<>]\?", entered)
    for name in order.equal:
        assert f":{name}" in STATEMENTS[key]


def test_the_test_refuses_what_is_read_through_and_what_is_sorted(
    connection: sqlite3.Connection,
) -> None:
    (through,) = plan(connection, "SELECT id FROM accounts WHERE mailbox = :x")
    assert through.startswith("SCAN")
    sorted_ = plan(connection, "SELECT id FROM accounts ORDER BY mailbox")
    assert any("TEMP B-TREE" in step for step in sorted_)


def test_the_lowest_key_is_lower_than_every_other() -> None:
    for orders in RESOURCES.values():
        for order in orders:
            kinds = kinds_of(order)
            assert len(kinds) == len(order.keys)
            lowest = lowest_of(order)
            assert lowest == "" if kinds[0] is str else lowest == float("-inf")
