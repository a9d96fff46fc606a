"""Steps of roll-outs as transactions: what they store and read, and who goes on."""

import sqlite3
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bootwave.errors import StoreError
from bootwave.options import PairingOptions, WavesOptions
from bootwave.rollout.course import Result
from bootwave.rollout.notifier import Answered
from bootwave.store.administration import Administration
from bootwave.store.connection import connect
from bootwave.store.rollouts import rollouts
from bootwave.store.rollouts.errands import Errand
from bootwave.store.rollouts.steps import (
    AWAITING_SECONDS,
    FORSAKEN_SECONDS,
    HALTED_SECONDS,
    TELLING_SECONDS,
)
from bootwave.store.secrets import KeyRing
from bootwave.store.sightings.sightings import SightingLog
from tests.store.clock import Clock
from tests.store.listed import notes_of
from tests.store.rollouts.test_rollouts import AT, DOMAIN, MAC, phones, seen, text
from tests.store.rollouts.test_steps import NOON, accepted, macs, step

assert phones  # a fixture


def fail_step(
    monkeypatch: pytest.MonkeyPatch, admin: Administration, *answers: Answered
) -> None:
    """Make a step while the store is away."""

    def away(*_: object, **__: object) -> None:
        raise StoreError("The store is away.")

    with monkeypatch.context() as patched:
        patched.setattr(rollouts, "save", away)
        with pytest.raises(StoreError, match="away"):
            step(admin, *answers)


def rest(admin: Administration) -> float:
    done = admin.rollout_step([], minute=NOON, room=1_000, look=True)
    assert done is not None
    assert done.errands == []
    return done.rest_seconds


def test_a_step_with_nothing_under_way_writes_nothing(admin: Administration) -> None:
    before = notes_of(admin)
    assert admin.rollout_step((), minute=0, room=10, look=True) is None
    assert notes_of(admin) == before
    assert admin.rollout_list() == []


@pytest.mark.parametrize("action", ["resync", "reboot"])
def test_the_next_process_tells_again_whose_answer_is_not_stored(
    phones: None,
    admin: Administration,
    log: SightingLog,
    clock: Clock,
    path: Path,
    keyring: KeyRing,
    action: str,
) -> None:
    number = admin.rollout_start("domain", DOMAIN, at_once=True, action=action)["id"]
    step(admin)
    clock.pass_seconds(0.004)
    first = step(admin)
    assert 2 < len(first) < 9
    step(admin, accepted(first[0]))
    seen(log, [first[1].mac - MAC], at=AT + 1.0)
    clock.pass_seconds(5.0)
    other = Administration(
        connect(path),
        keyring,
        PairingOptions(),
        now=clock,
        committed=lambda changes: None,
        sightings=log,
        waves=WavesOptions(phone_port=5062),
    )
    try:
        assert step(other) == []
        clock.pass_seconds(1.0)
        rest = step(other)
        # Those that may be restarting now are left alone until their time is up.
        again = macs(first[2:]) if action == "resync" else set()
        assert macs(rest) & macs(first) == again
        assert macs(rest) - again == {MAC + n for n in range(9)} - macs(first)
        ports = {way.port for errand in rest for way in errand.ways}
        assert ports == {5062}
        fates = other.rollout_show(number)["fates"]
        assert (fates["out"], fates["back"]) == (8, 1)
        here = [first[0], *rest]
        seen(log, [errand.mac - MAC for errand in here], at=AT + 8.0)
        clock.pass_seconds(600.0)
        assert macs(step(other)) == (set() if again else macs(first[2:]))
    finally:
        other.close()


