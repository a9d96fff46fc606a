"""Rows of firmware as records, for administrators and for workers alike."""

import sqlite3
from typing import Any, NamedTuple, Self

from bootwave.errors import StoreUnavailable
from bootwave.firmware.decision import ScopeRules
from bootwave.firmware.definitions import Definition, Part
from bootwave.phone.firmware import FirmwareVersion

IMAGES = """
SELECT sha256, size, name, model, version, uploaded_at, uploaded_by
FROM firmware_images ORDER BY name
"""
_DEFINITIONS = """
SELECT model, part, version, location, step FROM firmware_definitions
WHERE scope = :scope AND key = :key
"""
_PINS = """
SELECT model, version FROM firmware_pins WHERE scope = :scope AND key = :key
"""
_FORBIDDEN = """
SELECT model, version FROM firmware_forbidden WHERE scope = :scope AND key = :key
"""
# What a roll-out that is not over says to a phone that it told: to load the version,
# or to stay with it.  Who is back runs it; who is out or missing is told to load it
# while the roll-out goes on, and else keeps what it loads nevertheless.  Who came to
# another domain since is the next tenant's, unless all phones are told.
_ROLLED_OUT = """
SELECT r.model, r.version, r.location,
  p.fate = 'back' OR (r.state = 'running' AND p.fate IN ('out', 'missing'))
FROM rollouts r JOIN rollout_phones p ON p.rollout_id = r.id AND p.mac = :mac
JOIN devices v ON v.mac = p.mac
  AND (r.scope = 'engine' OR COALESCE(v.adopted_seq <= r.chosen_seq, 1))
WHERE r.ended_at IS NULL AND r.action = 'firmware' AND p.notified_at IS NOT NULL
ORDER BY r.id DESC
"""


class Place(NamedTuple):
    """A scope: engine (key 0), domain or group (its id), device (its MAC)."""

    scope: str
    key: int

    @property
    def row(self) -> dict[str, Any]:
        """The columns that name it."""
        return {"scope": self.scope, "key": self.key}


class Image(NamedTuple):
    """One image; ``model`` is "" and ``version`` None where its name did not say."""

    sha256: str
    size: int
    name: str
    model: str
    version: FirmwareVersion | None
    uploaded_at: float
    uploaded_by: str

    @classmethod
    def from_row(cls, row: tuple[Any, ...]) -> Self:
        """Return the image of a row of IMAGES."""
        sha256, size, name, model, version, at, by = row
        return cls(sha256, size, name, model, _version(version), at, by)


def definition_from_row(
    model: str, part: Part, version: str, location: str, step: int
) -> Definition:
    """Return the definition of a row; raises StoreUnavailable for a damaged one."""
    number = _version(version)
    if number is None:
        raise StoreUnavailable(f"The store holds no version but {version!r}.")
    return Definition(model, number, location, bool(step), part)


def rules_of(connection: sqlite3.Connection, scope: str, key: int) -> ScopeRules:
    """Return what one scope says.

    To a device a roll-out that it is part of says it, too, and before its own
    definitions: they were there when its administrator began that for this device, or
    they would have ended its part in it.
    """
    where = {"scope": scope, "key": key}
    forbidden = connection.execute(_FORBIDDEN, where).fetchall()
    told, stays = _rolled_out(connection, key) if scope == "device" else ([], [])
    return ScopeRules(
        tuple(
            told
            + [
                definition_from_row(*row)
                for row in connection.execute(_DEFINITIONS, where).fetchall()
            ]
        ),
        dict(connection.execute(_PINS, where).fetchall()),
        frozenset(
            (model, number)
            for model, version in forbidden
            if (number := _version(version)) is not None
        ),
        frozenset((one.model, one.version) for one in stays),
    )


def _rolled_out(
    connection: sqlite3.Connection, mac: int
) -> tuple[list[Definition], list[Definition]]:
    """Return what a roll-out tells a device to load, and what to stay with."""
    told: list[Definition] = []
    stays: list[Definition] = []
    for model, version, location, is_told in connection.execute(
        _ROLLED_OUT, {"mac": mac}
    ).fetchall():
        one = definition_from_row(model, "", version, location, False)
        (told if is_told else stays).append(one)
    return told, stays


def _version(text: str) -> FirmwareVersion | None:
    return FirmwareVersion.from_text(text) if text else None
