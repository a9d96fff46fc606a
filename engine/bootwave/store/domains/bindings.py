"""What administrators do with bindings: which phone has which account."""

from typing import Any

from bootwave.errors import StoreConflict, StoreNotFound
from bootwave.phone.mac import required_mac, text_from_mac
from bootwave.store.domains.claims import (
    adopt_device,
    forget_expired_of_account,
    forget_expired_of_device,
    release_device,
)
from bootwave.store.domains.domains import require_own_network, reserve_star
from bootwave.store.domains.windows import close_consumed_by, close_window
from bootwave.store.work import AccountRow, Work

IDENTITIES = range(1, 13)  # the most a desk phone has

_OTHER_DOMAIN = """
SELECT a.number, d.name FROM bindings b
JOIN accounts a ON a.id = b.account_id
JOIN domains d ON d.id = b.domain_id
WHERE b.mac = :mac AND b.domain_id <> :domain_id
ORDER BY b.identity
"""
_HELD = "SELECT identity, account_id, domain_id FROM bindings WHERE mac = :mac"
BIND = """
INSERT INTO bindings (mac, identity, account_id, domain_id, expires, boot_id)
VALUES (?, ?, ?, ?, NULL, '')
"""
_KEEP = """
UPDATE bindings SET expires = NULL, boot_id = ''
WHERE mac = :mac AND account_id = :account_id AND expires IS NOT NULL
"""
_UNBIND = "DELETE FROM bindings WHERE mac = :mac AND account_id = :account_id"
_CLAIMS = """
SELECT mac FROM bindings WHERE account_id = :account_id AND expires IS NOT NULL
"""
_WILDCARD = "UPDATE accounts SET wildcard = :wildcard WHERE id = :account_id"
_REMAINING = "SELECT COUNT(*) FROM bindings WHERE account_id = :account_id"


def bind(work: Work, account: AccountRow, target: str, *, add: bool) -> dict[str, Any]:
    """Bind *account* to the MAC *target*, or make it a wildcard: ``*`` or ``?``.

    What it was bound to before is replaced, unless *add*.  Raises StoreConflict when
    the MAC is in another domain or has twelve accounts, or another domain's ``*``
    accounts share the subnet.
    """
    forget_expired_of_account(
        work.connection, account.id, work.at.boottime, work.at.boot_id
    )
    wanted = target.strip()
    if wanted in ("*", "?"):
        if not add:
            for mac in work.macs_of(account.id):
                unbind_mac(work, account, mac)
        set_wildcard(work, account, wanted)
        work.touched_account(account)
        work.note("account.bound", account.name, to=wanted, add=add or None)
        return {"account": account.name, "bound": wanted}
    mac = required_mac(wanted)
    forget_expired_of_device(work.connection, mac, work.at.boottime, work.at.boot_id)
    identity = bind_mac(work, account, mac)
    if not add:
        for other in work.macs_of(account.id):
            if other != mac:
                unbind_mac(work, account, other)
        if account.wildcard:
            set_wildcard(work, account, "")
    work.touched_account(account)
    work.note("account.bound", account.name, to=text_from_mac(mac), add=add or None)
    return {
        "account": account.name,
        "bound": text_from_mac(mac),
        "identity": identity,
    }


