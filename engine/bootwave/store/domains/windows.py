"""What administrators do with windows: open, close, list."""

import json
import math
from collections.abc import Sequence
from typing import Any

from bootwave.directory.records import Opening, Window
from bootwave.errors import SettingError, StoreNotFound
from bootwave.pairing.windows import end_of
from bootwave.phone.mac import required_mac, text_from_mac
from bootwave.store.changelog import MOST_IN_ONE
from bootwave.store.domains import openings
from bootwave.store.domains.numberranges import accounts_within
from bootwave.store.names import checked_minutes
from bootwave.store.work import ACCOUNT_ROWS, AccountRow, Work

_OPEN = """
INSERT INTO windows (account_id, boot_id, opened, deadline, consumed_mac,
  consumed_source, pairing_end, closed_at, closed_by, opening_id)
VALUES (:account_id, :boot_id, :opened, :deadline, 0, '', 0, NULL, '', :opening_id)
"""
_CLOSE = """
UPDATE windows SET closed_at = :now, closed_by = :by
WHERE account_id = :account_id AND closed_at IS NULL
RETURNING id
"""
_CLOSE_SOME = """
UPDATE windows SET closed_at = :now, closed_by = :by
WHERE account_id IN (SELECT value FROM json_each(:ids)) AND closed_at IS NULL
"""
_NOT_CLOSED = """
SELECT w.account_id, w.id, w.account_id, w.boot_id, w.opened, w.deadline,
  w.consumed_mac, w.consumed_source, w.pairing_end
FROM json_each(:ids) j CROSS JOIN windows w ON w.account_id = j.value
WHERE w.closed_at IS NULL
"""
_CLOSE_CONSUMED = """
UPDATE windows SET closed_at = :now, closed_by = :by
WHERE account_id = :account_id AND closed_at IS NULL AND consumed_mac = :mac
RETURNING id
"""
_OF_DOMAIN = ACCOUNT_ROWS + "WHERE a.domain_id = :domain_id ORDER BY a.number"
_OF_MAC = """
SELECT account_id FROM bindings WHERE mac = :mac ORDER BY identity
"""
_BY_ID = ACCOUNT_ROWS + "WHERE a.id = :id"
_UNBOUND = """
SELECT j.value FROM json_each(:ids) j
WHERE NOT EXISTS (SELECT 1 FROM bindings b WHERE b.account_id = j.value)
"""
_OF_ACCOUNT = """
SELECT w.id, w.account_id, w.boot_id, w.opened, w.deadline, w.consumed_mac,
  w.consumed_source, w.pairing_end, w.closed_at, w.closed_by,
  o.opened_at, o.opened_by, o.most_claims, o.claims, o.ouis, o.subnet, o.models
FROM windows w LEFT JOIN openings o ON o.id = w.opening_id
WHERE w.account_id = :account_id
"""

NO_OPENING = (None, "", 0, 0, "", "", "")  # of a window of an older version
UNBOUNDED = Opening()
LIVE = ("open", "used")  # states in which somebody may fetch
NOTED_ONE_BY_ONE = 100  # accounts in the audit log; more are told by their number


def chosen(
    work: Work,
    accounts: Sequence[str],
    domain: str | None,
    macs: Sequence[str] = (),
    numbers: Sequence[str] = (),
) -> list[AccountRow]:
    """Return the accounts named, those of *macs*, and those within *numbers*.

    *numbers* are numbers of *domain* or ranges of them (``400-449``).  With *domain*
    and nothing else, all of that domain.  Raises StoreNotFound when a MAC or a range
    has none.
    """
    found = [work.account(text, domain) for text in dict.fromkeys(accounts)]
    for text in macs:
        found += _of_mac(work, text)
    if domain is not None and (numbers or not (accounts or macs)):
        if numbers:
            found += accounts_within(work, domain, numbers)
        else:
            rows = work.connection.execute(
                _OF_DOMAIN, {"domain_id": work.domain_id(domain)}
            ).fetchall()
            found += [AccountRow(*row) for row in rows]
    elif numbers:
        raise SettingError("Numbers are of one domain: name it, too.")
    return list(dict.fromkeys(found))


