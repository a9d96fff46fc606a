"""Tokens of the API: what programs sign in with.

A token can do what its scopes say and at most what its administrator can at that
moment, in the domains it was made for.  One that a user of this machine made has no
administrator.  Names are each administrator's own, and so are those of the machine's.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any, NamedTuple

from bootwave.errors import SettingError, StoreConflict, StoreNotFound
from bootwave.quoting import shortened
from bootwave.store.access import administrators
from bootwave.store.access.administrators import (
    Administrator,
    checked_login,
    domain_ids,
)
from bootwave.store.access.opaque import TOKEN, digest_of, new_secret
from bootwave.store.work import Work

SCOPES = ("read", "write", "reveal", "access")
MAX_DAYS = 3_660.0
MAX_TOKENS = 256  # of one administrator
_DAY = 86_400.0
USED_EVERY_SECONDS = 60.0  # what "last used" is exact to

_ADD = """
INSERT INTO api_tokens (name, digest, scopes, everywhere, administrator_id, made_at,
  made_by, expires_at, used_at, used_from)
VALUES (:name, :digest, :scopes, :everywhere, :administrator_id, :wall, :actor,
  :expires_at, NULL, '')
ON CONFLICT DO NOTHING
RETURNING id
"""
_GIVE = "INSERT INTO api_token_domains (token_id, domain_id) VALUES (:id, :domain_id)"
_COLUMNS = """
SELECT id, name, scopes, everywhere, administrator_id, made_at, made_by, expires_at,
  used_at, used_from
FROM api_tokens
"""
_ALL = _COLUMNS + "ORDER BY name, id"
_OF_ONE = _COLUMNS + "WHERE administrator_id = :id ORDER BY name"
_NAMED = _COLUMNS + "WHERE name = :name ORDER BY id"
_FOUND = _COLUMNS + "WHERE digest = :digest"
_BY_ID = _COLUMNS + "WHERE id = :id"
_DOMAINS = """
SELECT d.name FROM api_token_domains t JOIN domains d ON d.id = t.domain_id
WHERE t.token_id = :id ORDER BY d.name
"""
_COUNT = "SELECT COUNT(*) FROM api_tokens WHERE administrator_id = :id"
_REMOVE = "DELETE FROM api_tokens WHERE id = :id"
_USED = """
UPDATE api_tokens SET used_at = :wall, used_from = :source
WHERE id = :id AND (used_at IS NULL OR used_at < :wall - :every OR used_at > :wall)
"""


class ApiToken(NamedTuple):
    """A token that is good now; ``domains`` is None for one of all domains."""

    id: int
    name: str
    scopes: frozenset[str]
    domains: frozenset[str] | None
    administrator: Administrator | None
    used_at: float | None
    expires_at: float | None


def checked_scopes(scopes: Sequence[str]) -> list[str]:
    """Return *scopes* in the order of ``SCOPES``; raises SettingError."""
    for scope in scopes:
        if scope not in SCOPES:
            raise SettingError(
                f"{shortened(scope)} is no scope of a token: read, write, reveal and "
                "access are."
            )
    if not scopes:
        raise SettingError("A token without a scope opens nothing: name one.")
    return [scope for scope in SCOPES if scope in scopes]


def add(
    work: Work,
    name: str,
    scopes: Sequence[str],
    domains: Sequence[str],
    days: float | None,
    administrator: str | None,
    not_after: float | None = None,
) -> dict[str, Any]:
    """Make a token and return it, this once.

    Raises StoreConflict when its administrator has one of that name, or ``MAX_TOKENS``.

    *days* is for how long it is good, None for until it is revoked, and in any case not
    behind *not_after*, seconds since 1970.  Without *domains* it is for all.
    """
    wanted = checked_login(name)
    kept = checked_scopes(scopes)
    if days is not None and not 0 < days <= MAX_DAYS:
        raise SettingError(
            f"A token is good for more than 0 and at most {MAX_DAYS:g} days, or until "
            "it is revoked."
        )
    owner = administrators.required(work, administrator) if administrator else None
    if owner is not None:
        _require_place(work, owner)
    reached = domain_ids(work, domains)
    secret = new_secret(TOKEN)
    expires_at = not_after if days is None else work.at.wall + days * _DAY
    if expires_at is not None and not_after is not None:
        expires_at = min(expires_at, not_after)
    rows = work.connection.execute(
        _ADD,
        {
            "name": wanted,
            "digest": digest_of(secret),
            "scopes": " ".join(kept),
            "everywhere": not reached,
            "administrator_id": owner.id if owner else None,
            "wall": work.at.wall,
            "actor": work.actor,
            "expires_at": expires_at,
        },
    ).fetchall()
    if not rows:
        raise StoreConflict(
            f"There is a token {wanted} already: choose another name, or revoke it."
        )
    given = [{"id": rows[0][0], "domain_id": each} for each in reached.values()]
    work.connection.executemany(_GIVE, given)
    work.note(
        "apitoken.added",
        wanted,
        scopes=kept,
        domains=sorted(reached),
        expires_at=expires_at,
        administrator=owner.name if owner else None,
    )
    return {
        "name": wanted,
        "token": secret,
        "scopes": kept,
        "domains": sorted(reached),
        "expires_at": expires_at,
        "administrator": owner.name if owner else "",
    }


def _require_place(work: Work, owner: Administrator) -> None:
    (count,) = work.connection.execute(_COUNT, {"id": owner.id}).fetchall()[0]
    if count >= MAX_TOKENS:
        raise StoreConflict(
            f"{owner.name} has {MAX_TOKENS} tokens, the most there may be: revoke some."
        )


class Within(NamedTuple):
    """Tokens that can do no more than this: scopes, and domains, None for all."""

    scopes: frozenset[str]
    domains: frozenset[str] | None


def remove(
    work: Work, name: str, administrator: str | None, within: Within | None = None
) -> dict[str, Any]:
    """Revoke a token; it opens nothing more.

    With *administrator* only one of his, "" for one of nobody's, and only one *within*
    that.  Raises StoreConflict where several are of that name.
    """
    wanted = checked_login(name)
    rows = [
        row
        for row in work.connection.execute(_NAMED, {"name": wanted}).fetchall()
        if _is_shown(work.connection, row, administrator, within)
    ]
    if not rows:
        raise StoreNotFound(
            f"There is no token {wanted}: see bootwave admin token list."
        )
    if len(rows) > 1:
        raise StoreConflict(
            f"There are {len(rows)} tokens {wanted}: say whose is meant, as bootwave "
            "admin token list tells it."
        )
    owner = _owner(work.connection, rows[0][4])
    work.connection.execute(_REMOVE, {"id": rows[0][0]})
    whose = owner.name if owner else None
    work.note("apitoken.revoked", wanted, administrator=whose)
    return {"name": wanted}


def listed(
    work: Work, administrator: str | None, within: Within | None = None
) -> list[dict[str, Any]]:
    """Return all tokens, or those of one *administrator*; what opens is not known.

    Of them only those *within* that.
    """
    if administrator is None:
        rows = work.connection.execute(_ALL).fetchall()
    else:
        owner = administrators.named(work.connection, administrator)
        rows = []
        if owner is not None:
            rows = work.connection.execute(_OF_ONE, {"id": owner.id}).fetchall()
    found = []
    for row in rows:
        if not _is_shown(work.connection, row, administrator, within):
            continue
        owner = _owner(work.connection, row[4])
        found.append(
            {
                "name": row[1],
                "scopes": row[2].split(),
                "everywhere": bool(row[3]),
                "domains": _names(work.connection, row[0]),
                "administrator": owner.name if owner else "",
                "made_at": row[5],
                "made_by": row[6],
                "expires_at": row[7],
                "used_at": row[8],
                "used_from": row[9],
            }
        )
    return found


def _is_shown(
    connection: sqlite3.Connection,
    row: tuple[Any, ...],
    administrator: str | None,
    within: Within | None,
) -> bool:
    """Whether the token of *row* is *administrator*'s, if given, and *within* that."""
    owner = _owner(connection, row[4])
    whose = owner.name if owner is not None else ""
    if administrator is not None and whose != administrator:
        return False
    if within is None:
        return True
    if not within.scopes.issuperset(row[2].split()):
        return False
    if within.domains is None:
        return True
    # What a token is for and its administrator does not reach, it does not reach.
    domains = None if row[3] else frozenset(_names(connection, row[0]))
    if owner is not None and owner.domains is not None:
        domains = owner.domains if domains is None else domains & owner.domains
    return domains is not None and domains <= within.domains


