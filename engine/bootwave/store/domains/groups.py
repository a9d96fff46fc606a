"""What administrators do with groups: named sets of a domain's devices.

A device is in one group or none.  It stays there while it is bound to nothing, and
leaves with its settings when another domain gets it (``claims``).
"""

import json
from collections.abc import Sequence
from typing import Any

from bootwave.errors import StoreConflict, StoreNotFound
from bootwave.phone.mac import required_mac, text_from_mac
from bootwave.store.domains import firmwarescopes
from bootwave.store.names import checked_member, required_domain
from bootwave.store.work import Work

NOTED_ONE_BY_ONE = 100  # devices in the audit log; more are told by their number

_ADD = """
INSERT INTO groups (domain_id, name) VALUES (:domain_id, :name)
ON CONFLICT (domain_id, name) DO NOTHING
RETURNING id
"""
_FIND = "SELECT id FROM groups WHERE domain_id = :domain_id AND name = :name"
_ALL = """
SELECT g.name, (SELECT COUNT(*) FROM devices v WHERE v.group_id = g.id)
FROM groups g WHERE g.domain_id = :domain_id ORDER BY g.name
"""
_MACS = "SELECT mac, model FROM devices WHERE group_id = :id ORDER BY mac"
_ASSIGN = """
UPDATE devices SET group_id = :group_id
WHERE mac IN (SELECT value FROM json_each(:macs)) AND last_domain_id = :domain_id
RETURNING mac
"""
_REMOVE = (
    "UPDATE devices SET group_id = NULL WHERE group_id = :id",
    "DELETE FROM groups WHERE id = :id",
)


def add(work: Work, domain: str, name: str) -> dict[str, Any]:
    """Add the group *name* to a domain; raises StoreConflict when it exists."""
    row = {"domain_id": work.domain_id(domain), "name": checked_member(name, "group")}
    if not work.connection.execute(_ADD, row).fetchall():
        raise StoreConflict(
            f"{required_domain(domain)} has a group {row['name']!r} already: see "
            "bootwave group show."
        )
    work.note("group.added", _named(domain, name))
    return {"domain": required_domain(domain), "name": row["name"]}


def listed(work: Work, domain: str) -> list[dict[str, Any]]:
    """Return the groups of a domain with the numbers of their devices."""
    rows = work.connection.execute(_ALL, {"domain_id": work.domain_id(domain)})
    return [{"name": name, "devices": devices} for name, devices in rows.fetchall()]


def remove(work: Work, domain: str, name: str) -> dict[str, Any]:
    """Remove a group; its devices are in none then."""
    group_id = found(work, domain, name)
    rows = work.connection.execute(_MACS, {"id": group_id}).fetchall()
    for mac, _model in rows:
        work.touched("device", mac)
    if firmwarescopes.forget(work.connection, "group", group_id):
        # Its phones may still ask by its handle.
        work.touched("domain", work.domain_id(domain))
    for statement in _REMOVE:
        work.connection.execute(statement, {"id": group_id})
    work.note("group.removed", _named(domain, name), devices=len(rows) or None)
    return {
        "domain": required_domain(domain),
        "name": name.strip(),
        "devices": len(rows),
    }


def assign(work: Work, domain: str, name: str, macs: Sequence[str]) -> dict[str, Any]:
    """Put the devices *macs* into the group *name*; with "" they are in none then.

    Raises StoreNotFound for a device that *domain* never had, or another one has now.
    """
    domain_id = work.domain_id(domain)
    group_id = found(work, domain, name) if name else None
    devices = list(dict.fromkeys(map(required_mac, macs)))
    row = {"group_id": group_id, "domain_id": domain_id, "macs": json.dumps(devices)}
    rows = work.connection.execute(_ASSIGN, row).fetchall()
    assigned = {mac for (mac,) in rows}
    for mac in devices:
        if mac not in assigned:
            raise StoreNotFound(
                f"{text_from_mac(mac)} is no device of {required_domain(domain)}: bind "
                "it with bootwave account bind ACCOUNT MAC."
            )
        work.touched("device", mac)
    names = [text_from_mac(mac) for mac in devices]
    work.note(
        "group.assigned",
        _named(domain, name),
        to=names if len(names) <= NOTED_ONE_BY_ONE else None,
        devices=len(names),
    )
    return {"domain": required_domain(domain), "name": name.strip(), "devices": names}


def found(work: Work, domain: str, name: str) -> int:
    """Return the id of a group; raises StoreNotFound."""
    wanted = {
        "domain_id": work.domain_id(domain),
        "name": checked_member(name, "group"),
    }
    rows = work.connection.execute(_FIND, wanted).fetchall()
    if not rows:
        raise StoreNotFound(
            f"{required_domain(domain)} has no group {wanted['name']!r}: add it with "
            "bootwave group add."
        )
    return int(rows[0][0])


def _named(domain: str, name: str) -> str:
    if not name:
        return f"no group of {required_domain(domain)}"
    return f"group {name.strip()}@{required_domain(domain)}"
