"""Every path of the API stands in the manual with its methods, and every problem."""

import re
from pathlib import Path
from typing import Any

from bootwave.control.api.application import application
from bootwave.control.api.problems import KINDS

PAGE = (Path(__file__).parents[1] / "docs" / "api.md").read_text()
METHODS = r"(?:GET|POST|PUT|PATCH|DELETE)"


def documented() -> set[str]:
    """Return each method and path that the table of paths names."""
    found = set()
    for cell in re.findall(r"^\| (`[^|]+) \|", PAGE, re.M):
        methods: list[str] = []
        for word in re.findall(rf"{METHODS}|/[\w./{{}}-]+", cell):
            if word.startswith("/"):
                found |= {f"{method} {word}" for method in methods}
                methods = []
            else:
                methods.append(word)
    return found


def test_every_path_is_in_the_manual_and_no_other() -> None:
    routes: list[Any] = list(application(None).routes)  # type: ignore[arg-type]
    there = {f"{method} {route.path}" for route in routes for method in route.methods}
    assert documented() == there


def test_every_problem_is_in_the_manual_with_its_status() -> None:
    rows = re.findall(r"^\| ((?:`[\w-]+`,? ?)+)\| ([\d, ]+) \|", PAGE, re.M)
    told: dict[str, int] = {}
    for names, statuses in rows:
        kinds = re.findall(r"`([\w-]+)`", names)
        codes = [int(code) for code in statuses.split(", ")]
        codes = codes if len(codes) == len(kinds) else codes * len(kinds)
        told |= dict(zip(kinds, codes, strict=True))
    assert told == {name: kind.status for name, kind in KINDS.items()}
