"""``bootwave lint FILE``: what is wrong with a document, whoever made it."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bootwave.cli.completion import one_of
from bootwave.cli.output import Json, hint, print_json, print_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bootwave.settings.lint import Finding

_STDIN = "-"


def lint(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE", help="A document; - is standard input.", show_default=False
        ),
    ],
    dialect: Annotated[
        str,
        typer.Option(
            metavar="xml|text|m9|dect",
            help="What kind of phone reads it; else guessed.",
            autocompletion=one_of("xml", "text", "m9", "dect"),
        ),
    ] = "",
    mac: Annotated[
        str, typer.Option(metavar="MAC", help="The one phone that reads it.")
    ] = "",
    shared: Annotated[
        bool, typer.Option("--shared", help="Several phones read it.")
    ] = False,
    json: Json = False,
) -> None:
    """Say what is wrong with a phone's document before a phone reads it.

    What stands in the wrong place, is dangerous, contradicts itself or cannot be read.
    The exit status is 1 when there are errors or warnings, 0 with nothing but notes.
    """
    from bootwave.phone.mac import required_mac, text_from_mac
    from bootwave.settings.lint import lint as findings

    found = findings(
        _content(file),
        dialect=_chosen(dialect),
        shared=shared,
        mac=text_from_mac(required_mac(mac)) if mac else "",
    )
    report(found, {"file": file}, json=json)


def report(found: "Sequence[Finding]", about: dict[str, Any], *, json: bool) -> None:
    """Print what was *found*, and leave with status 1 if that is more than notes.

    As JSON the findings stand beside what they are *about*.
    """
    from bootwave.settings.lint import Severity

    if json:
        print_json({**about, "findings": [one._asdict() for one in found]})
    else:
        for one in found:
            where = f"line {one.line}: " if one.line else ""
            print_line(f"{one.severity}: {where}{one.element}: {one.sentence}")
        hint(f"bootwave: {_summary(found)}")
    if any(one.severity is not Severity.NOTE for one in found):
        raise typer.Exit(1)


def _summary(found: "Sequence[Finding]") -> str:
    counts = [
        f"{count} {severity}{'' if count == 1 else 's'}"
        for severity in ("error", "warning", "note")
        if (count := sum(one.severity == severity for one in found))
    ]
    return f"{', '.join(counts)}." if counts else "nothing is wrong."


def _content(file: str) -> bytes:
    from bootwave.errors import OptionError
    from bootwave.settings.reading import MAX_DOCUMENT_BYTES

    try:
        if file == _STDIN:
            return sys.stdin.buffer.read(MAX_DOCUMENT_BYTES + 1)
        with open(file, "rb") as source:
            return source.read(MAX_DOCUMENT_BYTES + 1)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OptionError(f"{file} cannot be read: {reason}.") from None


def _chosen(dialect: str) -> Any:
    from bootwave.cli.misuse import Misuse
    from bootwave.settings.catalogue import Dialect

    if not dialect:
        return None
    try:
        return Dialect(dialect)
    except ValueError:
        raise Misuse(
            f"{dialect!r} is not a kind of document: {', '.join(Dialect)}."
        ) from None
