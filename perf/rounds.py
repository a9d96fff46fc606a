"""Contenders measured in turn, round after round."""

from collections.abc import Callable, Mapping

from perf.programs import Wrong

ROUNDS = 5

Measure = Callable[[], float]


def interleave(
    measures: Mapping[str, Measure], rounds: int = ROUNDS
) -> tuple[dict[str, list[float]], dict[str, str]]:
    """Return the figures of each contender in each round, and why who failed failed.

    A round before them warms up; who fails in it takes no part.  A later round in which
    one fails counts for nobody, so that figures stay paired.
    """
    failed: dict[str, str] = {}
    for name, measure in measures.items():
        try:
            measure()
        except Wrong as reason:
            failed[name] = str(reason)
    figures: dict[str, list[float]] = {n: [] for n in measures if n not in failed}
    for _ in range(rounds):
        taken: dict[str, float] = {}
        for name in figures:
            try:
                taken[name] = measures[name]()
            except Wrong as reason:
                failed.setdefault(name, str(reason))
        if len(taken) == len(figures):
            for name, figure in taken.items():
                figures[name].append(figure)
    return figures, failed
