"""Many accounts removed at once, in as many statements as one takes."""

import json
from collections.abc import Sequence

from bootwave.store.claims import refresh_star_subnet, release_devices
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
    ids = {"ids": json.dumps([account_id for account_id, _ in found])}
    macs = [mac for (mac,) in connection.execute(_MACS_OF_SOME, ids).fetchall()]
    for account_id, wildcard in found:
        work.touched("account", account_id)
        if wildcard:
            work.touched("wildcard", domain_id)
    for mac in macs:
        work.touched("device", mac)
    connection.execute(_UNBIND_SOME, ids)
    release_devices(connection, macs)
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