def _of_mac(work: Work, text: str) -> list[AccountRow]:
    mac = required_mac(text)
    ids = work.connection.execute(_OF_MAC, {"mac": mac}).fetchall()
    found = [
        AccountRow(*work.connection.execute(_BY_ID, {"id": account_id}).fetchall()[0])
        for (account_id,) in ids
    ]
    if not found or not all(work.reaches(account.domain) for account in found):
        raise StoreNotFound(
            f"{text_from_mac(mac)} is bound to no account: bootwave account bind "
            "NUMBER@DOMAIN MAC binds it."
        )
    return found


def open_for(
    work: Work,
    accounts: Sequence[AccountRow],
    minutes: float | None,
    bounds: Opening = UNBOUNDED,
    domain: str | None = None,
) -> dict[str, Any]:
    """Open *accounts* for *minutes*; a window they have is replaced.

    *bounds* says which unknown phones may claim those that are wildcards.  *domain* is
    the one that is opened as a whole, for the audit log.  ``unbound`` of the result
    are those that no phone can use, ``wildcards`` how many an unknown one can.
    """
    for_minutes = checked_minutes(
        work.pairing.window_minutes if minutes is None else minutes
    )
    one_by_one = len(accounts) <= NOTED_ONE_BY_ONE
    for account in accounts if one_by_one else ():
        if state_of(work, account.id)["state"] in LIVE:
            work.note("window.closed", account.name, why="replaced")
    opening = open_many(work, [account.id for account in accounts], for_minutes, bounds)
    told = {
        "opening": opening,
        "minutes": for_minutes,
        "most": bounds.most_claims or None,
        **openings.texts_of(bounds),
    }
    if one_by_one:
        for account in accounts:
            work.note("window.opened", account.name, **told)
    else:
        subject = domain or f"{len(accounts)} accounts"
        work.note("window.opened", subject, accounts=len(accounts), **told)
    if len(accounts) > MOST_IN_ONE:
        work.touched("all", 0)  # which is what so many would become
    else:
        for account in accounts:
            work.touched_account(account)
    return {
        "opened": [account.name for account in accounts],
        "unbound": _unbound(work, accounts),
        "wildcards": sum(1 for account in accounts if account.wildcard),
        "opening": opening,
        "minutes": for_minutes,
        "until": _until(work, for_minutes * 60),
    }


def _unbound(work: Work, accounts: Sequence[AccountRow]) -> list[str]:
    """Return which of *accounts* are bound to no phone and to no wildcard."""
    ids = json.dumps([account.id for account in accounts if not account.wildcard])
    rows = work.connection.execute(_UNBOUND, {"ids": ids}).fetchall()
    found = {account_id for (account_id,) in rows}
    return [account.name for account in accounts if account.id in found]


def open_many(
    work: Work,
    account_ids: Sequence[int],
    minutes: float,
    bounds: Opening = UNBOUNDED,
    opening: int | None = None,
) -> int:
    """Open the accounts *account_ids*, whose change the caller notes.

    Returns the number of the opening: a new one, or *opening*, which goes on.
    """
    if opening is None:
        opening = openings.add(work, bounds)
    deadline = work.at.boottime + checked_minutes(minutes) * 60
    rows = [
        {
            "account_id": account_id,
            "boot_id": work.at.boot_id,
            "opened": work.at.boottime,
            "deadline": deadline,
            "opening_id": opening,
        }
        for account_id in account_ids
    ]
    openings.remove_windows(work.connection, account_ids)
    work.connection.executemany(_OPEN, rows)
    return opening


def close_for(
    work: Work, accounts: Sequence[AccountRow], domain: str | None = None
) -> dict[str, Any]:
    """Close the windows of *accounts*, pins included; which were open until now."""
    live, ended = _not_closed(work, accounts)
    now = work.at.boottime
    for ids, by in ((live, "operator"), (ended, "time")):
        named = {"ids": json.dumps([*ids]), "now": now, "by": by}
        work.connection.execute(_CLOSE_SOME, named)
    if len(live) + len(ended) > MOST_IN_ONE:
        work.touched_everything()
    closed = []
    for account in accounts if live or ended else ():
        if account.id in live or account.id in ended:
            work.touched_account(account)
        if account.id in live:
            closed.append(account.name)
            if len(accounts) <= NOTED_ONE_BY_ONE:
                work.note("window.closed", account.name, why="operator")
    if len(accounts) > NOTED_ONE_BY_ONE and closed:
        subject = domain or f"{len(closed)} accounts"
        work.note("window.closed", subject, accounts=len(closed), why="operator")
    return {"closed": closed}


