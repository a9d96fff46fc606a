"""What differs is found, and what time alone changes is none of it."""

import json
from typing import Any

import pytest

from perf.proofs.sameness import differences

WINDOW = {"number": "401", "until": 1_700_000_600, "seconds_left": 500}


def of(*windows: dict[str, Any]) -> dict[str, bytes]:
    return {"/windows": json.dumps({"items": windows}).encode()}


def test_a_window_runs_on() -> None:
    later = {**WINDOW, "seconds_left": 440}
    assert differences(of(WINDOW), of(later), 60.4) == []


@pytest.mark.parametrize(
    "later",
    [
        {**WINDOW, "seconds_left": 500},
        {**WINDOW, "seconds_left": 430},
        {**WINDOW, "seconds_left": None},
        {**WINDOW, "seconds_left": 440, "until": 1_700_000_601},
        {**WINDOW, "seconds_left": 440, "until": 1_700_000_600.0},
        {"number": "401", "until": 1_700_000_600},
    ],
)
def test_one_that_was_changed_is_another(later: dict[str, Any]) -> None:
    assert len(differences(of(WINDOW), of(later), 60.0)) == 1


def test_what_came_and_what_went_is_found() -> None:
    assert differences({"/a": b"1", "/c": b"x"}, {"/b": b"1", "/c": b"y"}, 0) == [
        "/a is not there any more",
        "/b was not there",
        "/c: b'x' became b'y'",
    ]
    two = of(WINDOW, WINDOW)
    assert differences(of(WINDOW), two, 0) == ["/windows/items: 1 became 2"]
