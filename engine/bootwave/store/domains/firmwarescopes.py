"""For whom firmware is said: what was said for one that is gone goes with it.

Below what is said itself (``firmware``), for domains, groups and devices go without
knowing what that was.
"""

import sqlite3

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
