from collections.abc import Callable, Iterator

from perf.programs import Wrong
from perf.rounds import interleave


def giving(*figures: float | str) -> Callable[[], float]:
    """Return what gives *figures* in turn, and fails where one is a text."""
    turn: Iterator[float | str] = iter(figures)

    def measure() -> float:
        figure = next(turn)
        if isinstance(figure, str):
            raise Wrong(figure)
        return figure

    return measure


def test_the_first_round_only_warms_up() -> None:
    figures, failed = interleave({"a": giving(9, 1, 2), "b": giving(9, 3, 4)}, 2)
    assert figures == {"a": [1, 2], "b": [3, 4]}
    assert not failed


def test_contenders_take_turns() -> None:
    order: list[str] = []

    def turn(name: str) -> Callable[[], float]:
        return lambda: order.append(name) or 1.0

    interleave({"a": turn("a"), "b": turn("b")}, 2)
    assert order == ["a", "b"] * 3


def test_a_round_in_which_one_fails_counts_for_nobody() -> None:
    figures, failed = interleave(
        {"a": giving(9, 1, 2, 3), "b": giving(9, 4, "it lost one", 6)}, 3
    )
    assert figures == {"a": [1, 3], "b": [4, 6]}
    assert failed == {"b": "it lost one"}


def test_who_fails_while_warming_up_takes_no_part() -> None:
    figures, failed = interleave({"a": giving(9, 1), "b": giving("no such port")}, 1)
    assert figures == {"a": [1]}
    assert failed == {"b": "no such port"}
