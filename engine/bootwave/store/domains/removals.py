"""Many accounts, or phones, removed at once, in as many statements as one takes."""

import json
from collections.abc import Sequence

from bootwave.store.domains import firmwarescopes
from bootwave.store.domains.claims import refresh_star_subnet, release_devices
from bootwave.store.domains.openings import remove_windows
from bootwave.store.work import Work

_SOME = """
SELECT a.id, a.wildcard FROM json_each(:numbers) j
CROSS JOIN accounts a ON a.domain_id = :domain_id AND a.number = j.value
"""
_MACS_OF_SOME = """
SELECT DISTINCT b.mac FROM json_each(:ids) j CROSS JOIN bindings b
ON b.account_id = j.value
"""
_UNBIND_SOME = """
DELETE FROM bindings WHERE account_id IN (SELECT value FROM json_each(:ids))
"""
_REMOVE_SOME = (
    """
    DELETE FROM settings
    WHERE scope = 'account' AND key IN (SELECT value FROM json_each(:ids))
    """,
    """
    DELETE FROM function_keys
    WHERE scope = 'account' AND key IN (SELECT value FROM json_each(:ids))
    """,
    "DELETE FROM accounts WHERE id IN (SELECT value FROM json_each(:ids))",
)
_LEFT_SOME = """
SELECT mac FROM devices WHERE last_domain_id = :domain_id AND domain_id IS NULL
LIMIT :most
"""
_LOST = """
SELECT COUNT(*) FROM devices WHERE last_domain_id = :domain_id AND domain_id IS NULL
"""
_WITH_FIRMWARE = """
SELECT s.key FROM json_each(:macs) j CROSS JOIN firmware_scopes s
ON s.scope = 'device' AND s.key = j.value
"""
_FORGET_SOME = (
    "DELETE FROM device_tokens WHERE mac IN (SELECT value FROM json_each(:macs))",
    """
    DELETE FROM settings
    WHERE scope = 'device' AND key IN (SELECT value FROM json_each(:macs))
    """,
    """
    DELETE FROM function_keys
    WHERE scope = 'device' AND key IN (SELECT value FROM json_each(:macs))
    """,
    """
    UPDATE devices SET last_domain_id = NULL, group_id = NULL
    WHERE mac IN (SELECT value FROM json_each(:macs))
    """,
)
_NUMBERS = """
SELECT number FROM accounts WHERE domain_id = :domain_id ORDER BY number LIMIT :most
"""


def remove_some(work: Work, domain_id: int, numbers: Sequence[str]) -> int:
    """Remove the accounts of a domain with these *numbers*, as accounts.remove does.

    Returns how many.  The audit log is told nothing of them.
    """
    if not numbers:
        return 0
    connection = work.connection
    found = connection.execute(
        _SOME, {"domain_id": domain_id, "numbers": json.dumps([*numbers])}
    ).fetchall()
    account_ids = [account_id for account_id, _ in found]
    ids = {"ids": json.dumps(account_ids)}
    macs = [mac for (mac,) in connection.execute(_MACS_OF_SOME, ids).fetchall()]
    for account_id, wildcard in found:
        work.touched("account", account_id)
        if wildcard:
            work.touched("wildcard", domain_id)
    for mac in macs:
        work.touched("device", mac)
    connection.execute(_UNBIND_SOME, ids)
    release_devices(connection, macs)
    remove_windows(connection, account_ids)
    for statement in _REMOVE_SOME:
        connection.execute(statement, ids)
    refresh_star_subnet(connection, domain_id)
    return len(found)


def remove_first(work: Work, domain_id: int, most: int) -> int:
    """Remove the first *most* accounts of a domain; return how many there were."""
    rows = work.connection.execute(
        _NUMBERS, {"domain_id": domain_id, "most": most}
    ).fetchall()
    return remove_some(work, domain_id, [number for (number,) in rows])


def forget_some(work: Work, domain_id: int, most: int) -> int:
    """Forget of *most* devices that a domain has no longer that it had them.

    With that goes what it said for them, as when the domain is removed.  Returns how
    many there were.
    """
    connection = work.connection
    rows = connection.execute(
        _LEFT_SOME, {"domain_id": domain_id, "most": most}
    ).fetchall()
    macs = {"macs": json.dumps([mac for (mac,) in rows])}
    for (mac,) in connection.execute(_WITH_FIRMWARE, macs).fetchall():
        firmwarescopes.forget(connection, "device", mac)
        work.touched("device", mac)
    for statement in _FORGET_SOME:
        connection.execute(statement, macs)
    return len(rows)


def lost_devices(work: Work, domain_id: int) -> int:
    """Return how many devices a domain had, and has no longer."""
    rows = work.connection.execute(_LOST, {"domain_id": domain_id}).fetchall()
    return int(rows[0][0])
