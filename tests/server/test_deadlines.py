"""The wheel of deadlines."""

from hypothesis import given
from hypothesis import strategies as st

from bootwave.server.deadlines import DeadlineWheel


def test_an_entry_is_due_within_a_step_after_its_deadline_and_never_before() -> None:
    wheel: DeadlineWheel[str] = DeadlineWheel(0.25)
    wheel.due(100.0)
    wheel.place("a", 100.3)
    assert wheel.due(100.3) == []
    assert wheel.due(100.5) == ["a"]
    assert len(wheel) == 0


def test_a_later_deadline_costs_nothing_and_an_earlier_one_counts() -> None:
    wheel: DeadlineWheel[str] = DeadlineWheel(1)
    wheel.place("a", 5)
    wheel.place("a", 15)
    assert wheel.due(5) == ["a"]  # to be placed anew by whoever knows
    wheel.place("a", 15)
    wheel.place("a", 7)
    assert wheel.due(7) == ["a"]
    assert wheel.due(20) == []


def test_what_was_removed_is_never_due() -> None:
    wheel: DeadlineWheel[str] = DeadlineWheel(1)
    wheel.place("a", 5)
    wheel.remove("a")
    wheel.remove("a")
    assert wheel.due(10) == []


def test_a_deadline_in_the_past_is_due_at_the_next_step() -> None:
    wheel: DeadlineWheel[str] = DeadlineWheel(1)
    wheel.due(50)
    wheel.place("a", 3)
    assert wheel.due(50) == []
    assert wheel.due(51) == ["a"]


def test_a_process_that_was_stopped_for_days_catches_up_at_once() -> None:
    wheel: DeadlineWheel[str] = DeadlineWheel(0.25)
    wheel.due(0)
    wheel.place("a", 5)
    wheel.place("b", 900_000)
    wheel.place("c", 2_000_000)
    assert wheel.due(1_000_000) == ["a", "b"]


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.floats(0, 50), st.floats(0, 3)),
        max_size=40,
    )
)
def test_nothing_is_forgotten_and_nothing_is_early(
    steps: list[tuple[str, float, float]],
) -> None:
    wheel: DeadlineWheel[str] = DeadlineWheel(0.25)
    wanted: dict[str, float] = {}
    now = 0.0
    for name, ahead, passed in steps:
        wanted[name] = now + ahead
        wheel.place(name, now + ahead)
        now += passed
        for entry in wheel.due(now):
            if wanted[entry] > now:
                wheel.place(entry, wanted[entry])
            else:
                del wanted[entry]
    for name, deadline in wanted.items():
        assert deadline > now - 0.5, name
    assert set(wheel.due(now + 100)) == set(wanted)
