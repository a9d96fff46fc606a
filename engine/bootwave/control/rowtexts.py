"""Rows of accounts as text, CSV or JSON Lines, read and written bit by bit.

A file may be of any size: what is not complete yet is kept, what is complete is handed
on, and neither is more than one record and one piece of what comes in.
"""

import codecs
import csv
import io
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

import orjson

from bootwave.control.jsonmembers import repeated_member
from bootwave.errors import SettingError
from bootwave.store.bulk.importrows import COLUMNS, SURPLUS

MAX_RECORD_CHARACTERS = 65_536  # every value as long as it may be takes a tenth
# With each line that a quoted value goes on the record is read again from its first, so
# that reading takes this many times the work at most.  No value may have two lines.
MAX_RECORD_LINES = 100

_CUT = "unexpected end of data"  # the words of the csv module

Rows = list[dict[str, str] | None]
"""Rows in their order; None stands for a line that is no usable JSON object."""


class Form(StrEnum):
    """How rows are written."""

    CSV = "csv"
    JSON_LINES = "jsonl"


class _Unfinished(Exception):
    """The record is within quotes at its end."""


class RowDecoder:
    """Makes rows of the bytes of a file, in the pieces in which they come.

    CSV has a heading that names the columns, in any order; they are separated by
    commas, semicolons or tabs, whatever the heading has.  A row with more values than
    there are columns gets SURPLUS behind them, at which the import refuses that row.
    JSON Lines have an object of texts in each line; one that is something else, or has
    two members of one name, is None, and the next is read.  Empty lines are left out.
    Every method raises SettingError when the file cannot be used: what comes behind a
    quote that is not closed is no row that can be told from others.
    """

    def __init__(self, form: Form) -> None:
        """Read a file that is written as *form*."""
        self._form = form
        # Spreadsheets put a mark in front.
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._rest = ""  # of a line
        self._record = ""  # whole lines of a record that goes on
        self._record_lines = 0
        self._line = 1  # where the record begins
        self._columns: list[str] = []
        self._delimiter = ","
        self._bytes_lines = 1

    def receive_data(self, data: bytes) -> Rows:
        """Return the rows that *data* completes."""
        return self._rows(self._decoded(data, final=False), final=False)

    def finish(self) -> Rows:
        """Return the rows that the end of the file completes."""
        rows = self._rows(self._decoded(b"", final=True), final=True)
        if self._form is Form.CSV and not self._columns:
            raise SettingError(
                "The file is empty: its first line must name the columns, such as "
                "extension,domain,name,password,mac."
            )
        return rows

    def _decoded(self, data: bytes, *, final: bool) -> str:
        try:
            text = self._decoder.decode(data, final)
        except UnicodeDecodeError as error:
            line = self._bytes_lines + error.object.count(b"\n", 0, error.start)
            kind = "CSV UTF-8" if self._form is Form.CSV else "UTF-8"
            raise SettingError(
                f"The file is not UTF-8 (line {line}): save it as {kind}."
            ) from None
        self._bytes_lines += data.count(b"\n")
        return text

    def _rows(self, text: str, *, final: bool) -> Rows:
        *lines, rest = (self._rest + text).split("\n")
        rows: Rows = []
        for line in lines:
            self._read(f"{line}\n", rows, final=False)
        self._require_bounded(len(self._record) + len(rest))
        self._rest = rest
        if final:
            self._read(rest, rows, final=True)
            self._rest = ""
        return rows

    def _read(self, line: str, rows: Rows, *, final: bool) -> None:
        """Add the row that *line* ends to *rows*, or keep it for the lines behind."""
        record = self._record + line
        self._require_bounded(len(record))
        try:
            rows += self._row(record)
        except _Unfinished as error:
            if final:
                raise SettingError(str(error)) from None
            # A quoted value goes on in the next line, and the record is read again.
            self._record = record
            self._record_lines += 1
            if self._record_lines > MAX_RECORD_LINES:
                raise SettingError(
                    f"The row in line {self._line} goes on for more than "
                    f"{MAX_RECORD_LINES} lines: look for a quote that is not closed."
                ) from None
            return
        self._line += record.count("\n")
        self._record, self._record_lines = "", 0

    def _require_bounded(self, characters: int) -> None:
        if characters > MAX_RECORD_CHARACTERS:
            advice = "write one object in each line"
            if self._form is Form.CSV:
                advice = "look for a quote that is not closed"
            raise SettingError(
                f"The row in line {self._line} is longer than {MAX_RECORD_CHARACTERS} "
                f"characters: {advice}."
            )

    def _row(self, record: str) -> Rows:
        if not record.strip():
            return []
        if self._form is Form.JSON_LINES:
            return [_object(record)]
        if not self._columns:
            heading = record.partition("\n")[0]
            self._delimiter = max(",;\t", key=heading.count)
        cells = self._cells(record)
        if not any(cells):
            return []
        if not self._columns:
            self._columns = [name.lower() for name in cells]
            _check_heading(self._columns)
            return []
        row = dict(zip(self._columns, cells, strict=False))
        # Two short of a value each end alike; the surplus itself is of no use.
        return [row | ({SURPLUS: ""} if len(cells) > len(self._columns) else {})]

    def _cells(self, record: str) -> list[str]:
        text = io.StringIO(record, newline="")
        try:
            (cells,) = csv.reader(text, delimiter=self._delimiter, strict=True)
        except ValueError:  # several rows: one that ends as no line does
            raise SettingError(
                f"The file is not CSV: a line ends within a value (line {self._line})."
            ) from None
        except csv.Error as error:
            kind = _Unfinished if str(error) == _CUT else SettingError
            raise kind(f"The file is not CSV: {error} (line {self._line}).") from None
        return [cell.strip() for cell in cells]


def _object(record: str) -> dict[str, str] | None:
    try:
        row = orjson.loads(record)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(row, dict):
        return None
    # With as many colons as members there is none twice; MACs may have some, too.
    if record.count(":") > len(row):
        try:
            if repeated_member(record) is not None:
                return None
        except RecursionError:
            return None
    return row


def encoded_rows(rows: Iterable[Mapping[str, Any]], form: Form) -> bytes:
    """Return *rows* as they are written, the heading of CSV not among them.

    They have all the same columns, in the same order.
    """
    if form is Form.JSON_LINES:
        return b"".join(
            orjson.dumps(dict(row), option=orjson.OPT_APPEND_NEWLINE) for row in rows
        )
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(row.values() for row in rows)
    return text.getvalue().encode()


def heading(columns: Iterable[str], form: Form) -> bytes:
    """Return what a file with these *columns* begins with."""
    return b"" if form is Form.JSON_LINES else f"{','.join(columns)}\n".encode()


def _check_heading(columns: list[str]) -> None:
    for number, column in enumerate(columns, 1):
        if column not in COLUMNS and column != "number":
            raise SettingError(
                # Not quoted: without a heading it may be a password.
                f"Column {number} of the first line has no name that is known: the "
                f"first line names the columns, of {', '.join(COLUMNS)}."
            )
        if columns.count(column) > 1:
            raise SettingError(f"The column {column} is there twice.")
    if not {"extension", "number"} & set(columns):
        raise SettingError("The column extension is missing in the first line.")
