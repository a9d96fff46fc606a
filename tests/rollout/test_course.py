"""A roll-out from its canary to its end, halted, paused, resumed and cancelled."""

import pytest

from bootwave.errors import StoreConflict
from bootwave.rollout.course import Course, Fate, Member, Result, State
from bootwave.rollout.plan import Hours, Plan

NOON = 12 * 60
AT = 1_700_000_000.0


class Rolling:
    """A course whose time tests pass; phones come back when they are told to."""

    def __init__(
        self, phones: int = 100, *, loads: bool = False, **plan: object
    ) -> None:
        fields: dict[str, object] = {
            "rate": 10.0,
            "bounds": (5, 50, phones),
            "wait_seconds": 60.0,
            "share": 0.9,
        }
        self.now = AT
        self.told: list[int] = []
        self.course = Course(
            Plan(**{**fields, **plan}),  # type: ignore[arg-type]
            [Member(mac) for mac in range(1, phones + 1)],
            loads=loads,
        )
        self.step(0.0)

    @property
    def state(self) -> State:
        return self.course.state

    def step(self, seconds: float, minute: int = NOON, room: int = 10_000) -> list[int]:
        self.now += seconds
        told = self.course.advance(self.now, minute, room=room)
        self.told += told
        return told

    def go_on(self, seconds: float, *, back: bool = True) -> None:
        for _ in range(int(seconds * 4)):
            self.step(0.25)
            if back:
                self.all_back()

    def all_back(self) -> None:
        for member in self.course.members:
            if member.fate is Fate.OUT:
                self.course.answered(member.mac, Result.ACCEPTED)
                self.course.seen(member.mac, self.now + 0.1)

    def again(self) -> None:
        """Go on from what is stored, as after a command."""
        course = self.course
        self.course = Course(
            course.plan,
            course.members,
            state=course.state,
            why=course.why,
            stage=course.stage,
            waits_from=course.waits_from,
            loads=course.loads,
        )


def test_phones_are_told_at_the_rate_until_all_are_back() -> None:
    rolling = Rolling(bounds=(100,))
    rolling.go_on(5.0)
    assert 45 <= len(rolling.told) <= 50
    assert rolling.state is State.RUNNING
    rolling.go_on(6.0)
    assert rolling.told == list(range(1, 101))
    assert rolling.state is State.DONE
    assert rolling.course.counts()[Fate.BACK] == 100


def test_a_stall_is_not_made_up_for_by_a_burst() -> None:
    rolling = Rolling(bounds=(100,), rate=16.0)
    assert len(rolling.step(60.0)) == 5
    assert rolling.course.is_due(rolling.now - 60, NOON, room=9)
    assert len(rolling.step(-60.0)) == 0
    assert len(rolling.step(0.07)) == 1


@pytest.mark.parametrize("seconds", [0.05, 0.2, 0.25, 0.7, 3.0])
def test_in_no_second_a_quarter_more_than_the_rate_is_told(seconds: float) -> None:
    rolling = Rolling(phones=4_000, bounds=(400, 800, 4_000), rate=200.0)
    at: list[float] = []
    steps = 0
    while rolling.state is State.RUNNING:
        # A late step, and punctual ones to make up for it.
        passed = 0.19 if steps % 9 else seconds
        told = rolling.step(passed)
        at += [rolling.now] * len(told)
        rolling.all_back()
        steps += 1
    assert len(at) == 4_000
    for first, begin in enumerate(at):
        within = [1 for each in at[first : first + 400] if each < begin + 1.0]
        assert len(within) <= 251


def test_what_could_not_be_used_while_others_were_awaited_is_not_saved_up() -> None:
    rolling = Rolling(phones=1_000, bounds=(1, 1_000), rate=100.0)
    assert rolling.step(0.25) == [1]
    rolling.step(30.0)
    rolling.all_back()
    assert len(rolling.step(30.0)) == 1


def test_slow_rates_tell_one_phone_at_a_time() -> None:
    rolling = Rolling(bounds=(100,), rate=0.1)
    told = [len(rolling.step(1.0)) for _ in range(40)]
    assert sum(told) == 4
    assert max(told) == 1


def test_nobody_is_told_without_room() -> None:
    rolling = Rolling(bounds=(100,))
    assert rolling.step(1.0, room=0) == []
    assert rolling.step(0.0, room=2) == [1, 2]


