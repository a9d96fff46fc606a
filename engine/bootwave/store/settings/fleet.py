"""How large the fleet is, what its server takes, and how phones are kept apart for it.

What phones are told is stored, so that every process tells them the same, and is
reconsidered by the control process (``reconsider``): for another size of the fleet, by
powers of two and not for a few phones less, or another capacity, by half as much again.
Then all documents are made anew, and only then.
"""

import sqlite3
from contextlib import closing
from typing import NamedTuple

from bootwave.options import Options, WavesOptions
from bootwave.settings.capacity import Cost, is_another
from bootwave.settings.pacing import Pace, pace_for, rounded
from bootwave.store.changelog import EVERYTHING
from bootwave.store.connection import connect
from bootwave.store.work import Work

_BOUND = "SELECT COUNT(*) FROM devices WHERE domain_id IS NOT NULL"
_STORED = """
SELECT phones, requests_per_second, request_seconds, requests_measured FROM fleet_pace
"""
_STORE = """
INSERT INTO fleet_pace
  (id, phones, requests_per_second, request_seconds, requests_measured)
VALUES (1, :phones, :requests_per_second, :request_seconds, :requests_measured)
ON CONFLICT (id) DO UPDATE SET phones = :phones,
  requests_per_second = :requests_per_second, request_seconds = :request_seconds,
  requests_measured = :requests_measured
"""
# Whole seconds, or what the phone would read of it.
_SAID_DELAYS = """
SELECT MAX(CAST(value AS INTEGER)) FROM settings WHERE name = 'max_boot_delay'
"""


class Told(NamedTuple):
    """What the pace goes by, and the cost of a request as far as it was measured."""

    phones: int
    requests_per_second: float
    cost: Cost

    @property
    def pace(self) -> Pace:
        """The pace of the fleet."""
        return pace_for(self.phones, self.requests_per_second)


def fleet_pace(options: Options) -> Pace:
    """Return the pace that phones of the store of *options* are told.

    Where no engine ran it is that of the phones that are bound now.  Raises StoreError.
    """
    with closing(connect(options.store.database, read_only=True)) as connection:
        return told(connection, options.waves).pace


def told(connection: sqlite3.Connection, waves: WavesOptions) -> Told:
    """Return what phones are told, or would be if an engine began now."""
    stored = _stored(connection)
    return found(connection, waves, Cost(), 1) if stored is None else stored


def found(
    connection: sqlite3.Connection, waves: WavesOptions, cost: Cost, cpus: int
) -> Told:
    """Return what the fleet and its server are now, the server's workers on *cpus*."""
    ((phones,),) = connection.execute(_BOUND).fetchall()
    return Told(phones, waves.requests_per_second or cost.capacity(cpus), cost)


def measured(connection: sqlite3.Connection) -> Cost:
    """Return the cost of a request as it was stored last."""
    stored = _stored(connection)
    return Cost() if stored is None else stored.cost


def reconsidered(
    connection: sqlite3.Connection, now: Told, *, by_option: bool
) -> tuple[Told | None, Told]:
    """Return what is stored, None for nothing, and what is to be for the fleet *now*.

    Another capacity counts where it is another by much, or was said to the request by
    an administrator (*by_option*).  A fleet that shrinks counts as what it was until it
    is a quarter of that: one that is about a power of two would change the documents of
    all with each phone that comes and goes.
    """
    before = _stored(connection)
    if before is None:
        return before, now
    if rounded(now.phones) < rounded(before.phones) < 4 * now.phones:
        now = now._replace(phones=before.phones)
    if by_option:
        return before, now
    if is_another(before.requests_per_second, now.requests_per_second):
        return before, now
    return before, now._replace(requests_per_second=before.requests_per_second)


def reconsider(work: Work, now: Told, *, by_option: bool) -> Told:
    """Store *now*, and return what phones are told by it."""
    before, after = reconsidered(work.connection, now, by_option=by_option)
    work.connection.execute(
        _STORE,
        {
            "phones": after.phones,
            "requests_per_second": after.requests_per_second,
            "request_seconds": after.cost.seconds,
            "requests_measured": after.cost.requests,
        },
    )
    if before is not None and before.pace != after.pace:
        work.changes.append(EVERYTHING)
        work.note(
            "pace.changed",
            "fleet",
            phones=after.phones,
            requests_per_second=after.requests_per_second,
        )
    return after


def boot_delay(connection: sqlite3.Connection, waves: WavesOptions) -> float:
    """Return the most seconds that a phone is told to wait when it starts."""
    ((said,),) = connection.execute(_SAID_DELAYS).fetchall()
    return float(max(said or 0, told(connection, waves).pace.boot_delay))


def _stored(connection: sqlite3.Connection) -> Told | None:
    rows = connection.execute(_STORED).fetchall()
    if not rows:
        return None
    phones, requests_per_second, seconds, requests = rows[0]
    return Told(phones, requests_per_second, Cost(seconds, requests))
