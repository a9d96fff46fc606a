"""What an engine's log of JSON lines says went wrong.

Every line of level error is a fault, and every line that is no JSON, which nobody meant
to write, unless the event is expected by name.
"""

import json
from collections import Counter
from collections.abc import Container, Iterator
from typing import Any

_FAULTS = ("error", "critical")


def faults(text: str, expected: Container[str]) -> list[str]:
    """Return the lines of *text* that tell of a fault, but for those *expected*."""
    found = []
    for line, told in _lines(text):
        if told is None:
            found.append(line)
        elif told["level"] in _FAULTS or "exception" in told:
            if told.get("id") not in expected:
                found.append(line)
    return found


def counted(text: str) -> dict[str, int]:
    """Return how often each event of *text* was told, by its name.

    One line may stand for more; what libraries say has the name of its logger.
    """
    found: Counter[str] = Counter()
    for _line, told in _lines(text):
        if told is not None and told["level"] != "info":
            found[str(told.get("id") or told["logger"])] += 1 + told.get("more", 0)
    return dict(sorted(found.items()))


def _lines(text: str) -> Iterator[tuple[str, dict[str, Any] | None]]:
    """Yield the lines of *text*, each with what it tells, None where it is no JSON."""
    for line in filter(str.strip, text.splitlines()):
        try:
            told = json.loads(line)
        except ValueError:
            told = None
        is_event = isinstance(told, dict) and {"level", "logger"} <= told.keys()
        yield line, told if is_event else None