def bind_mac(work: Work, account: AccountRow, mac: int) -> int:
    """Return the identity under which the device *mac* has *account* from now on.

    Claims of the device that are over must be forgotten before.
    """
    named = {"mac": mac, "domain_id": account.domain_id}
    held = work.connection.execute(_HELD, {"mac": mac}).fetchall()
    if any(domain_id != account.domain_id for _, _, domain_id in held):
        others = work.connection.execute(_OTHER_DOMAIN, named).fetchall()
        if not all(work.reaches(domain) for _, domain in others):
            raise StoreConflict(
                f"{text_from_mac(mac)} is bound in another domain, and a MAC is in one "
                "only: ask an operator to free it."
            )
        names = [f"{number}@{domain}" for number, domain in others]
        named_mac, one, each = text_from_mac(mac), names[0], ""
        if len(names) > 1:
            one, each = "ACCOUNT", " for each of them"
        raise StoreConflict(
            f"{named_mac} is bound to {' and '.join(names)}, and a MAC is in one "
            f"domain only: bootwave account unbind {one} {named_mac}{each} frees it."
        )
    if adopt_device(work.connection, mac, account.domain_id, work.at.wall):
        work.moved.append(mac)
    work.touched("device", mac)
    for identity, account_id, _ in held:
        if account_id == account.id:
            work.connection.execute(_KEEP, {"mac": mac, "account_id": account.id})
            return int(identity)
    taken = {identity for identity, _, _ in held}
    free = next((number for number in IDENTITIES if number not in taken), None)
    if free is None:
        raise StoreConflict(
            f"{text_from_mac(mac)} has twelve accounts already, the most a phone has: "
            "unbind one of them first."
        )
    work.connection.execute(BIND, (mac, free, account.id, account.domain_id))
    return free


def unbind(work: Work, account: AccountRow, target: str | None) -> dict[str, Any]:
    """Take a MAC or wildcard from *account*, or everything when *target* is None."""
    forget_expired_of_account(
        work.connection, account.id, work.at.boottime, work.at.boot_id
    )
    macs = work.macs_of(account.id)
    taken: list[str] = []
    work.touched_account(account)
    if target is not None and target.strip() in ("*", "?"):
        if account.wildcard != target.strip():
            raise StoreNotFound(f"{account.name} is no {target.strip()!r} wildcard.")
        macs = _claimants(work, account)
    elif target is not None:
        mac = required_mac(target)
        if mac not in macs:
            raise StoreNotFound(
                f"{account.name} is not bound to {text_from_mac(mac)}: see bootwave "
                "account list."
            )
        macs = [mac]
    for mac in macs:
        unbind_mac(work, account, mac)
        taken.append(text_from_mac(mac))
    if account.wildcard and (target is None or target.strip() in ("*", "?")):
        taken.append(account.wildcard)
        set_wildcard(work, account, "")
        account = account._replace(wildcard="")
    if not taken:
        raise StoreNotFound(f"{account.name} is bound to nothing.")
    work.note("account.unbound", account.name, of=taken)
    _close_if_unused(work, account)
    return {"account": account.name, "unbound": taken}


def unbind_mac(work: Work, account: AccountRow, mac: int) -> None:
    """Take the device *mac* from *account*, and what it was granted by its window."""
    work.connection.execute(_UNBIND, {"mac": mac, "account_id": account.id})
    release_device(work.connection, mac)
    if close_consumed_by(work, account.id, mac, "unbound"):
        work.note("window.closed", account.name, why="unbound", mac=text_from_mac(mac))
    work.touched("device", mac)


def set_wildcard(work: Work, account: AccountRow, wildcard: str) -> None:
    """Make *account* a *wildcard*, ``*`` or ``?``, or with "" none."""
    if wildcard:
        require_own_network(work, account.domain_id)
    work.connection.execute(_WILDCARD, {"wildcard": wildcard, "account_id": account.id})
    work.touched("account", account.id)
    work.touched("wildcard", account.domain_id)
    reserve_star(work, account.domain_id)


def _claimants(work: Work, account: AccountRow) -> list[int]:
    """Return the MACs that hold *account* for a time, by its ``?``."""
    rows = work.connection.execute(_CLAIMS, {"account_id": account.id}).fetchall()
    return [mac for (mac,) in rows]


def _close_if_unused(work: Work, account: AccountRow) -> None:
    """Close the window that is left without anybody who may use it."""
    rows = work.connection.execute(_REMAINING, {"account_id": account.id}).fetchall()
    if not rows[0][0] and not account.wildcard:
        if close_window(work, account.id, "unbound"):
            work.note("window.closed", account.name, why="unbound")