def _not_closed(
    work: Work, accounts: Sequence[AccountRow]
) -> tuple[set[int], set[int]]:
    """Return which of *accounts* have a window that is live, and one that has ended."""
    ids = json.dumps([account.id for account in accounts])
    live: set[int] = set()
    ended: set[int] = set()
    for account_id, *row in work.connection.execute(_NOT_CLOSED, {"ids": ids}):
        (live if _is_live(Window(*row), work) else ended).add(account_id)
    return live, ended


def _is_live(window: Window, work: Work) -> bool:
    end = end_of(window) if window.consumed_mac else window.deadline
    return window.boot_id == work.at.boot_id and end > work.at.boottime


def close_window(work: Work, account_id: int, by: str) -> bool:
    """Whether the account had a window that was not closed; it is closed now."""
    rows = work.connection.execute(
        _CLOSE, {"account_id": account_id, "now": work.at.boottime, "by": by}
    ).fetchall()
    return bool(rows)


def close_consumed_by(work: Work, account_id: int, mac: int, by: str) -> bool:
    """Whether *mac* had used the account's window; it is closed now."""
    rows = work.connection.execute(
        _CLOSE_CONSUMED,
        {
            "account_id": account_id,
            "now": work.at.boottime,
            "by": by,
            "mac": mac,
        },
    ).fetchall()
    return bool(rows)


def told(work: Work, row: Sequence[Any]) -> dict[str, Any]:
    """Return the window of a *row*: what it is of, then ``_OF_ACCOUNT``'s."""
    return {
        "account": f"{row[0]}@{row[1]}",
        "wildcard": row[2],
        **_state(work, row[3:]),
    }


def state_of(work: Work, account_id: int) -> dict[str, Any]:
    """Return what the account's window is now; its state is "closed" without one."""
    rows = work.connection.execute(_OF_ACCOUNT, {"account_id": account_id}).fetchall()
    if not rows:
        return {
            "state": "closed",
            "seconds_left": 0,
            "until": None,
            "mac": "",
            "source": "",
            **_opening(NO_OPENING),
            "closed_by": "",
        }
    return _state(work, rows[0])


def _state(work: Work, row: Sequence[Any]) -> dict[str, Any]:
    """Return an open, used, ended or closed window as people read it."""
    window = Window(*row[:8])
    end = end_of(window) if window.consumed_mac else window.deadline
    left = end - work.at.boottime
    if row[8] is not None:  # closed_at
        state = "closed"
    elif window.boot_id != work.at.boot_id or left <= 0:
        state = "ended"
    else:
        state = "used" if window.consumed_mac else "open"
    live = state in LIVE
    return {
        "state": state,
        "seconds_left": round(left) if live else 0,
        "until": _until(work, left) if live else None,
        "mac": text_from_mac(window.consumed_mac) if window.consumed_mac else "",
        "source": window.consumed_source,
        **_opening(row[10:]),
        "closed_by": row[9],
    }


def _until(work: Work, seconds: float) -> int:
    """Return the second since 1970 by which so many *seconds* from now will be over.

    A whole one: the clock for people and the one that decides are read one after the
    other, so that the digits behind it would be others each time.  Nothing is given
    after it, so it is never before the end.
    """
    return math.ceil(work.at.wall + seconds)


def _opening(row: Sequence[Any]) -> dict[str, Any]:
    """Return who opened a window, when, and for which unknown phones."""
    opened_at, opened_by, most, claims, ouis, subnet, models = row
    return {
        "opened_at": opened_at,
        "opened_by": opened_by or "",
        "most": most or None,
        "claims": claims or 0,
        "ouis": (ouis or "").split(),
        "subnet": subnet or "",
        "models": (models or "").split(),
    }
