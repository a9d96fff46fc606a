"""``bootwave options check``."""

import os
from typing import Any

import typer

from bootwave.cli import place
from bootwave.cli.notices import notices
from bootwave.cli.output import Json, hint, print_json, print_line, print_table
from bootwave.options import keys, value_of
from bootwave.optionsfile import inspect, locate, masked, shown


def check(json: Json = False) -> None:
    """Show every option, its value, where it came from, and all that is wrong.

    The exit status is 1 when something is wrong.
    """
    found = inspect(locate(place.chosen(), os.environ), os.environ)
    wrong = {problem.key for problem in found.problems}
    rows = []
    for key in keys():
        origin = found.origins[key.name]
        value = (
            masked(found.written[key.name])
            if key.name in wrong and key.name in found.written
            else value_of(found.options, key.name)
        )
        rows.append((key, value, origin))
    warnings = list(notices(found.options))
    if json:
        print_json(
            {
                "file": str(found.path) if found.path else None,
                "options": [
                    {
                        "name": key.name,
                        "value": _plain(value),
                        "from": origin,
                        "default": _plain(key.default),
                        "variable": key.variable,
                        "help": key.help,
                        "wrong": key.name in wrong,
                    }
                    for key, value, origin in rows
                ],
                "problems": [problem._asdict() for problem in found.problems],
                "warnings": warnings,
            }
        )
    else:
        print_table(
            ("option", "value", "from", ""),
            [
                (
                    key.name,
                    shown(value),
                    "file" if origin == str(found.path) else origin,
                    "WRONG" if key.name in wrong else "",
                )
                for key, value, origin in rows
            ],
            empty="",
        )
        print_line("")
        if found.path is None:
            print_line("There is no options file: name one with -o FILE.")
        else:
            print_line(f"The file is {found.path}.")
        for problem in found.problems:
            print_line(f"Wrong: {problem.sentence}")
        for warning in warnings:
            print_line(f"Note: {warning}")
        if not found.problems:
            print_line("Nothing is wrong.")
    if found.problems:
        count = len(found.problems)
        hint(f"bootwave: {count} {'thing is' if count == 1 else 'things are'} wrong.")
        raise typer.Exit(1)


def _plain(value: Any) -> Any:
    """Return *value* as JSON can hold it: paths and TOML's dates are texts there."""
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value if isinstance(value, bool | int | float | str) else str(value)
