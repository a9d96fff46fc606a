"""Files with phone books: CSV or vCard, in and out."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Any

from bootwave.errors import OptionError

MAX_FILE_BYTES = 64 * 1024 * 1024  # cards carry photographs


class Format(StrEnum):
    """How a file holds a phone book."""

    csv = "csv"
    vcard = "vcard"


def format_of(file: str, chosen: Format | None) -> Format:
    """Return the *chosen* format, else the one that the name of *file* says."""
    if chosen is not None:
        return chosen
    ending = Path(file).suffix.lower()
    if ending == ".csv":
        return Format.csv
    if ending in (".vcf", ".vcard"):
        return Format.vcard
    raise OptionError(
        f"The name of {file} does not say what it is: give --format csv or --format "
        "vcard."
    )


def rows_from_file(file: str, format: Format) -> list[dict[str, str]]:
    """Return the entries in *file*, ``-`` for standard input; raises OperatorError."""
    from bootwave.settings.books.table import rows_from_csv
    from bootwave.settings.books.vcard import rows_from_vcards

    text = _text(_content(file), file, format)
    return list(rows_from_csv(text) if format is Format.csv else rows_from_vcards(text))


def write_file(file: str, format: Format, entries: list[dict[str, Any]]) -> None:
    """Write the *entries* of a book to *file*, ``-`` for standard output."""
    from bootwave.directory.records import Contact
    from bootwave.settings.books.table import csv_from_contacts
    from bootwave.settings.books.vcard import vcards_from_contacts

    contacts = [
        Contact(each["name"], each["number"], each["type"], each["category"])
        for each in entries
    ]
    write = csv_from_contacts if format is Format.csv else vcards_from_contacts
    content = write(contacts).encode()
    if file == "-":
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    try:
        Path(file).write_bytes(content)
    except OSError as error:
        raise OptionError(f"{file} cannot be written: {error.strerror}.") from None


def _content(file: str) -> bytes:
    try:
        if file == "-":
            content = sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
        else:
            with Path(file).open("rb") as opened:
                content = opened.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise OptionError(f"{file} cannot be read: {error.strerror}.") from None
    if len(content) > MAX_FILE_BYTES:
        raise OptionError(f"{file} is larger than {MAX_FILE_BYTES >> 20} MiB.")
    return content


def _text(content: bytes, file: str, format: Format) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if format is Format.vcard:
            # Version 2.1 names its charset per line, and what wrote it often none.
            return content.decode("latin-1")
        line = content.count(b"\n", 0, error.start) + 1
        raise OptionError(
            f"{file} is not UTF-8 (line {line}): save it as CSV UTF-8."
        ) from None
