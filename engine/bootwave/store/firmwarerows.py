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
_FORGET = (
    "DELETE FROM firmware_definitions WHERE scope = :scope AND key = :key",
    "DELETE FROM firmware_pins WHERE scope = :scope AND key = :key",
    "DELETE FROM firmware_forbidden WHERE scope = :scope AND key = :key",
)
_FORGET_SCOPE = """
DELETE FROM firmware_scopes WHERE scope = :scope AND key = :key RETURNING handle
"""
_DEVICES_OF = """
SELECT s.key FROM firmware_scopes s JOIN devices v ON v.mac = s.key
WHERE s.scope = 'device' AND v.last_domain_id = :id
"""
_GROUPS_OF = "SELECT id FROM groups WHERE domain_id = :id"


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
    """Return what one scope says."""
    where = {"scope": scope, "key": key}
    forbidden = connection.execute(_FORBIDDEN, where).fetchall()
    return ScopeRules(
        tuple(
            definition_from_row(*row)
            for row in connection.execute(_DEFINITIONS, where).fetchall()
        ),
        dict(connection.execute(_PINS, where).fetchall()),
        frozenset(
            (model, number)
            for model, version in forbidden
            if (number := _version(version)) is not None
        ),
    )


def forget(connection: sqlite3.Connection, scope: str, key: int) -> bool:
    """Delete what was said for one scope, and its handle; whether it had one."""
    where = {"scope": scope, "key": key}
    for statement in _FORGET:
        connection.execute(statement, where)
    return bool(connection.execute(_FORGET_SCOPE, where).fetchall())


def forget_domain(connection: sqlite3.Connection, domain_id: int) -> None:
    """Delete what was said for a domain, and in it for groups and single devices."""
    for (group_id,) in connection.execute(_GROUPS_OF, {"id": domain_id}).fetchall():
        forget(connection, "group", group_id)
    for (mac,) in connection.execute(_DEVICES_OF, {"id": domain_id}).fetchall():
        forget(connection, "device", mac)
    forget(connection, "domain", domain_id)


def _version(text: str) -> FirmwareVersion | None:
    return FirmwareVersion.from_text(text) if text else None
