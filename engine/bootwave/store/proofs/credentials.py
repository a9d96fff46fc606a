"""What a phone authenticates with once it was provisioned: made, used, replaced, ended.

A pair of user name and password is the device's own.  It is made when the device gets
its first document and stands in it, so that a later boot proves itself from any
address.  When it is replaced, the pair before stays good until the new one was used: a
phone learns of a new pair only by fetching with the one it has.

Made by chance, of letters and digits that cannot be taken for one another: a phone
shows them, and some spoil others in URLs.  Snom phones keep 30 characters of a name and
20 of a password (Tine 2.0 makes them so long).
"""

import secrets
import sqlite3
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

from bootwave.errors import StoreConflict, StoreNotFound
from bootwave.phone.mac import required_mac, text_from_mac
from bootwave.store.changelog import Change, record
from bootwave.store.secrets import KeyRing, credentials_owner
from bootwave.store.work import Work

# Returns a number of 256 bits for what a text names: nobody else can tell it, and it is
# another one for each text.
Draw = Callable[[str], int]
_BITS = 256


def random_number(_what: str) -> int:
    """Return a number by chance."""
    return secrets.randbits(_BITS)


def drawn_from(secret: bytes) -> Draw:
    """Return what draws the same numbers from the same *secret* (16 to 64 bytes)."""

    def draw(what: str) -> int:
        made = blake2b(what.encode(), key=secret, digest_size=_BITS // 8)
        return int.from_bytes(made.digest(), "big")

    return draw


ALPHABET = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
USER_CHARACTERS = 16
PASSWORD_CHARACTERS = 20  # 116 bits
# Of a number of 256 bits two characters are taken at a time, for which a wave waits.
_PAIRS = [one + other for other in ALPHABET for one in ALPHABET]

_HAS = "SELECT 1 FROM device_credentials WHERE mac = :mac"
_MAKE = """
INSERT INTO device_credentials (mac, "user", sealed_password, previous_user,
  sealed_previous, made_at, used_at)
SELECT :mac, :user, :sealed, '', :empty, :now, NULL
WHERE EXISTS (SELECT 1 FROM bindings b WHERE b.mac = :mac)
ON CONFLICT (mac) DO NOTHING
RETURNING mac
"""
_USE = """
UPDATE device_credentials
SET used_at = :now, previous_user = '', sealed_previous = :empty
WHERE mac = :mac AND "user" = :user AND used_at IS NULL
RETURNING mac
"""
_ROTATE = """
UPDATE device_credentials
SET previous_user = "user", sealed_previous = sealed_password,
  "user" = :user, sealed_password = :sealed, made_at = :now, used_at = NULL
WHERE mac = :mac
"""
_REVOKE = "DELETE FROM device_credentials WHERE mac = :mac RETURNING mac"
_STATE = """
SELECT made_at, used_at, previous_user <> '' FROM device_credentials WHERE mac = :mac
"""
_KNOWN = "SELECT 1 FROM devices WHERE mac = :mac"


def make(
    connection: sqlite3.Connection,
    keyring: KeyRing,
    mac: int,
    now: float,
    draw: Draw = random_number,
) -> bool:
    """Whether *mac*, bound and without a pair, was given one; *now* is wall-clock.

    For the transaction in which it gets its first document; not logged, because nothing
    is kept of a phone that takes its window (serving.phonewrites).
    """
    if connection.execute(_HAS, {"mac": mac}).fetchall():
        return False
    rows = connection.execute(
        _MAKE, {"mac": mac, "now": now, "empty": b"", **_pair(keyring, mac, now, draw)}
    ).fetchall()
    return bool(rows)


def issue(
    connection: sqlite3.Connection,
    keyring: KeyRing,
    mac: int,
    now: float,
    draw: Draw = random_number,
) -> bool:
    """Do as ``make`` for a phone that was served already, and log it.

    Documents of it without the pair may be kept.
    """
    made = make(connection, keyring, mac, now, draw)
    if made:
        record(connection, [Change("device", mac)])
    return made


def use(connection: sqlite3.Connection, mac: int, user: str, now: float) -> bool:
    """Whether the pair of *user* was used for the first time: the one before it ends.

    Not logged: neither the document nor what it may be had for changes, and nobody
    keeps that a pair before was right.
    """
    rows = connection.execute(
        _USE, {"mac": mac, "user": user, "now": now, "empty": b""}
    ).fetchall()
    return bool(rows)


def rotate(work: Work, text: str) -> dict[str, Any]:
    """Give the device *text* a new pair; the present one is good until that is used.

    Raises StoreNotFound for a device without one, and StoreConflict when the phone may
    not know the present pair yet: then it would know none of the two.
    """
    mac = known_mac(work, text)
    rows = work.connection.execute(_STATE, {"mac": mac}).fetchall()
    if not rows:
        raise StoreNotFound(
            f"{text_from_mac(mac)} has no credentials: it gets them with the next "
            "document it is given, so let it in with bootwave window open."
        )
    _made_at, used_at, has_previous = rows[0]
    if has_previous and used_at is None:
        raise StoreConflict(
            f"{text_from_mac(mac)} has not used its new credentials yet: have it fetch "
            "its settings first, or revoke what it has with bootwave device "
            "credentials revoke."
        )
    now = work.at.wall
    pair = _pair(work.keyring, mac, now, random_number)
    work.connection.execute(_ROTATE, {"mac": mac, "now": now, **pair})
    work.touched("device", mac)
    work.note("credentials.rotated", text_from_mac(mac))
    return {"mac": text_from_mac(mac), "rotated": True}


def revoke(work: Work, text: str) -> dict[str, Any]:
    """End what the device *text* authenticates with, the pair before included.

    ``revoked`` is whether there was any.
    """
    mac = known_mac(work, text)
    rows = work.connection.execute(_REVOKE, {"mac": mac}).fetchall()
    if rows:
        work.touched("device", mac)
        work.note("credentials.revoked", text_from_mac(mac))
    return {"mac": text_from_mac(mac), "revoked": bool(rows)}


def state_of(work: Work, mac: int) -> dict[str, Any] | None:
    """Return when the device's pair was made and first used, None without one.

    ``previous`` is whether the pair before it is good still.
    """
    rows = work.connection.execute(_STATE, {"mac": mac}).fetchall()
    if not rows:
        return None
    made_at, used_at, previous = rows[0]
    return {"made_at": made_at, "used_at": used_at, "previous": bool(previous)}


def known_mac(work: Work, text: str) -> int:
    """Return the MAC of a device that is stored; raises StoreNotFound."""
    mac = required_mac(text)
    work.require_reached(mac)
    if not work.connection.execute(_KNOWN, {"mac": mac}).fetchall():
        raise StoreNotFound(
            f"There is no device {text_from_mac(mac)}: see bootwave device list."
        )
    return mac


def _pair(keyring: KeyRing, mac: int, now: float, draw: Draw) -> dict[str, object]:
    owner = credentials_owner(mac)
    password = _text(draw(f"password of {owner} at {now}"), PASSWORD_CHARACTERS)
    user = _text(draw(f"user of {owner} at {now}"), USER_CHARACTERS)
    return {"user": user, "sealed": keyring.seal(password, owner=owner)}


def _text(number: int, characters: int) -> str:
    pairs = []
    for _ in range(characters // 2):
        number, place = divmod(number, len(_PAIRS))
        pairs.append(_PAIRS[place])
    return "".join(pairs)
