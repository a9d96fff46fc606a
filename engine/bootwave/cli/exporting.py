"""``bootwave account export``: accounts as a file that account import reads."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from bootwave.cli import place
from bootwave.cli.importing import FileForm, form_of
from bootwave.cli.misuse import Misuse
from bootwave.cli.output import Json, hint, print_json
from bootwave.cli.progress import Progress
from bootwave.control.rowtexts import encoded_rows, heading
from bootwave.control.session import Session
from bootwave.errors import OptionError
from bootwave.store.bulk.importrows import COLUMNS


def export(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE|-",
            help="A file that is not there yet; - is standard output.",
            show_default=False,
        ),
    ],
    domain: Annotated[
        str | None, typer.Option(metavar="DOMAIN", help="Only those of this domain.")
    ] = None,
    passwords: Annotated[
        bool, typer.Option("--passwords", help="With SIP passwords, in clear text.")
    ] = False,
    form: FileForm = None,
    json: Json = False,
) -> None:
    """Write accounts and what they are bound to, as account import reads them.

    The audit log is told of passwords.  Nobody else may read the file.
    """
    if json and file == "-":
        raise Misuse("Standard output takes the accounts or --json: name a file.")
    chosen = form_of(file, form)
    columns = [name for name in COLUMNS if passwords or name != "password"]
    count, cursor, more = 0, "", True
    with (
        place.session() as session,
        Progress("Exporting") as progress,
        _new(file) as out,
    ):
        total = _accounts(session, domain)
        out.write(heading(columns, chosen))
        while more:
            page = session.call(
                "account.export", domain=domain, passwords=passwords, cursor=cursor
            )
            out.write(encoded_rows(page["rows"], chosen))
            count += len(page["rows"])
            progress.update(count, total)
            cursor = page["cursor"]
            more = bool(cursor)
    if json:
        print_json({"file": file, "accounts": count})
    elif file != "-":
        hint(f"Wrote {count:,} account{'' if count == 1 else 's'} to {file}.")


def _accounts(session: Session, domain: str | None) -> int:
    """Return how many accounts there are, in all domains or *domain*."""
    wanted = None if domain is None else domain.strip().lower()
    return sum(
        one["accounts"]
        for one in session.call("domain.list")
        if wanted in (None, one["name"])
    )


@contextmanager
def _new(file: str) -> Iterator[BinaryIO]:
    """Open *file* to be written; it is gone again when that fails."""
    if file == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(file)
    try:
        opened = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            with os.fdopen(opened, "wb") as out:
                yield out
        except BaseException:
            path.unlink(missing_ok=True)
            raise
    except FileExistsError:
        raise OptionError(f"{file} exists already: nothing was written.") from None
    except OSError as error:
        raise OptionError(f"{file} cannot be written: {error.strerror}.") from None
