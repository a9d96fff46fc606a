from bootwave.server.pacing import Pacing


def test_it_fills_with_time_and_never_over_the_brim() -> None:
    pacing = Pacing(1000, 500)
    assert pacing.allowed(10.0) == 500
    pacing.took(500)
    assert pacing.allowed(10.0) == 0
    assert pacing.allowed(10.25) == 250
    assert pacing.allowed(99.0) == 500


def test_what_was_too_much_is_waited_for() -> None:
    pacing = Pacing(1000, 500)
    pacing.allowed(1.0)
    pacing.took(700)
    assert pacing.allowed(1.125) == -75
    assert pacing.allowed(1.25) == 50


def test_over_time_it_is_the_rate() -> None:
    pacing = Pacing(1000, 100)
    sent, now = 0, 5.0
    for _ in range(1000):
        now += 0.01
        allowed = pacing.allowed(now)
        pacing.took(allowed)
        sent += allowed
    assert abs(sent - 10_000) <= 100


def test_a_clock_that_stands_still_gives_nothing() -> None:
    pacing = Pacing(1000, 100)
    pacing.allowed(5.0)
    pacing.took(100)
    assert pacing.allowed(5.0) == 0
    assert pacing.allowed(4.0) == 0
