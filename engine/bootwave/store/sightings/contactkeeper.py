"""Keeping the file of contacts: from the devices of the store, and what they did.

    log of changes ──► rows of devices       (one by one; all, after "everything")
    file of sightings ──► last contact, firmware, outcome

It reads both on from where it was, which the file of contacts says itself, a step at a
time and each step in one transaction: who is ended between two of them goes on there.
What a phone did in one step is stored once, however much that was.

A device that came to another domain is a new one: its row goes, and what it did before
it came is taken in no more.
"""

import json
import sqlite3
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from bootwave.errors import StoreError, StoreUnavailable
from bootwave.phone.firmware import FirmwareVersion
from bootwave.phone.useragent import phone_from_user_agent
from bootwave.sightings import Reason, Sighting
from bootwave.store.changelog import EVERYTHING, changes_after
from bootwave.store.connection import roll_back
from bootwave.store.sightings.contacts import INDEXES, ContactFile, is_damage, sortable
from bootwave.store.sightings.outcomes import PROVISIONED, REFUSED
from bootwave.store.sightings.sightings import SightingLog
from bootwave.store.sightings.tail import Ends

RECORDS: Final = 4_096  # of a step: some 0.6 MB
DEVICES: Final = 5_000  # compared in a step
SEEDED: Final = 5_000  # new devices that the file of sightings is searched for

_DECIDED: Final = PROVISIONED | REFUSED
_KINDS: Final = (frozenset(Reason), PROVISIONED, _DECIDED)
_NEVER: Final = -1
_DAY: Final = 86_400.0
_LAST_MAC: Final = 1 << 48

_PROGRESS = (
    "SELECT file, nameless, unknown, known, seq, compared, indexes FROM progress"
)
_NOTE = """
UPDATE progress SET file = :file, nameless = :nameless, unknown = :unknown,
  known = :known, seq = :seq, compared = :compared, indexes = :indexes
"""
_HEARD = """
UPDATE contacts SET
  source = CASE WHEN at < :at OR at > :tomorrow THEN :source ELSE source END,
  reason = CASE WHEN at < :at OR at > :tomorrow THEN :reason ELSE reason END,
  at = CASE WHEN at < :at OR at > :tomorrow THEN :at ELSE at END,
  refused = CASE WHEN since <= :decided_at
    AND (decided_at < :decided_at OR decided_at > :tomorrow)
    THEN :refused ELSE refused END,
  decided_at = CASE WHEN since <= :decided_at
    AND (decided_at < :decided_at OR decided_at > :tomorrow)
    THEN :decided_at ELSE decided_at END,
  said_at = CASE WHEN since <= :said_at
    AND (said_at < :said_at OR said_at > :tomorrow) THEN :said_at ELSE said_at END
WHERE mac = :mac AND since <= :at
  AND (at < :at OR at > :tomorrow OR decided_at < :decided_at OR said_at < :said_at)
"""
# Apart, for it touches indexes of its own, and phones hardly ever say another thing.
_SAID = """
UPDATE contacts SET firmware = :firmware, said = :said, model = :model
WHERE mac = :mac AND since <= :at AND (said_at < :at OR said_at > :tomorrow)
  AND (firmware <> :firmware OR said <> :said OR model <> :model)
"""
_SAME = """
ON CONFLICT (mac) DO UPDATE SET domain_id = excluded.domain_id,
  model = CASE WHEN excluded.model <> '' THEN excluded.model ELSE model END
WHERE domain_id <> excluded.domain_id
  OR (excluded.model <> '' AND model <> excluded.model)
"""
_ROW = "INSERT INTO contacts (mac, domain_id, model, since) "
_NAMED = "WHERE v.mac IN (SELECT value FROM json_each(:macs)) "
_BETWEEN = "WHERE v.mac > :low AND v.mac <= :high "
_DEVICE = """
SELECT v.mac, COALESCE(v.domain_id, 0), v.model, COALESCE(v.adopted_at, 0)
FROM store.devices v
"""
_NEW = "SELECT v.mac FROM store.devices v "
_NOT_THERE = "AND NOT EXISTS (SELECT 1 FROM contacts c WHERE c.mac = v.mac)"
# Those that came to another domain since, too.
_GONE = """
AND NOT EXISTS (SELECT 1 FROM store.devices d
  WHERE d.mac = v.mac AND COALESCE(d.adopted_at, 0) = v.since)
"""
_FORGET = "DELETE FROM contacts AS v "
_NAMED_NEW = _NEW + _NAMED + _NOT_THERE
_NAMED_SAME = _ROW + _DEVICE + _NAMED + _SAME
_NAMED_GONE = _FORGET + _NAMED + _GONE
_BETWEEN_NEW = _NEW + _BETWEEN + _NOT_THERE
_BETWEEN_SAME = _ROW + _DEVICE + _BETWEEN + _SAME
_BETWEEN_GONE = _FORGET + _BETWEEN + _GONE
_HIGH = """
SELECT v.mac FROM store.devices v WHERE v.mac > :low ORDER BY v.mac LIMIT 1 OFFSET :most
"""
_ATTACH = "ATTACH DATABASE :path AS store"