def test_a_stage_waits_for_the_one_before_to_come_back() -> None:
    rolling = Rolling()
    rolling.go_on(10.0, back=False)
    assert rolling.told == [1, 2, 3, 4, 5]
    rolling.all_back()
    rolling.go_on(10.0, back=False)
    assert rolling.told == list(range(1, 51))
    assert rolling.course.stage == 1


def test_a_canary_that_stays_away_halts_it() -> None:
    rolling = Rolling()
    rolling.go_on(59.0, back=False)
    assert rolling.state is State.RUNNING
    rolling.go_on(3.0, back=False)
    assert rolling.state is State.HALTED
    assert "of the 5 phones of stage 1 did not come back" in rolling.course.why
    assert "at most 0" in rolling.course.why
    rolling.go_on(100.0)
    assert len(rolling.told) == 5


def test_who_refuses_is_missing_at_once() -> None:
    rolling = Rolling()
    rolling.go_on(1.0, back=False)
    rolling.course.answered(2, Result.REFUSED, "489")
    rolling.step(0.25)
    assert rolling.state is State.HALTED
    assert rolling.course.members[1].detail == "489"
    assert rolling.course.members[1].fate is Fate.MISSING


def test_a_large_stage_halts_in_its_middle() -> None:
    rolling = Rolling(phones=1_000, bounds=(1, 1_000), rate=10.0, wait_seconds=5.0)
    rolling.go_on(1.0)
    rolling.go_on(60.0, back=False)
    assert rolling.state is State.HALTED
    assert len(rolling.told) < 200


def test_as_many_as_may_stay_away_do_not_halt_it() -> None:
    rolling = Rolling(bounds=(10, 100))
    rolling.go_on(1.0, back=False)
    for mac in range(2, 11):
        rolling.course.seen(mac, rolling.now + 0.1)
    rolling.go_on(61.0, back=False)
    assert rolling.state is State.RUNNING
    assert rolling.course.stage == 1
    assert rolling.course.members[0].fate is Fate.MISSING


def test_resuming_tells_the_missing_again_and_finishes() -> None:
    rolling = Rolling()
    rolling.go_on(62.0, back=False)
    assert rolling.state is State.HALTED
    rolling.course.resume(rolling.now)
    assert rolling.course.why == ""
    rolling.go_on(20.0)
    assert rolling.told == [1, 2, 3, 4, 5, *range(1, 101)]
    assert rolling.state is State.DONE


def test_resuming_may_leave_the_missing_behind() -> None:
    rolling = Rolling()
    rolling.go_on(62.0, back=False)
    rolling.course.resume(rolling.now, skip=True)
    rolling.go_on(20.0)
    assert rolling.told == list(range(1, 101))
    assert rolling.state is State.DONE
    assert rolling.course.counts()[Fate.LEFT] == 5
    rolling.course.seen(1, rolling.now + 1)
    assert rolling.course.members[0].fate is Fate.BACK


@pytest.mark.parametrize("again", [False, True])
def test_who_is_out_when_it_is_resumed_has_its_time_anew(again: bool) -> None:
    rolling = Rolling()
    rolling.go_on(60.3, back=False)
    assert rolling.state is State.HALTED
    assert rolling.course.counts()[Fate.OUT] == 3
    rolling.course.resume(rolling.now)
    if again:
        rolling.again()
    rolling.go_on(50.0, back=False)
    assert rolling.state is State.RUNNING
    rolling.go_on(20.0)
    assert rolling.state is State.DONE


def test_who_was_late_counts_as_back_when_it_comes() -> None:
    rolling = Rolling()
    rolling.go_on(62.0, back=False)
    for mac in range(1, 6):
        rolling.course.seen(mac, rolling.now)
    rolling.course.resume(rolling.now)
    rolling.go_on(20.0)
    assert rolling.told == list(range(1, 101))


def test_a_sighting_before_the_notify_brings_nobody_back() -> None:
    rolling = Rolling()
    rolling.go_on(1.0, back=False)
    rolling.course.seen(1, AT)
    assert rolling.course.members[0].fate is Fate.OUT
    rolling.course.seen(100, rolling.now)
    rolling.course.seen(4711, rolling.now)
    rolling.course.answered(100, Result.ACCEPTED)
    assert rolling.course.members[99].result is Result.NONE


