"""``bootwave audit``."""

import re
from typing import Annotated, Any

import typer

from bootwave.cli import place
from bootwave.cli.instants import instant_from_text
from bootwave.cli.misuse import Misuse
from bootwave.cli.output import (
    Json,
    hint,
    moment,
    print_json,
    print_json_rows,
    print_line,
    print_table,
)
from bootwave.cli.progress import Progress
from bootwave.cli.rows import Rows, listing

BROKEN = 3  # the exit status for a log that is not as it was written
_HEAD = re.compile("[0-9A-Fa-f]{64}")


def list_rows(
    since: Annotated[
        str,
        typer.Option(metavar="WHEN", help="Not older: 2026-11-27, 24h, 7d."),
    ] = "",
    actor: Annotated[
        str,
        typer.Option(metavar="WHO", help="Of this user, or of phone:0004132E08B4."),
    ] = "",
    subject: Annotated[
        str,
        typer.Option(metavar="WHAT", help="Of subjects that hold this text."),
    ] = "",
    limit: Annotated[
        int, typer.Option(metavar="N", min=1, help="At most so many.")
    ] = 100,
    json: Json = False,
) -> None:
    """List who did what, and which phone took which secret, newest first."""
    at = instant_from_text(since, "--since")
    filters = {"since": repr(at) if at else "", "actor": actor, "subject": subject}
    with place.session() as session, listing(json=json):
        found = Rows(session, "audit", most=limit, filters=filters, descending=True)
        if json:
            print_json_rows(found)
            return
        rows = [
            (
                row["seq"],
                moment(row["at"]),
                row["actor"],
                row["action"],
                row["subject"],
                _more(row["detail"]),
            )
            for row in found
        ]
    print_table(
        ("number", "when", "who", "what", "of", "more"),
        rows,
        empty="The audit log holds no such row.",
    )


def verify(
    head: Annotated[
        str,
        typer.Option(
            metavar="HASH", help="A head that was printed before: must still be there."
        ),
    ] = "",
    json: Json = False,
) -> int:
    """Say whether the audit log is as it was written; the exit status is 3 if not.

    Reads the database itself, engine or not.  Keep the head it prints somewhere else:
    by it the next run knows whether the end was cut off.
    """
    from bootwave.quoting import shortened
    from bootwave.store.audit import verify as walk
    from bootwave.store.connection import connect

    if head and not _HEAD.fullmatch(head.strip()):
        raise Misuse(
            f"{shortened(head)} is no head: give the 64 hex digits that bootwave audit "
            "verify printed before."
        )
    connection = connect(place.loaded().options.store.database, read_only=True)
    try:
        connection.execute("BEGIN")
        with Progress("Audit log") as progress:
            found = walk(connection, head=head, progress=progress.update)
    finally:
        connection.close()
    if json:
        print_json({"whole": not found.broken_at, **found._asdict()})
        return BROKEN if found.broken_at else 0
    if found.broken_at:
        print_line(f"Broken at row {found.broken_at}: {found.why}.")
        if found.head:
            which = f"Rows {found.first} to {found.last} are"
            one = f"Row {found.first} is"
            print_line(f"{one if found.rows == 1 else which} whole.")
        return BROKEN
    if not found.rows:
        print_line("The audit log is empty.")
        return 0
    print_line(f"The audit log is whole: rows {found.first} to {found.last}.")
    if found.trimmed:
        print_line(f"Rows to {found.trimmed} went by audit.keep_days.")
    print_line(f"head: {found.head}")
    if not head:
        hint(
            "Whether its end was cut off is known only against a head from before: "
            "bootwave audit verify --head HASH."
        )
    return 0


def _more(detail: dict[str, Any]) -> str:
    return ", ".join(f"{name} {_text(value)}" for name, value in detail.items())


def _text(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value))
    if isinstance(value, dict):
        return _more(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
