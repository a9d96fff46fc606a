"""What phones asked and got: the second SQLite file, written in batches.

Not in the database, and with synchronous=NORMAL: a sighting must not slow a commit
that a phone waits for, nor wake every reader, and the last second of them may be lost
with the power.  Several processes append to the same file.

A flood of made-up MACs must not push out what is known of real phones.  So sightings
of MACs that nobody bound, and those that name no MAC, are kept apart (``known`` is 0)
and have their own, smaller bound; so has the table of unknown MACs.
"""

import os
import sqlite3
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from bootwave.errors import SchemaTooNew, StoreUnavailable
from bootwave.limits import MAX_SIGHTING_DETAIL_CHARACTERS
from bootwave.options import SightingsOptions
from bootwave.sightings import Reason, Sighting
from bootwave.store.connection import placeholders

VERSION = 1
STEP = 1_000  # rows deleted in one transaction, so that an append never waits long

# What tells that the MAC was bound nowhere when it was seen.
UNKNOWN = frozenset({Reason.UNKNOWN_MAC, Reason.UNBOUND, Reason.PNP_NOT_BOUND})
_ANONYMOUS = frozenset({Reason.PNP_NOT_OURS, Reason.SERVED_GENERAL})
_NOT_KNOWN = UNKNOWN | _ANONYMOUS

# By number; one that a newer version wrote is passed over.
_REASONS = {int(reason): reason for reason in Reason}

_BATCH = 256
# Processes write in batches, so what happened within a second may lie in any order:
# the newest by time is among so many of the newest by number.
_DISORDER = 1_024  # of one MAC that many ask for
_DISORDER_OF_ONE_START = 16  # of one MAC in the list of all
_DAY = 86_400.0

_SCHEMA = (
    """
    CREATE TABLE sightings (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      at REAL NOT NULL,
      mac INTEGER NOT NULL,
      source TEXT NOT NULL,
      reason INTEGER NOT NULL,
      detail TEXT NOT NULL,
      known INTEGER NOT NULL
    )
    """,
    "CREATE INDEX ix_sightings_mac ON sightings (mac, id) WHERE mac <> 0",
    "CREATE INDEX ix_sightings_unknown ON sightings (id) WHERE known = 0",
    """
    CREATE TABLE unknown (
      mac INTEGER PRIMARY KEY,
      first_at REAL NOT NULL,
      last_at REAL NOT NULL,
      contacts INTEGER NOT NULL,
      source TEXT NOT NULL,
      reason INTEGER NOT NULL,
      detail TEXT NOT NULL
    )
    """,
    "CREATE INDEX ix_unknown_last_at ON unknown (last_at)",
    "PRAGMA user_version = 1",
)
_ADD = """
INSERT INTO sightings (at, mac, source, reason, detail, known)
VALUES (?, ?, ?, ?, ?, ?)
"""
_NOTE_UNKNOWN = """
INSERT INTO unknown (mac, first_at, last_at, contacts, source, reason, detail)
VALUES (:mac, :at, :at, 1, :source, :reason, :detail)
ON CONFLICT (mac) DO UPDATE
SET last_at = excluded.last_at, contacts = unknown.contacts + 1,
  source = excluded.source, reason = excluded.reason, detail = excluded.detail
"""
_NO_LONGER_UNKNOWN = "DELETE FROM unknown WHERE mac = ?"
_TIME_LINE = """
SELECT at, mac, source, reason, detail FROM sightings
WHERE mac = ? AND mac <> 0 ORDER BY id DESC LIMIT ?
"""
# A few of each phone, by its end of the index: the rest of a time-line is not read.
_LATEST = f"""
WITH wanted (mac) AS (VALUES {{}})
SELECT s.at, s.mac, s.source, s.reason, s.detail
FROM wanted
JOIN sightings s ON s.id IN (
  SELECT t.id FROM sightings t
  WHERE t.mac = wanted.mac AND t.mac <> 0
  ORDER BY t.id DESC LIMIT {_DISORDER_OF_ONE_START}
)
"""
_LAST_OF = """
SELECT at, mac, source, reason, detail FROM sightings
WHERE mac = ? AND mac <> 0 AND reason IN ({}) ORDER BY id DESC LIMIT ?
"""
_UNKNOWN = """
SELECT mac, first_at, last_at, contacts, source, reason, detail FROM unknown
ORDER BY last_at DESC LIMIT ?
"""
_COUNTS = """
SELECT (SELECT COUNT(*) FROM sightings),
  (SELECT COUNT(*) FROM sightings WHERE known = 0),
  (SELECT COUNT(*) FROM unknown)
"""
_TRIM_AGE = """
DELETE FROM sightings WHERE id IN (
  SELECT id FROM (SELECT id, at FROM sightings ORDER BY id LIMIT ?) WHERE at < ?
)
"""
_TRIM_ROWS = """
DELETE FROM sightings WHERE id IN (SELECT id FROM sightings ORDER BY id LIMIT ?)
"""
_TRIM_UNKNOWN_ROWS = """
DELETE FROM sightings WHERE id IN (
  SELECT id FROM sightings WHERE known = 0 ORDER BY id LIMIT ?
)
"""
_TRIM_UNKNOWN = """
DELETE FROM unknown WHERE mac IN (SELECT mac FROM unknown ORDER BY last_at LIMIT ?)
"""
_TRIM_UNKNOWN_AGE = """
DELETE FROM unknown WHERE mac IN (
  SELECT mac FROM unknown WHERE last_at < ? ORDER BY last_at LIMIT ?
)
"""


