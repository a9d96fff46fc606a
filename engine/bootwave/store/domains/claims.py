"""Into which domain a device comes, when it leaves, and what a ``*`` reserves.

Shared by what phones write and what administrators write.  All of it runs inside the
caller's transaction.
"""

import json
import sqlite3
from collections.abc import Sequence

from bootwave.store.changelog import Change, record
from bootwave.store.domains import firmwarescopes

_EXPIRED_OF_ACCOUNT = """
DELETE FROM bindings
WHERE account_id = :key AND expires IS NOT NULL
  AND (boot_id <> :boot_id OR expires <= :now)
RETURNING mac, account_id
"""
_EXPIRED_OF_DEVICE = """
DELETE FROM bindings
WHERE mac = :key AND expires IS NOT NULL
  AND (boot_id <> :boot_id OR expires <= :now)
RETURNING mac, account_id
"""
_EXPIRED = """
DELETE FROM bindings
WHERE expires IS NOT NULL AND (boot_id <> :boot_id OR expires <= :now)
RETURNING mac, account_id
"""
_BEFORE = "SELECT last_domain_id, adopted_at FROM devices WHERE mac = :mac"
_FORGET_SETTINGS = "DELETE FROM settings WHERE scope = 'device' AND key = :mac"
_FORGET_KEYS = "DELETE FROM function_keys WHERE scope = 'device' AND key = :mac"
_FORGET_TOKEN = "DELETE FROM device_tokens WHERE mac = :mac"
# What is bound to it now has a password that it was not told yet.  What it is stays,
# its model and whether it has a certificate; what it had a grant by is of its domain.
# The values: the MAC, the domain twice, False, and when by the clock.  The change by
# which it comes is written behind it, at the end of the transaction.
ADOPT = """
INSERT INTO devices (mac, domain_id, last_domain_id, model, owns_certificate,
  adopted_at, adopted_seq)
VALUES (?, ?, ?, '', ?, ?, (SELECT COALESCE(MAX(seq), 0) + 1 FROM changes))
ON CONFLICT (mac) DO UPDATE
SET domain_id = excluded.domain_id, last_domain_id = excluded.domain_id,
  provisioned_at = NULL,
  adopted_at = CASE
    WHEN devices.last_domain_id = excluded.domain_id THEN devices.adopted_at
    ELSE excluded.adopted_at
  END,
  adopted_seq = CASE
    WHEN devices.last_domain_id = excluded.domain_id THEN devices.adopted_seq
    ELSE excluded.adopted_seq
  END,
  group_id = CASE
    WHEN devices.last_domain_id = excluded.domain_id THEN devices.group_id
  END,
  certificate_serial = CASE
    WHEN devices.last_domain_id = excluded.domain_id THEN devices.certificate_serial
  END,
  certificate_key = CASE
    WHEN devices.last_domain_id = excluded.domain_id THEN devices.certificate_key
  END
"""
_MOVED = """
UPDATE devices SET adopted_at = :now
WHERE mac IN (SELECT value FROM json_each(:macs)) AND adopted_at = :wall
"""
_RELEASE = """
UPDATE devices SET domain_id = NULL
WHERE mac = :mac AND NOT EXISTS (SELECT 1 FROM bindings b WHERE b.mac = devices.mac)
"""
_RELEASE_SOME = """
UPDATE devices SET domain_id = NULL
WHERE mac IN (SELECT value FROM json_each(:macs))
  AND NOT EXISTS (SELECT 1 FROM bindings b WHERE b.mac = devices.mac)
"""
_END_CREDENTIALS_OF_SOME = """
DELETE FROM device_credentials
WHERE mac IN (SELECT value FROM json_each(:macs))
  AND NOT EXISTS (SELECT 1 FROM bindings b WHERE b.mac = device_credentials.mac)
"""
_FORGET_CREDENTIALS = "DELETE FROM device_credentials WHERE mac = :mac"
_END_CREDENTIALS = """
DELETE FROM device_credentials
WHERE mac = :mac AND NOT EXISTS (
  SELECT 1 FROM bindings b WHERE b.mac = device_credentials.mac
)
"""
# Wildcards have an index of their own, which only <> '' chooses: without it all
# accounts of the domain are read, for each that is removed.
_STAR_SUBNET = """
UPDATE domains SET star_subnet = CASE
  WHEN EXISTS (
    SELECT 1 FROM accounts a
    WHERE a.domain_id = domains.id AND a.wildcard <> '' AND a.wildcard = '*'
  ) THEN wildcard_subnet
END
WHERE id = :domain_id
"""


