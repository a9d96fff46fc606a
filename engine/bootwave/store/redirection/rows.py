"""Rows of redirection, which whoever carries it out works on (``redirection.ledger``).

URLs hold the tokens of domains, so none is stored but the base URL: a row holds
digests, and where a phone was found to be sent instead is kept as scheme and host.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from bootwave.errors import StoreNotFound
from bootwave.phone.mac import is_snom
from bootwave.store.connection import placeholders

_LAST_MAC = (1 << 48) - 1
_NO_ACCOUNT = (
    "There is no account with the redirection service: bootwave redirection set makes "
    "one."
)

_ACCOUNT = """
SELECT id, vendor, user, sealed_password, url, set_at, set_by, revision, service, state,
  words, failures, next_at, answered_at, sync_at, listed_at, lists_done, lists, strays
FROM redirection_accounts ORDER BY id LIMIT 1
"""
# A sync that is still to be done is one with whatever service is called.
_OTHER_SERVICE = """
UPDATE redirection_accounts
SET service = :service, state = '', words = '', failures = 0, next_at = NULL,
  answered_at = NULL, listed_at = NULL, lists_done = 0, lists = 0, strays = 0,
  sync_at = CASE WHEN listed_at >= sync_at THEN NULL ELSE sync_at END
WHERE service <> :service
"""
# Who is registered stays so until the look at all of it, which is due by then.
_TRY_AGAIN = """
UPDATE redirection_phones SET trouble = '', words = '', attempts = 0, next_at = :wall
WHERE next_at IS NOT NULL
"""
_SAVE_HEALTH = """
UPDATE redirection_accounts
SET state = :state, words = :words, failures = :failures, next_at = :next_at,
  answered_at = :answered_at
WHERE id = :id AND revision = :revision
"""
_SAVE_LISTS = """
UPDATE redirection_accounts SET lists_done = :done, lists = :lists WHERE id = :id
"""
# A sync that is later than the look that did it: the clock was set back since.
_SAVE_LISTED = """
UPDATE redirection_accounts
SET listed_at = :began, strays = :strays, sync_at = MIN(sync_at, :began)
WHERE id = :id
"""
ENTRY = """
SELECT mac, target, known, told, trouble, words, attempts, next_at, tried_at,
  confirmed_at, elsewhere, elsewhere_at
