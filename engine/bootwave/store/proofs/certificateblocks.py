"""What administrators do with certificates: block, unblock, list.

A block is by serial number or by the SHA-256 of the public key.  Outside of the store
both are hexadecimal, as openssl prints them, serial numbers too: decimal digits alone
could be either, so only one of them is taken.
"""

from typing import Any

from bootwave.errors import SettingError, StoreConflict, StoreNotFound
from bootwave.limits import MAX_CERTIFICATE_BLOCKS
from bootwave.phone.mac import text_from_mac
from bootwave.quoting import shortened
from bootwave.store.names import checked_name
from bootwave.store.work import Work

_LIST = """
SELECT kind, value, why, made_at, made_by FROM certificate_blocks
ORDER BY made_at, kind, value
"""
# Whoever came with one of them, once and last.
_SHOWN = """
SELECT mac, certificate_serial, certificate_key FROM devices
WHERE (certificate_serial IN (
    SELECT value FROM certificate_blocks WHERE kind = 'serial')
  OR certificate_key IN (SELECT value FROM certificate_blocks WHERE kind = 'key'))
"""
_ALL_SHOWN = _SHOWN + "ORDER BY mac"
_SHOWN_BY = _SHOWN + "AND mac = :mac"
_COUNT = "SELECT COUNT(*) FROM certificate_blocks"
_ADD = """
INSERT INTO certificate_blocks (kind, value, why, made_at, made_by)
VALUES (:kind, :value, :why, :at, :by)
ON CONFLICT (kind, value) DO UPDATE SET why = :why, made_at = :at, made_by = :by
"""
_REMOVE = """
DELETE FROM certificate_blocks WHERE kind = :kind AND value = :value
RETURNING why
"""
_MAX_SERIAL_DIGITS = 40  # RFC 5280 section 4.1.2.2: up to 20 octets
_KEY_DIGITS = 64
_HEX = frozenset("0123456789abcdef")


def block(work: Work, serial: str, key: str, reason: str) -> dict[str, Any]:
    """Block the certificates with *serial*, or those with *key*, because of *reason*.

    What is blocked already gets the new reason.
    """
    kind, value = _which(serial, key)
    rows = work.connection.execute(_COUNT).fetchall()
    if rows[0][0] >= MAX_CERTIFICATE_BLOCKS:
        raise StoreConflict(
            f"{MAX_CERTIFICATE_BLOCKS} certificates are blocked already: give a "
            "revocation list (https.crls) instead, or unblock some."
        )
    why = checked_name(reason, "The reason")
    work.connection.execute(
        _ADD,
        {
            "kind": kind,
            "value": value,
            "why": why,
            "at": work.at.wall,
            "by": work.actor[:128],
        },
    )
    work.touched("all", 0)
    work.note("certificate.blocked", f"{kind} {_shown(kind, value)[kind]}", reason=why)
    return {**_shown(kind, value), "reason": why}


def unblock(work: Work, serial: str, key: str) -> dict[str, Any]:
    """End the block of *serial*, or of *key*; raises StoreNotFound without one."""
    kind, value = _which(serial, key)
    rows = work.connection.execute(_REMOVE, {"kind": kind, "value": value}).fetchall()
    shown = _shown(kind, value)
    if not rows:
        raise StoreNotFound(
            f"No block is of {kind} {shown[kind]}: bootwave tls blocks lists them."
        )
    work.touched("all", 0)
    work.note("certificate.unblocked", f"{kind} {shown[kind]}")
    return {**shown, "reason": rows[0][0]}


def listed(work: Work) -> list[dict[str, Any]]:
    """Return every block, the oldest first, with the MACs that it is known to concern.

    A serial number may be of several: each CA gives its own.
    """
    macs: dict[tuple[str, str], list[str]] = {}
    for mac, serial, key in work.connection.execute(_ALL_SHOWN).fetchall():
        for which in (("serial", serial), ("key", key)):
            macs.setdefault(which, []).append(text_from_mac(mac))
    return [
        {
            **_shown(kind, value),
            "reason": why,
            "at": at,
            "by": by,
            "macs": macs.get((kind, value), []),
        }
        for kind, value, why, at, by in work.connection.execute(_LIST).fetchall()
    ]


def is_blocked(work: Work, mac: int) -> bool:
    """Whether the certificate that the device *mac* came with last is blocked."""
    return bool(work.connection.execute(_SHOWN_BY, {"mac": mac}).fetchall())


def _which(serial: str, key: str) -> tuple[str, str]:
    """Return kind and value as they are stored."""
    if bool(serial.strip()) == bool(key.strip()):
        raise SettingError(
            "Give either a certificate's serial number or the SHA-256 of its key."
        )
    if key.strip():
        digits = _hex(key)
        if len(digits) != _KEY_DIGITS:
            raise SettingError(
                f"{shortened(key)} is not the SHA-256 of a key: write its 64 hex "
                "digits."
            )
        return "key", digits
    # With what openssl x509 -serial prints before the digits.
    digits = _hex(serial.strip().lower().removeprefix("serial=").removeprefix("0x"))
    if not digits or len(digits.lstrip("0")) > _MAX_SERIAL_DIGITS:
        raise SettingError(
            f"{shortened(serial)} is not a serial number: write it in hex, as "
            "openssl x509 -serial prints it."
        )
    return "serial", str(int(digits, 16))


def _hex(text: str) -> str:
    """Return the hex digits of *text* without colons, "" when it has others."""
    digits = text.strip().lower().replace(":", "")
    return digits if _HEX.issuperset(digits) else ""


def _shown(kind: str, value: str) -> dict[str, Any]:
    if kind == "key":
        return {"kind": kind, "serial": None, "key": value}
    return {"kind": kind, "serial": f"{int(value):X}", "key": None}
