#!/usr/bin/env python3
"""Write the table of reasons in docs/pairing.md anew, from bootwave.sightings.

``tests/test_reasons_documented.py`` fails when the page and the code differ.
"""

import sys
from pathlib import Path

from bootwave.sightings import Reason

PAGE = Path(__file__).parents[1] / "docs" / "pairing.md"
BEGIN = "<!-- reasons: made by tools/gen_reasons.py, not by hand -->\n"
END = "<!-- end of reasons -->\n"
FIRST_OF_HTTP = 50


def table(reasons: list[Reason]) -> str:
    """Return the Markdown table of *reasons*."""
    lines = [
        "| number | name | what happened | what to do |",
        "| --- | --- | --- | --- |",
    ]
    lines += (
        f"| {reason.value} | `{reason.name}` | {reason.sentence} | {reason.advice} |"
        for reason in reasons
    )
    return "\n".join(lines) + "\n"


def tables() -> str:
    """Return what stands between the marks: SIP, then HTTP, by number."""
    reasons = sorted(Reason)
    sip = [reason for reason in reasons if reason < FIRST_OF_HTTP]
    http = [reason for reason in reasons if reason >= FIRST_OF_HTTP]
    return f"\nBy SIP:\n\n{table(sip)}\nBy HTTP:\n\n{table(http)}\n"


def with_tables(page: str) -> str:
    """Return the text *page* with its tables made anew.

    Raises ValueError when the marks are not there, once each and in order.
    """
    before, begin, rest = page.partition(BEGIN)
    _old, end, after = rest.partition(END)
    if not begin or not end or BEGIN in rest or END in after:
        raise ValueError(f"the page needs the marks {BEGIN!r} and {END!r}, once each")
    return before + BEGIN + tables() + END + after


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text()))
    sys.stdout.write(f"{PAGE} holds {len(Reason)} reasons.\n")
