"""What administrators do with windows: open, close, list."""

import json
from collections.abc import Sequence
from typing import Any

from bootwave.directory.records import Window
from bootwave.pairing.windows import end_of
from bootwave.phone.mac import text_from_mac
from bootwave.store.changelog import MOST_IN_ONE
from bootwave.store.names import checked_minutes
from bootwave.store.work import ACCOUNT_ROWS, AccountRow, Work

_DELETE = "DELETE FROM windows WHERE account_id = :account_id"
_OPEN = """
INSERT INTO windows (account_id, boot_id, opened, deadline, consumed_mac,
  consumed_source, pairing_end, closed_at, closed_by)
VALUES (:account_id, :boot_id, :opened, :deadline, 0, '', 0, NULL, '')
"""
_CLOSE = """
UPDATE windows SET closed_at = :now, closed_by = :by
WHERE account_id = :account_id AND closed_at IS NULL
RETURNING id
"""
_CLOSE_CONSUMED = """
UPDATE windows SET closed_at = :now, closed_by = :by
WHERE account_id = :account_id AND closed_at IS NULL AND consumed_mac = :mac
RETURNING id
"""
_OF_DOMAIN = ACCOUNT_ROWS + "WHERE a.domain_id = :domain_id ORDER BY a.number"
_UNBOUND = """
SELECT j.value FROM json_each(:ids) j
WHERE NOT EXISTS (SELECT 1 FROM bindings b WHERE b.account_id = j.value)
"""
_LIST = """
SELECT a.number, d.name, a.wildcard,
  w.id, w.account_id, w.boot_id, w.opened, w.deadline, w.consumed_mac,
  w.consumed_source, w.pairing_end, w.closed_at, w.closed_by
FROM windows w
JOIN accounts a ON a.id = w.account_id
JOIN domains d ON d.id = a.domain_id
ORDER BY d.name, a.number
"""
_OF_ACCOUNT = """
SELECT w.id, w.account_id, w.boot_id, w.opened, w.deadline, w.consumed_mac,
  w.consumed_source, w.pairing_end, w.closed_at, w.closed_by
FROM windows w WHERE w.account_id = :account_id
"""


def chosen(work: Work, accounts: Sequence[str], domain: str | None) -> list[AccountRow]:
    """Return the accounts named; with *domain* and no names, all of that domain."""
    if not accounts and domain is not None:
        rows = work.connection.execute(
            _OF_DOMAIN, {"domain_id": work.domain_id(domain)}
        ).fetchall()
        return [AccountRow(*row) for row in rows]
    return [work.account(text, domain) for text in dict.fromkeys(accounts)]


def open_for(
    work: Work, accounts: Sequence[AccountRow], minutes: float | None
) -> dict[str, Any]:
    """Open *accounts* for *minutes*; a window they have is replaced.

    ``unbound`` of the result are those that no phone can use.
    """
    for_minutes = checked_minutes(
        work.pairing.window_minutes if minutes is None else minutes
    )
    open_many(work, [account.id for account in accounts], for_minutes)
    if len(accounts) > MOST_IN_ONE:
        work.touched("all", 0)  # which is what so many would become
    else:
        for account in accounts:
            work.touched_account(account)
    return {
        "opened": [account.name for account in accounts],
        "unbound": _unbound(work, accounts),
        "minutes": for_minutes,
        "until": work.at.wall + for_minutes * 60,
    }


def _unbound(work: Work, accounts: Sequence[AccountRow]) -> list[str]:
    """Return which of *accounts* are bound to no phone and to no wildcard."""
    ids = json.dumps([account.id for account in accounts if not account.wildcard])
    rows = work.connection.execute(_UNBOUND, {"ids": ids}).fetchall()
    found = {account_id for (account_id,) in rows}
    return [account.name for account in accounts if account.id in found]


def open_many(work: Work, account_ids: Sequence[int], minutes: float) -> None:
    """Open the accounts *account_ids*, whose change the caller notes."""
    deadline = work.at.boottime + checked_minutes(minutes) * 60
    rows = [
        {
            "account_id": account_id,
            "boot_id": work.at.boot_id,
            "opened": work.at.boottime,
            "deadline": deadline,
        }
        for account_id in account_ids
    ]
    work.connection.executemany(_DELETE, [{"account_id": id_} for id_ in account_ids])
    work.connection.executemany(_OPEN, rows)


def close_for(work: Work, accounts: Sequence[AccountRow]) -> dict[str, Any]:
    """Close the windows of *accounts*, pins included; which were open until now."""
    closed = []
    for account in accounts:
        state = state_of(work, account.id)
        if close_window(work, account.id, "operator"):
            work.touched_account(account)
        if state["state"] in ("open", "used"):
            closed.append(account.name)
    return {"closed": closed}


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


def listed(work: Work, domain: str | None, *, everything: bool) -> list[dict[str, Any]]:
    """Return the windows that let somebody fetch now, with *everything* the others."""
    name = None
    if domain is not None:
        work.domain_id(domain)
        name = domain.strip().lower()
    shown = []
    for row in work.connection.execute(_LIST).fetchall():
        if name is not None and row[1] != name:
            continue
        state = _state(work, row[3:])
        if everything or state["state"] in ("open", "used"):
            shown.append(
                {
                    "account": f"{row[0]}@{row[1]}",
                    "wildcard": row[2],
                    **state,
                }
            )
    return shown


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
        }
    return _state(work, rows[0])


def _state(work: Work, row: tuple[Any, ...]) -> dict[str, Any]:
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
    live = state in ("open", "used")
    return {
        "state": state,
        "seconds_left": round(left) if live else 0,
        "until": work.at.wall + left if live else None,
        "mac": text_from_mac(window.consumed_mac) if window.consumed_mac else "",
        "source": window.consumed_source,
    }
