from collections.abc import Generator

from bootwave.store.steps import taken, taken_at_once


def steps(done: list[str]) -> Generator[float, None, str]:
    done.append("first")
    yield 0.25
    done.append("second")
    yield 0.0
    done.append("third")
    return "over"


def test_there_is_a_pause_behind_each_step_that_asks_for_one() -> None:
    done: list[str] = []

    def pause(seconds: float) -> None:
        done.append(f"{seconds} s")

    assert taken(steps(done), pause) == "over"
    assert done == ["first", "0.25 s", "second", "third"]


def test_steps_of_one_transaction_have_no_pause() -> None:
    done: list[str] = []
    assert taken_at_once(steps(done)) == "over"
    assert done == ["first", "second", "third"]
