"""How commands print: tables for people, JSON for programs, hints beside them."""

import os
import shutil
import sys
import time
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Annotated, Any

import typer

from bootwave.cli.columns import lines_of

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

NAME = "bootwave"
_TOGETHER = 1_000  # rows written at once


def print_json(value: Any) -> None:
    """Print *value* as indented JSON."""
    import orjson

    text = orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    sys.stdout.write(text.decode())


def print_json_rows(rows: Iterable[Any]) -> None:
    """Print *rows* as ``print_json`` prints a list of them, but as they come.

    What fails in the middle leaves a list without its end, which no reader takes for
    a whole one.
    """
    import orjson

    waiting, before = iter(rows), "[\n"
    while some := [*islice(waiting, _TOGETHER)]:
        text = orjson.dumps(some, option=orjson.OPT_INDENT_2).decode()
        sys.stdout.write(before + text.removeprefix("[\n").removesuffix("\n]"))
        before = ",\n"
    sys.stdout.write("[]\n" if before == "[\n" else "\n]\n")


def print_table(
    headers: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str
) -> None:
    """Print *rows* in aligned columns; when there are none, *empty* as a hint.

    On a terminal they fit its width; elsewhere each row is one line.
    """
    cells = [[printable(cell) for cell in row] for row in rows]
    if not cells:
        hint(empty)
        return
    for line in lines_of([list(headers), *cells], _room()):
        sys.stdout.write(line + "\n")


def print_line(text: str) -> None:
    """Print one line."""
    sys.stdout.write(printable(text) + "\n")


def hint(text: str) -> None:
    """Print one line beside the data: on standard error."""
    print(printable(text), file=sys.stderr)


def duration(seconds: float) -> str:
    """Return *seconds* as people say them: ``9 min 58 s``, ``2 h 5 min``."""
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    if minutes:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{rest} s"


def moment(at: float | None) -> str:
    """Return wall-clock *at* in local time, to the second; "" for None."""
    if at is None:
        return ""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def printable(value: object) -> str:
    """Return *value* as text that cannot move the cursor: phones wrote some of it.

    None is empty, truth is "yes" or empty.
    """
    if value is None or value is False:
        return ""
    if value is True:
        return "yes"
    text = str(value)
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else f"\\x{ord(character):02x}"
        for character in text
    )


def _room() -> int:
    """Return how wide the terminal is that is printed on, 0 for none."""
    if not sys.stdout.isatty():
        return 0
    return shutil.get_terminal_size((0, 0)).columns


def called() -> str:
    """Return what to type to call this command again, from this directory.

    Its name where that is found, and its path where it is not (``make run`` has it in a
    virtual environment that nobody activated).
    """
    program = sys.argv[0]
    if os.path.basename(program) != NAME or shutil.which(NAME) == program:
        return NAME
    return min(os.path.relpath(program), program, key=len)
