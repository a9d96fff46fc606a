"""Administrators of the API: who they are, and which domains each may reach.

An *operator* does everything, a *domain* administrator everything in the domains that
are named for him, and who is *read-only* looks, everywhere or in the domains named.
Users of this machine who reach the control socket need no row here.
"""

import re
import sqlite3
from collections.abc import Sequence
from typing import Any, NamedTuple

from bootwave.errors import SettingError, StoreConflict, StoreNotFound
from bootwave.quoting import shortened
from bootwave.store.names import required_domain
from bootwave.store.work import Work

ROLES = ("operator", "domain", "read-only")
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._@+-]{0,62}[a-z0-9])?")

_ADD = """
INSERT INTO administrators (name, role, everywhere, password_hash, made_at, made_by,
  password_at)
VALUES (:name, :role, :everywhere, :password_hash, :wall, :actor, :wall)
ON CONFLICT (name) DO NOTHING
RETURNING id
"""
_GIVE = """
INSERT INTO administrator_domains (administrator_id, domain_id)
VALUES (:id, :domain_id)
"""
_TAKE = "DELETE FROM administrator_domains WHERE administrator_id = :id"
_SET = "UPDATE administrators SET role = :role, everywhere = :everywhere WHERE id = :id"
_PASSWORD = """
UPDATE administrators SET password_hash = :password_hash, password_at = :wall
WHERE id = :id
"""
_END_SESSIONS = "DELETE FROM administrator_sessions WHERE administrator_id = :id"
_REMOVE = "DELETE FROM administrators WHERE id = :id"
_COLUMNS = """
SELECT id, name, role, everywhere, password_hash, made_at, made_by, password_at
FROM administrators
"""
_ALL = _COLUMNS + "ORDER BY name"
_NAMED = _COLUMNS + "WHERE name = :name"
_BY_ID = _COLUMNS + "WHERE id = :id"
_DOMAINS = """
SELECT d.name FROM administrator_domains a JOIN domains d ON d.id = a.domain_id
WHERE a.administrator_id = :id ORDER BY d.name
"""


class Administrator(NamedTuple):
    """One administrator; ``domains`` is None for who reaches all of them."""

    id: int
    name: str
    role: str
    domains: frozenset[str] | None
    password_hash: str

    def __repr__(self) -> str:
        """Return who it is, without the hash."""
        return f"Administrator({self.name!r}, {self.role!r})"


def checked_login(text: str) -> str:
    """Return the name *text* of an administrator or token in small letters."""
    name = text.strip().lower()
    if not _NAME.fullmatch(name):
        raise SettingError(
            f"{shortened(text)} is not a name to sign in with: up to 64 letters, "
            "digits and . _ @ + - between them are."
        )
    return name


def domain_ids(work: Work, names: Sequence[str]) -> dict[str, int]:
    """Return the ids of the domains *names*; raises StoreNotFound."""
    return {required_domain(name): work.domain_id(name) for name in names}


def add(
    work: Work, name: str, role: str, domains: Sequence[str], password_hash: str
) -> dict[str, Any]:
    """Add an administrator; raises StoreConflict when there is one of that name."""
    wanted = checked_login(name)
    everywhere = checked_reach(role, domains)
    reached = domain_ids(work, domains)
    rows = work.connection.execute(
        _ADD,
        {
            "name": wanted,
            "role": role,
            "everywhere": everywhere,
            "password_hash": password_hash,
            "wall": work.at.wall,
            "actor": work.actor,
        },
    ).fetchall()
    if not rows:
        raise StoreConflict(
            f"There is an administrator {wanted} already: choose another name, or "
            "change him with bootwave admin set."
        )
    _give(work, rows[0][0], reached)
    work.note("administrator.added", wanted, role=role, domains=sorted(reached))
    return {"name": wanted, "role": role, "domains": sorted(reached)}