class _Progress(NamedTuple):
    file: int
    nameless: int
    unknown: int
    known: int
    seq: int
    compared: int
    indexes: int

    @property
    def complete(self) -> bool:
        """Whether all was taken in once, and the indexes made."""
        return self.indexes == len(INDEXES)

    @property
    def ends(self) -> Ends | None:
        """How far the file of sightings was read, None for not at all."""
        if not self.file:
            return None
        return Ends(self.file, (self.nameless, self.unknown, self.known))


class ContactKeeper:
    """Keeps the contacts of *log* for the devices of *database*.

    One thread at a time may use it; several processes may, and do each step once.
    """

    def __init__(
        self,
        log: SightingLog,
        database: Path,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Open nothing yet; *clock* tells wall-clock seconds."""
        self._clock = clock
        self._log = log
        self._database = database
        self._file = ContactFile(log.contacts)
        self._connection: sqlite3.Connection | None = None
        self._inode = 0

    def close(self) -> None:
        """Close the file; the next step opens it again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def catch_up(self) -> None:
        """Take in all that waits; raises StoreError."""
        try:
            while self.step():
                pass
        finally:
            self.close()

    def written(self) -> int:
        """Return how many sightings of MACs were ever written; raises StoreError."""
        end = self._log.tail().end()
        return end.unknown + end.known

    def step(self, most: int = RECORDS) -> bool:
        """Take in some of what waits, *most* sightings; return whether more does.

        Raises StoreError, and the next one begins anew.  A file that is damaged is
        deleted, to be made again.
        """
        try:
            with _transaction(self._opened()) as connection:
                return self._taken(connection, most)
        except StoreError as error:
            self.close()
            if _is_done_by_others(error):
                return True
            if is_damage(error.__cause__):
                self._file.remove()
            raise

    def _opened(self) -> sqlite3.Connection:
        if self._connection is not None and self._inode == self._file.inode():
            return self._connection
        self.close()
        connection = self._file.writing()
        try:
            path = f"{self._database.absolute().as_uri()}?mode=rw"
            connection.execute(_ATTACH, {"path": path})
        except sqlite3.Error as error:
            connection.close()
            raise StoreUnavailable(f"The store could not be read: {error}.") from error
        self._connection, self._inode = connection, self._file.inode()
        return connection

    def _taken(self, connection: sqlite3.Connection, most: int) -> bool:
        now = _Progress(*connection.execute(_PROGRESS).fetchall()[0])
        now = self._devices(connection, now)
        if now.compared != _NEVER:
            now = self._compared(connection, now)
            if not now.complete and now.compared != _NEVER:
                # First which devices there are, then what they did.
                connection.execute(_NOTE, now._asdict())
                return True
        found = self._log.tail().newest(now.ends, most, _KINDS)
        self._store(connection, found.by_kind)
        ends = found.ends
        nameless, unknown, known = ends.written
        now = now._replace(
            file=ends.file, nameless=nameless, unknown=unknown, known=known
        )
        more = bool(found.behind) or now.compared != _NEVER
        if not now.complete and not more:
            connection.execute(INDEXES[now.indexes])
            now = now._replace(indexes=now.indexes + 1)
            more = not now.complete
        if now != _Progress(*connection.execute(_PROGRESS).fetchall()[0]):
            connection.execute(_NOTE, now._asdict())
        return more

    def _devices(self, connection: sqlite3.Connection, now: _Progress) -> _Progress:
        """Take in the devices that changed, or begin to compare all."""
        seq, changes = changes_after(connection, now.seq)
        if EVERYTHING in changes:
            return now._replace(seq=seq, compared=0)
        if macs := [change.key for change in changes if change.kind == "device"]:
            named = {"macs": json.dumps(macs)}
            connection.execute(_NAMED_GONE, named)
            new = [mac for (mac,) in connection.execute(_NAMED_NEW, named)]
            connection.execute(_NAMED_SAME, named)
            if new:
                now = self._seeded(connection, now, new)
        return now._replace(seq=seq)

    def _compared(self, connection: sqlite3.Connection, now: _Progress) -> _Progress:
        """Take in the next devices of all."""
        low = now.compared - 1  # a MAC may be 0
        rows = connection.execute(_HIGH, {"low": low, "most": DEVICES}).fetchall()
        high = rows[0][0] if rows else _LAST_MAC
        ends = {"low": low, "high": high}
        connection.execute(_BETWEEN_GONE, ends)
        new = [mac for (mac,) in connection.execute(_BETWEEN_NEW, ends)]
        connection.execute(_BETWEEN_SAME, ends)
        if new and now.ends is not None:
            now = self._seeded(connection, now, new)
        return now._replace(compared=high + 1 if rows else _NEVER)

    def _seeded(
        self, connection: sqlite3.Connection, now: _Progress, new: Collection[int]
    ) -> _Progress:
        """Take in what *new* devices did before this knew of them."""
        if len(new) > SEEDED:
            return now._replace(
                file=0
            )  # all once more, which changes nothing of others
        self._store(connection, [self._log.latest(new, kind) for kind in _KINDS])
        return now

    def _store(
        self, connection: sqlite3.Connection, by_kind: list[dict[int, Sighting]]
    ) -> None:
        heard, provisioned, decided = by_kind
        # What claims to be of tomorrow was stamped by a clock that was wrong.
        tomorrow = self._clock() + _DAY
        said = [{**one, "tomorrow": tomorrow} for one in _said(provisioned)]
        said_at = {one["mac"]: one["at"] for one in said}
        did = []
        for mac in sorted(heard):  # neighbours lie in one page of the file
            seen, last = heard[mac], decided.get(mac)
            did.append(
                {
                    "mac": mac,
                    "at": seen.at,
                    "source": seen.source,
                    "reason": int(seen.reason),
                    "decided_at": last.at if last else 0.0,
                    "refused": int(last.reason in REFUSED) if last else 0,
                    "said_at": said_at.get(mac, 0.0),
                    "tomorrow": tomorrow,
                }
            )
        connection.executemany(_SAID, said)
        connection.executemany(_HEARD, did)


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Run the body in a transaction that locks the file of contacts, once it writes.

    Not BEGIN IMMEDIATE, which would lock the store, too.
    """
    try:
        connection.execute("BEGIN")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            roll_back(connection)
            raise
    except sqlite3.Error as error:
        raise StoreUnavailable(
            f"The file of contacts could not be written: {error}."
        ) from error


def _is_done_by_others(error: StoreError) -> bool:
    """Whether another process took the step between what this one read and wrote."""
    cause = error.__cause__
    return isinstance(cause, sqlite3.OperationalError) and (
        cause.sqlite_errorcode == sqlite3.SQLITE_BUSY_SNAPSHOT
    )


def _said(provisioned: Mapping[int, Sighting]) -> list[dict[str, Any]]:
    """Return what phones said to be when they were given their settings."""
    return [
        {"mac": mac, "at": seen.at, **said}
        for mac, seen in sorted(provisioned.items())
        if (said := _phone(seen.detail.partition(";")[0]))
    ]


@lru_cache(maxsize=4_096)  # phones of a fleet say few different things
def _phone(text: str) -> Mapping[str, str]:
    """Return what is stored of the phone with the User-Agent *text*, {} for nothing."""
    agent = phone_from_user_agent(text)
    version = FirmwareVersion.from_text(agent.firmware)
    if not agent.model or version is None:
        return {}
    return {
        "firmware": sortable(version),
        "said": agent.firmware,
        "model": agent.model,
    }
