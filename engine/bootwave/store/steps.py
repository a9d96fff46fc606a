"""What takes long, step by step, so that others have their turn in between."""

import time
from collections.abc import Callable, Generator
from typing import Any, TypeVar

T = TypeVar("T")

Steps = Generator[float, None, dict[str, Any]]
"""Yields behind each step for how many seconds others are to have their turn."""


def taken(
    steps: Generator[float, None, T], pause: Callable[[float], None] = time.sleep
) -> T:
    """Take all *steps*, with the pauses that they ask for; return the result.

    For who has the thread for himself.
    """
    while True:
        try:
            seconds = next(steps)
        except StopIteration as over:
            result: T = over.value
            return result
        if seconds:
            pause(seconds)


def taken_at_once(steps: Generator[Any, None, T]) -> T:
    """Take all *steps* without a pause, as within a transaction; return the result."""
    return taken(steps, lambda seconds: None)
