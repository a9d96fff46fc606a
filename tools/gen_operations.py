#!/usr/bin/env python3
"""Write the table of operations in docs/embedding.md anew, from the signatures.

``tests/test_operations_documented.py`` fails when the page and the code differ.
"""

import inspect
import re
import sys
from collections.abc import Callable
from pathlib import Path

from bootwave.control.operations import OPERATIONS, kind_in_words, method_name
from bootwave.store.administration import Administration
from bootwave.store.domains.domains import FIELDS

PAGE = Path(__file__).parents[1] / "docs" / "embedding.md"
BEGIN = "<!-- operations: made by tools/gen_operations.py, not by hand -->\n"
END = "<!-- end of operations -->\n"


def table() -> str:
    """Return what stands between the marks: one row for each operation."""
    methods = [name for part in Administration.__mro__ for name in vars(part)]
    places = {name: place for place, name in enumerate(methods)}
    names = sorted(OPERATIONS - {"bulk"}, key=lambda op: places[method_name(op)])
    lines = ["| operation | arguments | what it does |", "| --- | --- | --- |"]
    lines += (f"| `{op}` | {_arguments(op)} | {_first_sentence(op)} |" for op in names)
    return "\n" + "\n".join(lines) + "\n\n"


def _arguments(op: str) -> str:
    shown = []
    for name, parameter in inspect.signature(_method(op)).parameters.items():
        if name in ("self", "progress"):
            continue
        words = kind_in_words(parameter.annotation).removesuffix(" or nothing")
        if parameter.kind is parameter.VAR_KEYWORD:
            shown += [f"`{field}` {words}" for field in FIELDS]
        elif parameter.default is parameter.empty:
            shown.append(f"**`{name}`** {words}")
        elif parameter.default in ("", None):
            shown.append(f"`{name}` {words}")
        else:
            shown.append(f"`{name}={parameter.default!r}` {words}")
    return ", ".join(shown) or "none"


def _first_sentence(op: str) -> str:
    lines = (inspect.getdoc(_method(op)) or "").partition("\n\n")[0].splitlines()
    text = re.sub(r"(?<![`*])\*(\w+)\*", r"`\1`", " ".join(lines))
    return text.replace("|", "\\|").replace("``", "`")


def _method(op: str) -> Callable[..., object]:
    method: Callable[..., object] = getattr(Administration, method_name(op))
    return method


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
    sys.stdout.write(f"{PAGE} holds {len(OPERATIONS)} operations.\n")