def test_nobody_is_told_outside_the_hours() -> None:
    rolling = Rolling(hours=Hours(22 * 60, 6 * 60))
    for _ in range(20):
        assert not rolling.course.tells(NOON)
        assert rolling.step(1.0) == []
    assert rolling.course.tells(23 * 60)
    assert len(rolling.step(1.0, minute=23 * 60)) == 3
    assert len(rolling.step(1.0, minute=23 * 60)) == 2


def test_a_pause_tells_nobody_and_still_sees_who_comes_back() -> None:
    rolling = Rolling()
    rolling.go_on(1.0, back=False)
    rolling.course.pause()
    with pytest.raises(StoreConflict, match="it is paused"):
        rolling.course.pause()
    rolling.all_back()
    rolling.go_on(100.0)
    assert len(rolling.told) == 5
    rolling.course.resume(rolling.now)
    rolling.go_on(20.0)
    assert rolling.state is State.DONE
    assert rolling.told == list(range(1, 101))


def test_cancelling_is_for_good() -> None:
    rolling = Rolling()
    rolling.go_on(1.0, back=False)
    rolling.course.cancel()
    rolling.go_on(10.0)
    assert len(rolling.told) == 5
    assert rolling.course.is_over
    for act in (
        rolling.course.cancel,
        lambda: rolling.course.resume(rolling.now),
        rolling.course.pause,
    ):
        with pytest.raises(StoreConflict, match="cancelled"):
            act()


@pytest.mark.parametrize("every", [1, 3, 7])
def test_who_goes_on_from_what_is_stored_tells_nobody_twice(
    every: int,
) -> None:
    rolling = Rolling()
    for number in range(200):
        rolling.step(0.25)
        if number % 5 == 0:
            rolling.all_back()
        if number % every == 0:
            rolling.again()
    assert rolling.told == sorted(set(rolling.told))
    while rolling.state is State.RUNNING:
        rolling.go_on(1.0)
    assert rolling.told == list(range(1, 101))


def test_what_changed_is_told() -> None:
    rolling = Rolling()
    rolling.course.changed.clear()
    rolling.step(0.2)
    rolling.step(0.1)
    assert rolling.course.changed == {0, 1, 2}
    rolling.course.changed.clear()
    rolling.course.answered(2, Result.ACCEPTED)
    rolling.course.seen(3, rolling.now + 1)
    assert rolling.course.changed == {1, 2}
    assert set(rolling.course.watched) == {1, 2, 4, 5}


def with_units(units: dict[int, int], **plan: object) -> Rolling:
    rolling = Rolling(10, **{"bounds": (1, 10), "rate": 1.0, **plan})
    for member in rolling.course.members:
        member.unit = units.get(member.mac, 0)
    rolling.again()
    rolling.step(0.0)
    return rolling


def test_a_unit_is_told_in_one_go_and_the_rate_is_kept_afterwards() -> None:
    rolling = with_units({2: 2, 3: 2, 4: 2}, bounds=(10,))
    told = [rolling.step(1.0) for _ in range(6)]
    assert told == [[1], [2, 3, 4], [], [], [5], [6]]
    assert list(rolling.course.together_with(3)) == [2, 3, 4]
    assert list(rolling.course.together_with(1)) == [1]


def test_a_unit_has_room_even_if_that_is_for_less() -> None:
    rolling = with_units({1: 1, 2: 1, 3: 1}, bounds=(10,))
    assert rolling.step(1.0, room=1) == [1, 2, 3]
    assert rolling.step(9.0, room=0) == []


def test_each_of_a_unit_is_judged_by_its_own_coming_back() -> None:
    rolling = with_units({1: 1, 2: 1, 3: 1}, bounds=(3, 10), wait_seconds=5.0)
    assert rolling.step(1.0) == [1, 2, 3]
    for mac in (1, 2, 3):
        rolling.course.answered(mac, Result.ACCEPTED)
    rolling.course.seen(1, rolling.now + 1.0)
    rolling.step(6.0)
    assert rolling.state is State.HALTED
    fates = [member.fate for member in rolling.course.members[:3]]
    assert fates == [Fate.BACK, Fate.MISSING, Fate.MISSING]
    rolling.course.resume(rolling.now)
    assert rolling.step(3.0) == [2, 3]