def found(
    connection: sqlite3.Connection, digest: bytes, wall: float
) -> ApiToken | None:
    """Return the token with this *digest* that is good at *wall*, or None."""
    rows = connection.execute(_FOUND, {"digest": digest}).fetchall()
    return _good(connection, rows, wall)


def by_id(connection: sqlite3.Connection, number: int, wall: float) -> ApiToken | None:
    """Return the token *number* if it is good at *wall*, or None."""
    rows = connection.execute(_BY_ID, {"id": number}).fetchall()
    return _good(connection, rows, wall)


def _good(
    connection: sqlite3.Connection, rows: Sequence[sqlite3.Row], wall: float
) -> ApiToken | None:
    if not rows:
        return None
    number, name, scopes, everywhere, owner_id, _at, _by, expires_at, used_at, _ = rows[
        0
    ]
    if expires_at is not None and wall >= expires_at:
        return None
    domains = None if everywhere else frozenset(_names(connection, number))
    owner = _owner(connection, owner_id)
    if owner_id is not None and owner is None:
        return None
    kept = frozenset(scopes.split())
    return ApiToken(number, name, kept, domains, owner, used_at, expires_at)


def note_used(work: Work, number: int, source: str) -> None:
    """Write down that the token *number* was used from *source*, once a minute."""
    work.connection.execute(
        _USED,
        {
            "id": number,
            "wall": work.at.wall,
            "source": source[:64],
            "every": USED_EVERY_SECONDS,
        },
    )


def _owner(connection: sqlite3.Connection, number: int | None) -> Administrator | None:
    return None if number is None else administrators.by_id(connection, number)


def _names(connection: sqlite3.Connection, number: int) -> list[str]:
    return [name for (name,) in connection.execute(_DOMAINS, {"id": number}).fetchall()]
