"""``bootwave options check``."""

import os
from typing import Any

import typer

from bootwave.certificates.files import is_missing
from bootwave.cli import place
from bootwave.cli.notices import notices
from bootwave.cli.output import Json, hint, print_json, print_line, print_table
from bootwave.options import keys, value_of
from bootwave.optionsfile import (
    DEFAULT,
    Inspection,
    Problem,
    inspect,
    locate,
    masked,
    shown,
)

# What an engine starts with, or not, by more than what the options say.
_OF_FILES = (
    *("control.listen", "control.certificates"),
    *("https.certificates", "https.legacy.certificates"),
    *("https.factory_cas", "https.factory_issuers", "https.crls"),
)


def check(json: Json = False) -> None:
    """Show every option, its value, where it came from, and all that is wrong.

    Files of certificates that are named are looked at as an engine does at its start.
    The exit status is 1 when something is wrong.
    """
    found = inspect(locate(place.chosen(), os.environ), os.environ)
    problems = [*found.problems, *_of_files(found)]
    wrong = {problem.key for problem in problems}
    refused = {problem.key for problem in found.problems}  # may be anything
    rows = []
    for key in keys():
        origin = found.origins[key.name]
        value = (
            masked(found.written[key.name])
            if key.name in refused and key.name in found.written
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
                "problems": [problem._asdict() for problem in problems],
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
        for problem in problems:
            print_line(f"Wrong: {problem.sentence}")
        for warning in warnings:
            print_line(f"Note: {warning}")
        if not problems:
            print_line("Nothing is wrong.")
    if problems:
        count = len(problems)
        hint(f"bootwave: {count} {'thing is' if count == 1 else 'things are'} wrong.")
        raise typer.Exit(1)


def _of_files(found: Inspection) -> list[Problem]:
    """Return what an engine would refuse of the files that options name."""
    missing = all(map(is_missing, found.options.https.certificates))
    if missing and all(found.origins[key] == DEFAULT for key in _OF_FILES):
        return []  # there is nothing to look at, and much to load for it
    from bootwave.server.shared import refused_files

    problems = []
    for sentence in refused_files(found.options):
        (key, *_) = (key.name for key in keys() if key.name in sentence)
        problems.append(Problem(key, found.origins[key], sentence))
    return problems


def _plain(value: Any) -> Any:
    """Return *value* as JSON can hold it: paths and TOML's dates are texts there."""
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value if isinstance(value, bool | int | float | str) else str(value)
