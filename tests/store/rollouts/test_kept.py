"""Roll-outs are kept for a while, and neither they nor their phones grow on."""

import pytest

from bootwave.rollout.course import Result
from bootwave.rollout.notifier import Answered
from bootwave.store.administration import Administration
from bootwave.store.rollouts import kept as rolloutskept
from tests.store.clock import Clock
from tests.store.listed import notes_of
from tests.store.rollouts.test_rollouts import DOMAIN, phones, text
from tests.store.rollouts.test_steps import step
from tests.store.staged import Staged

assert phones  # a fixture


def test_those_that_are_over_are_forgotten_in_the_end(
    phones: None, admin: Administration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rolloutskept, "KEPT", 2)
    numbers = []
    for _ in range(4):
        numbers.append(admin.rollout_start("device", text(1))["id"])
        admin.rollout_cancel(numbers[-1])
    admin.rollout_start("device", text(1))
    assert [one["id"] for one in admin.rollout_list()][1:] == numbers[:1:-1]


@pytest.mark.parametrize(("most", "left"), [(40, 4), (30, 3), (29, 2), (1, 1)])
def test_large_ones_are_forgotten_sooner(
    phones: None,
    admin: Administration,
    monkeypatch: pytest.MonkeyPatch,
    most: int,
    left: int,
) -> None:
    monkeypatch.setattr(rolloutskept, "KEPT_PHONES", most)
    numbers = []
    for _ in range(4):
        numbers.append(admin.rollout_start("domain", DOMAIN)["id"])
        admin.rollout_cancel(numbers[-1])
    admin.rollout_start("device", text(1))
    kept = [one["id"] for one in admin.rollout_list()][1:]
    assert kept == numbers[: -1 - left : -1]


def halted(admin: Administration, clock: Clock, *whom: str) -> int:
    """Start a roll-out, to whose canary there is no way; return its number."""
    number: int = admin.rollout_start(*whom)["id"]
    step(admin)
    clock.pass_seconds(1.0)
    (told,) = step(admin)
    step(admin, Answered(told.mac, told.attempt, Result.UNREACHABLE))
    assert admin.rollout_show(number)["state"] == "halted"
    return number


def test_of_those_that_halted_at_their_end_the_oldest_end(
    phones: None,
    admin: Administration,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rolloutskept, "KEPT_HALTED", 1)
    others_wait = halted(admin, clock, "domain", DOMAIN)
    first, second, third = (halted(admin, clock, "device", text(10)) for _ in range(3))
    states = {one["id"]: one["state"] for one in admin.rollout_list()}
    assert states == {
        others_wait: "halted",
        first: "cancelled",
        second: "halted",
        third: "halted",
    }
    (note,) = (one for one in notes_of(admin) if one["action"] == "rollout.cancelled")
    assert note["subject"] == f"roll-out {first}"


def test_firmware_that_halted_is_ended_by_people_only(
    staged: Staged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rolloutskept, "KEPT_HALTED", 0)
    number = staged.roll_out("device", text(1))["id"]
    (canary,) = staged.tell()
    staged.refuses(canary, number)
    assert staged.admin.rollout_show(number)["state"] == "halted"
    staged.admin.rollout_start("device", text(2))
    assert staged.admin.rollout_show(number)["state"] == "halted"
