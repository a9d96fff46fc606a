"""What administrators do with devices themselves."""

import json
from collections.abc import Collection, Mapping
from typing import Any

from bootwave.errors import StoreNotFound
from bootwave.phone.mac import required_mac, text_from_mac
from bootwave.sightings import Sighting
from bootwave.store.work import Work

_RESET = "UPDATE devices SET provisioned_at = NULL WHERE mac = :mac RETURNING mac"
_SINCE = """
SELECT v.mac, v.adopted_at
FROM json_each(:macs) j CROSS JOIN devices v ON v.mac = j.value
WHERE v.adopted_at IS NOT NULL
"""
_DOMAIN_OF = """
SELECT d.name FROM devices v JOIN domains d ON d.id = v.domain_id WHERE v.mac = :mac
"""
_WITHIN = """
SELECT v.mac, v.adopted_at
FROM json_each(:macs) j CROSS JOIN devices v ON v.mac = j.value
WHERE v.domain_id IN (
  SELECT d.id FROM json_each(:domains) n JOIN domains d ON d.name = n.value)
"""


def domain_of(work: Work, mac: int) -> str | None:
    """Return the name of the domain that the device *mac* is in, None without one."""
    rows = work.connection.execute(_DOMAIN_OF, {"mac": mac}).fetchall()
    return str(rows[0][0]) if rows else None


def within(
    work: Work, macs: Collection[int], domains: Collection[str]
) -> dict[int, float]:
    """Return which of *macs* are devices of *domains*, and since when by the clock.

    What was seen of one before is of who had it then, or of nobody.
    """
    rows = work.connection.execute(
        _WITHIN, {"macs": json.dumps([*macs]), "domains": json.dumps([*domains])}
    ).fetchall()
    return {mac: adopted_at or 0.0 for mac, adopted_at in rows}


def told_since(work: Work, macs: Collection[int]) -> dict[int, float]:
    """Return since when who asks is told of *macs*; of what he does not reach never."""
    if work.reach is None:
        return dict.fromkeys(macs, 0.0)
    return within(work, macs, work.reach)


def seen_there(work: Work, seen: Mapping[int, Sighting]) -> dict[int, Sighting]:
    """Return those of *seen* that were since the domain of their device got it."""
    macs = json.dumps([*seen])
    rows = work.connection.execute(_SINCE, {"macs": macs}).fetchall()
    since = dict(rows)
    return {mac: one for mac, one in seen.items() if one.at >= since.get(mac, 0.0)}


def reset(work: Work, text: str) -> dict[str, Any]:
    """Let the device be provisioned as if for the first time: passwords are told again.

    It needs a grant for them as ever.  Raises StoreNotFound for an unknown MAC.
    """
    mac = required_mac(text)
    work.require_reached(mac)
    if not work.connection.execute(_RESET, {"mac": mac}).fetchall():
        raise StoreNotFound(
            f"{text_from_mac(mac)} is unknown: see bootwave device list."
        )
    work.touched("device", mac)
    work.note("device.reset", text_from_mac(mac))
    return {"mac": text_from_mac(mac)}
