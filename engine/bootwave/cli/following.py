"""Following a roll-out: what it does, stage by stage, until nothing goes on."""

import time
from typing import Any

from bootwave.cli.output import hint, print_line, print_table
from bootwave.cli.progress import Progress
from bootwave.control.session import Session

LOOK_SECONDS = 1.0
_GOES_ON = "running"
_TROUBLES = ("missing", "left")  # fates of phones that are shown one by one


def follow(session: Session, started: dict[str, Any], *, quiet: bool) -> dict[str, Any]:
    """Return the roll-out *started* once it runs no longer, or Ctrl-C was pressed.

    Unless *quiet* each stage is told when it is complete.
    """
    number, total = started["id"], sum(one["phones"] for one in started["stages"])
    shown, told = started, 0
    try:
        if not quiet:
            hint(_what_begins(started, total))
        with Progress(f"Roll-out {number}", shown_after=0.0) as progress:
            progress.update(0, total)
            while shown["state"] == _GOES_ON:
                time.sleep(LOOK_SECONDS)
                shown = session.call("rollout.show", rollout=number)
                over = shown["fates"]["back"] + shown["fates"]["missing"]
                progress.update(over, total)
                while not quiet and told < shown["stage"]:
                    print_line(stage_line(shown, told))
                    told += 1
    except KeyboardInterrupt:
        hint(f"It goes on without you: bootwave rollout show {number}.")
    return shown


def _what_begins(started: dict[str, Any], total: int) -> str:
    """Return what is going to be seen, and how long it may take to see it."""
    phones = "1 phone" if total == 1 else f"{total:,} phones"
    stages = len(started["stages"])
    in_stages = "" if stages == 1 else f" in {stages} stages"
    minutes = f"{started['wait_seconds'] / 60:g}"
    minutes += " minute" if minutes == "1" else " minutes"
    return (
        f"Roll-out {started['id']} tells {phones}{in_stages}, {started['rate']:g} a "
        f"second, and waits up to {minutes} for each."
    )


def stage_line(shown: dict[str, Any], stage: int) -> str:
    """Return what became of a *stage* in a line."""
    one, stages = shown["stages"][stage], len(shown["stages"])
    return f"Stage {stage + 1} of {stages}: {_came_back(one, one['phones'])}"


def named_action(shown: dict[str, Any]) -> str:
    """Return what phones are told to do: ``resync``, ``firmware 8.7.5.35``."""
    return f"{shown['action']} {shown['version']}".strip()


def print_rollout(shown: dict[str, Any]) -> int:
    """Print what became of a roll-out, and return the exit status for it."""
    number, state = shown["id"], shown["state"]
    what = f"{named_action(shown)}, {shown['selection']}"
    back = _came_back(shown["fates"], shown["staged"])
    print_line(f"Roll-out {number} ({what}) is {state}: {back}")
    already = shown["already"]
    if already:
        whose = "1 phone runs" if already == 1 else f"{already:,} phones run"
        print_line(f"{whose} {shown['version']} already.")
    for one in shown["left_out"]:
        count = one["phones"]
        if count == 1:
            print_line(f"1 phone is not told: {one['why']}.")
        else:  # the clause speaks of one of them
            print_line(f"{count:,} phones are not told, each because {one['why']}.")
    if shown["why"]:
        print_line(shown["why"])
    if shown["phones"]:
        print_line("")
        print_table(
            ("phone", "fate", "NOTIFY", "why"),
            [
                (one["mac"], one["fate"], one["result"], one["detail"])
                for one in shown["phones"]
            ],
            empty="",
        )
    more = sum(shown["fates"][fate] for fate in _TROUBLES)
    more -= sum(one["fate"] in _TROUBLES for one in shown["phones"])
    if more:
        hint(
            f"And {more:,} more: bootwave search rollout-phones rollout={number} lists "
            "all of its phones."
        )
    if state in ("halted", "paused"):
        hint(
            f"bootwave rollout resume {number} goes on, "
            f"bootwave rollout cancel {number} ends it."
        )
        if shown["version"] and shown["fates"]["back"]:
            hint(f"With --withdraw nobody keeps {shown['version']} then.")
    return int(state not in ("done", _GOES_ON))


def _came_back(fates: dict[str, int], phones: int) -> str:
    others = [
        f"{fates[fate]:,} {word}"
        for fate, word in (
            ("out", "told and awaited"),
            ("missing", "missing"),
            ("waiting", "to be told"),
        )
        if fates[fate]
    ]
    rest = f" ({', '.join(others)})" if others else ""
    noun = "phone" if phones == 1 else "phones"
    return f"{fates['back']:,} of {phones:,} {noun} came back{rest}."