def test_what_is_due_is_what_changes_something() -> None:
    rolling = Rolling(wait_seconds=60.0, hours=Hours(10 * 60, 18 * 60))
    course = rolling.course

    def due(seconds: float, minute: int = NOON, room: int = 9) -> bool:
        return course.is_due(rolling.now + seconds, minute, room=room)

    assert not due(0.05)
    assert due(0.1)
    assert not due(0.1, room=0)
    assert not due(60.0, minute=0)
    rolling.go_on(2.0, back=False)
    assert len(rolling.told) == 5
    assert course.has_out
    assert not due(30.0)
    assert due(61.0)
    course.answered(3, Result.REFUSED)
    assert due(0.0)
    rolling.step(0.1)
    assert rolling.state is State.HALTED
    assert not due(30.0)
    assert course.has_lost
    assert due(61.0)
    rolling.step(61.0)
    assert not course.has_out
    assert not due(1e6)
    assert course.is_news(3, rolling.now)
    course.seen(3, rolling.now)
    assert not course.is_news(3, rolling.now + 1)
    course.cancel()
    assert not due(1e6)


def test_a_complete_stage_is_due() -> None:
    rolling = Rolling(bounds=(100,), rate=1_000.0)
    rolling.go_on(1.0, back=False)
    assert not rolling.course.is_due(rolling.now + 1, NOON, room=9)
    rolling.all_back()
    assert rolling.course.is_due(rolling.now, NOON, room=0)


def test_phones_that_a_process_left_without_answer_are_told_again_first() -> None:
    rolling = Rolling(bounds=(10, 100))
    rolling.go_on(1.0, back=False)
    rolling.course.answered(2, Result.ACCEPTED)
    rolling.course.seen(3, rolling.now + 0.1)
    out = len(rolling.told)
    rolling.again()
    rolling.course.take_over(rolling.now + 10, restarts=False)
    assert rolling.course.counts()[Fate.OUT] == 1
    rolling.now += 10
    rolling.step(0.0)
    rolling.go_on(1.5, back=False)
    told_again = [1, *range(4, out + 1)]
    assert rolling.told[out : out + len(told_again)] == told_again
    assert sorted(rolling.told[out:]) == [*told_again, *range(out + 1, 11)]


def test_who_came_back_before_it_could_be_told_again_is_not() -> None:
    rolling = Rolling(bounds=(100,))
    rolling.go_on(1.0, back=False)
    told = list(rolling.told)
    rolling.again()
    rolling.course.take_over(rolling.now, restarts=False)
    for mac in told:
        rolling.course.seen(mac, rolling.now + 0.1)
    rolling.go_on(20.0)
    assert rolling.state is State.DONE
    assert rolling.told == list(range(1, 101))


def test_phones_that_may_be_restarting_are_told_again_when_their_time_is_up() -> None:
    rolling = Rolling(bounds=(2, 100), rate=1.0)
    assert [rolling.step(1.0), rolling.step(4.0)] == [[1], [2]]
    rolling.again()
    # The second one's NOTIFY would be repeated now, had nothing happened.
    rolling.course.take_over(rolling.now + 1.0, restarts=True)
    assert rolling.course.unsure == {0}
    rolling.now += 1.0
    rolling.step(0.0)
    assert rolling.step(1.0) == [2]
    rolling.course.seen(2, rolling.now + 1)
    rolling.go_on(58.0, back=False)
    assert rolling.told == [1, 2, 2]
    rolling.go_on(2.0, back=False)
    assert rolling.told == [1, 2, 2, 1]
    rolling.go_on(58.0, back=False)
    assert rolling.state is State.RUNNING
    rolling.go_on(3.0, back=False)
    assert rolling.state is State.HALTED


def test_who_was_told_before_has_its_time_anew_with_the_next_process() -> None:
    rolling = Rolling(bounds=(5, 100))
    rolling.go_on(1.0, back=False)
    for mac in rolling.told:
        rolling.course.answered(mac, Result.ACCEPTED)
    rolling.again()
    rolling.now += 3_600
    rolling.course.take_over(rolling.now, restarts=True)
    rolling.go_on(59.0, back=False)
    assert rolling.state is State.RUNNING
    rolling.go_on(2.0, back=False)
    assert rolling.state is State.HALTED


