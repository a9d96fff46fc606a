"""The writes that phones cause: a window is consumed, a wildcard account claimed.

What a phone authenticates with later is made beside them (proofs.credentials).

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

import json
import sqlite3
from typing import NamedTuple

from bootwave.pairing.decisions import Claim, Consume
from bootwave.pairing.instant import Instant
from bootwave.pairing.openings import admits
from bootwave.phone.mac import text_from_mac
from bootwave.store import audit
from bootwave.store.changelog import Change, record
from bootwave.store.domains.claims import (
    adopt_device,
    forget_expired_of_account,
    forget_expired_of_device,
    refresh_star_subnet,
)
from bootwave.store.domains.openings import opening_from_row

# What a phone that nobody had did within this before it claimed an account belongs to
# that start: its SUBSCRIBE, and an answer that is of an instant before the claim.
START_SECONDS = 60.0

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
RETURNING account_id, (
  SELECT a.number || '@' || d.name FROM accounts a JOIN domains d ON d.id = a.domain_id
  WHERE a.id = windows.account_id
), (SELECT COUNT(*) FROM bindings b WHERE b.mac = :mac)
"""
# Whose passwords the phone takes with those of the accounts that were opened.
_OTHERS = """
SELECT a.number || '@' || d.name
FROM bindings b
JOIN accounts a ON a.id = b.account_id
JOIN domains d ON d.id = a.domain_id
WHERE b.mac = :mac
  AND (b.expires IS NULL OR (b.boot_id = :boot_id AND b.expires > :now))
  AND NOT EXISTS (
    SELECT 1 FROM windows w
    WHERE w.account_id = b.account_id
      AND w.id IN (SELECT j.value FROM json_each(:windows) j)
  )
ORDER BY b.identity
"""
# The phone gets its passwords now, for as long as pairing.passwords_hours says.
_PROVISIONED = "UPDATE devices SET provisioned_at = :wall WHERE mac = :mac"
_FIRST_TAKEN = """
UPDATE devices SET provisioned_at = :wall WHERE mac = :mac AND provisioned_at IS NULL
"""
_CERTIFICATE = """
UPDATE devices SET certificate_serial = :serial, certificate_key = :key
WHERE mac = :mac AND (certificate_key IS NULL OR certificate_key <> :key
  OR certificate_serial <> :serial)
"""
_CLAIMABLE = """
SELECT a.domain_id, a.wildcard,
  COALESCE((SELECT w.opening_id FROM windows w WHERE w.id = :window_id), 0)
FROM accounts a
WHERE a.id = :account_id AND a.wildcard <> ''
  AND NOT EXISTS (SELECT 1 FROM bindings b WHERE b.mac = :mac)
  AND (a.wildcard = '*' OR NOT EXISTS (
    SELECT 1 FROM bindings b
    WHERE b.account_id = a.id AND b.expires IS NOT NULL
  ))
  AND (:window_id IS NULL) <> EXISTS (
    SELECT 1 FROM windows w
    WHERE (:window_id IS NULL OR w.id = :window_id) AND w.account_id = a.id
      AND w.consumed_mac = 0 AND w.closed_at IS NULL
      AND w.boot_id = :boot_id AND w.opened <= :now AND w.deadline > :now
  )
"""
# The count is of the opening, not of the account: this is where it is decided.
_COUNT = """
UPDATE openings SET claims = claims + 1
WHERE id = :opening_id AND (most_claims = 0 OR claims < most_claims)
RETURNING most_claims, claims - 1, ouis, subnet, models
"""
_UNCOUNT = "UPDATE openings SET claims = claims - 1 WHERE id = :opening_id"
_BIND = """
INSERT INTO bindings (mac, identity, account_id, domain_id, expires, boot_id)
VALUES (:mac, 1, :account_id, :domain_id, :expires, :boot_id)
"""
_CLAIMED = "UPDATE accounts SET wildcard = '' WHERE id = :account_id"
_NAME = """
SELECT a.number || '@' || d.name FROM accounts a JOIN domains d ON d.id = a.domain_id
WHERE a.id = :account_id
"""
_REMEMBER_MODEL = """
UPDATE devices SET model = :model WHERE mac = :mac AND model <> :model RETURNING mac
"""
_OWN_CERTIFICATE = """
UPDATE devices SET owns_certificate = 1
WHERE mac = :mac AND owns_certificate = 0 RETURNING mac
"""


