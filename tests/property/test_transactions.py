"""The native table of transactions and its slow twin say the same, whatever happens."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bootwave.native.transactions import Transactions
from tests.oracle import transactions as oracle

DELAYS = (5.0, 32.0, 32.0, 5.0, 0.5, 1.0, 2.0, 4.0)
NAMES = ("lookups", "answered", "notifies", "proven", "sources")
NAMES += ("burst", "per_second", "notify_bytes")
HOSTS = ["10.0.0.1", "10.0.0.2", "2001:db8::1", "255.255.255.255"]

BOUNDED = {"forget", "overdue", "expire", "resend"}

keys = st.integers(0, 5).map(lambda number: b"%016d" % number)
branches = st.integers(0, 5).map(lambda number: b"z9hG4bK%016x" % (number << 58))
step: st.SearchStrategy[Any] = st.one_of(
    st.tuples(st.just("wait"), keys, st.integers()),
    st.tuples(st.just("waiting_for"), keys),
    st.tuples(st.just("settle"), keys),
    st.tuples(st.just("accept"), keys),
    st.tuples(st.just("is_answered"), keys),
    st.tuples(
        st.just("expect"),
        branches,
        st.binary(max_size=9),
        st.tuples(st.sampled_from(HOSTS), st.integers(0, 65535)),
        st.tuples(st.sampled_from(HOSTS), st.integers(0, 9)),
        st.binary(max_size=9),
        st.integers(0, 2**48 - 1),
        st.text(max_size=5),
        st.integers(1, 4),
    ),
    st.tuples(st.just("lets_pass"), st.sampled_from(HOSTS)),
    st.tuples(st.just("lets_pass"), st.sampled_from(HOSTS)),
    st.tuples(st.just("told"), branches),
    st.tuples(st.just("complete"), branches, st.sampled_from(HOSTS)),
    st.tuples(st.just("is_completed"), branches),
    st.tuples(st.just("answered_after"), keys, st.sampled_from([-9.0, -1.0, 0.0])),
    st.tuples(st.sampled_from(sorted(BOUNDED)), st.sampled_from([0, 1, 2, 99])),
    st.tuples(st.sampled_from(sorted(BOUNDED)), st.just(99)),
)
TIMED = {"lets_pass", "wait", "accept", "expect", "complete"}


def outcome(table: Any, name: str, arguments: tuple[Any, ...], now: float) -> Any:
    if name in BOUNDED:
        arguments = (now, *arguments)
    elif name == "answered_after":
        arguments = (arguments[0], now + arguments[1])
    try:
        result = getattr(table, name)(*arguments, *([now] if name in TIMED else []))
    except ValueError:
        result = ValueError
    if name == "lets_pass" and result is False:
        result = table.refused(arguments[0], now, 1.0)
    held = (table.waiting, table.answered, table.pending, table.pending_bytes)
    return (result, table.next_due(), *held)


@settings(max_examples=600, deadline=None, derandomize=True)
@given(
    st.tuples(*[st.integers(1, 4)] * 7, st.integers(1, 30)),
    st.lists(st.tuples(st.floats(0, 9), step), max_size=60),
)
def test_the_table_and_its_slow_twin_agree_on_any_sequence(
    bounds: tuple[int, ...], steps: list[tuple[float, tuple[Any, ...]]]
) -> None:
    named: dict[str, Any] = dict(zip(NAMES, bounds, strict=True))
    native = Transactions(**named, delays=DELAYS, seed=7)
    slow = oracle.Transactions(**named, delays=DELAYS)
    now = 0.0
    for passed, (name, *arguments) in steps:
        now += passed
        one = outcome(native, name, tuple(arguments), now)
        assert one == outcome(slow, name, tuple(arguments), now)
