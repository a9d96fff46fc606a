"""What administrators do with button profiles: named sets of keys for accounts.

What a profile says is a layer (``layers``); an account has one profile or none.
"""

import json
from collections.abc import Sequence
from typing import Any

from bootwave.errors import StoreConflict, StoreNotFound
from bootwave.store.changelog import MOST_IN_ONE
from bootwave.store.names import (
    checked_member,
    required_domain,
    required_member,
)
from bootwave.store.work import AccountRow, Work

NOTED_ONE_BY_ONE = 100  # accounts in the audit log; more are told by their number

_ADD = """
INSERT INTO profiles (domain_id, name) VALUES (:domain_id, :name)
ON CONFLICT (domain_id, name) DO NOTHING
RETURNING id
"""
_FIND = "SELECT id FROM profiles WHERE domain_id = :domain_id AND name = :name"
_ALL = """
SELECT p.name,
  (SELECT COUNT(*) FROM accounts a WHERE a.profile_id = p.id),
  (SELECT COUNT(*) FROM function_keys k WHERE k.scope = 'profile' AND k.key = p.id),
  (SELECT COUNT(*) FROM settings s WHERE s.scope = 'profile' AND s.key = p.id)
FROM profiles p WHERE p.domain_id = :domain_id ORDER BY p.name
"""
_ASSIGN = """
UPDATE accounts SET profile_id = :profile_id
WHERE id IN (SELECT value FROM json_each(:ids))
  AND COALESCE(profile_id, 0) <> COALESCE(:profile_id, 0)
RETURNING id
"""
_HOLDERS = "SELECT number FROM accounts WHERE profile_id = :id ORDER BY number"
_MACS = """
SELECT DISTINCT b.mac FROM bindings b JOIN accounts a ON a.id = b.account_id
WHERE a.profile_id = :id LIMIT :most
"""
_REMOVE = (
    "DELETE FROM settings WHERE scope = 'profile' AND key = :id",
    "DELETE FROM function_keys WHERE scope = 'profile' AND key = :id",
    "UPDATE accounts SET profile_id = NULL WHERE profile_id = :id",
    "DELETE FROM profiles WHERE id = :id",
)


def add(work: Work, domain: str, name: str) -> dict[str, Any]:
    """Add the profile *name* to a domain; raises StoreConflict when it exists."""
    row = {"domain_id": work.domain_id(domain), "name": checked_member(name, "profile")}
    if not work.connection.execute(_ADD, row).fetchall():
        raise StoreConflict(
            f"{required_domain(domain)} has a profile {row['name']!r} already: see "
            "bootwave profile show."
        )
    work.note("profile.added", _named(domain, name))
    return {"domain": required_domain(domain), "name": row["name"]}


def listed(work: Work, domain: str) -> list[dict[str, Any]]:
    """Return the profiles of a domain: how many accounts have them, what they say."""
    rows = work.connection.execute(_ALL, {"domain_id": work.domain_id(domain)})
    names = ("name", "accounts", "keys", "settings")
    return [dict(zip(names, row, strict=True)) for row in rows.fetchall()]


def shown(work: Work, domain: str, name: str) -> dict[str, Any]:
    """Return a profile with the numbers of the accounts that have it."""
    profile_id, _domain_id = found(work, domain, name)
    holders = work.connection.execute(_HOLDERS, {"id": profile_id}).fetchall()
    return {
        "domain": required_domain(domain),
        "name": name.strip(),
        "accounts": [number for (number,) in holders],
    }


def remove(work: Work, domain: str, name: str, *, force: bool) -> dict[str, Any]:
    """Remove a profile; one that accounts have only with *force*."""
    profile_id, domain_id = found(work, domain, name)
    holders = work.connection.execute(_HOLDERS, {"id": profile_id}).fetchall()
    if holders and not force:
        raise StoreConflict(
            f"{len(holders):,} accounts have the profile {name.strip()!r}: assign them "
            "another one first, or take it from all of them with --force."
        )
    touch(work, profile_id, domain_id)
    for statement in _REMOVE:
        work.connection.execute(statement, {"id": profile_id})
    work.note("profile.removed", _named(domain, name), accounts=len(holders) or None)
    return {
        "domain": required_domain(domain),
        "name": name.strip(),
        "accounts": len(holders),
    }


def assign(
    work: Work, domain: str, name: str, accounts: Sequence[AccountRow]
) -> dict[str, Any]:
    """Give *accounts* of *domain* the profile *name*; with "" they have none then."""
    domain_id = work.domain_id(domain)
    profile_id = found(work, domain, name)[0] if name else None
    for account in accounts:
        if account.domain_id != domain_id:
            raise StoreConflict(
                f"{account.name} is not of {required_domain(domain)}, whose profiles "
                "are for its own accounts."
            )
    ids = json.dumps([account.id for account in accounts])
    rows = work.connection.execute(_ASSIGN, {"profile_id": profile_id, "ids": ids})
    others = {account_id for (account_id,) in rows.fetchall()}
    changed = [account for account in accounts if account.id in others]
    if len(changed) > MOST_IN_ONE // 4:
        # With their devices they could be so many that everything were forgotten.
        work.touched("domain", domain_id)
    else:
        for account in changed:
            work.touched_account(account)
    names = [account.name for account in accounts]
    work.note(
        "profile.assigned",
        _named(domain, name),
        to=names if len(names) <= NOTED_ONE_BY_ONE else None,
        accounts=len(names),
    )
    return {"domain": required_domain(domain), "name": name.strip(), "accounts": names}


def found(work: Work, domain: str, name: str) -> tuple[int, int]:
    """Return the ids of a profile and of its domain; raises StoreNotFound."""
    domain_id = work.domain_id(domain)
    wanted = {"domain_id": domain_id, "name": checked_member(name, "profile")}
    rows = work.connection.execute(_FIND, wanted).fetchall()
    if not rows:
        raise StoreNotFound(
            f"{required_domain(domain)} has no profile {wanted['name']!r}: add it with "
            "bootwave profile add."
        )
    return rows[0][0], domain_id


def place(work: Work, target: str) -> tuple[int, int]:
    """Return the ids of the profile ``NAME@DOMAIN`` and of its domain."""
    named = required_member(target, "profile")
    return found(work, named.domain, named.name)


def touch(work: Work, profile_id: int, domain_id: int) -> None:
    """Note that a profile changed, and with it the devices of who has it."""
    work.touched("profile", profile_id)
    most = MOST_IN_ONE // 2
    macs = work.connection.execute(
        _MACS, {"id": profile_id, "most": most + 1}
    ).fetchall()
    if len(macs) > most:
        work.touched("domain", domain_id)
        return
    for (mac,) in macs:
        work.touched("device", mac)


def _named(domain: str, name: str) -> str:
    if not name:
        return f"no profile of {required_domain(domain)}"
    return f"profile {name.strip()}@{required_domain(domain)}"
