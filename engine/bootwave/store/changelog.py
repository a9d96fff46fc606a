"""What each write touched, so that caches elsewhere know what to forget.

A write adds its rows in its own transaction.  Readers remember the last ``seq`` they
saw; the log keeps the newest ``KEPT`` rows, and a reader that fell behind further is
told that everything changed.
"""

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

# A row is some 12 bytes.  A worker looks at the log four times a second, so it follows
# four times as many changes a second one by one.
KEPT = 20_000
# One transaction that touches more says "everything" in one row: forgetting row by
# row would cost more than reading anew.
MOST_IN_ONE = 5_000

_ADD = "INSERT INTO changes (kind, key) VALUES (?, ?)"
_TRIM = "DELETE FROM changes WHERE seq <= (SELECT MAX(seq) FROM changes) - :kept"
# Apart, for only one of the two is looked up; together all rows are gone through.
_ENDS = "SELECT (SELECT MIN(seq) FROM changes), (SELECT MAX(seq) FROM changes)"
_AFTER = "SELECT seq, kind, key FROM changes WHERE seq > :seq ORDER BY seq"


class Change(NamedTuple):
    """One thing that changed.

    ``kind`` is "device" (``key`` is the MAC), "domain", "account", "profile" or
    "model" (their id; that of the model for its firmware ranges, too), "wildcard" (the
    id of a domain whose wildcard accounts changed, one that becomes one, too), or
    "all".
    """

    kind: str
    key: int


EVERYTHING = Change("all", 0)


def record(connection: sqlite3.Connection, changes: Sequence[Change]) -> list[Change]:
    """Log *changes* in the open transaction; return what was logged."""
    logged = list(dict.fromkeys(changes))
    if len(logged) > MOST_IN_ONE or EVERYTHING in logged:
        logged = [EVERYTHING]
    connection.executemany(_ADD, logged)
    return logged


def trim(connection: sqlite3.Connection) -> None:
    """Delete what is older than the newest ``KEPT`` rows, in the open transaction."""
    connection.execute(_TRIM, {"kept": KEPT})


def last_seq(connection: sqlite3.Connection) -> int:
    """Return the number of the newest change, 0 when there never was one."""
    newest = connection.execute(_ENDS).fetchall()[0][1]
    return int(newest or 0)


def changes_after(connection: sqlite3.Connection, seq: int) -> tuple[int, list[Change]]:
    """Return the newest seq and what changed after *seq*, each thing once.

    ``Change("all", 0)`` stands for rows that were trimmed, and for a log that ends
    before *seq*, which is the log of another database: a restored backup.
    """
    oldest, newest = connection.execute(_ENDS).fetchall()[0]
    if newest is None:
        return seq, [] if seq == 0 else [EVERYTHING]
    if newest < seq or oldest > seq + 1:
        return int(newest), [EVERYTHING]
    rows = connection.execute(_AFTER, {"seq": seq}).fetchall()
    return int(newest), list(dict.fromkeys(Change(kind, key) for _, kind, key in rows))
