"""The table of transactions: wrong use, bounds, and what it owns.

What it does is compared with a slow twin in tests/property/test_transactions.py.
"""

import sys
from typing import Any

import pytest

from bootwave.native.transactions import Transactions
from tests.native.bounds import BOUNDS, DELAYS

KEY = b"k" * 16
BRANCH = b"z9hG4bK0123456789abcdef"
TO, FROM = ("10.0.0.1", 1), ("10.0.0.2", 1)


def table(**changed: Any) -> Transactions:
    return Transactions(**BOUNDS | changed, delays=DELAYS)


def test_sizes_that_make_no_table_are_wrong_use() -> None:
    for name in ("lookups", "answered", "notifies", "proven", "sources"):
        for wrong in (0, -1, 2**24 + 1):
            with pytest.raises(ValueError, match="table"):
                table(**{name: wrong})
    with pytest.raises(ValueError, match="unpack"):
        Transactions(**BOUNDS, delays=(1.0,))


def test_keys_branches_and_addresses_that_are_none_are_wrong_use() -> None:
    one = table()
    with pytest.raises(ValueError, match="16 bytes"):
        one.is_answered(b"short")
    rest = (b"", ("10.0.0.1", 1), ("10.0.0.2", 1), b"", 1, "", 4, 0.0)
    for branch in (b"", BRANCH.upper(), BRANCH[:-1], b"z9hG4bK0123456789ABCDEF"):
        with pytest.raises(ValueError, match="branch"):
            one.expect(branch, *rest)
        assert one.told(branch) is None
        assert not one.is_completed(branch)
    with pytest.raises(ValueError, match="address"):
        one.expect(BRANCH, b"", ("nobody", 1), ("10.0.0.1", 1), b"", 1, "", 4, 0.0)
    assert one.pending == 0


def test_what_still_waits_goes_with_the_table() -> None:
    class Thing:
        pass

    thing = Thing()
    before = sys.getrefcount(thing)
    one = table()
    assert one.wait(KEY, thing, 0.0)
    one.expect(BRANCH, b"x", ("10.0.0.1", 1), ("10.0.0.2", 1), b"", 1, "", 4, 0.0)
    assert sys.getrefcount(thing) == before + 1
    del one
    assert sys.getrefcount(thing) == before


def test_timer_e_doubles_up_to_t2() -> None:
    one = table()
    one.expect(BRANCH, b"x", ("10.0.0.1", 1), ("10.0.0.2", 1), b"", 1, "", 9, 0.0)
    instants = []
    while one.resend(due := one.next_due() or 0.0):
        instants.append(due)
    assert instants == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5]


def test_what_falls_due_together_is_done_in_turns() -> None:
    one = table(notifies=9, answered=9, lookups=9)
    for number in range(9):
        branch = b"z9hG4bK%016x" % number
        one.expect(branch, b"%d" % number, TO, FROM, b"", number, "", 4, 0.0)
        one.accept(b"%016d" % number, 0.0)
        assert one.wait(b"%016d" % number, number, 0.0)
    assert [sent[0] for sent in one.resend(0.5, 4)] == [b"0", b"1", b"2", b"3"]
    assert one.next_due() == 0.5
    assert len(one.resend(0.5, 99)) == 5
    assert one.overdue(5.0, 2) == [0, 1]
    assert [mac for _, mac, _ in one.expire(32.0, 3)] == [0, 1, 2]
    one.forget(32.0, 3)
    assert (one.answered, one.pending) == (6, 6)
    for nothing in (one.resend, one.overdue, one.expire):
        assert nothing(99.0, 0) == []


def test_an_answer_of_the_same_instant_is_not_after_it() -> None:
    one = table(answered=2)
    # Neither instant has a short binary fraction.
    for number, now in enumerate((0.1, 123456.7)):
        key = b"%016d" % number
        assert not one.answered_after(key, now)
        one.accept(key, now)
        assert not one.answered_after(key, now)
        assert one.answered_after(key, now - 0.001)
