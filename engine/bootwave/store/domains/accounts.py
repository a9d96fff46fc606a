"""What administrators do with accounts, one at a time."""

from typing import Any

from bootwave.errors import StoreConflict
from bootwave.phone.mac import text_from_mac
from bootwave.store.domains.bindings import bind, unbind_mac
from bootwave.store.domains.claims import refresh_star_subnet
from bootwave.store.domains.openings import remove_windows
from bootwave.store.domains.windows import state_of
from bootwave.store.names import (
    MAX_MAILBOX_CHARACTERS,
    checked_name,
    checked_password,
    required_account,
    sort_name,
)
from bootwave.store.secrets import password_owner
from bootwave.store.work import AccountRow, Work

# The password comes with the next statement: its seal names the id given here.
ADD = """
INSERT INTO accounts (id, domain_id, number, display_name, auth_user, sealed_password,
  mailbox, wildcard, sort_name)
VALUES (:id, :domain_id, :number, :display_name, :auth_user, :nothing, :mailbox, '',
  :sort_name)
ON CONFLICT (domain_id, number) DO NOTHING
RETURNING id
"""
SEAL = "UPDATE accounts SET sealed_password = :sealed WHERE id = :id"
_SEALED = "SELECT sealed_password FROM accounts WHERE id = :id"
SET = """
UPDATE accounts SET display_name = :display_name, auth_user = :auth_user,
  mailbox = :mailbox, sort_name = :sort_name
WHERE id = :id
"""
# Its phones do not have it yet.
_PASSWORD_CHANGED = """
UPDATE devices SET provisioned_at = NULL
WHERE mac IN (SELECT mac FROM bindings WHERE account_id = :account_id)
"""
_REMOVE = (
    "DELETE FROM settings WHERE scope = 'account' AND key = :id",
    "DELETE FROM function_keys WHERE scope = 'account' AND key = :id",
    "DELETE FROM accounts WHERE id = :id",
)
_ONE = """
SELECT a.number, d.name, a.display_name, a.auth_user, a.mailbox, a.wildcard,
  COALESCE(p.name, ''), b.mac, b.identity, b.expires, b.boot_id
FROM accounts a
JOIN domains d ON d.id = a.domain_id
LEFT JOIN profiles p ON p.id = a.profile_id
LEFT JOIN bindings b ON b.account_id = a.id
WHERE a.id = :id ORDER BY b.mac
"""


def add(
    work: Work,
    account: str,
    *,
    name: str,
    password: str,
    mac: str,
    mailbox: str,
    auth_user: str,
) -> dict[str, Any]:
    """Add an account and, with *mac*, bind it; raises StoreConflict when it exists."""
    wanted = required_account(account)
    domain_id = work.domain_id(wanted.domain)
    fields = checked_fields(name, auth_user, mailbox)
    secret = checked_password(password)
    rows = work.connection.execute(
        ADD,
        {
            "id": None,
            "domain_id": domain_id,
            "number": wanted.number,
            "nothing": b"",
            "sort_name": sort_name(fields["display_name"]),
            **fields,
        },
    ).fetchall()
    if not rows:
        raise StoreConflict(
            f"The account {wanted} exists already: change it with bootwave account set."
        )
    row = AccountRow(
        rows[0][0],
        domain_id,
        wanted.number,
        wanted.domain,
        fields["display_name"],
        fields["auth_user"],
        fields["mailbox"],
        "",
    )
    seal(work, row.id, secret)
    work.touched("account", row.id)
    work.note("account.added", row.name)
    if mac.strip():
        bind(work, row, mac, add=False)
    return shown(work, row)


def checked_fields(name: str, auth_user: str, mailbox: str) -> dict[str, str]:
    """Return what a new account has beside its number, as stored, by column.

    Raises SettingError.
    """
    return {
        "display_name": checked_name(name, "The display name"),
        "auth_user": checked_name(auth_user, "The authentication user"),
        "mailbox": checked_name(mailbox, "The mailbox", MAX_MAILBOX_CHARACTERS),
    }


def change(
    work: Work,
    account: str,
    *,
    name: str | None,
    password: str | None,
    mailbox: str | None,
    auth_user: str | None,
) -> dict[str, Any]:
    """Change what is given of an account; None leaves a value as it is.

    Where all is so already, and no password given, nothing is touched.
    """
    row = work.account(account)
    fields = {
        "display_name": row.display_name
        if name is None
        else checked_name(name, "The display name"),
        "auth_user": row.auth_user
        if auth_user is None
        else checked_name(auth_user, "The authentication user"),
        "mailbox": row.mailbox
        if mailbox is None
        else checked_name(mailbox, "The mailbox", MAX_MAILBOX_CHARACTERS),
    }
    is_same = all(value == getattr(row, field) for field, value in fields.items())
    if is_same and password is None:
        return shown(work, row)  # its phones have what is ready for them
    sorted_by = {"sort_name": sort_name(fields["display_name"])}
    work.connection.execute(SET, {"id": row.id, **fields, **sorted_by})
    if password is not None:
        seal(work, row.id, checked_password(password))
    work.touched_account(row)
    given = {
        "name": name,
        "password": password,
        "mailbox": mailbox,
        "auth_user": auth_user,
    }
    changed = [field for field, value in given.items() if value is not None]
    work.note("account.changed", row.name, changed=changed)
    return shown(work, row)


def seal(work: Work, account_id: int, password: str) -> None:
    """Store the SIP password of an account, sealed for that account."""
    sealed = work.keyring.seal(password, owner=password_owner(account_id))
    set_sealed(work, account_id, sealed)


def set_sealed(work: Work, account_id: int, sealed: bytes) -> None:
    """Store the SIP password of an account, which is sealed for it already."""
    work.connection.execute(SEAL, {"id": account_id, "sealed": sealed})
    work.connection.execute(_PASSWORD_CHANGED, {"account_id": account_id})


def remove(work: Work, account: str) -> dict[str, Any]:
    """Remove an account with its bindings, window and settings."""
    row = work.account(account)
    work.touched_account(row)
    for mac in work.macs_of(row.id):
        unbind_mac(work, row, mac)
    remove_windows(work.connection, [row.id])
    for statement in _REMOVE:
        work.connection.execute(statement, {"id": row.id})
    refresh_star_subnet(work.connection, row.domain_id)
    work.note("account.removed", row.name)
    return {"account": row.name}


def shown(work: Work, account: AccountRow) -> dict[str, Any]:
    """Return one account with its bindings and its window, never its password."""
    rows = work.connection.execute(_ONE, {"id": account.id}).fetchall()
    return {
        **_account_from_rows(work, rows),
        "window": state_of(work, account.id),
    }


def sealed_of(work: Work, account: AccountRow) -> bytes:
    """Return the SIP password of an account as it is stored: sealed, anew each time."""
    rows = work.connection.execute(_SEALED, {"id": account.id}).fetchall()
    return bytes(rows[0][0])


def _account_from_rows(work: Work, rows: list[tuple[Any, ...]]) -> dict[str, Any]:
    """Return an account from its *rows*, one for each MAC that it is bound to."""
    number, domain, name, user, mailbox, wildcard, profile, *_ = rows[0]
    return {
        "account": f"{number}@{domain}",
        "name": name,
        "auth_user": user,
        "mailbox": mailbox,
        "wildcard": wildcard,
        "profile": profile,
        "bound": [
            {
                "mac": text_from_mac(mac),
                "identity": identity,
                "temporary": expires is not None,
            }
            for *_, mac, identity, expires, boot_id in rows
            if mac is not None and work.holds(expires, boot_id)
        ],
    }
