"""The audit log: who did what, and which phone took which secret, chained by hashes.

A row is appended in the transaction of what it tells, so neither is stored without the
other.  ``hash`` is SHA-256 over the row and ``previous``, the hash of the row before
it (``row_hash``), and rows are numbered without a gap.  A row that is changed, taken
out or put in breaks the chain at that place; one who can write the database could make
the whole chain anew or cut its end off, which shows against a head that was written
down elsewhere.

Old rows may go from the beginning only (``trim``): a row tells how far, with the hash
of the last one that went, so that what is left can still be verified.

Who acts is a user of this machine by name, a phone as ``phone:0004132E08B4``, or
``ENGINE``.  No secret is ever told here: callers pass names, numbers and addresses.
"""

import hashlib
import sqlite3
import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import orjson

from bootwave.phone.mac import text_from_mac

ENGINE = "(engine)"  # no user is named so
NOTHING_BEFORE = bytes(32)  # ``previous`` of the first row of all
TRIMMED = "rows.trimmed"
MAX_DETAIL_BYTES = 4_096
_ACTOR_CHARACTERS, _ACTION_CHARACTERS, _SUBJECT_CHARACTERS = 128, 64, 300  # schema
_NUMBERS, _LENGTH = struct.Struct("!qd"), struct.Struct("!I")
_BATCH = 1_000  # rows in memory while the chain is walked
_TRIM_BATCH = 10_000  # rows that one transaction takes away

_NEWEST = "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1"
_APPEND = """
INSERT INTO audit (seq, at, actor, action, subject, detail, previous, hash)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
_AFTER = """
SELECT seq, at, actor, action, subject, detail, previous, hash FROM audit
WHERE seq > :seq ORDER BY seq LIMIT :most
"""
_COUNT = "SELECT COUNT(*) FROM audit"
# A prefix of the chain, whatever the wall clock did meanwhile; never the newest row.
# No index by time: a row that a phone waits for would pay for it, and these are read
# in the order in which they are.
_OLD = """
SELECT seq, hash FROM audit
WHERE seq < COALESCE(
    (SELECT MIN(seq) FROM (SELECT seq, at FROM audit ORDER BY seq LIMIT :most)
      WHERE at >= :before),
    (SELECT MAX(seq) FROM audit))