def test_a_step_that_was_not_stored_is_made_again(
    phones: None,
    admin: Administration,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    admin.rollout_start("device", text(3))
    step(admin)
    clock.pass_seconds(1.0)
    fail_step(monkeypatch, admin)
    step(admin)
    clock.pass_seconds(1.0)
    assert macs(step(admin)) == {MAC + 3}


def test_nobody_who_writes_waits_while_sightings_are_read(
    phones: None,
    admin: Administration,
    clock: Clock,
    connection: sqlite3.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    writing: list[bool] = []
    latest = SightingLog.latest

    def watched(*args: Any) -> Any:
        writing.append(connection.in_transaction)
        return latest(*args)

    admin.rollout_start("domain", DOMAIN, at_once=True)
    monkeypatch.setattr(SightingLog, "latest", watched)
    for _ in range(3):
        step(admin)
        clock.pass_seconds(1.0)
    assert writing == [False] * 3
    step(admin, look=False)
    assert len(writing) == 3


def test_roll_outs_that_go_on_are_counted_by_their_state(
    phones: None, admin: Administration
) -> None:
    nothing = {"running": 0, "paused": 0, "halted": 0}
    assert admin.watch_counts()["rollouts"] == nothing
    number = admin.rollout_start("domain", DOMAIN)["id"]
    assert admin.watch_counts()["rollouts"] == {**nothing, "running": 1}
    admin.rollout_pause(number)
    assert admin.watch_counts()["rollouts"] == {**nothing, "paused": 1}
    admin.rollout_cancel(number)
    assert admin.watch_counts()["rollouts"] == nothing


def test_the_index_of_unfinished_roll_outs_is_used(
    connection: sqlite3.Connection,
) -> None:
    plan = connection.execute(
        "EXPLAIN QUERY PLAN SELECT id, action, revision FROM rollouts "
        "WHERE ended_at IS NULL"
    ).fetchall()
    assert "ix_rollouts_state" in str(plan)


def test_neither_a_command_nor_a_failure_takes_over_what_is_carried_out_here(
    phones: None,
    admin: Administration,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    number = admin.rollout_start("domain", DOMAIN, at_once=True)["id"]
    step(admin)
    clock.pass_seconds(1.0)
    told = step(admin)
    assert len(told) == 9
    admin.rollout_pause(number)
    step(admin)
    admin.rollout_resume(number)
    step(admin)
    clock.pass_seconds(1.0)
    assert step(admin) == []
    fail_step(monkeypatch, admin, accepted(told[0]))
    step(admin)
    clock.pass_seconds(1.0)
    assert step(admin) == []
    assert admin.rollout_show(number)["fates"]["out"] == 9


@pytest.fixture
def next_process(
    path: Path, keyring: KeyRing, log: SightingLog, clock: Clock
) -> Iterator[Callable[[], Administration]]:
    """Return what the control process has that goes on for one that was killed."""
    made: list[Administration] = []

    def opened() -> Administration:
        one = Administration(
            connect(path),
            keyring,
            PairingOptions(),
            now=clock,
            committed=lambda changes: None,
            sightings=log,
        )
        made.append(one)
        return one

    yield opened
    for one in made:
        one.close()


def test_the_time_that_phones_have_anew_outlives_a_command(
    phones: None,
    admin: Administration,
    next_process: Callable[[], Administration],
    clock: Clock,
) -> None:
    number = admin.rollout_start("domain", DOMAIN, at_once=True, action="reboot")["id"]
    step(admin)
    clock.pass_seconds(1.0)
    told = step(admin)
    step(admin, *map(accepted, told))
    clock.pass_seconds(3_600.0)
    other = next_process()
    assert step(other) == []
    other.rollout_pause(number)
    step(other)
    other.rollout_resume(number)
    step(other)
    clock.pass_seconds(1.0)
    step(other)
    shown = other.rollout_show(number)
    assert (shown["state"], shown["fates"]["out"]) == ("running", 9)


def test_who_was_perhaps_told_nothing_is_so_after_a_step_that_failed(
    phones: None,
    admin: Administration,
    next_process: Callable[[], Administration],
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    admin.rollout_start(
        *("domain", DOMAIN),
        action="reboot",
        wait_minutes=1.0,
        share_percent=50.0,
        at_once=True,
    )
    step(admin)
    clock.pass_seconds(1.0)
    told = step(admin)
    clock.pass_seconds(10.0)
    other = next_process()
    assert step(other) == []
    fail_step(monkeypatch, other, accepted(told[0]))
    step(other, accepted(told[0]))
    clock.pass_seconds(61.0)
    again = [*step(other)]
    clock.pass_seconds(1.0)
    assert macs(again + step(other)) == macs(told[1:])


def writes(connection: sqlite3.Connection, act: Callable[[], object]) -> list[str]:
    """Return the statements of *act* that lock or write."""
    heard: list[str] = []
    connection.set_trace_callback(heard.append)
    act()
    connection.set_trace_callback(None)
    wanted = ("BEGIN IMMEDIATE", "INSERT", "UPDATE", "DELETE")
    return [one for one in heard if one.lstrip().startswith(wanted)]


def test_a_step_that_changes_nothing_writes_nothing_and_says_when_the_next_may(
    phones: None,
    admin: Administration,
    log: SightingLog,
    clock: Clock,
    connection: sqlite3.Connection,
) -> None:
    number = admin.rollout_start("domain", DOMAIN, canary=2, rate=10.0)["id"]
    assert rest(admin) == TELLING_SECONDS
    assert writes(connection, lambda: rest(admin)) == []
    clock.pass_seconds(0.1)
    told = step(admin)
    clock.pass_seconds(0.1)
    assert "BEGIN IMMEDIATE" in writes(connection, lambda: told.extend(step(admin)))
    assert len(told) == 2
    for _ in range(3):
        clock.pass_seconds(1.0)
        assert rest(admin) == AWAITING_SECONDS
        assert writes(connection, lambda: rest(admin)) == []
    admin.rollout_pause(number)
    rest(admin)
    assert writes(connection, lambda: rest(admin)) == []
    assert rest(admin) == HALTED_SECONDS
    seen(log, [told[0].mac - MAC], at=AT + 4.0)
    clock.pass_seconds(HALTED_SECONDS - 1)
    assert writes(connection, lambda: rest(admin)) == []
    clock.pass_seconds(1.0)
    assert writes(connection, lambda: rest(admin)) != []
    step(admin, Answered(told[1].mac, told[1].attempt, Result.REFUSED))
    assert rest(admin) == FORSAKEN_SECONDS


def test_sightings_are_read_no_more_often_than_something_can_come_of_it(
    phones: None,
    admin: Administration,
    log: SightingLog,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks: list[set[int]] = []
    latest = SightingLog.latest

    def watched(log: SightingLog, macs: set[int], reasons: Any) -> Any:
        looks.append(set(macs))
        return latest(log, macs, reasons)

    number = admin.rollout_start("domain", DOMAIN, canary=1)["id"]
    monkeypatch.setattr(SightingLog, "latest", watched)

    def looked(seconds: int) -> int:
        before = len(looks)
        for _ in range(seconds):
            clock.pass_seconds(1.0)
            step(admin)
        return len(looks) - before

    assert looked(5) == 5
    admin.rollout_pause(number)
    assert looked(60) in (2, 3)
    admin.rollout_resume(number)
    assert looked(600) >= 500  # then its time is up
    assert admin.rollout_show(number)["state"] == "halted"
    assert looked(600) in (2, 3)
    assert all(len(macs) == 1 for macs in looks[-2:])
    before = len(looks)
    seen(log, [macs.pop() - MAC for macs in looks[-1:]], at=AT + 1_000.0)
    admin.rollout_resume(number)
    step(admin, look=False)
    assert len(looks) == before + 1
    assert admin.rollout_show(number)["fates"]["back"] == 1
    admin.rollout_pause(number)
    step(admin)
    assert looked(900) == 0


def calls_in(work: Callable[[], object]) -> int:
    """Return how many functions *work* called."""
    count = 0

    def called(_frame: object, event: str, _arg: object) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(called)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def test_many_small_roll_outs_look_each_at_its_own_phones(
    add: Callable[..., None], admin: Administration, log: SightingLog, clock: Clock
) -> None:
    # As a PBX starts them that resyncs its accounts one by one.
    took = []
    for first, end in ((0, 20), (20, 80)):
        for number in range(first, end):
            add(f"{400 + number}@{DOMAIN}", mac=text(number))
        seen(log, range(first, end), at=clock.at.wall - 10)
        for number in range(first, end):
            admin.rollout_start("device", text(number))
        step(admin)
        clock.pass_seconds(1.0)
        told: list[Errand] = []
        took.append(calls_in(lambda told=told: told.extend(step(admin))))  # type: ignore[misc]
        assert len(told) == end - first
        seen(log, range(first, end), at=clock.at.wall + 0.5)
        clock.pass_seconds(1.0)
        back = [accepted(errand) for errand in told]
        took[-1] += calls_in(lambda back=back: step(admin, *back))  # type: ignore[misc]
        assert step(admin) == []
    assert took[1] < 5 * took[0]