def consume_window(
    connection: sqlite3.Connection,
    *,
    window_id: int,
    mac: int,
    source: str,
    now: Instant,
    pairing_seconds: float,
) -> bool:
    """Whether *mac* at *source* is now the one phone that used the window.

    False when the window was consumed, closed, is past its deadline or of another
    boot, and when the MAC is no longer bound to its account.
    """
    return _taken(connection, window_id, mac, source, now, pairing_seconds) > 0


def _taken(
    connection: sqlite3.Connection,
    window_id: int,
    mac: int,
    source: str,
    now: Instant,
    pairing_seconds: float,
) -> int:
    """Return how many accounts the phone that took the window has, 0 if it did not."""
    rows = connection.execute(
        _CONSUME,
        {
            "window_id": window_id,
            "mac": mac,
            "source": source,
            "now": now.boottime,
            "boot_id": now.boot_id,
            "pairing_end": now.boottime + pairing_seconds,
        },
    ).fetchall()
    if not rows:
        return 0
    account_id, account, accounts = rows[0]
    connection.execute(_PROVISIONED, {"mac": mac, "wall": now.wall})
    record(connection, [Change("account", account_id)])
    audit.append(
        connection,
        now.wall,
        audit.phone_actor(mac),
        "window.used",
        account,
        {"from": source},
    )
    return int(accounts)


def consume(connection: sqlite3.Connection, decision: Consume, now: Instant) -> bool:
    """Whether all windows of *decision* were taken at *now*; otherwise none was."""
    seconds = decision.pairing_end - decision.at

    def take(window_id: int) -> int:
        return _taken(
            connection, window_id, decision.mac, decision.source, now, seconds
        )

    if len(decision.windows) == 1:  # there is nothing to undo
        accounts = take(decision.windows[0])
    else:
        connection.execute("SAVEPOINT consume")
        accounts = 0
        for window_id in decision.windows:
            accounts = take(window_id)
            if not accounts:
                break
        if not accounts:
            connection.execute("ROLLBACK TO consume")
        connection.execute("RELEASE consume")
    if accounts > len(decision.windows):
        _tell_others(connection, decision, now)
    return accounts > 0


def _tell_others(
    connection: sqlite3.Connection, decision: Consume, now: Instant
) -> None:
    """Tell the audit log of the accounts in the phone's document that were not open.

    Of those that were, their windows' rows tell.
    """
    others = connection.execute(
        _OTHERS,
        {
            "mac": decision.mac,
            "boot_id": now.boot_id,
            "now": now.boottime,
            "windows": json.dumps(decision.windows),
        },
    ).fetchall()
    if others:
        accounts = tuple([name for (name,) in others])
        note = Taken(decision.mac, "window", decision.source, accounts)
        _append_taken(connection, note, now)


def claim_wildcard(
    connection: sqlite3.Connection,
    *,
    account_id: int,
    window_id: int | None,
    mac: int,
    address: str,
    model: str,
    source: str,
    now: Instant,
    pairing_seconds: float,
    temporary_seconds: float,
) -> bool:
    """Whether *mac* has the wildcard account now, its window consumed with it.

    Without *window_id* the account must not be open: a certificate claims it.  ``*``:
    the MAC is remembered, and the account is no wildcard any more.  ``?``: the binding
    ends after *temporary_seconds* and the account stays a wildcard.  False when the
    account is no wildcard or held, its window not free or opened for other phones than
    a *model* at *address*, or the MAC bound.
    """
    at = {"boot_id": now.boot_id, "now": now.boottime}
    forget_expired_of_account(connection, account_id, now.boottime, now.boot_id)
    forget_expired_of_device(connection, mac, now.boottime, now.boot_id)
    rows = connection.execute(
        _CLAIMABLE,
        {"account_id": account_id, "window_id": window_id, "mac": mac, **at},
    ).fetchall()
    if not rows:
        return False
    domain_id, wildcard, opening_id = rows[0]
    if opening_id and not _counted(connection, opening_id, mac, address, model):
        return False
    temporary = wildcard == "?"
    adopt_device(connection, mac, domain_id, now.wall, before=START_SECONDS)
    connection.execute(
        _BIND,
        {
            "mac": mac,
            "account_id": account_id,
            "domain_id": domain_id,
            "expires": now.boottime + temporary_seconds if temporary else None,
            "boot_id": now.boot_id if temporary else "",
        },
    )
    if not temporary:
        connection.execute(_CLAIMED, {"account_id": account_id})
        refresh_star_subnet(connection, domain_id)
    record(connection, [Change("wildcard", domain_id), Change("device", mac)])
    told = {"mac": text_from_mac(mac), "wildcard": wildcard, "from": address}
    if window_id is None:
        _tell_claim(connection, account_id, mac, {**told, "by": "certificate"}, now)
        connection.execute(_PROVISIONED, {"mac": mac, "wall": now.wall})
        return True
    _tell_claim(connection, account_id, mac, told, now)
    taken = consume_window(
        connection,
        window_id=window_id,
        mac=mac,
        source=source,
        now=now,
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
            address=decision.address,
            model=decision.model,
            source=decision.source,
            now=now,
            pairing_seconds=decision.pairing_end - decision.at,
            temporary_seconds=(candidate.expires or decision.at) - decision.at,
        )
        for candidate in decision.candidates
    )


