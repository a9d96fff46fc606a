"""Counters in shared memory: one row for each process, sums for everybody."""

import os

import pytest

from bootwave.metrics import Counter, CounterPage


def test_rows_are_summed() -> None:
    page = CounterPage(3)
    for slot in range(3):
        page.row(slot).add(Counter.DOCUMENTS, slot + 1)
    page.row(2).add(Counter.LOG_DROPPED)
    totals = page.totals()
    assert totals["documents"] == 6
    assert page.total(Counter.DOCUMENTS) == 6
    assert page.total(Counter.SIP_DATAGRAMS) == 0
    assert totals["log_dropped"] == 1
    assert totals["sip_datagrams"] == 0
    assert list(totals) == [counter.name.lower() for counter in Counter]


def test_rows_do_not_overlap() -> None:
    page = CounterPage(2)
    first, second = page.row(0), page.row(1)
    for counter in Counter:
        first.add(counter)
    assert all(second.load(counter) == 0 for counter in Counter)
    assert all(first.load(counter) == 1 for counter in Counter)


def test_what_a_child_counted_is_seen_after_its_end() -> None:
    page = CounterPage(2)
    pid = os.fork()
    if pid == 0:
        page.row(1).add(Counter.HTTP_REQUESTS, 41)
        os._exit(0)
    os.waitpid(pid, 0)
    page.row(1).add(Counter.HTTP_REQUESTS)
    assert page.totals()["http_requests"] == 42


def test_what_is_no_worker_counts_in_the_last_row() -> None:
    page = CounterPage(3)
    page.other_row().add(Counter.REDIRECTION_CALLS)
    assert page.row(2).load(Counter.REDIRECTION_CALLS) == 1


def test_there_is_no_row_beyond_the_last_slot() -> None:
    page = CounterPage(1)
    for slot in (-1, 1):
        with pytest.raises(IndexError):
            page.row(slot)


def test_counters_are_numbered_without_gaps_and_say_what_one_is() -> None:
    assert [int(counter) for counter in Counter] == list(range(len(Counter)))
    assert all(counter.help for counter in Counter)
