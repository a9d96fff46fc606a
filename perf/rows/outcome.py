"""What becomes of a line when a contender failed."""

from collections.abc import Mapping
from dataclasses import replace

from perf.verdict import Line


def measured_line(line: Line, failed: Mapping[str, str]) -> Line:
    """Return *line* with what failed: our own failure is wrong, a peer's is told."""
    wrong = [failed[line.ours]] if line.ours in failed else []
    others = {who: why for who, why in failed.items() if who != line.ours}
    return replace(line, wrong=wrong, missing={**line.missing, **others})
