"""Accounts that are new, on devices that nobody holds: written many at a time.

Such rows, which are most of an import, need no look at what is stored before each of
them.  What is there is looked up once; then ids are given here, so that a password is
sealed before its row is written, and rows wait to be written together.  The result is
that of the rows one by one: whoever writes otherwise in between calls ``flush`` before
and ``others_wrote`` after.
"""

import json
from collections.abc import Iterable
from typing import NamedTuple

from bootwave.store.bindings import BIND, IDENTITIES
from bootwave.store.claims import ADOPT
from bootwave.store.names import AccountName, sort_name
from bootwave.store.secrets import password_owner
from bootwave.store.work import Work

_ADD = """
INSERT INTO accounts (id, domain_id, number, display_name, auth_user, sealed_password,
  mailbox, wildcard, sort_name)
VALUES (:id, :domain_id, :number, :display_name, :auth_user, :sealed, :mailbox, '',
  :sort_name)
"""
# What AUTOINCREMENT would give next: ids of removed accounts are not used again.
_LAST_ID = "SELECT seq FROM sqlite_sequence WHERE name = 'accounts'"
_EXISTING = """
SELECT d.name, a.number FROM json_each(:names) j
JOIN domains d ON d.name = json_extract(j.value, '$[0]')
JOIN accounts a
  ON a.domain_id = d.id AND a.number = json_extract(j.value, '$[1]')
"""
_BOUND = """
SELECT mac FROM bindings WHERE mac IN (SELECT value FROM json_each(:macs))
"""
_OF_DOMAINS = """
SELECT mac, last_domain_id FROM devices
WHERE mac IN (SELECT value FROM json_each(:macs)) AND last_domain_id IS NOT NULL
"""
_LOOKED_UP_TOGETHER = 10_000
_WRITTEN_TOGETHER = 1_000


class New(NamedTuple):
    """An account to be made; ``mac`` is 0 when no device gets it."""

    domain_id: int
    number: str
    display_name: str
    auth_user: str
    mailbox: str
    password: str
    mac: int

    def __repr__(self) -> str:
        """Return the account without its password."""
        return f"New({self.domain_id}, {self.number!r})"


class NewAccounts:
    """The accounts and devices of one import that are new, in its transaction."""

    def __init__(
        self, work: Work, names: Iterable[AccountName], macs: Iterable[int]
    ) -> None:
        """Look up which of *names* and *macs* are stored already."""
        self._work = work
        self._existing = _existing(work, list(names))
        self._bound, self._domains = _devices(work, [mac for mac in macs if mac])
        self._last_id = _last_id(work)
        self._identities: dict[int, tuple[int, int]] = {}  # MAC: domain, identity
        self._accounts: list[dict[str, object]] = []
        self._bindings: list[dict[str, object]] = []

    def has(self, name: AccountName) -> bool:
        """Whether the account was stored before the import."""
        return name in self._existing

    def add(self, new: New) -> int | None:
        """Return the id of *new*, which is written by the next ``flush`` at the latest.

        None when it needs a look at what is stored: its device is, or was, somebody's.
        """
        identity = self._identity(new)
        if identity is None:
            return None
        work = self._work
        if len(self._accounts) >= _WRITTEN_TOGETHER:
            self.flush()
        self._last_id += 1
        account_id = self._last_id
        self._accounts.append(
            {
                "id": account_id,
                "domain_id": new.domain_id,
                "number": new.number,
                "display_name": new.display_name,
                "sort_name": sort_name(new.display_name),
                "auth_user": new.auth_user,
                "mailbox": new.mailbox,
                "sealed": work.keyring.seal(
                    new.password, owner=password_owner(account_id)
                ),
            }
        )
        work.touched("account", account_id)
        if new.mac:
            self._identities[new.mac] = new.domain_id, identity
            self._bindings.append(
                {
                    "mac": new.mac,
                    "identity": identity,
                    "account_id": account_id,
                    "domain_id": new.domain_id,
                    "no": False,
                    "wall": work.at.wall,
                }
            )
            work.touched("device", new.mac)
        return account_id

    def flush(self) -> None:
        """Write what waits."""
        connection = self._work.connection
        connection.executemany(_ADD, self._accounts)
        connection.executemany(ADOPT, self._bindings)
        connection.executemany(BIND, self._bindings)
        self._accounts.clear()
        self._bindings.clear()

    def others_wrote(self, mac: int) -> None:
        """Note that others made an account, or tried to, and bound the device *mac*."""
        self._bound.add(mac)
        self._last_id = _last_id(self._work)

    def _identity(self, new: New) -> int | None:
        """Return the first free identity of the device, None if that is not known."""
        if not new.mac:
            return IDENTITIES[0]
        if new.mac in self._bound or (
            self._domains.get(new.mac, new.domain_id) != new.domain_id
        ):
            return None
        domain_id, last = self._identities.get(new.mac, (new.domain_id, 0))
        identity = last + 1
        return (
            identity if domain_id == new.domain_id and identity in IDENTITIES else None
        )


def _last_id(work: Work) -> int:
    rows = work.connection.execute(_LAST_ID).fetchall()
    return int(rows[0][0]) if rows else 0


def _existing(work: Work, names: list[AccountName]) -> set[AccountName]:
    found: set[AccountName] = set()
    for start in range(0, len(names), _LOOKED_UP_TOGETHER):
        pairs = [
            (name.domain, name.number)
            for name in names[start : start + _LOOKED_UP_TOGETHER]
        ]
        rows = work.connection.execute(_EXISTING, {"names": json.dumps(pairs)})
        found.update(AccountName(number, domain) for domain, number in rows.fetchall())
    return found


def _devices(work: Work, macs: list[int]) -> tuple[set[int], dict[int, int]]:
    """Return the MACs that accounts are bound to, and the domains they were in last."""
    bound: set[int] = set()
    domains: dict[int, int] = {}
    for start in range(0, len(macs), _LOOKED_UP_TOGETHER):
        some = {"macs": json.dumps(macs[start : start + _LOOKED_UP_TOGETHER])}
        rows = work.connection.execute(_BOUND, some).fetchall()
        bound.update(mac for (mac,) in rows)
        domains.update(work.connection.execute(_OF_DOMAINS, some).fetchall())
    return bound, domains