FROM redirection_phones
"""
_ENTRIES_WITHIN = ENTRY + "WHERE mac > :after AND mac <= :last ORDER BY mac LIMIT :most"
_ENTRIES_OF = ENTRY + "WHERE mac IN ({})"
# A clock that was set back must not put off for longer than it may have been meant.
_DUE = (
    ENTRY
    + "WHERE next_at IS NOT NULL AND (next_at <= :now OR next_at > :far) "
    + "ORDER BY next_at, mac LIMIT :most"
)
_NEXT = "SELECT MIN(next_at) FROM redirection_phones WHERE next_at IS NOT NULL"
_SAVE = """
INSERT INTO redirection_phones (mac, target, known, told, trouble, words, attempts,
  next_at, tried_at, confirmed_at, elsewhere, elsewhere_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (mac) DO UPDATE SET target = excluded.target, known = excluded.known,
  told = excluded.told, trouble = excluded.trouble, words = excluded.words,
  attempts = excluded.attempts, next_at = excluded.next_at,
  tried_at = excluded.tried_at, confirmed_at = excluded.confirmed_at,
  elsewhere = excluded.elsewhere, elsewhere_at = excluded.elsewhere_at
"""
_DELETE = "DELETE FROM redirection_phones WHERE mac = ?"
# Claims of '?' end by themselves and are not redirected.
_BOUND = """
SELECT v.mac, v.domain_id, v.model FROM devices v
WHERE EXISTS (
  SELECT 1 FROM bindings b WHERE b.mac = v.mac AND b.expires IS NULL)
"""
_BOUND_WITHIN = _BOUND + " AND v.mac > :after AND v.mac <= :last ORDER BY v.mac"
_BOUND_OF = _BOUND + " AND v.mac IN ({})"
_DEVICE_AT = """
SELECT mac FROM devices WHERE mac > :after ORDER BY mac LIMIT 1 OFFSET :most
"""
_ENTRY_AT = """
SELECT mac FROM redirection_phones WHERE mac > :after ORDER BY mac LIMIT 1 OFFSET :most
"""
_TOKEN = "SELECT sealed_token FROM domain_tokens WHERE domain_id = :domain_id"


class Account(NamedTuple):
    """An account with the service, how the service behaves, and how far a sync is."""

    id: int
    vendor: str
    user: str
    sealed_password: bytes
    url: str
    set_at: float
    set_by: str
    revision: int
    service: str
    state: str
    words: str
    failures: int
    next_at: float | None
    answered_at: float | None
    sync_at: float | None
    listed_at: float | None
    lists_done: int
    lists: int
    strays: int

    @property
    def version(self) -> tuple[int, int]:
        """What is another when the account was set again, or made anew."""
        return self.id, self.revision


class Entry(NamedTuple):
    """What is known of one MAC; the digests are as in ``schema.redirection``.

    ``trouble`` is "" or what is wrong in a word, ``words`` the service's own.
    ``next_at`` is when something is to be done next, None for never.
    """

    mac: int
    target: str
    known: str = ""
    told: str = ""
    trouble: str = ""
    words: str = ""
    attempts: int = 0
    next_at: float | None = None
    tried_at: float | None = None
    confirmed_at: float | None = None
    elsewhere: str = ""
    elsewhere_at: float | None = None


class Bound(NamedTuple):
    """A device with an account that does not end by itself, and its model or ""."""

    mac: int
    domain_id: int
    model: str


def account(connection: sqlite3.Connection) -> Account | None:
    """Return the account, or None."""
    rows = connection.execute(_ACCOUNT).fetchall()
    return Account(*rows[0]) if rows else None


def required_account(connection: sqlite3.Connection) -> Account:
    """Return the account; raises StoreNotFound."""
    found = account(connection)
    if found is None:
        raise StoreNotFound(_NO_ACCOUNT)
    return found


def begin_service(connection: sqlite3.Connection, service: str, wall: float) -> None:
    """Store that *service* is called from now on, the digest of its URL.

    What is known of another one, which was called until now, is forgotten.
    """
    changed = connection.execute(_OTHER_SERVICE, {"service": service})
    if changed.rowcount:
        connection.execute(_TRY_AGAIN, {"wall": wall})


def save_health(connection: sqlite3.Connection, found: Account) -> None:
    """Store how the service behaves, unless a command came in between."""
    connection.execute(_SAVE_HEALTH, found._asdict())


def save_lists(
    connection: sqlite3.Connection, account_id: int, done: int, lists: int
) -> None:
    """Store how many of the lists were asked for."""
    connection.execute(_SAVE_LISTS, {"id": account_id, "done": done, "lists": lists})


def save_listed(
    connection: sqlite3.Connection, account_id: int, began: float, strays: int
) -> None:
    """Store that a look at everything came to its end, and when it *began*."""
    named = {"id": account_id, "began": began, "strays": strays}
    connection.execute(_SAVE_LISTED, named)


def entries_of(connection: sqlite3.Connection, macs: Sequence[int]) -> list[Entry]:
    """Return what is known of *macs*, of some hundreds at most."""
    if not macs:
        return []
    sql = _ENTRIES_OF.format(placeholders(len(macs)))
    return [Entry(*row) for row in connection.execute(sql, list(macs)).fetchall()]


def due(
    connection: sqlite3.Connection, now: float, far: float, most: int
) -> list[Entry]:
    """Return *most* entries of which something is to be done *now*, longest due first.

    Those put off beyond *far* are due, too.
    """
    rows = connection.execute(_DUE, {"now": now, "far": far, "most": most}).fetchall()
    return [Entry(*row) for row in rows]


def next_due(connection: sqlite3.Connection) -> float | None:
    """Return when something is to be done next, None for never."""
    found: float | None = connection.execute(_NEXT).fetchall()[0][0]
    return found


def save(connection: sqlite3.Connection, entries: Iterable[Entry]) -> None:
    """Store *entries*."""
    connection.executemany(_SAVE, entries)


def delete(connection: sqlite3.Connection, macs: Iterable[int]) -> None:
    """Forget *macs*."""
    connection.executemany(_DELETE, [(mac,) for mac in macs])


def bound_of(connection: sqlite3.Connection, macs: Sequence[int]) -> list[Bound]:
    """Return those of *macs*, some hundreds at most, that shall be redirected."""
    if not macs:
        return []
    sql = _BOUND_OF.format(placeholders(len(macs)))
    return _redirected(connection.execute(sql, list(macs)).fetchall())


def within(
    connection: sqlite3.Connection, after: int, most: int
) -> tuple[list[Bound], list[Entry], int | None]:
    """Return who shall be redirected and what is known, of *most* MACs behind *after*.

    And the MAC to go on behind, None at the end.
    """
    ends = [
        row[0]
        for sql in (_DEVICE_AT, _ENTRY_AT)
        for row in connection.execute(sql, {"after": after, "most": most - 1})
    ]
    last = min(ends, default=_LAST_MAC)
    span = {"after": after, "last": last}
    bound = connection.execute(_BOUND_WITHIN, span).fetchall()
    rows = connection.execute(_ENTRIES_WITHIN, {**span, "most": most + 1}).fetchall()
    known = [Entry(*row) for row in rows]
    return _redirected(bound), known, last if ends else None


def sealed_token(connection: sqlite3.Connection, domain_id: int) -> bytes:
    """Return the token of a domain, sealed as ``proofs.tokens`` does; b"" for none."""
    rows = connection.execute(_TOKEN, {"domain_id": domain_id}).fetchall()
    return bytes(rows[0][0]) if rows else b""


def _redirected(rows: Iterable[Sequence[Any]]) -> list[Bound]:
    return [Bound(*row) for row in rows if is_snom(row[0])]
