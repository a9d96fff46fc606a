"""A phone book as CSV: ``name``, ``number``, ``type``, ``category``.

The first line names the columns, in any order; instead of ``name`` there may be
``first_name`` and ``last_name``.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Final

from bootwave.directory.records import Contact
from bootwave.errors import SettingError

COLUMNS: Final = ("name", "number", "type", "category")
_NAMES: Final = frozenset({*COLUMNS, "first_name", "last_name"})
_SEPARATORS: Final = ",;\t"


def rows_from_csv(text: str) -> Iterator[dict[str, str]]:
    """Yield the rows of *text* by the names in COLUMNS, blank lines left out.

    Separated by commas, semicolons or tabs, whichever the first line has most of.
    Raises SettingError for a first line that does not name the columns and for a row
    with more values than that.
    """
    lines = io.StringIO(text.removeprefix("\ufeff"), newline="")
    first = lines.readline()
    lines.seek(0)
    separator = max(_SEPARATORS, key=first.count)
    reader = csv.reader(lines, delimiter=separator, strict=True)
    names: list[str] | None = None
    try:
        for row in reader:
            if names is None:
                names = _columns(row)
            elif any(map(str.strip, row)):
                if len(row) > len(names):
                    raise SettingError(
                        f"Line {reader.line_num} has {len(row)} values, and the first "
                        f"line names {len(names)}."
                    )
                yield _row(dict(zip(names, row, strict=False)))
    except csv.Error as error:
        raise SettingError(f"Line {reader.line_num} is not CSV: {error}.") from None
    if names is None:
        raise SettingError("The file is empty: its first line names the columns.")


def _columns(row: list[str]) -> list[str]:
    names = [name.strip().casefold() for name in row]
    unknown = [name for name in names if name not in _NAMES]
    named = {"name", "first_name", "last_name"} & set(names)
    if unknown or not named or "number" not in names or len(set(names)) < len(names):
        raise SettingError(
            "The first line must name the columns: name (or first_name and "
            "last_name), number, and perhaps type and category."
        )
    return names


def _row(said: dict[str, str]) -> dict[str, str]:
    parts = (said.get("first_name", ""), said.get("last_name", ""))
    name = said.get("name", "").strip() or " ".join(filter(None, map(str.strip, parts)))
    return {
        "name": name,
        "number": said.get("number", ""),
        "type": said.get("type", ""),
        "category": said.get("category", ""),
    }


def csv_from_contacts(contacts: Iterable[Contact]) -> str:
    """Return *contacts* as CSV that ``rows_from_csv`` reads again."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for each in contacts:
        writer.writerow((each.name, each.number, each.number_type, each.category))
    return out.getvalue()
