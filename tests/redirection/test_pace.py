from bootwave.redirection.pace import Budget


def test_calls_are_evenly_apart_and_nothing_is_saved_up() -> None:
    budget = Budget(4)
    made = []
    now = 100.0
    for _ in range(5):
        now += budget.delay(now)
        budget.spend(now)
        made.append(now)
    assert made == [100.0, 100.25, 100.5, 100.75, 101.0]
    now = 200.0
    assert budget.delay(now) == 0.0
    budget.spend(now)
    assert budget.delay(now) == 0.25
