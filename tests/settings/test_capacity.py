"""What a request costs, and what a server is taken to answer by it."""

import pytest

from bootwave.settings.capacity import (
    ENOUGH_REQUESTS,
    LEAST_REQUESTS_PER_SECOND,
    MEMORY_REQUESTS,
    MOST_REQUESTS_PER_SECOND,
    USUAL_REQUESTS_PER_SECOND,
    Cost,
    Window,
    is_another,
)


def measured(milliseconds: float, requests: int, windows: int = 1) -> Cost:
    cost = Cost()
    for _ in range(windows):
        cost = cost.after(Window(10.0, milliseconds / 1_000 * requests, requests))
    return cost


@pytest.mark.parametrize(
    ("window", "counts"),
    [
        (Window(10.0, 0.5, 100), True),
        (Window(10.0, 0.49, 100), False),  # mostly what workers do by themselves
        (Window(10.0, 5.0, 99), False),
        (Window(10.0, 5.0, 5_000, images=1), False),
        (Window(10.0, 0.0, 0), False),
    ],
)
def test_a_window_counts_when_workers_were_busy_with_answering(
    window: Window, counts: bool
) -> None:
    assert window.counts is counts


def test_half_of_the_cpus_is_what_a_server_is_taken_to_answer_with() -> None:
    cost = measured(0.5, 1_000, windows=6)
    assert cost == (pytest.approx(0.0005), 6_000)
    assert cost.capacity(1) == 1_000
    assert cost.capacity(2) == 2_000
    assert measured(0.47, 1_000, windows=6).capacity(1) == 1_100  # two digits


def test_until_enough_was_measured_it_is_the_usual_capacity() -> None:
    assert Cost().capacity(8) == USUAL_REQUESTS_PER_SECOND
    assert measured(9.0, ENOUGH_REQUESTS - 1).capacity(2) == USUAL_REQUESTS_PER_SECOND
    assert measured(9.0, ENOUGH_REQUESTS).capacity(2) != USUAL_REQUESTS_PER_SECOND
    assert Cost(0.0, 10**9).capacity(2) == USUAL_REQUESTS_PER_SECOND


def test_no_measurement_goes_beyond_the_bounds() -> None:
    assert measured(0.001, 90_000).capacity(64) == MOST_REQUESTS_PER_SECOND
    assert measured(1_000.0, 90_000).capacity(1) == LEAST_REQUESTS_PER_SECOND


def test_the_mean_moves_slowly_and_towards_the_costlier_faster() -> None:
    before = measured(0.2, 10_000, windows=10)
    window = Window(10.0, 0.0, 1_000)
    cheaper = before.after(window._replace(cpu_seconds=0.1))
    costlier = before.after(window._replace(cpu_seconds=0.4))
    assert 0.000195 < cheaper.seconds < before.seconds
    assert before.seconds < costlier.seconds < 0.00022
    assert costlier.seconds / before.seconds > before.seconds / cheaper.seconds
    assert cheaper.requests == before.requests + 1_000


def test_a_storm_counts_for_as_much_as_it_has_requests() -> None:
    cost = measured(0.1, 1_000, windows=100)
    for _ in range(50):
        cost = cost.after(Window(10.0, 0.04, MEMORY_REQUESTS // 500))
    assert 0.0001 < cost.seconds < 0.0002
    for _ in range(50):
        cost = cost.after(Window(10.0, 0.4, 1_000))
    assert cost.seconds == pytest.approx(0.0004, rel=0.05)


def test_one_strange_window_counts_for_one() -> None:
    cost = measured(0.1, 1_000, windows=100)
    ill = cost.after(Window(10.0, 20.0, 100))  # two thousand times the cost
    assert ill.seconds < 1.1 * cost.seconds


def test_phones_are_told_anew_for_another_capacity_by_half_as_much_again() -> None:
    assert not is_another(2_000, 2_900)
    assert not is_another(2_000, 1_400)
    assert is_another(2_000, 3_000)
    assert is_another(2_000, 1_300)
