"""What a row measured, what was wanted of it, and whether it was reached.

Nothing here measures.  Ratios are medians of the rounds' ratios: what else a machine
does in a round falls on every contender of it alike, so it cancels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

MET = "met"
MISSED = "missed"
UNKNOWN = "not judged"


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound on our figure.

    *against* names the contender that the figure is divided by, "" for the figure as
    it is.  *at_least* turns the bound round: more is better.

    A figure of another machine, *as_written*, is judged and told, but does not decide:
    beside it stands what it is in multiples of a contender there (``scaled``).
    """

    bound: float
    against: str = ""
    at_least: bool = False
    as_written: bool = False

    def __str__(self) -> str:
        """Return it as it stands in the table."""
        sign = "≥" if self.at_least else "≤"
        against = f" x {self.against}" if self.against else ""
        written = " as written" if self.as_written else ""
        return f"{sign} {_bound(self.bound)}{against}{written}"


def scaled(
    bound: float, against: str, there: float, *, at_least: bool = False
) -> list[Goal]:
    """Return the goal *bound* as written, and in multiples of *against*.

    *there* is the figure that *against* had where the goal was set.
    """
    return [
        Goal(round(bound / there, 4), against, at_least),
        Goal(bound, at_least=at_least, as_written=True),
    ]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table.

    *rounds* holds the figures of each contender, round by round; ours are under
    *ours*, *peer* and *limit* say which others stand in those columns, and the rest
    comes below the table.  *missing* says in words why a contender is not there, and
    *wrong* what it was caught at: a fast wrong answer is a failure.
    """

    name: str
    unit: str
    rounds: Mapping[str, Sequence[float]]
    goals: Sequence[Goal]
    peer: str = ""
    limit: str = ""
    ours: str = "bootwave"
    missing: Mapping[str, str] = field(default_factory=dict)
    wrong: Sequence[str] = ()
    note: str = ""

    def figure(self, contender: str) -> float | None:
        """Return the median of *contender*, None when it was not measured."""
        rounds = self.rounds.get(contender)
        return median(rounds) if rounds else None

    def ratio(self, contender: str) -> float | None:
        """Return how many times *contender*'s figure ours is, None when one lacks."""
        ours = self.rounds.get(self.ours)
        theirs = self.rounds.get(contender)
        if not ours or not theirs:
            return None
        pairs = list(zip(ours, theirs, strict=True))
        if any(other <= 0 for _, other in pairs):
            return None
        return median(our / other for our, other in pairs)

    def judge(self, goal: Goal) -> str:
        """Return MET, MISSED or UNKNOWN."""
        if self.wrong:
            return MISSED
        value = self.ratio(goal.against) if goal.against else self.figure(self.ours)
        if value is None:
            return UNKNOWN
        reached = value >= goal.bound if goal.at_least else value <= goal.bound
        return MET if reached else MISSED

    @property
    def verdict(self) -> str:
        """The worst verdict of the goals; "" when there is none and nothing wrong.

        Goals as written decide only where there are no others.
        """
        deciding = [goal for goal in self.goals if not goal.as_written]
        verdicts = [self.judge(goal) for goal in deciding or self.goals]
        for verdict in (MISSED, UNKNOWN, MET):
            if verdict in verdicts:
                return verdict
        return MISSED if self.wrong else ""


HEADINGS = ("row", "unit", "ours", "peer", "limit", "ratio", "goal", "verdict")


def cells(line: Line) -> tuple[str, ...]:
    """Return the texts of *line* under HEADINGS."""
    ratios = [
        f"{ratio:.2f} x {name}"
        for name in (line.peer, line.limit)
        if name and (ratio := line.ratio(name)) is not None
    ]
    return (
        line.name,
        line.unit,
        _number(line.figure(line.ours)),
        _column(line, line.peer),
        _column(line, line.limit),
        ", ".join(ratios) or "-",
        ", ".join(map(str, line.goals)) or "-",
        _verdict(line),
    )


def table(lines: Sequence[Line]) -> str:
    """Return the table as aligned Markdown, what is missing or wrong below it."""
    rows = [HEADINGS, *map(cells, lines)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    text = ["| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in rows]
    text.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join([*text, "", *remarks(lines)]).rstrip()


def remarks(lines: Sequence[Line]) -> list[str]:
    """Return what the table has no column for, one list item each."""
    said: list[str] = []
    for line in lines:
        others = set(line.rounds) - {line.ours, line.peer, line.limit}
        beside = [
            f"{name} {_number(line.figure(name))}"
            for name in line.rounds
            if name in others
        ]
        if beside:
            said.append(f"* {line.name}: beside it {', '.join(beside)} ({line.unit})")
        said += [f"* {line.name}: no {n}: {why}" for n, why in line.missing.items()]
        said += [f"* {line.name}: WRONG: {what}" for what in line.wrong]
        if line.note:
            said.append(f"* {line.name}: {line.note}")
    return said


def exit_status(lines: Sequence[Line]) -> int:
    """Return 0 when every goal was reached, 1 when one was missed or not judged."""
    return int(any(line.verdict in (MISSED, UNKNOWN) for line in lines))


def _verdict(line: Line) -> str:
    written = [
        f"{line.judge(goal)} as written"
        for goal in line.goals
        if goal.as_written and not line.wrong
    ]
    return ", ".join([line.verdict or "-", *written])


def _column(line: Line, name: str) -> str:
    if not name:
        return "-"
    if name in line.missing:
        return f"{name}: missing"
    return f"{name} {_number(line.figure(name))}"


def _bound(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"
