"""How well one can tell from a time to which of two groups it belongs."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import NamedTuple


class Difference(NamedTuple):
    """What two samples differ in.

    ``advantage`` is |2A - 1| with the area A of Mann and Whitney's statistic: how much
    better than tossing a coin one names the group of a pair, 0 for not at all and 1 for
    always (also known as the size of Cliff's delta).  ``error`` is its standard error
    where the samples are alike.  ``distance`` is that of Kolmogorov and Smirnov, and
    ``median`` the difference of the medians.
    """

    advantage: float
    error: float
    distance: float
    median: float


def difference(one: Sequence[float], other: Sequence[float]) -> Difference:
    """Return what *one* and *other*, neither empty, differ in."""
    first, second = sorted(one), sorted(other)
    below = sum(bisect_left(first, value) for value in second)
    equal = sum(bisect_right(first, value) for value in second) - below
    area = (below + equal / 2) / (len(first) * len(second))
    distance = max(
        abs(
            bisect_right(first, value) / len(first)
            - bisect_right(second, value) / len(second)
        )
        for value in (*first[:: max(1, len(first) // 2000)], *second[::97])
    )
    # Of U / (n·m) under equality: (n + m + 1) / (12·n·m); twice that of the area.
    n, m = len(first), len(second)
    error = 2 * math.sqrt((n + m + 1) / (12 * n * m))
    return Difference(
        abs(2 * area - 1), error, distance, second[m // 2] - first[n // 2]
    )