def change(
    work: Work, name: str, role: str | None, domains: Sequence[str] | None
) -> dict[str, Any]:
    """Change role and domains; None leaves them.  It holds for what is signed in."""
    row = required(work, name)
    new_role = row.role if role is None else role
    if domains is not None or new_role not in ROLES:
        domains = domains or ()
        everywhere = checked_reach(new_role, domains)
    elif new_role == "operator":
        domains, everywhere = (), True
    else:
        # Not by whether any is left: where the last one was removed, none is reached.
        domains, everywhere = sorted(row.domains or ()), row.domains is None
        if new_role == "domain" and not domains:
            everywhere = checked_reach(new_role, domains)
    reached = domain_ids(work, domains)
    work.connection.execute(
        _SET, {"id": row.id, "role": new_role, "everywhere": everywhere}
    )
    work.connection.execute(_TAKE, {"id": row.id})
    _give(work, row.id, reached)
    work.note("administrator.changed", row.name, role=new_role, domains=sorted(reached))
    return {"name": row.name, "role": new_role, "domains": sorted(reached)}


def set_password(work: Work, name: str, password_hash: str) -> dict[str, Any]:
    """Give an administrator another password; his sessions end."""
    row = required(work, name)
    work.connection.execute(
        _PASSWORD, {"id": row.id, "password_hash": password_hash, "wall": work.at.wall}
    )
    work.connection.execute(_END_SESSIONS, {"id": row.id})
    work.note("administrator.password", row.name)
    return {"name": row.name}


def remove(work: Work, name: str) -> dict[str, Any]:
    """Remove an administrator with his sessions and tokens."""
    row = required(work, name)
    work.connection.execute(_REMOVE, {"id": row.id})
    work.note("administrator.removed", row.name)
    return {"name": row.name}


def listed(work: Work) -> list[dict[str, Any]]:
    """Return all administrators; no ``domains`` are all for whom ``everywhere``."""
    rows = work.connection.execute(_ALL).fetchall()
    return [_told(work, row) for row in rows]


def shown(work: Work, name: str) -> dict[str, Any]:
    """Return one administrator as in the list; raises StoreNotFound."""
    row = required(work, name)
    rows = work.connection.execute(_BY_ID, {"id": row.id}).fetchall()
    return _told(work, rows[0])


def _told(work: Work, row: tuple[Any, ...]) -> dict[str, Any]:
    number, name, role, everywhere, _hash, made_at, made_by, password_at = row
    return {
        "name": name,
        "role": role,
        "everywhere": bool(everywhere),
        "domains": _names(work.connection, number),
        "made_at": made_at,
        "made_by": made_by,
        "password_at": password_at,
    }


def named(connection: sqlite3.Connection, name: str) -> Administrator | None:
    """Return the administrator *name*, or None."""
    rows = connection.execute(_NAMED, {"name": name}).fetchall()
    return _from_row(connection, rows[0]) if rows else None


def by_id(connection: sqlite3.Connection, number: int) -> Administrator | None:
    """Return the administrator with the id *number*, or None."""
    rows = connection.execute(_BY_ID, {"id": number}).fetchall()
    return _from_row(connection, rows[0]) if rows else None


def required(work: Work, name: str) -> Administrator:
    """Return the administrator *name*; raises StoreNotFound."""
    wanted = checked_login(name)
    found = named(work.connection, wanted)
    if found is None:
        raise StoreNotFound(
            f"There is no administrator {wanted}: see bootwave admin list."
        )
    return found


def _from_row(connection: sqlite3.Connection, row: tuple[Any, ...]) -> Administrator:
    number, name, role, everywhere, password_hash = row[:5]
    domains = None if everywhere else frozenset(_names(connection, number))
    return Administrator(number, name, role, domains, password_hash)


def _names(connection: sqlite3.Connection, number: int) -> list[str]:
    return [name for (name,) in connection.execute(_DOMAINS, {"id": number}).fetchall()]


def _give(work: Work, number: int, reached: dict[str, int]) -> None:
    rows = [{"id": number, "domain_id": domain_id} for domain_id in reached.values()]
    work.connection.executemany(_GIVE, rows)


def checked_reach(role: str, domains: Sequence[str]) -> bool:
    """Return whether who has *role* and is told *domains* reaches all of them.

    Raises SettingError when a role has no such reach.
    """
    if role not in ROLES:
        raise SettingError(
            f"{shortened(role)} is no role: an administrator is operator, domain or "
            "read-only."
        )
    if role == "operator" and domains:
        raise SettingError(
            "An operator reaches every domain: name none, or make him an administrator "
            "of the role domain."
        )
    if role == "domain" and not domains:
        raise SettingError(
            "An administrator of the role domain has domains: name at least one."
        )
    return not domains
