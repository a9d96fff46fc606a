"""Rows of a page as people and programs read them."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from bootwave.phone.mac import text_from_mac
from bootwave.store.audit import told_detail
from bootwave.store.domains import windows
from bootwave.store.domains.domains import FIELDS
from bootwave.store.listing.pages import Row
from bootwave.store.work import Work

Shaped = list[dict[str, Any]]

_BOUND = """
SELECT b.account_id, b.mac, b.identity, b.expires, b.boot_id
FROM json_each(:ids) j CROSS JOIN bindings b ON b.account_id = j.value
ORDER BY b.account_id, b.mac
"""
_MEMBERS = """
SELECT b.mac, a.number, d.name, b.expires, b.boot_id
FROM json_each(:macs) j CROSS JOIN bindings b ON b.mac = j.value
CROSS JOIN accounts a ON a.id = b.account_id
CROSS JOIN domains d ON d.id = a.domain_id
ORDER BY b.mac, b.identity
"""
_COUNTS = """
SELECT d.name, (SELECT COUNT(*) FROM accounts a WHERE a.domain_id = d.id),
  (SELECT COUNT(*) FROM devices v WHERE v.domain_id = d.id)
FROM json_each(:names) j CROSS JOIN domains d ON d.name = j.value
"""


def _domains(work: Work, rows: Sequence[Row]) -> Shaped:
    """Return domains with how much each has: of a page it is read, not of all."""
    names = json.dumps([row[0] for row in rows])
    counted = work.connection.execute(_COUNTS, {"names": names}).fetchall()
    counts = {
        name: {"accounts": accounts, "devices": devices}
        for name, accounts, devices in counted
    }
    columns = ("name", *FIELDS, "token")
    return [dict(zip(columns, row, strict=True)) | counts[row[0]] for row in rows]


def _accounts(work: Work, rows: Sequence[Row]) -> Shaped:
    ids = json.dumps([row[0] for row in rows])
    bound: dict[int, Shaped] = {row[0]: [] for row in rows}
    for account_id, mac, identity, expires, boot_id in work.connection.execute(
        _BOUND, {"ids": ids}
    ).fetchall():
        if work.holds(expires, boot_id):
            bound[account_id].append(
                {
                    "mac": text_from_mac(mac),
                    "identity": identity,
                    "temporary": expires is not None,
                }
            )
    return [
        {
            "account": f"{number}@{domain}",
            "number": number,
            "domain": domain,
            "name": name,
            "auth_user": user,
            "mailbox": mailbox,
            "wildcard": wildcard,
            "profile": profile,
            "bound": bound[id_],
        }
        for id_, number, domain, name, user, mailbox, wildcard, profile in rows
    ]


def _devices(work: Work, rows: Sequence[Row]) -> Shaped:
    macs = json.dumps([row[0] for row in rows])
    accounts: dict[int, list[str]] = {row[0]: [] for row in rows}
    for mac, number, domain, expires, boot_id in work.connection.execute(
        _MEMBERS, {"macs": macs}
    ).fetchall():
        if work.holds(expires, boot_id):
            accounts[mac].append(f"{number}@{domain}")
    return [
        {
            "mac": text_from_mac(mac),
            "domain": domain,
            "model": model,
            "owns_certificate": bool(owns),
            "provisioned_at": provisioned_at,
            "group": group,
            "accounts": accounts[mac],
        }
        for mac, domain, model, owns, provisioned_at, group in rows
    ]


def _bindings(work: Work, rows: Sequence[Row]) -> Shaped:
    return [
        {
            "mac": text_from_mac(mac),
            "identity": identity,
            "account": f"{number}@{domain}",
            "domain": domain,
            "name": name,
            "temporary": expires is not None,
            "until": None
            if expires is None
            else work.at.wall + expires - work.at.boottime,
        }
        for mac, identity, number, domain, name, expires, boot_id in rows
    ]


def _windows(work: Work, rows: Sequence[Row]) -> Shaped:
    return [windows.told(work, row) for row in rows]


def _members(work: Work, rows: Sequence[Row]) -> Shaped:
    return [{"name": name} for _id, name in rows]


def _audit(work: Work, rows: Sequence[Row]) -> Shaped:
    return [
        {
            "seq": seq,
            "at": at,
            "actor": actor,
            "action": action,
            "subject": subject,
            "detail": told_detail(detail),
        }
        for seq, at, actor, action, subject, detail in rows
    ]


def _rollouts(work: Work, rows: Sequence[Row]) -> Shaped:
    names = (
        *("id", "action", "selection", "started_at", "started_by", "ended_at"),
        "state",
    )
    return [dict(zip(names, row[:-1], strict=True)) for row in rows]


def _phones(work: Work, rows: Sequence[Row]) -> Shaped:
    return [
        {
            "mac": text_from_mac(mac),
            "fate": fate,
            "result": result,
            "detail": detail,
            "notified_at": notified_at,
            "back_at": back_at,
        }
        for mac, fate, result, detail, notified_at, back_at in rows
    ]


SHAPES: Final[Mapping[str, Callable[[Work, Sequence[Row]], Shaped]]] = {
    "domains": _domains,
    "accounts": _accounts,
    "wildcards": _accounts,
    "devices": _devices,
    "bindings": _bindings,
    "windows": _windows,
    "profiles": _members,
    "groups": _members,
    "audit": _audit,
    "rollouts": _rollouts,
    "rollout-phones": _phones,
}