def forget_expired_of_account(
    connection: sqlite3.Connection, account_id: int, now: float, boot_id: str
) -> None:
    """Delete the claims of an account whose time has passed at *now* (boottime)."""
    _forget(connection, _EXPIRED_OF_ACCOUNT, account_id, now, boot_id)


def forget_expired_of_device(
    connection: sqlite3.Connection, mac: int, now: float, boot_id: str
) -> None:
    """Delete the claims of a device whose time has passed at *now* (boottime)."""
    _forget(connection, _EXPIRED_OF_DEVICE, mac, now, boot_id)


def forget_expired(connection: sqlite3.Connection, now: float, boot_id: str) -> None:
    """Delete every claim whose time has passed at *now* (boottime)."""
    _forget(connection, _EXPIRED, 0, now, boot_id)


def adopt_device(
    connection: sqlite3.Connection,
    mac: int,
    domain_id: int,
    wall: float,
    *,
    before: float = 0.0,
) -> bool:
    """Bring the device *mac* into a domain; return whether another one had it last.

    *wall* is when, by the clock.  What it did for so many seconds *before* is of the
    new domain, too, unless somebody had it then.  Its own settings, group and token go
    when another domain made them.  Raises sqlite3.IntegrityError when bindings hold it
    in another domain.
    """
    rows = connection.execute(_BEFORE, {"mac": mac}).fetchall()
    last, adopted_at = rows[0] if rows else (None, None)
    is_moved = last not in (None, domain_id)
    if is_moved:
        # What one tenant set for a device is not for the next tenant to see.
        connection.execute(_FORGET_SETTINGS, {"mac": mac})
        connection.execute(_FORGET_KEYS, {"mac": mac})
        connection.execute(_FORGET_TOKEN, {"mac": mac})
        connection.execute(_FORGET_CREDENTIALS, {"mac": mac})
        firmwarescopes.forget(connection, "device", mac)
    # Of a domain that was removed nothing is left but when it got the device.
    if not is_moved and adopted_at is None:
        wall -= before
    connection.execute(ADOPT, (mac, domain_id, domain_id, False, wall))
    return is_moved


def note_moved(
    connection: sqlite3.Connection, macs: Sequence[int], wall: float, now: float
) -> None:
    """Note that those of *macs* that were adopted at *wall* came at *now*.

    By the clock; the last thing in a transaction, which may have taken long.
    """
    named = {"macs": json.dumps([*macs]), "wall": wall, "now": now}
    connection.execute(_MOVED, named)


def release_device(connection: sqlite3.Connection, mac: int) -> None:
    """Take the device out of its domain when nothing binds it there any more.

    What it was given to authenticate with ends with that.
    """
    connection.execute(_RELEASE, {"mac": mac})
    connection.execute(_END_CREDENTIALS, {"mac": mac})


def release_devices(connection: sqlite3.Connection, macs: Sequence[int]) -> None:
    """Take those of *macs* out of their domain that nothing binds there any more."""
    named = {"macs": json.dumps([*macs])}
    connection.execute(_RELEASE_SOME, named)
    connection.execute(_END_CREDENTIALS_OF_SOME, named)


def refresh_star_subnet(connection: sqlite3.Connection, domain_id: int) -> None:
    """Reserve the domain's subnet while it has a ``*`` account, else give it back.

    Raises sqlite3.IntegrityError when another domain has reserved the same subnet.
    """
    connection.execute(_STAR_SUBNET, {"domain_id": domain_id})


def _forget(
    connection: sqlite3.Connection, sql: str, key: int, now: float, boot_id: str
) -> None:
    # PostgreSQL's drivers refuse a parameter that the text does not name.
    named = {"now": now, "boot_id": boot_id}
    if sql is not _EXPIRED:
        named["key"] = key
    rows = connection.execute(sql, named).fetchall()
    for mac, _account_id in rows:
        release_device(connection, mac)
    changes = [Change("device", mac) for mac, _ in rows]
    changes += [Change("account", account_id) for _, account_id in rows]
    record(connection, changes)
