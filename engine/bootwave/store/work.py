"""One administrator's change in hand: the transaction, the instant, what it touched."""

import sqlite3
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from bootwave.errors import StoreNotFound
from bootwave.options import PairingOptions
from bootwave.pairing.instant import Instant
from bootwave.phone.mac import text_from_mac
from bootwave.store.audit import ENGINE
from bootwave.store.changelog import EVERYTHING, MOST_IN_ONE, Change
from bootwave.store.names import AccountName, required_account, required_domain
from bootwave.store.secrets import KeyRing

_MANY = 4 * MOST_IN_ONE  # changes noted before the same ones are told together
_DOMAIN = "SELECT id FROM domains WHERE name = :name"
_DEVICE_DOMAIN = """
SELECT d.name FROM devices v JOIN domains d ON d.id = v.domain_id WHERE v.mac = :mac
"""
# What an AccountRow holds.
ACCOUNT_ROWS = """
SELECT a.id, a.domain_id, a.number, d.name, a.display_name, a.auth_user, a.mailbox,
  a.wildcard
FROM accounts a JOIN domains d ON d.id = a.domain_id
"""
_ACCOUNT = ACCOUNT_ROWS + "WHERE d.name = :domain AND a.number = :number"
_MACS = "SELECT mac FROM bindings WHERE account_id = :account_id ORDER BY mac"


class AccountRow(NamedTuple):
    """What is stored of an account, without its password."""

    id: int
    domain_id: int
    number: str
    domain: str
    display_name: str
    auth_user: str
    mailbox: str
    wildcard: Literal["", "*", "?"]

    @property
    def name(self) -> str:
        """The account as ``number@domain``."""
        return str(AccountName(self.number, self.domain))


class Note(NamedTuple):
    """What the audit log is told: action, subject and detail (``store.audit``)."""

    action: str
    subject: str
    detail: dict[str, Any]


@dataclass(slots=True)
class Work:
    """What an operation needs; ``changes`` collects what it touched, in order.

    ``actor`` is who asked for it, and ``notes`` collects what the audit log is told
    with the commit.  ``reach`` are the domains that he reaches, None for all; others
    are to him as if they did not exist.  ``moved`` are the MACs of devices that came
    from another domain.
    """

    connection: sqlite3.Connection
    keyring: KeyRing
    pairing: PairingOptions
    at: Instant
    changes: list[Change] = field(default_factory=list)
    actor: str = ENGINE
    notes: list[Note] = field(default_factory=list)
    reach: frozenset[str] | None = None
    moved: list[int] = field(default_factory=list)

    def note(self, action: str, subject: str, **detail: Any) -> None:
        """Tell the audit log, without secrets; values that say nothing are left out."""
        told = {
            name: value for name, value in detail.items() if value not in ("", None, [])
        }
        self.notes.append(Note(action, subject, told))

    def touched(self, kind: str, key: int) -> None:
        """Note that something changed."""
        changes = self.changes
        if changes and changes[-1] is EVERYTHING:
            return
        changes.append(Change(kind, key))
        if len(changes) > _MANY:
            # An import of any size must not be remembered row by row.
            distinct = list(dict.fromkeys(changes))
            if len(distinct) > MOST_IN_ONE or EVERYTHING in distinct:
                distinct = [EVERYTHING]
            changes[:] = distinct

    def touched_everything(self) -> None:
        """Note that so much changes that none of it needs to be noted."""
        self.changes[:] = [EVERYTHING]

    def touched_account(self, account: AccountRow) -> None:
        """Note that an account changed, and with it every device that shows it."""
        if self.changes and self.changes[-1] is EVERYTHING:
            return
        self.touched("account", account.id)
        if account.wildcard:
            self.touched("wildcard", account.domain_id)
        for mac in self.macs_of(account.id):
            self.touched("device", mac)

    def macs_of(self, account_id: int) -> list[int]:
        """Return the MACs an account is bound to, expired claims included."""
        rows = self.connection.execute(_MACS, {"account_id": account_id}).fetchall()
        return [mac for (mac,) in rows]

    def holds(self, expires: float | None, boot_id: str) -> bool:
        """Whether a binding that ends at *expires* (None: never) still holds."""
        return expires is None or (
            boot_id == self.at.boot_id and self.at.boottime < expires
        )

    def reaches(self, domain: str) -> bool:
        """Whether who asks may know of *domain*, in small letters."""
        return self.reach is None or domain in self.reach

    def require_reached(self, mac: int) -> None:
        """Raise StoreNotFound when the device *mac* is in no domain that is reached.

        Who reaches all domains may name what nobody knows yet.
        """
        if self.reach is None:
            return
        rows = self.connection.execute(_DEVICE_DOMAIN, {"mac": mac}).fetchall()
        if not rows or not self.reaches(rows[0][0]):
            raise StoreNotFound(
                f"There is no device {text_from_mac(mac)}: see bootwave device list."
            )

    def require_everywhere(self) -> None:
        """Raise StoreNotFound for who does not reach all domains.

        The second fence of what is of all of them: a route says so first, with 403.
        """
        if self.reach is not None:
            raise StoreNotFound(
                "This is of all domains, and only who administers all of them reaches "
                "it: ask an operator."
            )

    def domain_id(self, name: str) -> int:
        """Return the id of the domain *name*; raises StoreNotFound."""
        wanted = required_domain(name)
        rows = self.connection.execute(_DOMAIN, {"name": wanted}).fetchall()
        if not rows or not self.reaches(wanted):
            raise StoreNotFound(
                f"There is no domain {wanted}: add it with bootwave domain add."
            )
        return int(rows[0][0])

    def account(self, text: str, domain: str | None = None) -> AccountRow:
        """Return the account ``number@domain``; raises StoreNotFound."""
        name = required_account(text, domain)
        rows = self.connection.execute(
            _ACCOUNT, {"domain": name.domain, "number": name.number}
        ).fetchall()
        if not rows or not self.reaches(name.domain):
            self.domain_id(name.domain)
            raise StoreNotFound(
                f"There is no account {name}: add it with bootwave account add."
            )
        return AccountRow(*rows[0])