class UnknownPhone(NamedTuple):
    """A MAC that asked and was bound nowhere; times are wall-clock seconds."""

    mac: int
    first_at: float
    last_at: float
    contacts: int
    source: str
    reason: Reason
    detail: str


class SightingLog:
    """The file of sightings.  Make it after fork; it opens, and is made, at first use.

    One thread at a time may use it.  Every method raises StoreUnavailable when the
    file cannot be used now, SchemaTooNew when a newer version made it.
    """

    def __init__(self, path: Path) -> None:
        """Use the file *path*."""
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def close(self) -> None:
        """Close the file; the next call opens it again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def append(self, batch: Sequence[Sighting]) -> None:
        """Add *batch*, all or nothing, in the order given."""
        if not batch:
            return
        try:
            connection = self._open()
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(_ADD, map(_row, batch))
            found: set[int] = set()
            for sighting in batch:
                mac = sighting.mac
                if mac and sighting.reason in UNKNOWN:
                    if mac in found:
                        connection.execute(_NO_LONGER_UNKNOWN, (mac,))
                    connection.execute(_NOTE_UNKNOWN, _cut(sighting)._asdict())
                    found.discard(mac)
                elif mac and sighting.reason not in _ANONYMOUS:
                    found.add(mac)
            connection.executemany(_NO_LONGER_UNKNOWN, ((mac,) for mac in found))
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._lost(error) from error

    def time_line(self, mac: int, limit: int = 100) -> list[Sighting]:
        """Return the newest *limit* sightings of *mac*, newest first."""
        newest = self._sightings(_TIME_LINE, (mac, limit + _DISORDER))
        return sorted(newest, key=_at, reverse=True)[:limit]

    def last(self, mac: int) -> Sighting | None:
        """Return the newest sighting of *mac*, or None."""
        newest = self.time_line(mac, 1)
        return newest[0] if newest else None

    def last_of(self, mac: int, reasons: Collection[Reason]) -> Sighting | None:
        """Return the newest sighting of *mac* for one of *reasons*, or None."""
        sql = _LAST_OF.format(placeholders(len(reasons)))
        newest = self._sightings(sql, (mac, *reasons, _DISORDER_OF_ONE_START))
        return max(newest, key=_at, default=None)

    def latest(self, macs: Iterable[int]) -> dict[int, Sighting]:
        """Return the newest sighting of each of *macs* that was seen."""
        wanted = list(dict.fromkeys(macs))
        found: dict[int, Sighting] = {}
        for start in range(0, len(wanted), _BATCH):
            some = wanted[start : start + _BATCH]
            marks = ", ".join(["(?)"] * len(some))
            # The newest of each comes last and stays.
            newest = sorted(self._sightings(_LATEST.format(marks), some), key=_at)
            found.update((seen.mac, seen) for seen in newest)
        return found

    def unknown(self, limit: int = 1_000) -> list[UnknownPhone]:
        """Return the unknown MACs that asked last, newest first."""
        try:
            rows = self._open().execute(_UNKNOWN, (limit,)).fetchall()
        except sqlite3.Error as error:
            raise self._lost(error) from error
        return [
            UnknownPhone(mac, first, last, contacts, source, _REASONS[reason], detail)
            for mac, first, last, contacts, source, reason, detail in rows
            if reason in _REASONS
        ]

    def trim(self, options: SightingsOptions, now: float) -> int:
        """Delete one step of what *options* says is too old or too much at *now*.

        *now* is wall-clock seconds.  Returns how many rows went; call again while it
        is not 0.
        """
        cutoff = now - options.keep_days * _DAY
        try:
            connection = self._open()
            connection.execute("BEGIN IMMEDIATE")
            rows, unknown_rows, unknown = connection.execute(_COUNTS).fetchall()[0]
            # What names no phone, or an unknown one, has as many rows as unknown MACs.
            excess = max(0, unknown_rows - options.unknown_rows)
            gone = self._delete(_TRIM_UNKNOWN_ROWS, _step(excess))
            # They make room for all others before any of those has to go.
            gone += self._delete(_TRIM_ROWS, _step(rows - excess - options.keep_rows))
            gone += self._delete(_TRIM_UNKNOWN, _step(unknown - options.unknown_rows))
            gone += self._delete(_TRIM_AGE, STEP, cutoff)
            gone += self._delete(_TRIM_UNKNOWN_AGE, cutoff, STEP)
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._lost(error) from error
        return gone

    def _delete(self, sql: str, *parameters: float) -> int:
        return self._open().execute(sql, parameters).rowcount

    def _sightings(self, sql: str, parameters: Sequence[int]) -> list[Sighting]:
        try:
            rows = self._open().execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise self._lost(error) from error
        return [
            Sighting(at, mac, source, _REASONS[reason], detail)
            for at, mac, source, reason, detail in rows
            if reason in _REASONS
        ]

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            try:
                # The file exists before SQLite sees it, so that nobody else reads it.
                os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
            except OSError as error:
                raise StoreUnavailable(
                    f"The sightings file {self._path} cannot be used: {error.strerror}."
                ) from error
            connection = sqlite3.connect(
                self._path, timeout=5.0, isolation_level=None, check_same_thread=False
            )
            try:
                _prepare(connection, self._path)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _lost(self, error: sqlite3.Error) -> StoreUnavailable:
        self.close()
        return StoreUnavailable(
            f"The sightings file {self._path} cannot be used: {error}."
        )


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA journal_size_limit = 16777216")
    if _version(connection) == 0:
        connection.execute("PRAGMA journal_mode = WAL").fetchall()
        connection.execute("BEGIN IMMEDIATE")
        if _version(connection) == 0:  # another process may have been first
            for statement in _SCHEMA:
                connection.execute(statement)
        connection.execute("COMMIT")
    version = _version(connection)
    if version > VERSION:
        raise SchemaTooNew(
            f"{path} was written by a newer version of Bootwave: install that version "
            "again, or delete the file and lose what phones were seen to do."
        )


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchall()[0][0])


def _row(sighting: Sighting) -> tuple[float, int, str, int, str, int]:
    cut = _cut(sighting)
    known = bool(sighting.mac) and sighting.reason not in _NOT_KNOWN
    return (cut.at, cut.mac, cut.source, cut.reason, cut.detail, int(known))


def _cut(sighting: Sighting) -> Sighting:
    # Lone surrogates, which UTF-8 has no form for, can come from a phone's text.
    detail = sighting.detail[:MAX_SIGHTING_DETAIL_CHARACTERS]
    detail = detail.encode("utf-8", "backslashreplace").decode()
    return sighting._replace(detail=detail, reason=int(sighting.reason))  # type: ignore[arg-type]


def _at(sighting: Sighting) -> float:
    return sighting.at


def _step(excess: int) -> int:
    return max(0, min(excess, STEP))
