"""Reads of the accounts that any phone may claim, for the hot path.

In the reader's own transaction, on its connection (``reader``).
"""

import sqlite3
from collections.abc import Sequence
from typing import Any

from bootwave.directory.records import Account, WildcardAccount, Window
from bootwave.store.domains.openings import opening_from_row

# Sorted here: asked to sort, SQLite walks all accounts by id, not the few of the index.
_WILDCARDS = """
SELECT a.id, a.domain_id, a.number, a.display_name, a.auth_user, a.sealed_password,
  a.mailbox, a.wildcard, 0,
  w.id, w.boot_id, w.opened, w.deadline, w.consumed_mac, w.consumed_source,
  w.pairing_end, w.closed_at,
  d.name, d.wildcard_subnet, b.expires, b.boot_id,
  o.most_claims, o.claims, o.ouis, o.subnet, o.models
FROM accounts a
JOIN domains d ON d.id = a.domain_id
LEFT JOIN windows w ON w.account_id = a.id
LEFT JOIN openings o ON o.id = w.opening_id
LEFT JOIN bindings b ON b.account_id = a.id AND b.expires IS NOT NULL
WHERE a.wildcard <> ''
"""


def wildcards_of(connection: sqlite3.Connection) -> list[WildcardAccount]:
    """Return every account with a wildcard, with its window and its claim if any."""
    # A claim of '?' ends the claims before it, so an account comes once.  Should an
    # operator's hand have made several, the one that lasts longest holds.
    by_account: dict[int, WildcardAccount] = {}
    rows = connection.execute(_WILDCARDS).fetchall()
    for row in sorted(rows, key=lambda row: (row[0], row[19] or 0.0)):
        by_account[row[0]] = WildcardAccount(
            _account(row[:17]),
            row[17],
            row[18],
            claimed_until=row[19] or 0.0,
            claimed_boot_id=row[20] or "",
            opening=None if row[21] is None else opening_from_row(row[21:]),
        )
    return list(by_account.values())


def _account(row: Sequence[Any]) -> Account:
    (
        number,
        domain_id,
        name,
        display_name,
        auth_user,
        sealed,
        mailbox,
        wildcard,
        _,  # whether it has a layer
        window_id,
        boot_id,
        opened,
        deadline,
        mac,
        source,
        pairing_end,
        closed_at,
    ) = row
    window = None
    if window_id is not None:
        window = Window(
            window_id,
            number,
            boot_id,
            opened,
            deadline,
            mac,
            source,
            pairing_end,
            closed_at is not None,
        )
    return Account(
        number,
        domain_id,
        name,
        display_name,
        auth_user,
        sealed,
        mailbox,
        wildcard,
        window=window,
    )
