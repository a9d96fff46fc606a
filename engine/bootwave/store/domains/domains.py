"""What administrators do with domains."""

from collections.abc import Mapping
from typing import Any

from bootwave.errors import SettingError, StoreConflict
from bootwave.quoting import shortened
from bootwave.settings.locales import (
    required_language,
    required_timezone,
    required_tones,
)
from bootwave.store.domains import firmwarescopes
from bootwave.store.domains.claims import refresh_star_subnet
from bootwave.store.domains.contents import account_count, contents_of
from bootwave.store.domains.openings import remove_windows
from bootwave.store.names import (
    checked_host,
    checked_subnet,
    required_domain,
)
from bootwave.store.work import Work

FIELDS = (
    "registrar",
    "outbound_proxy",
    "language",
    "timezone",
    "tone_scheme",
    "wildcard_subnet",
    "reach",
)
# How its phones are told; "auto", the default, is stored as "" like other defaults.
REACHES = ("auto", "direct", "proxy")

# What phones are told of these is a code; people say a country or a city.
_NAMED = {
    "language": required_language,
    "timezone": required_timezone,
    "tone_scheme": required_tones,
}

_ADD = """
INSERT INTO domains (name, registrar, outbound_proxy, language, timezone, tone_scheme,
  wildcard_subnet, reach, star_subnet)
VALUES (:name, :registrar, :outbound_proxy, :language, :timezone, :tone_scheme,
  :wildcard_subnet, :reach, NULL)
ON CONFLICT (name) DO NOTHING
RETURNING id
"""
_SET = """
UPDATE domains SET registrar = :registrar, outbound_proxy = :outbound_proxy,
  language = :language, timezone = :timezone, tone_scheme = :tone_scheme,
  wildcard_subnet = :wildcard_subnet, reach = :reach, star_subnet = NULL
WHERE id = :id
"""
_FIND = "SELECT id FROM domains WHERE name = :name"
_ONE = """
SELECT name, registrar, outbound_proxy, language, timezone, tone_scheme,
  wildcard_subnet, reach
FROM domains WHERE id = :id
"""
_ALL = """
SELECT d.name, d.registrar, d.outbound_proxy, d.language, d.timezone, d.tone_scheme,
  d.wildcard_subnet, d.reach,
  (SELECT COUNT(*) FROM accounts a WHERE a.domain_id = d.id),
  (SELECT COUNT(*) FROM devices v WHERE v.domain_id = d.id),
  COALESCE((SELECT CASE t.required WHEN 0 THEN 'optional' ELSE 'required' END
    FROM domain_tokens t WHERE t.domain_id = d.id), '')
FROM domains d ORDER BY d.name
"""
_STAR_HOLDER = """
SELECT name FROM domains WHERE star_subnet = :subnet AND id <> :id
"""
_HAS_STAR = """
SELECT COUNT(*) FROM accounts
WHERE domain_id = :id AND wildcard <> '' AND wildcard = '*'
"""
_MACS = "SELECT mac FROM devices WHERE domain_id = :id"
_ACCOUNTS = "SELECT id FROM accounts WHERE domain_id = :id"
_REMOVE = (
    """
    DELETE FROM device_tokens WHERE mac IN (
      SELECT mac FROM devices WHERE domain_id = :id OR last_domain_id = :id)
    """,
    """
    DELETE FROM settings WHERE scope = 'account' AND key IN (
      SELECT id FROM accounts WHERE domain_id = :id)
    """,
    """
    DELETE FROM function_keys WHERE scope = 'account' AND key IN (
      SELECT id FROM accounts WHERE domain_id = :id)
    """,
    """
    DELETE FROM settings WHERE scope = 'device' AND key IN (
      SELECT mac FROM devices WHERE last_domain_id = :id)
    """,
    """
    DELETE FROM function_keys WHERE scope = 'device' AND key IN (
      SELECT mac FROM devices WHERE last_domain_id = :id)
    """,
    """
    DELETE FROM settings WHERE scope = 'profile' AND key IN (
      SELECT id FROM profiles WHERE domain_id = :id)
    """,
    """
    DELETE FROM function_keys WHERE scope = 'profile' AND key IN (
      SELECT id FROM profiles WHERE domain_id = :id)
    """,
    "DELETE FROM settings WHERE scope = 'domain' AND key = :id",
    "DELETE FROM function_keys WHERE scope = 'domain' AND key = :id",
    """
    DELETE FROM bindings WHERE mac IN (
      SELECT mac FROM devices WHERE domain_id = :id)
    """,
    """
    DELETE FROM device_credentials WHERE mac IN (
      SELECT mac FROM devices WHERE domain_id = :id)
    """,
    # Whatever is in it was in it last, too.
    """
    UPDATE devices SET domain_id = NULL, last_domain_id = NULL, group_id = NULL
    WHERE last_domain_id = :id
    """,
    "DELETE FROM accounts WHERE domain_id = :id",
    "DELETE FROM profiles WHERE domain_id = :id",
    "DELETE FROM groups WHERE domain_id = :id",
    "DELETE FROM domains WHERE id = :id",
)


def add(work: Work, name: str, fields: Mapping[str, str]) -> dict[str, Any]:
    """Add the domain *name*; raises StoreConflict when it exists."""
    values = {"name": required_domain(name), **dict.fromkeys(FIELDS, "")}
    values.update(_checked(fields))
    rows = work.connection.execute(_ADD, values).fetchall()
    if not rows:
        raise StoreConflict(
            f"The domain {values['name']} exists already: change it with bootwave "
            "domain set."
        )
    work.touched("domain", rows[0][0])
    work.note("domain.added", values["name"])
    return values