def _counted(
    connection: sqlite3.Connection, opening_id: int, mac: int, address: str, model: str
) -> bool:
    """Whether the phone is one that the opening is for, and counted as such."""
    rows = connection.execute(_COUNT, {"opening_id": opening_id}).fetchall()
    if not rows:
        return False
    if admits(opening_from_row(rows[0]), mac, address, model):
        return True
    connection.execute(_UNCOUNT, {"opening_id": opening_id})
    return False


def _tell_claim(
    connection: sqlite3.Connection,
    account_id: int,
    mac: int,
    told: dict[str, str],
    now: Instant,
) -> None:
    ((account,),) = connection.execute(_NAME, {"account_id": account_id}).fetchall()
    audit.append(
        connection,
        now.wall,
        audit.phone_actor(mac),
        "account.claimed",
        account,
        told,
    )


class Taken(NamedTuple):
    """That the phone *mac* took its secrets under a grant of *kind*.

    Under a window's, those of accounts that had none.  *source* is the address it did
    so from, *accounts* whose passwords were told.  *serial* and *key*, the SHA-256 of
    its SubjectPublicKeyInfo, name the certificate that the grant is for, if it is.
    """

    mac: int
    kind: str
    source: str
    accounts: tuple[str, ...]
    serial: int = 0
    key: bytes = b""


def note_taken(connection: sqlite3.Connection, taken: Taken, now: Instant) -> None:
    """Write down *taken*, and that the phone is provisioned since *now* if it was not.

    Not logged as a change: whoever keeps its document reckons with the same moment.
    """
    connection.execute(_FIRST_TAKEN, {"mac": taken.mac, "wall": now.wall})
    if taken.key:
        serial, key = str(taken.serial), taken.key.hex()
        connection.execute(
            _CERTIFICATE, {"mac": taken.mac, "serial": serial, "key": key}
        )
    _append_taken(connection, taken, now)


def _append_taken(connection: sqlite3.Connection, taken: Taken, now: Instant) -> None:
    named = {}
    if taken.key:
        # As bootwave tls block takes them.
        named = {"serial": f"{taken.serial:X}", "key": taken.key.hex()}
    audit.append(
        connection,
        now.wall,
        audit.phone_actor(taken.mac),
        "document.taken",
        text_from_mac(taken.mac),
        {
            "grant": taken.kind,
            "from": taken.source,
            "passwords_of": list(taken.accounts),
            **named,
        },
    )


def remember_model(connection: sqlite3.Connection, *, mac: int, model: str) -> bool:
    """Whether the known device *mac* was of another model until now.

    For the transaction that takes a window of the device, hence not logged.
    """
    rows = connection.execute(
        _REMEMBER_MODEL, {"mac": mac, "model": model[:64]}
    ).fetchall()
    return bool(rows)


def own_certificate(connection: sqlite3.Connection, *, mac: int) -> bool:
    """Whether the known device *mac* was not known to own a certificate until now.

    Logged: what was kept of it under a window holds over clear HTTP no more.
    """
    rows = connection.execute(_OWN_CERTIFICATE, {"mac": mac}).fetchall()
    if rows:
        record(connection, [Change("device", mac)])
    return bool(rows)
