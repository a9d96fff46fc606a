"""``bootwave account import``: a file of accounts, in one transaction."""

import csv
import io
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from bootwave.cli import place
from bootwave.cli.output import Json, hint, print_json, print_line
from bootwave.cli.progress import Progress
from bootwave.errors import OptionError, SettingError

MAX_FILE_BYTES = 64 * 1024 * 1024  # a million rows; it travels in one message
SHOWN_ERRORS = 20
COLUMNS = ("extension", "domain", "name", "password", "mac", "mailbox", "auth_user")


def import_file(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE.csv|-",
            help="CSV with a heading; - is standard input.",
            show_default=False,
        ),
    ],
    domain: Annotated[
        str | None,
        typer.Option(metavar="DOMAIN", help="The domain of rows that name none."),
    ] = None,
    update: Annotated[
        bool, typer.Option("--update", help="Change accounts that exist.")
    ] = False,
    partial: Annotated[
        bool, typer.Option("--partial", help="Store the right rows, too, if some fail.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Look what would happen; store nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Add many accounts in one transaction, or none if a row is wrong.

    The heading names the columns, in any order: extension, domain, name, password,
    mac, mailbox, auth_user.  Errors are told row by row.
    """
    rows = rows_from_csv(_text(file))
    with place.session() as session, Progress("Importing") as progress:
        found = session.call(
            "account.import",
            rows=rows,
            domain=domain,
            update=update,
            partial=partial,
            dry_run=dry_run,
            progress=progress.update,
        )
    errors = found["errors"]
    if json:
        print_json(found)
    else:
        _print_result(found, dry_run=dry_run)
        for error in errors[:SHOWN_ERRORS]:
            # Row 1 stands below the heading.
            hint(f"row {error['row']}: {error['error']}")
        more = found["error_count"] - len(errors[:SHOWN_ERRORS])
        if more > 0:
            hint(f"… and {more} rows more, which --json shows.")
    if found["error_count"]:
        raise typer.Exit(1)


def rows_from_csv(text: str) -> list[dict[str, str]]:
    """Return the rows of *text* by the names of its heading; empty lines are left out.

    Columns are separated by commas, semicolons or tabs, whatever the heading has.
    A row with more values than there are columns gets one without a name behind them,
    at which the import refuses that row.  Raises SettingError for a heading that cannot
    be used.
    """
    heading = text.partition("\n")[0]
    delimiter = max(",;\t", key=heading.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        lines = [[cell.strip() for cell in line] for line in reader]
    except csv.Error as error:
        raise SettingError(
            f"The file is not CSV: {error} (line {reader.line_num})."
        ) from None
    lines = [line for line in lines if any(line)]
    if not lines:
        raise SettingError(
            "The file is empty: its first line must name the columns, such as "
            "extension,domain,name,password,mac."
        )
    columns = [name.lower() for name in lines[0]]
    _check_heading(columns)
    # Two short of a value each end alike; the surplus itself is of no use to anybody.
    return [
        dict(zip(columns, line, strict=False))
        | ({"": ""} if len(line) > len(columns) else {})
        for line in lines[1:]
    ]


def _check_heading(columns: list[str]) -> None:
    for number, column in enumerate(columns, 1):
        if column not in COLUMNS and column != "number":
            raise SettingError(
                # Not quoted: without a heading it may be a password.
                f"Column {number} of the first line is none: it must name columns, "
                f"which are {', '.join(COLUMNS)}."
            )
        if columns.count(column) > 1:
            raise SettingError(f"The column {column} is there twice.")
    if not {"extension", "number"} & set(columns):
        raise SettingError("The column extension is missing in the first line.")


def _text(file: str) -> str:
    try:
        if file == "-":
            data = sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
        else:
            with Path(file).open("rb") as opened:
                data = opened.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise OptionError(f"{file} cannot be read: {error.strerror}.") from None
    if len(data) > MAX_FILE_BYTES:
        raise OptionError(
            f"{file} is larger than {MAX_FILE_BYTES >> 20} MiB: import it in parts."
        )
    try:
        return data.decode("utf-8-sig")  # spreadsheets put a mark in front
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise OptionError(
            f"{file} is not UTF-8 (line {line}): save it as CSV UTF-8."
        ) from None


def _print_result(found: dict[str, Any], *, dry_run: bool) -> None:
    counts = ", ".join(
        f"{found[name]} {name}" for name in ("added", "updated", "bound")
    )
    if found["stored"]:
        print_line(f"Stored: {counts}.")
    elif dry_run:
        print_line(f"Nothing was stored; it would be: {counts}.")
    else:
        count = found["error_count"]
        rows = "1 row is" if count == 1 else f"{count} rows are"
        print_line(f"Nothing was stored, because {rows} wrong.")
