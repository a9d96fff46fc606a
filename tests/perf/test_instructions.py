import pytest

from perf.instructions import TOLERANCE, compare
from perf.natives import Counted, calls


def test_growth_beyond_the_tolerance_is_told() -> None:
    stored = {"sip.parse": 1000.0}
    assert compare({"sip.parse": 1000 * (1 + TOLERANCE)}, stored) == []
    (said,) = compare({"sip.parse": 1000 * (1 + TOLERANCE) + 1}, stored)
    assert said == "sip.parse grew from 1000 to 1031"


def test_getting_better_is_no_complaint() -> None:
    assert compare({"sip.parse": 1.0}, {"sip.parse": 1000.0}) == []


def test_what_is_not_stored_is_told() -> None:
    (said,) = compare({"sip.parse": 1.0}, {})
    assert "not stored" in said


@pytest.mark.parametrize("counted", calls().values(), ids=calls())
def test_every_call_that_is_counted_runs_again_and_again(counted: Counted) -> None:
    with counted.prepare() as call:
        call()
        call()
