"""Accounts that are new, on devices that nobody holds: written many at a time.

Such rows, which are most of an import, need no look at what is stored before each of
them.  What is there is looked up once; ids are given here, unless they were before
(``importplan``), so that a password is sealed before its row is written, and rows wait
to be written together.  The result is that of the rows one by one: whoever writes
otherwise in between calls ``flush`` before and ``others_wrote`` after.
"""

import json
import sqlite3
from collections.abc import Iterable

from bootwave.store.bulk.importrows import ImportRow
from bootwave.store.domains.bindings import BIND, IDENTITIES
from bootwave.store.domains.claims import ADOPT
from bootwave.store.names import sort_name
from bootwave.store.secrets import password_owner
from bootwave.store.work import Work

ADD = """
INSERT INTO accounts (id, domain_id, number, display_name, auth_user, sealed_password,
  mailbox, wildcard, sort_name)
VALUES (?, ?, ?, ?, ?, ?, ?, '', ?)
"""
# What AUTOINCREMENT would give next: ids of removed accounts are not used again.
_LAST_ID = "SELECT seq FROM sqlite_sequence WHERE name = 'accounts'"
_TAKE_IDS = """
UPDATE sqlite_sequence SET seq = seq + :count WHERE name = 'accounts' RETURNING seq
"""
_FIRST_IDS = "INSERT INTO sqlite_sequence (name, seq) VALUES ('accounts', :count)"
_BOUND = """
SELECT mac FROM bindings WHERE mac IN (SELECT value FROM json_each(:macs))
"""
_OF_DOMAINS = """
SELECT mac, last_domain_id FROM devices
WHERE mac IN (SELECT value FROM json_each(:macs)) AND last_domain_id IS NOT NULL
"""
_LOOKED_UP_TOGETHER = 10_000
_WRITTEN_TOGETHER = 1_000


class NewAccounts:
    """The accounts and devices of one import that are new, in its transaction."""

    def __init__(self, work: Work, macs: Iterable[int]) -> None:
        """Look up which of *macs* are stored already."""
        self._work = work
        self._bound, self._domains = devices_held(work, [mac for mac in macs if mac])
        self._last_id: int | None = None  # not known
        self._identities: dict[int, tuple[int, int]] = {}  # MAC: domain, identity
        self._accounts: list[tuple[object, ...]] = []
        self._devices: list[tuple[object, ...]] = []
        self._bindings: list[tuple[int, int, int, int]] = []

    def add(self, row: ImportRow, domain_id: int) -> int | None:
        """Return the id of the account of *row*, a domain's, with one MAC or none.

        It is written by the next ``flush`` at the latest.  None when it needs a look at
        what is stored: its device is, or was, somebody's.
        """
        mac = row.macs[0] if row.macs else 0
        identity = self._identity(mac, domain_id)
        if identity is None:
            return None
        work = self._work
        if len(self._accounts) >= _WRITTEN_TOGETHER:
            self.flush()
        account_id, sealed = row.account_id, row.ready
        if not account_id:
            last = _last_id(work) if self._last_id is None else self._last_id
            self._last_id = account_id = last + 1
        if not sealed:
            sealed = work.keyring.seal(row.password, owner=password_owner(account_id))
        self._accounts.append(
            (
                account_id,
                domain_id,
                row.account.number,
                row.display_name,
                row.auth_user,
                sealed,
                row.mailbox,
                sort_name(row.display_name),
            )
        )
        work.touched("account", account_id)
        if mac:
            self._identities[mac] = domain_id, identity
            self._devices.append((mac, domain_id, domain_id, False, work.at.wall))
            self._bindings.append((mac, identity, account_id, domain_id))
            work.touched("device", mac)
        return account_id

    def flush(self) -> None:
        """Write what waits."""
        connection = self._work.connection
        connection.executemany(ADD, self._accounts)
        connection.executemany(ADOPT, self._devices)
        connection.executemany(BIND, self._bindings)
        self._accounts.clear()
        self._devices.clear()
        self._bindings.clear()

    def others_wrote(self, mac: int) -> None:
        """Note that others made an account, or tried to, and bound the device *mac*."""
        self._bound.add(mac)
        self._last_id = None

    def _identity(self, mac: int, domain_id: int) -> int | None:
        """Return the first free identity of the device, None if that is not known."""
        if not mac:
            return IDENTITIES[0]
        if mac in self._bound or self._domains.get(mac, domain_id) != domain_id:
            return None
        used_in, last = self._identities.get(mac, (domain_id, 0))
        identity = last + 1
        return identity if used_in == domain_id and identity in IDENTITIES else None


def take_ids(connection: sqlite3.Connection, count: int) -> int:
    """Return the first of *count* ids that no account gets from now on by itself.

    In the open transaction.  Ids that are not used in the end are missing for ever,
    as those of removed accounts are.
    """
    rows = connection.execute(_TAKE_IDS, {"count": count}).fetchall()
    if not rows:  # there never was an account
        connection.execute(_FIRST_IDS, {"count": count})
        return 1
    return int(rows[0][0]) - count + 1


def _last_id(work: Work) -> int:
    rows = work.connection.execute(_LAST_ID).fetchall()
    return int(rows[0][0]) if rows else 0


def devices_held(work: Work, macs: list[int]) -> tuple[set[int], dict[int, int]]:
    """Return the MACs that accounts are bound to, and the domains they were in last."""
    bound: set[int] = set()
    domains: dict[int, int] = {}
    for start in range(0, len(macs), _LOOKED_UP_TOGETHER):
        some = {"macs": json.dumps(macs[start : start + _LOOKED_UP_TOGETHER])}
        rows = work.connection.execute(_BOUND, some).fetchall()
        bound.update(mac for (mac,) in rows)
        domains.update(work.connection.execute(_OF_DOMAINS, some).fetchall())
    return bound, domains
