"""The writes that phones cause: a window is consumed, a wildcard account claimed.

What a phone authenticates with later is made beside them (store.credentials).

Each is an operation for the ``Writer`` and conditional: it looks again, inside the
transaction, at everything the decision rested on, because between decision and write
another phone, another worker or an administrator may have come first.  Instants are
those of the write, not of the decision, so that waiting in the queue stretches no
deadline.  Nothing is half done: False means that nothing was taken.

That a window was used is logged for the account only, whose window the list of
wildcards shows, not for the device: while a window waits for a phone nobody keeps a
document of that phone, since opening it ended what was kept and the next thing decided
is to take it.  So whoever reads the log, the taker's own worker first of all, has
nothing to forget.
"""

import sqlite3

from bootwave.pairing.decisions import Claim, Consume
from bootwave.pairing.instant import Instant
from bootwave.store.changelog import Change, record
from bootwave.store.claims import (
    adopt_device,
    forget_expired_of_account,
    forget_expired_of_device,
    refresh_star_subnet,
)

_CONSUME = """
UPDATE windows
SET consumed_mac = :mac, consumed_source = :source, pairing_end = :pairing_end
WHERE id = :window_id AND consumed_mac = 0 AND closed_at IS NULL
  AND boot_id = :boot_id AND opened <= :now AND deadline > :now
  AND EXISTS (
    SELECT 1 FROM bindings b
    WHERE b.account_id = windows.account_id AND b.mac = :mac
      AND (b.expires IS NULL OR (b.boot_id = :boot_id AND b.expires > :now))
  )
RETURNING account_id
"""
_CLAIMABLE = """
SELECT a.domain_id, a.wildcard FROM accounts a
WHERE a.id = :account_id AND a.wildcard <> ''
  AND NOT EXISTS (SELECT 1 FROM bindings b WHERE b.mac = :mac)
  AND (a.wildcard = '*' OR NOT EXISTS (
    SELECT 1 FROM bindings b
    WHERE b.account_id = a.id AND b.expires IS NOT NULL
  ))
  AND EXISTS (
    SELECT 1 FROM windows w
    WHERE w.id = :window_id AND w.account_id = a.id
      AND w.consumed_mac = 0 AND w.closed_at IS NULL
      AND w.boot_id = :boot_id AND w.opened <= :now AND w.deadline > :now
  )
"""
_BIND = """
INSERT INTO bindings (mac, identity, account_id, domain_id, expires, boot_id)
VALUES (:mac, 1, :account_id, :domain_id, :expires, :boot_id)
"""
_CLAIMED = "UPDATE accounts SET wildcard = '' WHERE id = :account_id"
_REMEMBER_MODEL = """
UPDATE devices SET model = :model WHERE mac = :mac AND model <> :model RETURNING mac
"""


def consume_window(
    connection: sqlite3.Connection,
    *,
    window_id: int,
    mac: int,
    source: str,
    now_boottime: float,
    boot_id: str,
    pairing_seconds: float,
) -> bool:
    """Whether *mac* at *source* is now the one phone that used the window.

    False when the window was consumed, closed, is past its deadline or of another
    boot, and when the MAC is no longer bound to its account.
    """
    rows = connection.execute(
        _CONSUME,
        {
            "window_id": window_id,
            "mac": mac,
            "source": source,
            "now": now_boottime,
            "boot_id": boot_id,
            "pairing_end": now_boottime + pairing_seconds,
        },
    ).fetchall()
    if not rows:
        return False
    record(connection, [Change("account", rows[0][0])])
    return True


def consume(connection: sqlite3.Connection, decision: Consume, now: Instant) -> bool:
    """Whether all windows of *decision* were taken at *now*; otherwise none was."""
    seconds = decision.pairing_end - decision.at

    def take(window_id: int) -> bool:
        return consume_window(
            connection,
            window_id=window_id,
            mac=decision.mac,
            source=decision.source,
            now_boottime=now.boottime,
            boot_id=now.boot_id,
            pairing_seconds=seconds,
        )

    if len(decision.windows) == 1:  # there is nothing to undo
        return take(decision.windows[0])
    connection.execute("SAVEPOINT consume")
    taken = bool(decision.windows) and all(map(take, decision.windows))
    if not taken:
        connection.execute("ROLLBACK TO consume")
    connection.execute("RELEASE consume")
    return taken


def claim_wildcard(
    connection: sqlite3.Connection,
    *,
    account_id: int,
    window_id: int,
    mac: int,
    source: str,
    now_boottime: float,
    boot_id: str,
    pairing_seconds: float,
    temporary_seconds: float,
) -> bool:
    """Whether *mac* has the wildcard account now, its window consumed with it.

    ``*``: the MAC is remembered, and the account is no wildcard any more.  ``?``: the
    binding ends after *temporary_seconds* and the account stays a wildcard.  False
    when the account is no wildcard or held, its window not free, or the MAC bound.
    """
    at = {"boot_id": boot_id, "now": now_boottime}
    forget_expired_of_account(connection, account_id, now_boottime, boot_id)
    forget_expired_of_device(connection, mac, now_boottime, boot_id)
    rows = connection.execute(
        _CLAIMABLE,
        {"account_id": account_id, "window_id": window_id, "mac": mac, **at},
    ).fetchall()
    if not rows:
        return False
    domain_id, wildcard = rows[0]
    temporary = wildcard == "?"
    adopt_device(connection, mac, domain_id)
    connection.execute(
        _BIND,
        {
            "mac": mac,
            "account_id": account_id,
            "domain_id": domain_id,
            "expires": now_boottime + temporary_seconds if temporary else None,
            "boot_id": boot_id if temporary else "",
        },
    )
    if not temporary:
        connection.execute(_CLAIMED, {"account_id": account_id})
        refresh_star_subnet(connection, domain_id)
    record(connection, [Change("wildcard", domain_id), Change("device", mac)])
    taken = consume_window(
        connection,
        window_id=window_id,
        mac=mac,
        source=source,
        now_boottime=now_boottime,
        boot_id=boot_id,
        pairing_seconds=pairing_seconds,
    )
    # Just looked at, inside the same transaction.
    assert taken
    return True


def claim(connection: sqlite3.Connection, decision: Claim, now: Instant) -> bool:
    """Whether one of the candidates of *decision*, the first still free, is bound."""
    return any(
        claim_wildcard(
            connection,
            account_id=candidate.account_id,
            window_id=candidate.window_id,
            mac=decision.mac,
            source=decision.source,
            now_boottime=now.boottime,
            boot_id=now.boot_id,
            pairing_seconds=decision.pairing_end - decision.at,
            temporary_seconds=(candidate.expires or decision.at) - decision.at,
        )
        for candidate in decision.candidates
    )


def remember_model(connection: sqlite3.Connection, *, mac: int, model: str) -> bool:
    """Whether the known device *mac* was of another model until now.

    For the transaction that takes a window of the device, hence not logged.
    """
    rows = connection.execute(
        _REMEMBER_MODEL, {"mac": mac, "model": model[:64]}
    ).fetchall()
    return bool(rows)
