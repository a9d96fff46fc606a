"""Tokens in URLs: how one is made, sealed, replaced and noted as used.

The domain's token is an administrator's to make; a device's is made by the phone's
first request, in the writer's transaction.  Sealed as passwords are.
"""

import base64
import secrets
import sqlite3
from typing import Any

from bootwave.errors import StoreNotFound
from bootwave.pairing.instant import Instant
from bootwave.phone.mac import text_from_mac
from bootwave.store.changelog import Change, record
from bootwave.store.names import required_domain
from bootwave.store.proofs.credentials import known_mac
from bootwave.store.work import Work

TOKEN_BITS = 128

_DOMAIN = """
SELECT sealed_token, sealed_previous, made_at, used_at, required FROM domain_tokens
WHERE domain_id = :domain_id
"""
# The one before stays good until the new one was used; the one before that does not.
_MAKE = """
INSERT INTO domain_tokens (domain_id, sealed_token, sealed_previous, made_at, used_at,
  required)
VALUES (:domain_id, :sealed, :nothing, :wall, NULL, :required)
ON CONFLICT (domain_id) DO UPDATE
SET sealed_previous = domain_tokens.sealed_token, sealed_token = excluded.sealed_token,
  made_at = excluded.made_at, used_at = NULL, required = excluded.required
"""
_REQUIRE = """
UPDATE domain_tokens SET required = :required WHERE domain_id = :domain_id
"""
_REMOVE = "DELETE FROM domain_tokens WHERE domain_id = :domain_id"
_REMOVE_DEVICES = """
DELETE FROM device_tokens
WHERE mac IN (
  SELECT mac FROM devices WHERE domain_id = :domain_id OR last_domain_id = :domain_id)
"""
_DOMAIN_OF = """
SELECT domain_id FROM devices v
WHERE mac = :mac AND EXISTS (SELECT 1 FROM domain_tokens t
  WHERE t.domain_id = v.domain_id)
"""
_GIVE = """
INSERT INTO device_tokens (mac, sealed_token, sealed_previous, made_at, used_at)
SELECT mac, :sealed, :nothing, :wall, NULL FROM devices WHERE mac = :mac
ON CONFLICT (mac) DO NOTHING
"""
_ROTATE = """
INSERT INTO device_tokens (mac, sealed_token, sealed_previous, made_at, used_at)
VALUES (:mac, :sealed, :nothing, :wall, NULL)
ON CONFLICT (mac) DO UPDATE
SET sealed_previous = device_tokens.sealed_token, sealed_token = excluded.sealed_token,
  made_at = excluded.made_at, used_at = NULL
"""
_DEVICE_USED = """
UPDATE device_tokens SET used_at = :wall, sealed_previous = :nothing
WHERE mac = :mac AND used_at IS NULL AND sealed_token = :sealed
RETURNING mac
"""
_DOMAIN_USED = """
UPDATE domain_tokens SET used_at = :wall, sealed_previous = :nothing
WHERE domain_id = :domain_id AND used_at IS NULL AND sealed_token = :sealed
RETURNING domain_id
"""


