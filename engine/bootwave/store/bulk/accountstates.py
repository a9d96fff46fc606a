"""Accounts as they are beside what rows say of them: the same, or what to change.

A row says what is ``given`` in it.  ``*`` is held to be true of an account that is
bound: an unknown phone has claimed it since.  ``?`` is true whoever has it for a time.
"""

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bootwave.errors import StoreError
from bootwave.store.bulk.importrows import ImportRow
from bootwave.store.domains.accounts import SET, seal, set_sealed
from bootwave.store.domains.bindings import bind_mac, set_wildcard, unbind_mac
from bootwave.store.domains.windows import close_window
from bootwave.store.names import AccountName, sort_name
from bootwave.store.secrets import password_owner
from bootwave.store.work import AccountRow, Work

_STORED = """
SELECT a.id, a.number, a.display_name, a.auth_user, a.mailbox, a.wildcard,
  a.sealed_password
FROM json_each(:numbers) j
CROSS JOIN accounts a ON a.domain_id = :domain_id AND a.number = j.value
"""
_BOUND = """
SELECT b.account_id, b.mac, b.expires IS NOT NULL FROM json_each(:ids) j
CROSS JOIN bindings b ON b.account_id = j.value ORDER BY b.account_id, b.mac
"""


class Stored(NamedTuple):
    """An account as it is; ``macs`` are those it is bound to for good."""

    account: AccountRow
    sealed: bytes
    macs: frozenset[int]
    claims: frozenset[int]

    def __repr__(self) -> str:
        """Return the account alone."""
        return f"Stored({self.account.name})"


def stored_of(
    work: Work, rows: Sequence[ImportRow], domains: Mapping[str, int]
) -> dict[AccountName, Stored]:
    """Return what is stored of the accounts of *rows*.

    *domains* are the ids of those that are looked into, by their names.
    """
    numbers: dict[str, list[str]] = {}
    for row in rows:
        numbers.setdefault(row.account.domain, []).append(row.account.number)
    found: dict[AccountName, Stored] = {}
    for domain, some in numbers.items():
        domain_id = domains.get(domain)
        if domain_id is not None:
            found.update(_of_domain(work, domain, domain_id, some))
    return found


def _of_domain(
    work: Work, domain: str, domain_id: int, numbers: list[str]
) -> dict[AccountName, Stored]:
    found = work.connection.execute(
        _STORED, {"domain_id": domain_id, "numbers": json.dumps(numbers)}
    ).fetchall()
    macs: dict[int, set[int]] = {row[0]: set() for row in found}
    claims: dict[int, set[int]] = {row[0]: set() for row in found}
    if found:
        ids = json.dumps([row[0] for row in found])
        bound = work.connection.execute(_BOUND, {"ids": ids}).fetchall()
        for account_id, mac, temporary in bound:
            (claims if temporary else macs)[account_id].add(mac)
    return {
        AccountName(number, domain): Stored(
            AccountRow(
                id_, domain_id, number, domain, name, auth_user, mailbox, wildcard
            ),
            bytes(sealed),
            frozenset(macs[id_]),
            frozenset(claims[id_]),
        )
        for id_, number, name, auth_user, mailbox, wildcard, sealed in found
    }


def is_same(work: Work, row: ImportRow, stored: Stored) -> bool:
    """Whether an account is as *row* says."""
    account = stored.account
    fields = fields_of(row, account)
    if any(value != getattr(account, name) for name, value in fields.items()):
        return False
    return keeps_phones(row, stored) and has_password(work, row, stored)


def keeps_phones(row: ImportRow, stored: Stored) -> bool:
    """Whether an account is bound to what *row* says, and to nothing else."""
    if "mac" not in row.given:
        return True
    unwanted, other = _unwanted(row, stored)
    wildcard = _wildcard_of(row, stored)
    if unwanted or other or wildcard not in ("", stored.account.wildcard):
        return False
    return stored.macs.issuperset(row.macs)


