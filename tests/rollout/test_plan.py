"""Plans of roll-outs: canary, stages, hours; and what is refused."""

from typing import Any

import pytest

from bootwave.errors import OptionError
from bootwave.rollout.plan import (
    DEFAULT_WAIT_MINUTES,
    FIRMWARE_WAIT_MINUTES,
    MAX_RATE,
    MAX_WAIT_MINUTES,
    Hours,
    bounds_from_text,
    default_wait_minutes,
    hours_from_text,
    plan_for,
    text_from_bounds,
)


@pytest.mark.parametrize(
    ("phones", "asked", "bounds"),
    [
        (1, {}, (1,)),
        (3, {}, (1, 2, 3)),
        (5_000, {}, (10, 500, 2_500, 5_000)),
        (5_000, {"canary": 20, "stages": ""}, (20, 5_000)),
        (5_000, {"stages": "100, 7.5%,100%"}, (10, 100, 375, 5_000)),
        (50, {"canary": 49, "stages": ""}, (49, 50)),
        (10, {"canary": 80}, (10,)),
        (50, {"canary": 5, "stages": "3,9,7"}, (5, 9, 50)),
        (5_000, {"at_once": True}, (5_000,)),
    ],
)
def test_stages_go_from_a_canary_to_all(
    phones: int, asked: dict[str, Any], bounds: tuple[int, ...]
) -> None:
    assert plan_for(phones, **asked).bounds == bounds
    assert bounds_from_text(text_from_bounds(bounds)) == bounds


def test_only_who_asks_for_it_by_name_tells_everybody_at_once() -> None:
    for canary in (0, -1):
        with pytest.raises(OptionError, match="--at-once"):
            plan_for(100, canary=canary)
    for stages in ("", "10%,50%"):
        for canary in (500, 1_000):
            with pytest.raises(OptionError, match=r"all 500 phones.*--at-once"):
                plan_for(500, canary=canary, stages=stages)
    assert plan_for(100, rate=MAX_RATE, stages="100%").bounds[0] == 1
    assert plan_for(100, at_once=True).rate == MAX_RATE


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"rate": 10.0}, "--rate"),
        ({"canary": 5}, "--canary"),
        ({"stages": "10%"}, "--stages"),
        ({"rate": 5.0, "stages": ""}, "--rate or --stages"),
    ],
)
def test_all_at_once_takes_no_pace(asked: dict[str, Any], words: str) -> None:
    with pytest.raises(OptionError, match=f"leave {words} out"):
        plan_for(100, at_once=True, **asked)


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("22-06", (22 * 60, 23 * 60 + 59, 0, 6 * 60 - 1), (6 * 60, 22 * 60 - 1)),
        ("9:30-17", (9 * 60 + 30, 17 * 60 - 1), (9 * 60 + 29, 17 * 60, 0)),
        ("20-24", (20 * 60, 24 * 60 - 1), (0, 20 * 60 - 1)),
    ],
)
def test_hours_may_go_over_midnight(
    text: str, inside: tuple[int, ...], outside: tuple[int, ...]
) -> None:
    hours = hours_from_text(text)
    assert hours is not None
    assert all(hours.include(minute) for minute in inside)
    assert not any(hours.include(minute) for minute in outside)
    assert hours_from_text(str(hours)) == hours


def test_hours_are_written_with_minutes() -> None:
    assert str(Hours(22 * 60 + 30, 6 * 60)) == "22:30-06:00"
    assert hours_from_text(" ") is None


@pytest.mark.parametrize(
    "asked",
    [
        {"rate": 0.0},
        {"rate": MAX_RATE + 1},
        {"rate": 1e8},
        {"stages": "10%,x"},
        {"stages": "101%"},
        {"stages": ",".join(map(str, range(20, 80)))},
        {"hours": "24-06"},
        {"hours": "22:60-06"},
        {"hours": "6-6"},
        {"hours": "now"},
        {"wait_minutes": 0.0},
        {"wait_minutes": 1e9},
        {"share_percent": 100.5},
        {"share_percent": 1e8},
    ],
)
def test_what_is_no_plan_is_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(OptionError) as raised:
        plan_for(1_000, **asked)
    assert "e+0" not in str(raised.value)


@pytest.mark.parametrize("action", ["resync", "reboot"])
def test_phones_are_waited_for_as_long_as_they_may_take_to_boot_and_fail_once(
    action: str,
) -> None:
    assert default_wait_minutes(action, 0) == DEFAULT_WAIT_MINUTES
    assert default_wait_minutes(action, 16) == DEFAULT_WAIT_MINUTES + 1
    assert default_wait_minutes(action, 600) == DEFAULT_WAIT_MINUTES + 20
    assert default_wait_minutes(action, -1) == DEFAULT_WAIT_MINUTES
    assert default_wait_minutes(action, 1e9) == MAX_WAIT_MINUTES


def test_phones_that_load_firmware_are_waited_for_longer() -> None:
    assert default_wait_minutes("firmware", 0) == FIRMWARE_WAIT_MINUTES
    assert default_wait_minutes("firmware", 600) == FIRMWARE_WAIT_MINUTES + 20