def test_those_of_the_next_stage_are_watched_when_nobody_of_this_one_waits() -> None:
    rolling = Rolling(phones=8, bounds=(5, 8))
    rolling.step(0.4)
    assert set(rolling.course.watched) == {1, 2, 3, 4, 5}
    rolling.step(0.4)
    assert set(rolling.course.watched) == set(range(1, 9))
    rolling.all_back()
    rolling.go_on(2.0, back=False)
    assert set(rolling.course.watched) == {6, 7, 8}


def test_who_loads_is_told_again_when_a_pause_or_a_halt_is_over() -> None:
    rolling = Rolling(loads=True)
    rolling.go_on(1.0, back=False)
    rolling.course.pause()
    rolling.course.seen(1, rolling.now)
    rolling.course.resume(rolling.now)
    assert rolling.course.counts(0)[Fate.WAITING] == 4
    rolling.told.clear()
    rolling.go_on(1.0, back=False)
    assert rolling.told == [2, 3, 4, 5]
    rolling.course.answered(2, Result.REFUSED, "489")
    rolling.step(0.25)
    assert rolling.state is State.HALTED
    rolling.course.resume(rolling.now, skip=True)
    assert rolling.course.counts(0)[Fate.LEFT] == 4


def test_who_loads_may_be_back_before_it_is_told_again() -> None:
    rolling = Rolling(loads=True)
    rolling.go_on(1.0, back=False)
    rolling.course.pause()
    rolling.course.resume(rolling.now)
    rolling.course.seen(2, rolling.now)
    assert rolling.course.members[1].fate is Fate.BACK
    rolling.told.clear()
    rolling.go_on(1.0, back=False)
    assert rolling.told == [1, 3, 4, 5]
    rolling.all_back()
    rolling.go_on(20.0)
    assert rolling.state is State.DONE


def test_who_came_without_what_it_was_to_load_is_not_back() -> None:
    rolling = Rolling(loads=True)
    rolling.go_on(1.0, back=False)
    rolling.course.changed.clear()
    for _ in range(2):
        rolling.course.strayed(1, rolling.now, "it runs 8.4.35")
    rolling.course.strayed(2, AT - 1, "it runs 8.4.35")
    rolling.course.strayed(100, rolling.now, "it runs 8.4.35")
    assert rolling.course.changed == {0}
    assert rolling.course.members[0].fate is Fate.OUT
    assert rolling.course.members[0].detail == "it runs 8.4.35"
    rolling.course.seen(1, rolling.now)
    assert rolling.course.members[0].fate is Fate.BACK
    assert rolling.course.members[0].detail == ""


def test_who_is_spared_when_its_turn_comes_holds_nobody_up() -> None:
    rolling = Rolling(loads=True)
    for mac in rolling.step(0.2):
        rolling.course.spare(mac, "it is pinned")
    assert rolling.course.counts(0)[Fate.LEFT] == 2
    for mac in rolling.step(0.1):
        rolling.course.spare(mac, "it runs it", is_there=True)
    rolling.go_on(20.0)
    assert rolling.state is State.DONE
    assert rolling.course.counts()[Fate.BACK] == 98
    assert rolling.course.members[0].notified_at is None


def test_a_stage_of_which_nobody_is_left_halts_it_once() -> None:
    rolling = Rolling(loads=True)
    for _ in range(5):
        for mac in rolling.step(0.1):
            rolling.course.spare(mac, "it is pinned")
    assert rolling.state is State.HALTED
    assert rolling.course.why == "All phones of stage 1 were left out."
    rolling.course.resume(rolling.now)
    rolling.go_on(20.0)
    assert rolling.state is State.DONE


def test_a_stage_whose_phones_were_all_taken_out_halts_it_once() -> None:
    rolling = Rolling(loads=True)
    for member in rolling.course.members[:5]:
        member.fate = Fate.LEFT  # as stored when each was given a version of its own
    rolling.again()
    assert rolling.course.is_due(rolling.now, NOON, room=1)
    assert rolling.step(1.0) == []
    assert rolling.state is State.HALTED
    assert rolling.course.why == "All phones of stage 1 were left out."
    rolling.course.resume(rolling.now)
    rolling.again()
    rolling.go_on(20.0)
    assert rolling.state is State.DONE
    assert rolling.told == list(range(6, 101))
