"""``bootwave account import`` and ``replace``: a file of accounts, of any size."""

import os
import stat
import sys
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from bootwave.cli import place
from bootwave.cli.output import Json, hint, print_json, print_line
from bootwave.cli.progress import Progress
from bootwave.control import staging
from bootwave.control.rowtexts import Form
from bootwave.errors import OptionError

SHOWN_ERRORS = 20
_PIECE_BYTES = 65_536
_SUFFIXES = {".jsonl": Form.JSON_LINES, ".ndjson": Form.JSON_LINES}

File = Annotated[
    str,
    typer.Argument(
        metavar="FILE|-",
        help="CSV with a heading, or JSON Lines; - is standard input.",
        show_default=False,
    ),
]
FileForm = Annotated[
    Form | None,
    typer.Option("--format", help="Else by the name: JSON Lines end in .jsonl."),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Look what would happen; store nothing.")
]


def import_file(
    file: File,
    domain: Annotated[
        str | None,
        typer.Option(metavar="DOMAIN", help="The domain of rows that name none."),
    ] = None,
    update: Annotated[
        bool, typer.Option("--update", help="Change accounts that exist.")
    ] = False,
    all_or_nothing: Annotated[
        bool,
        typer.Option(
            "--all-or-nothing",
            help="Store in one transaction, or nothing if a row is wrong.",
        ),
    ] = False,
    dry_run: DryRun = False,
    form: FileForm = None,
    json: Json = False,
) -> None:
    """Add many accounts; those of right rows, whatever is wrong with others.

    They are stored some at a time, and phones have their turn in between.  The heading
    names the columns, in any order: extension, domain, name, password, mac, mailbox,
    auth_user.  Errors are told row by row, and the status is 1 then.
    """
    with place.session() as session, Progress("Importing") as progress:
        with closing(_pieces(file)) as pieces:
            found = staging.stage(
                session,
                pieces,
                form_of(file, form),
                "stage.import",
                domain=domain,
                update=update,
                all_or_nothing=all_or_nothing,
                dry_run=dry_run,
                progress=progress.update,
            )
    _finish(
        found, ("added", "updated", "unchanged", "bound"), dry_run=dry_run, json=json
    )


def replace(
    domain: Annotated[
        str, typer.Argument(metavar="DOMAIN", help="Whose accounts they are.")
    ],
    file: File,
    most_removed: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=0, help="Accounts that may go; else half of them."
        ),
    ] = None,
    dry_run: DryRun = False,
    form: FileForm = None,
    json: Json = False,
) -> None:
    """Make the accounts of a domain what a file says, or nothing if a row is wrong.

    What is not in the file is removed, and what is as it says is left alone.  Columns
    that it has not stay as they are.
    """
    with place.session() as session, Progress("Replacing") as progress:
        with closing(_pieces(file)) as pieces:
            found = staging.stage(
                session,
                pieces,
                form_of(file, form),
                "stage.replace",
                domain=domain,
                only=True,
                most_removed=most_removed,
                dry_run=dry_run,
                progress=progress.update,
            )
    counts = ("added", "changed", "removed", "bound", "unbound", "same")
    _finish(found, counts, dry_run=dry_run, json=json)


def form_of(file: str, form: Form | None) -> Form:
    """Return how *file* is written: as *form* says, else as its name does."""
    return form or _SUFFIXES.get(Path(file).suffix.lower(), Form.CSV)


def _pieces(file: str) -> Generator[bytes, None, None]:
    try:
        with _opened(file) as opened, Progress("Reading") as progress:
            done, total = 0, _size(opened)
            while piece := opened.read(_PIECE_BYTES):
                yield piece
                done += len(piece)
                progress.update(done, total)
    except OSError as error:
        raise OptionError(f"{file} cannot be read: {error.strerror}.") from None


def _size(opened: BinaryIO) -> int:
    """Return how many bytes a file has, 0 where nobody knows."""
    try:
        about = os.fstat(opened.fileno())
    except (OSError, ValueError):  # it is no file of the system
        return 0
    return about.st_size if stat.S_ISREG(about.st_mode) else 0


def _opened(file: str) -> BinaryIO:
    return sys.stdin.buffer if file == "-" else Path(file).open("rb")


def _finish(
    found: dict[str, Any], counts: tuple[str, ...], *, dry_run: bool, json: bool
) -> None:
    errors = found["errors"]
    if json:
        print_json(found)
    else:
        _print_result(found, counts, dry_run=dry_run)
        for error in errors[:SHOWN_ERRORS]:
            # Row 1 stands below the heading.
            hint(f"row {error['row']}: {error['error']}")
        more = found["error_count"] - len(errors[:SHOWN_ERRORS])
        if more > 0:
            hint(f"… and {more:,} rows more, which --json shows.")
    if found["error_count"]:
        raise typer.Exit(1)


def _print_result(
    found: dict[str, Any], names: tuple[str, ...], *, dry_run: bool
) -> None:
    counts = ", ".join(f"{found[name]:,} {name}" for name in names)
    wrong = found["error_count"]
    if found["stored"]:
        print_line(f"Stored: {counts}.")
        if wrong:
            hint(
                "1 row is wrong and was not stored:"
                if wrong == 1
                else f"{wrong:,} rows are wrong and were not stored:"
            )
    elif dry_run:
        print_line(f"Nothing was stored; it would be: {counts}.")
    else:
        rows = "1 row is" if wrong == 1 else f"{wrong:,} rows are"
        print_line(f"Nothing was stored, because {rows} wrong.")