def exists(work: Work, name: str) -> bool:
    """Whether there is a domain *name*."""
    rows = work.connection.execute(_FIND, {"name": required_domain(name)}).fetchall()
    return bool(rows)


def change(work: Work, name: str, fields: Mapping[str, str]) -> dict[str, Any]:
    """Change the given *fields* of a domain; "" takes a value away.

    Where all are so already nothing is touched.
    """
    domain_id = work.domain_id(name)
    checked = _checked(fields)
    row = work.connection.execute(_ONE, {"id": domain_id}).fetchall()[0]
    stored = dict(zip(("name", *FIELDS), row, strict=True))
    values = {**stored, **checked}
    if values == stored:
        return values  # its phones have what is ready for them
    work.connection.execute(_SET, {"id": domain_id, **values})
    if work.connection.execute(_HAS_STAR, {"id": domain_id}).fetchall()[0][0]:
        reserve_star(work, domain_id)
    work.touched("domain", domain_id)
    work.touched("wildcard", domain_id)
    work.note("domain.changed", values["name"], changed=checked)
    return values


def require_own_network(work: Work, domain_id: int) -> None:
    """Raise StoreConflict where unknown phones of everywhere could be the domain's.

    For who does not reach all domains: those phones may be meant for others.
    """
    if work.reach is not None and not _subnet(work, domain_id):
        raise StoreConflict(
            "The domain has no network of its own, so the unknown phones of everywhere "
            "could claim the account: ask an operator for bootwave domain set "
            "--wildcard-subnet."
        )


def _subnet(work: Work, domain_id: int) -> str:
    row = work.connection.execute(_ONE, {"id": domain_id}).fetchall()[0]
    return str(row[6])


def reserve_star(work: Work, domain_id: int) -> None:
    """Reserve the domain's subnet for its ``*`` accounts, or give it back.

    Raises StoreConflict when another domain's ``*`` accounts are in the same subnet:
    an unknown phone there could belong to either.
    """
    subnet = _subnet(work, domain_id)
    if work.connection.execute(_HAS_STAR, {"id": domain_id}).fetchall()[0][0]:
        holders = work.connection.execute(
            _STAR_HOLDER, {"subnet": subnet, "id": domain_id}
        ).fetchall()
        if holders:
            where = f"in {subnet}" if subnet else "for all subnets"
            holder = holders[0][0]
            named = f"The domain {holder}" if work.reaches(holder) else "Another domain"
            raise StoreConflict(
                f"{named} has '*' accounts {where} already: give "
                "each domain its own with bootwave domain set --wildcard-subnet."
            )
    refresh_star_subnet(work.connection, domain_id)


def shown(work: Work, name: str) -> dict[str, Any]:
    """Return what is said of the domain *name*; raises StoreNotFound."""
    row = work.connection.execute(_ONE, {"id": work.domain_id(name)}).fetchall()[0]
    return dict(zip(("name", *FIELDS), row, strict=True))


def listed(work: Work) -> list[dict[str, Any]]:
    """Return the domains that are reached, with their numbers of accounts and devices.

    ``token`` says whether one in the URL is ``required`` or ``optional``, "" for none.
    """
    names = ("name", *FIELDS, "accounts", "devices", "token")
    rows = work.connection.execute(_ALL).fetchall()
    return [dict(zip(names, row, strict=True)) for row in rows if work.reaches(row[0])]


def remove(work: Work, name: str, *, force: bool, removed: int = 0) -> dict[str, Any]:
    """Remove a domain, with *force* also one that has anything (``contents``).

    So many accounts of it were *removed* before.
    """
    domain_id = work.domain_id(name)
    here = {"id": domain_id}
    accounts = removed + account_count(work, domain_id)
    if not force and (contents := contents_of(work, domain_id)):
        raise StoreConflict(
            f"The domain {required_domain(name)} has {contents}: remove them first, or "
            "all together with --force."
        )
    for (mac,) in work.connection.execute(_MACS, here).fetchall():
        work.touched("device", mac)
    firmwarescopes.forget_domain(work.connection, domain_id)
    ids = work.connection.execute(_ACCOUNTS, here).fetchall()
    remove_windows(work.connection, [account_id for (account_id,) in ids])
    for statement in _REMOVE:
        work.connection.execute(statement, here)
    work.touched("domain", domain_id)
    work.touched("wildcard", domain_id)
    work.note("domain.removed", required_domain(name), accounts=accounts)
    return {"name": required_domain(name), "accounts": accounts}


def _checked(fields: Mapping[str, str]) -> dict[str, str]:
    return {field: checked_field(field, value) for field, value in fields.items()}


def checked_field(field: str, value: str) -> str:
    """Return what is stored of *value*; raises SettingError where it cannot be."""
    if field not in FIELDS:
        raise SettingError(
            f"A domain has no {field!r}: it has name, {', '.join(FIELDS)}."
        )
    if field in ("registrar", "outbound_proxy"):
        what = "a registrar" if field == "registrar" else "an outbound proxy"
        return checked_host(value, what)
    if field == "wildcard_subnet":
        return checked_subnet(value)
    if field == "reach":
        return _checked_reach(value)
    return _NAMED[field](value) if value.strip() else ""


def _checked_reach(text: str) -> str:
    reach = text.strip().lower() or REACHES[0]
    if reach not in REACHES:
        raise SettingError(
            f"{shortened(text)} is no way to reach phones: write {REACHES[0]}, "
            f"{REACHES[1]} or {REACHES[2]}."
        )
    return "" if reach == REACHES[0] else reach
