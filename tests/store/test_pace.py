from bootwave.store import pace as pace_of
from bootwave.store.pace import Pace


def test_a_transaction_takes_as_many_rows_as_fit_its_time() -> None:
    pace = Pace()
    assert pace.rows == pace_of.FIRST_ROWS
    for _ in range(20):
        pace.took(pace.rows, pace.rows * 0.000_1, 0.0)
    assert pace.rows == round(pace_of.LOCK_SECONDS / 0.000_1)
    for _ in range(20):
        pace.took(pace.rows, pace.rows * 0.001, 0.0)
    assert pace.rows == round(pace_of.LOCK_SECONDS / 0.001)


def test_one_transaction_that_was_slow_or_quick_does_not_decide() -> None:
    pace = Pace()
    pace.took(100, 10.0, 10.0)
    assert pace.rows == 50
    pace.took(50, 0.0, 0.0)
    assert pace.rows == 100
    # A small rest that was quick says little of many rows.
    pace.took(3, 0.000_001, 0.0)
    assert pace.rows == 200


def test_rows_are_neither_none_nor_without_bound() -> None:
    pace = Pace()
    for _ in range(20):
        pace.took(pace.rows, 60.0, 60.0)
    assert pace.rows == pace_of.LEAST_ROWS
    for _ in range(20):
        pace.took(pace.rows, 0.0, 0.0)
    assert pace.rows == pace_of.MOST_ROWS


def test_others_have_as_long_as_they_waited_and_no_slow_disk_stops_it() -> None:
    pace = Pace()
    pace.took(100, 0.03, 0.05)
    assert pace.pause == 0.05
    pace.took(100, 0.0, 0.0)
    assert pace.pause == pace_of.LEAST_PAUSE_SECONDS
    # A commit takes long by itself: fewer rows would not make it shorter.
    rows = pace.rows
    pace.took(rows, pace_of.LOCK_SECONDS, 3.0)
    assert (pace.rows, pace.pause) == (rows, pace_of.MOST_PAUSE_SECONDS)
