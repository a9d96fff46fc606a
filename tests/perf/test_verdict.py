import pytest

from perf.verdict import (
    MET,
    MISSED,
    UNKNOWN,
    Goal,
    Line,
    cells,
    exit_status,
    scaled,
    table,
)


def line(*goals: Goal, **rounds: list[float]) -> Line:
    return Line("row", "µs", rounds, goals, "nginx", "C")


def test_a_ratio_is_the_median_of_the_rounds_ratios_not_of_the_medians() -> None:
    # Round by round ours is half of theirs, though the machine slowed down in between.
    measured = line(bootwave=[1.0, 10.0, 2.0], nginx=[2.0, 20.0, 4.0])
    assert measured.ratio("nginx") == 0.5
    uneven = line(bootwave=[1.0, 9.0, 5.0], nginx=[1.0, 3.0, 10.0])
    assert uneven.ratio("nginx") == 1.0


@pytest.mark.parametrize(
    ("goal", "verdict"),
    [
        (Goal(0.8, "nginx"), MET),
        (Goal(0.5, "nginx"), MET),
        (Goal(0.4, "nginx"), MISSED),
        (Goal(12), MET),
        (Goal(9), MISSED),
        (Goal(10, at_least=True), MET),
        (Goal(11, at_least=True), MISSED),
        (Goal(0.8, "haproxy"), UNKNOWN),
    ],
)
def test_a_goal_is_judged_by_ratio_or_by_the_figure(goal: Goal, verdict: str) -> None:
    assert line(goal, bootwave=[10.0], nginx=[20.0]).verdict == verdict


def test_the_worst_goal_decides() -> None:
    met, missed, unknown = Goal(1, "nginx"), Goal(1), Goal(1, "haproxy")
    rounds = {"bootwave": [10.0], "nginx": [20.0]}
    assert line(met, **rounds).verdict == MET
    assert line(met, unknown, **rounds).verdict == UNKNOWN
    assert line(met, unknown, missed, **rounds).verdict == MISSED


def test_a_fast_wrong_answer_is_a_missed_goal() -> None:
    wrong = Line("row", "µs", {"bootwave": [1.0]}, [Goal(9)], wrong=["another's body"])
    assert wrong.verdict == MISSED
    assert "row: WRONG: another's body" in table([wrong])


def test_what_has_no_goal_has_no_verdict_and_fails_nothing() -> None:
    assert line(bootwave=[1.0]).verdict == ""
    assert exit_status([line(bootwave=[1.0])]) == 0


def test_a_missing_peer_is_named_and_its_goal_is_not_taken_as_reached() -> None:
    alone = Line(
        "row",
        "µs",
        {"bootwave": [1.0]},
        [Goal(0.8, "nginx")],
        "nginx",
        missing={"nginx": "apt-get install nginx-light"},
    )
    assert cells(alone)[3] == "nginx: missing"
    assert "row: no nginx: apt-get install nginx-light" in table([alone])
    assert exit_status([alone]) == 1


def test_a_peer_of_no_cost_gives_no_ratio() -> None:
    assert line(bootwave=[1.0], nginx=[0.0]).ratio("nginx") is None


def test_the_table_is_aligned_and_tells_what_it_has_no_column_for() -> None:
    measured = line(Goal(0.8, "nginx"), bootwave=[1.0], nginx=[2.0], haproxy=[1500.0])
    text = table([measured])
    rows = [row for row in text.splitlines() if row.startswith("|")]
    assert len({len(row) for row in rows}) == 1
    assert "0.50 x nginx" in rows[2]
    assert "row: beside it haproxy 1,500 (µs)" in text


def test_a_figure_of_another_machine_is_told_but_its_ratio_decides() -> None:
    goals = scaled(0.4, "sofia-sip", 1.9)
    slow = Line(
        "row",
        "µs",
        {"bootwave": [0.8], "sofia-sip": [4.0]},
        goals,
        "sofia-sip",
    )
    assert slow.verdict == MET
    assert cells(slow)[6] == "≤ 0.21 x sofia-sip, ≤ 0.4 as written"
    assert cells(slow)[7] == "met, missed as written"
    assert exit_status([slow]) == 0
    without = Line("row", "µs", {"bootwave": [0.3]}, goals, "sofia-sip")
    assert cells(without)[7] == "not judged, met as written"
    assert exit_status([without]) == 1


def test_a_rate_is_scaled_like_a_cost() -> None:
    goals = scaled(150_000, "C", 260_000, at_least=True)
    rate = Line("row", "/s", {"bootwave": [60_000.0], "C": [100_000.0]}, goals)
    assert rate.verdict == MET
    assert cells(rate)[6] == "≥ 0.577 x C, ≥ 150,000 as written"


def test_a_goal_that_is_only_as_written_decides_by_itself() -> None:
    alone = Line("row", "µs", {"bootwave": [2.0]}, [Goal(1, as_written=True)])
    assert alone.verdict == MISSED
