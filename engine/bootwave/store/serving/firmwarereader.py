"""Reads of firmware for one worker, on a connection of its own.

Apart from the reader of devices, because a boot asks for firmware once, and what is
read here is kept by whoever asks (provision.firmware) until it is revoked.
"""

import sqlite3
from collections.abc import Sequence
from typing import Final, NamedTuple

from bootwave.firmware.decision import ScopeRules
from bootwave.store.firmware.rows import IMAGES, Image, Place, rules_of
from bootwave.store.serving.moments import Moments

_HAS_SCOPES = "SELECT EXISTS (SELECT 1 FROM firmware_scopes)"
_HANDLE = """
SELECT COALESCE(
  (SELECT handle FROM firmware_scopes WHERE scope = 'device' AND key = :mac),
  (SELECT s.handle FROM firmware_scopes s
   JOIN devices v ON v.mac = :mac AND v.domain_id = :domain_id
   WHERE s.scope = 'group' AND s.key = v.group_id),
  (SELECT handle FROM firmware_scopes WHERE scope = 'domain' AND key = :domain_id),
  '')
"""
_SCOPE = "SELECT scope, key FROM firmware_scopes WHERE handle = :handle"
_DEVICE = """
SELECT domain_id, COALESCE(group_id, 0) FROM devices
WHERE mac = :mac AND domain_id IS NOT NULL
"""
_GROUP = "SELECT domain_id FROM groups WHERE id = :id"


class Scope(NamedTuple):
    """Whose phones ask by a handle: those of a domain or group, or one device.

    What there is none of is 0.
    """

    domain_id: int
    mac: int
    group_id: int = 0

    @property
    def places(self) -> list[Place]:
        """What may say something of them, the most specific first."""
        found = [Place("device", self.mac)] if self.mac else []
        if self.group_id:
            found.append(Place("group", self.group_id))
        if self.domain_id:
            found.append(Place("domain", self.domain_id))
        return [*found, Place("engine", 0)]


EVERYBODY: Final = Scope(0, 0)


class FirmwareReader(Moments):
    """One process's reads of firmware: its connection (``moments``)."""

    def has_scopes(self) -> bool:
        """Whether something was ever said for less than all phones."""
        with self._moment as connection:
            return bool(connection.execute(_HAS_SCOPES).fetchall()[0][0])

    def handle(self, mac: int, domain_id: int) -> str:
        """Return the handle by which a device of a domain asks, "" for none."""
        where = {"mac": mac, "domain_id": domain_id}
        with self._moment as connection:
            return str(connection.execute(_HANDLE, where).fetchall()[0][0])

    def scope(self, handle: str) -> Scope | None:
        """Return whose *handle* is, None for nobody's."""
        with self._moment as connection:
            return _scope(connection, handle)

    def rules(self, places: Sequence[Place]) -> list[ScopeRules]:
        """Return what each of *places* says."""
        with self._moment as connection:
            return [rules_of(connection, *place) for place in places]

    def images(self) -> list[Image]:
        """Return every image that was uploaded."""
        with self._moment as connection:
            rows = connection.execute(IMAGES).fetchall()
        return [Image.from_row(row) for row in rows]


def _scope(connection: sqlite3.Connection, handle: str) -> Scope | None:
    rows = connection.execute(_SCOPE, {"handle": handle}).fetchall()
    if not rows:
        return None
    scope, key = rows[0]
    if scope == "domain":
        return Scope(key, 0)
    if scope == "group":
        rows = connection.execute(_GROUP, {"id": key}).fetchall()
        return Scope(rows[0][0], 0, key) if rows else None
    rows = connection.execute(_DEVICE, {"mac": key}).fetchall()
    domain_id, group_id = rows[0] if rows else (0, 0)
    return Scope(domain_id, key, group_id)