def has_password(work: Work, row: ImportRow, stored: Stored) -> bool:
    """Whether an account has the password of *row*, or *row* has none.

    One that cannot be opened, for its key is lost or it is damaged, is another one.
    """
    wanted = password_of(work, row)
    if not wanted:
        return True
    owner = password_owner(stored.account.id)
    try:
        return wanted == work.keyring.open(stored.sealed, owner=owner)
    except StoreError:
        return False


def password_of(work: Work, row: ImportRow) -> str:
    """Return the password of *row*, sealed or not, "" for none."""
    if not row.ready:
        return row.password
    return work.keyring.open(row.ready, owner=password_owner(row.account_id))


def take_away(work: Work, row: ImportRow, stored: Stored) -> tuple[int, bool]:
    """Take from an account what *row* does not say; return how many phones.

    And whether anything was.
    """
    if "mac" not in row.given:
        return 0, False
    unwanted, other = _unwanted(row, stored)
    account = stored.account
    for mac in sorted(unwanted):
        unbind_mac(work, account, mac)
    if other:
        set_wildcard(work, account, "")
    if unwanted or other:
        work.touched_account(account)
        if not (row.macs or row.wildcard):
            close_window(work, account.id, "unbound")  # nobody is left who may use it
    return len(unwanted), bool(unwanted) or other


def change(work: Work, row: ImportRow, stored: Stored) -> tuple[bool, int]:
    """Whether an account was not as *row* says, and is now; and how often it was bound.

    What is to be taken away was (``take_away``).
    """
    account = stored.account
    fields = fields_of(row, account)
    changed = any(value != getattr(account, name) for name, value in fields.items())
    if changed:
        sorted_by = {"sort_name": sort_name(fields["display_name"])}
        work.connection.execute(SET, {"id": account.id, **fields, **sorted_by})
    if not has_password(work, row, stored):
        if row.ready and row.account_id == account.id:
            set_sealed(work, account.id, row.ready)
        else:
            seal(work, account.id, password_of(work, row))
        changed = True
    bound = _bind(work, row, stored) if "mac" in row.given else 0
    if changed and not bound:
        work.touched_account(account)
    return changed or bool(bound), bound


def _bind(work: Work, row: ImportRow, stored: Stored) -> int:
    """Return how many bindings of *row* were missing, and are made now.

    Claims that are over must be forgotten before.
    """
    account = stored.account
    wildcard = _wildcard_of(row, stored)
    missing = [mac for mac in row.macs if mac not in stored.macs]
    becomes_wildcard = wildcard not in ("", account.wildcard)
    if becomes_wildcard:
        set_wildcard(work, account, wildcard)
    for mac in missing:
        bind_mac(work, account, mac)
    if missing or becomes_wildcard:
        work.touched_account(account)
    return len(missing) + becomes_wildcard


def _wildcard_of(row: ImportRow, stored: Stored) -> str:
    """Return the wildcard that the account is to have."""
    if row.wildcard == "*" and not stored.account.wildcard and stored.macs:
        return ""  # it was claimed
    return row.wildcard


def fields_of(row: ImportRow, account: AccountRow) -> dict[str, str]:
    """Return what *row* makes of the fields of *account*."""
    given = {
        "display_name": row.display_name if "name" in row.given else None,
        "auth_user": row.auth_user if "auth_user" in row.given else None,
        "mailbox": row.mailbox if "mailbox" in row.given else None,
    }
    return {
        name: getattr(account, name) if value is None else value
        for name, value in given.items()
    }


def _unwanted(row: ImportRow, stored: Stored) -> tuple[set[int], bool]:
    """Return the MACs that an account is bound to and *row*, which has any, is not.

    And whether it is a wildcard that *row* does not say.
    """
    wanted = set(row.macs)
    if row.wildcard == "*" and not row.macs:
        wanted |= stored.macs  # whoever claimed it keeps it
    unwanted = set(stored.macs - wanted)
    wildcard = _wildcard_of(row, stored)
    if wildcard != "?":
        unwanted |= stored.claims - wanted
    return unwanted, stored.account.wildcard not in ("", wildcard)