ORDER BY seq LIMIT :most
"""
_TRIM = "DELETE FROM audit WHERE seq <= :seq"

Progress = Callable[[int, int], None]


class Row(NamedTuple):
    """One row; ``at`` is wall-clock seconds since the epoch, ``detail`` JSON."""

    seq: int
    at: float
    actor: str
    action: str
    subject: str
    detail: str
    previous: bytes
    hash: bytes


class Verdict(NamedTuple):
    """What walking the chain found.

    ``broken_at`` is the number of the first row that is not as it was written, 0 when
    the chain is whole; ``why`` says what is wrong with it in a clause.  ``head`` is
    the hash of the newest right row, in hex, "" when there is none.  ``trimmed`` is
    the number of the last row that retention took away, 0 when it took none.
    """

    rows: int
    first: int
    last: int
    head: str
    trimmed: int
    broken_at: int = 0
    why: str = ""


def phone_actor(mac: int) -> str:
    """Return the actor that the phone *mac* is."""
    return f"phone:{text_from_mac(mac)}"


def append(
    connection: sqlite3.Connection,
    at: float,
    actor: str,
    action: str,
    subject: str,
    detail: Mapping[str, Any] | None = None,
) -> int:
    """Add a row in the open transaction; return its number.

    *at* is wall-clock seconds since the epoch (``Instant.wall``), *actor* a user's
    name, ``phone_actor(mac)`` or ``ENGINE``.  *action* is a noun and what became of
    it: ``window.opened``, ``credentials.rotated``.  *subject* is what it became of:
    ``401@pbx.example.com``, a MAC, a domain.  *detail* is what else is worth knowing,
    as JSON has it, and never a secret.  What is too long is cut.
    """
    newest = connection.execute(_NEWEST).fetchall()
    number, previous = newest[0] if newest else (0, NOTHING_BEFORE)
    row = (
        number + 1,
        float(at),
        _cut(actor, _ACTOR_CHARACTERS),
        _cut(action, _ACTION_CHARACTERS),
        _cut(subject, _SUBJECT_CHARACTERS),
        _detail_text(detail),
        bytes(previous),
    )
    connection.execute(_APPEND, (*row, _hash(*row)))
    return row[0]


def row_hash(row: Row) -> bytes:
    """Return the SHA-256 that *row* must have.

    It is over ``previous`` (32 bytes), ``seq`` (64 bits) and ``at`` (IEEE 754 binary64)
    in network byte order, then actor, action, subject and detail in UTF-8, each behind
    its length in bytes (32 bits).
    """
    return _hash(*row[:-1])


def _hash(
    seq: int,
    at: float,
    actor: str,
    action: str,
    subject: str,
    detail: str,
    previous: bytes,
) -> bytes:
    parts = [previous, _NUMBERS.pack(seq, at)]
    for text in (actor, action, subject, detail):
        encoded = text.encode()
        parts += (_LENGTH.pack(len(encoded)), encoded)
    return hashlib.sha256(b"".join(parts)).digest()


def verify(
    connection: sqlite3.Connection,
    *,
    head: str = "",
    progress: Progress | None = None,
) -> Verdict:
    """Walk the whole chain, a thousand rows at a time, and return what it shows.

    For the caller's read transaction, so that nothing is trimmed meanwhile.  *head* is
    the hash (hex) of a row that was the newest at some time: it must still be there, or
    the end was cut off behind it.  *progress* is told rows done and rows in all.
    """
    total = connection.execute(_COUNT).fetchall()[0][0]
    walk = _Walk(head.strip().lower())
    for row in _rows(connection):
        why = walk.goes_on_with(row)
        if why:
            return walk.verdict(broken_at=row.seq, why=why)
        if progress is not None and walk.rows % _BATCH == 0:
            progress(walk.rows, total)
    return walk.ended()


class _Walk:
    """How far the chain was followed, and what was seen on the way."""

    def __init__(self, head: str) -> None:
        self.rows = 0
        self._first = self._last = 0
        self._hash = NOTHING_BEFORE
        self._head = head
        self._head_seen = not head
        # Number and hash of the row before the first, and of the last one trimmed.
        self._before: tuple[int, str] | None = None
        self._trimmed: tuple[int, str] | None = None

    def goes_on_with(self, row: Row) -> str:
        """Return what is wrong with *row* behind those before it, or ""."""
        if not _is_well_typed(row):
            return "it was changed after it was written"
        if not self.rows:
            self._first = row.seq
            if row.seq != 1:  # what went before must be told further on
                self._last, self._hash = row.seq - 1, row.previous
                self._before = self._last, row.previous.hex()
        if row.seq != self._last + 1:
            return f"rows are missing between {self._last} and it"
        if row.previous != self._hash:
            return "it does not follow from the row before it"
        if row_hash(row) != row.hash:
            return "it was changed after it was written"
        self.rows += 1
        self._last, self._hash = row.seq, row.hash
        self._head_seen = self._head_seen or row.hash.hex() == self._head
        if row.action == TRIMMED and row.actor == ENGINE:
            told = orjson.loads(row.detail)
            self._trimmed = told["through"], told["head"]
        return ""

    def ended(self) -> Verdict:
        """Return the verdict when no row is left."""
        if self._before is not None and self._before != self._trimmed:
            return self.verdict(
                self._first,
                "the rows before it are gone, and no trimming is recorded for them",
            )
        if not self._head_seen:
            return self.verdict(
                self._last + 1,
                "the remembered head is not in the log: its end was cut off, or the "
                "head is older than the first row that is left",
            )
        return self.verdict()

    def verdict(self, broken_at: int = 0, why: str = "") -> Verdict:
        """Return what was found so far."""
        return Verdict(
            self.rows,
            self._first,
            self._last,
            self._hash.hex() if self.rows else "",
            self._before[0] if self._before else 0,
            broken_at,
            why,
        )


def trim(connection: sqlite3.Connection, now: float, keep_seconds: float) -> int:
    """Take rows older than *keep_seconds* away; return how many.

    In the open transaction, from the beginning of the chain, at most ten thousand at
    a time, and never the newest.  A row tells of it.
    """
    old = connection.execute(
        _OLD, {"before": now - keep_seconds, "most": _TRIM_BATCH}
    ).fetchall()
    if not old:
        return 0
    through, hash_ = old[-1]
    connection.execute(_TRIM, {"seq": through})
    detail = {"rows": len(old), "through": through, "head": bytes(hash_).hex()}
    append(connection, now, ENGINE, TRIMMED, "audit", detail)
    return len(old)


def _rows(connection: sqlite3.Connection) -> Iterator[Row]:
    last = -(2**63)
    while True:
        rows = connection.execute(_AFTER, {"seq": last, "most": _BATCH}).fetchall()
        if not rows:
            return
        for row in rows:
            yield Row(*row)
        last = rows[-1][0]


def _is_well_typed(row: Row) -> bool:
    """Whether the values are of the types that were stored; SQLite takes any."""
    return (
        isinstance(row.at, float)
        and all(isinstance(text, str) for text in row[2:6])
        and isinstance(row.previous, bytes)
        and isinstance(row.hash, bytes)
    )


def told_detail(text: str) -> Any:
    """Return the detail of a row that is stored as *text*, also of one that is none."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return {"damaged": str(text)}  # whoever changed it is found by ``verify``


def _cut(text: str, characters: int) -> str:
    if len(text) <= characters and text.isascii():
        return text
    return text.encode(errors="replace").decode()[:characters]


def _detail_text(detail: Mapping[str, Any] | None) -> str:
    if not detail:
        return "{}"
    encoded = orjson.dumps(dict(detail), option=orjson.OPT_SORT_KEYS)
    if len(encoded) > MAX_DETAIL_BYTES:
        return '{"too_long":true}'
    return encoded.decode()