def new_token() -> str:
    """Return a token of 128 random bits, in the form of http.target."""
    random = secrets.token_bytes(TOKEN_BITS // 8)
    return "t" + base64.b32encode(random).decode().rstrip("=").lower()


def domain_token_owner(domain_id: int) -> str:
    """Return the owner under which the token of a domain is sealed."""
    return f"domain-token/{domain_id}"


def device_token_owner(mac: int) -> str:
    """Return the owner under which the token of a device is sealed."""
    return f"device-token/{mac}"


def make(work: Work, domain: str, *, required: bool | None) -> dict[str, Any]:
    """Give *domain* a new token for first contacts; return it, this once and by show.

    The one before stays good until the new one was used.  With None the new one is
    required if the one before was.
    """
    domain_id = work.domain_id(domain)
    if required is None:
        rows = work.connection.execute(_DOMAIN, {"domain_id": domain_id}).fetchall()
        required = bool(rows and rows[0][4])
    token = new_token()
    work.connection.execute(
        _MAKE,
        {
            "domain_id": domain_id,
            "sealed": work.keyring.seal(token, owner=domain_token_owner(domain_id)),
            "nothing": b"",
            "wall": work.at.wall,
            "required": required,
        },
    )
    work.touched("domain", domain_id)
    work.touched("wildcard", domain_id)
    work.note("token.made", required_domain(domain), required=required)
    return {"domain": required_domain(domain), "token": token, "required": required}


def require(work: Work, domain: str, *, required: bool) -> dict[str, Any]:
    """Say whether the phones of *domain* are refused without a right token."""
    domain_id = work.domain_id(domain)
    _stored(work, domain, domain_id)
    work.connection.execute(_REQUIRE, {"domain_id": domain_id, "required": required})
    work.touched("domain", domain_id)
    work.touched("wildcard", domain_id)
    work.note("token.required", required_domain(domain), required=required)
    return {"domain": required_domain(domain), "required": required}


def remove(work: Work, domain: str) -> dict[str, Any]:
    """Take the token of *domain* away, and with it those of its devices."""
    domain_id = work.domain_id(domain)
    _stored(work, domain, domain_id)
    work.connection.execute(_REMOVE_DEVICES, {"domain_id": domain_id})
    work.connection.execute(_REMOVE, {"domain_id": domain_id})
    work.touched("domain", domain_id)
    work.touched("wildcard", domain_id)
    work.note("token.removed", required_domain(domain))
    return {"domain": required_domain(domain)}


def show(work: Work, domain: str) -> dict[str, Any]:
    """Return the token of *domain* and what is known of it, and note who saw it."""
    domain_id = work.domain_id(domain)
    sealed, previous, made_at, used_at, required = _stored(work, domain, domain_id)
    work.note("token.shown", required_domain(domain))
    return {
        "domain": required_domain(domain),
        "token": work.keyring.open(sealed, owner=domain_token_owner(domain_id)),
        "required": bool(required),
        "made_at": made_at,
        "used_at": used_at,
        "previous_good": bool(previous),
    }


def rotate(work: Work, text: str) -> dict[str, Any]:
    """Give a device a new token; the one before is good until the new one was used."""
    mac = known_mac(work, text)
    if not work.connection.execute(_DOMAIN_OF, {"mac": mac}).fetchall():
        raise StoreNotFound(
            f"{text_from_mac(mac)} is in no domain that has a token: make one with "
            "bootwave domain token make DOMAIN."
        )
    work.connection.execute(
        _ROTATE,
        {
            "mac": mac,
            "sealed": work.keyring.seal(new_token(), owner=device_token_owner(mac)),
            "nothing": b"",
            "wall": work.at.wall,
        },
    )
    work.touched("device", mac)
    work.note("token.rotated", text_from_mac(mac))
    return {"mac": text_from_mac(mac)}


def give(connection: sqlite3.Connection, mac: int, sealed: bytes, now: Instant) -> bool:
    """Whether the device *mac* has a token now: *sealed*, or the one it had."""
    connection.execute(
        _GIVE, {"mac": mac, "sealed": sealed, "nothing": b"", "wall": now.wall}
    )
    return True


def note_device_used(
    connection: sqlite3.Connection, mac: int, sealed: bytes, now: Instant
) -> None:
    """Write down that the phone *mac* came with its token *sealed*; once."""
    named = {"mac": mac, "sealed": sealed, "nothing": b"", "wall": now.wall}
    if connection.execute(_DEVICE_USED, named).fetchall():
        record(connection, [Change("device", mac)])


def note_domain_used(
    connection: sqlite3.Connection, domain_id: int, sealed: bytes, now: Instant
) -> None:
    """Write down that a phone came with the token *sealed* of its domain; once."""
    named = {"domain_id": domain_id, "sealed": sealed, "nothing": b""}
    named["wall"] = now.wall
    if connection.execute(_DOMAIN_USED, named).fetchall():
        record(connection, [Change("wildcard", domain_id)])


def _stored(work: Work, domain: str, domain_id: int) -> tuple[Any, ...]:
    rows = work.connection.execute(_DOMAIN, {"domain_id": domain_id}).fetchall()
    if not rows:
        raise StoreNotFound(
            f"The domain {required_domain(domain)} has no token: make one with "
            f"bootwave domain token make {required_domain(domain)}."
        )
    found: tuple[Any, ...] = rows[0]
    return found
