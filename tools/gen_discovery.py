#!/usr/bin/env python3
"""Write the tables of docs/discovery.md anew, from the table of models.

``tests/test_discovery_documented.py`` fails when the page and the data differ.
"""

import sys
from pathlib import Path

from bootwave.phone.models import known_models
from bootwave.phone.pages import pages

PAGE = Path(__file__).parents[1] / "docs" / "discovery.md"
BEGIN = "<!-- web pages: made by tools/gen_discovery.py, not by hand -->\n"
END = "<!-- end of web pages -->\n"
BASE = "http://10.1.2.3:8080"


def table() -> str:
    """Return what stands between the marks: one row for each generation."""
    lines = [
        "| phones | type in | field on their web page | then |",
        "| --- | --- | --- | --- |",
    ]
    for name, page in pages().items():
        of_it = [
            model.title.removeprefix("snom ")
            for model in known_models().values()
            if model.generation == name
        ]
        typed = f"`{page.typed_url(BASE)}`" if page.field else ""
        then = ". ".join(filter(None, (page.then, page.note)))
        shown = f" (`{page.page}`)" if page.page else ""
        lines.append(
            f"| {page.title}: {', '.join(of_it)} | {typed} | {page.way}{shown} "
            f"| {then} |"
        )
    return "\n" + "\n".join(lines) + "\n\n"


def with_table(page: str) -> str:
    """Return the text *page* with its table made anew.

    Raises ValueError when the marks are not there, once each and in order.
    """
    before, begin, rest = page.partition(BEGIN)
    _old, end, after = rest.partition(END)
    if not begin or not end or BEGIN in rest or END in after:
        raise ValueError(f"the page needs the marks {BEGIN!r} and {END!r}, once each")
    return before + BEGIN + table() + END + after


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text()))
    sys.stdout.write(f"{PAGE} holds {len(pages())} generations.\n")
