"""Pages of what phones did: the time-line of one, and the unknown that asked.

Both are read from the file of sightings (``store.sightings``), newest first.  It has no
index: a page is one pass over the file, or a few where many rows are passed over.
"""

import json
from collections.abc import Mapping
from math import inf
from typing import Any, Final

from bootwave.errors import OptionError, StoreNotFound
from bootwave.phone.mac import PROBE_MAC, required_mac, text_from_mac
from bootwave.phone.useragent import phone_from_user_agent
from bootwave.sightings import Sighting
from bootwave.store.domains.devices import told_since
from bootwave.store.listing.cursors import key_from_text, text_from_key
from bootwave.store.listing.pages import mac_range
from bootwave.store.reports.devicereport import told
from bootwave.store.sightings.outcomes import PROVISIONED
from bootwave.store.sightings.sightings import SightingLog, UnknownPhone
from bootwave.store.work import Work

LISTS: Final = ("sightings", "unknown")

_FILTERS: Final = {"sightings": ("mac",), "unknown": ("mac_prefix",)}
_KNOWN = """
SELECT v.mac FROM json_each(:macs) j CROSS JOIN devices v ON v.mac = j.value
"""


def page(
    work: Work,
    log: SightingLog | None,
    resource: str,
    *,
    filters: Mapping[str, str],
    limit: int,
    cursor: str,
) -> dict[str, Any]:
    """Return ``rows`` and the ``cursor`` behind them, as ``requests.page`` does."""
    given = {name: text for name, text in filters.items() if text}
    for name in given:
        if name not in _FILTERS[resource]:
            raise OptionError(
                f"The list of {resource} knows no {name[:40]!r}: its filter is "
                f"{_FILTERS[resource][0]}."
            )
    if resource == "sightings":
        if "mac" not in given:
            raise OptionError("A time-line is that of one phone: name its mac.")
        mac = required_mac(given["mac"])
        since = told_since(work, [mac])
        if mac not in since:
            raise StoreNotFound(f"{text_from_mac(mac)} is no device of yours.")
        return _time_line(log, mac, since[mac], limit, cursor)
    if work.reach is not None:
        raise StoreNotFound("Unknown phones are of no domain.")
    return _unknown(work, log, given.get("mac_prefix", ""), limit, cursor)


def add_last(
    work: Work, log: SightingLog | None, devices: list[dict[str, Any]]
) -> None:
    """Tell each of *devices* when it was heard last, and the firmware it said to run.

    ``firmware`` is that of its last settings.
    """
    macs = [int(device["mac"], 16) for device in devices]
    since = told_since(work, macs)
    last = log.latest(macs) if log else {}
    served = log.latest(macs, PROVISIONED) if log else {}
    for mac, device in zip(macs, devices, strict=True):
        seen, said = (
            one if one is not None and one.at >= since.get(mac, inf) else None
            for one in (last.get(mac), served.get(mac))
        )
        agent = phone_from_user_agent(said.detail.partition(";")[0]) if said else None
        device |= {
            "last_seen": seen.at if seen else None,
            "source": seen.source if seen else "",
            "reason": seen.reason.name if seen else "",
            "sentence": seen.reason.sentence if seen else "it was never heard",
            "firmware": agent.firmware if agent else "",
        }


def _time_line(
    log: SightingLog | None, mac: int, since: float, limit: int, cursor: str
) -> dict[str, Any]:
    name = f"sightings {mac}"
    # Those of one instant have no order that would last: so many of it were told.
    at, told_of_it = (
        key_from_text(name, cursor, [float, int]) if cursor else (float("inf"), 0)
    )
    found = _behind(log, mac, float(at), int(told_of_it), limit + 1)
    rows = [seen for seen in found if seen.at >= since]
    shown, more = rows[:limit], len(rows) > limit
    behind = ""
    if more:
        last = shown[-1].at
        count = sum(seen.at == last for seen in shown)
        count += int(told_of_it) if last == at else 0
        behind = text_from_key(name, (last, count))
    return {"rows": [told(seen) for seen in shown], "cursor": behind}


def _behind(
    log: SightingLog | None, mac: int, at: float, told_of_it: int, most: int
) -> list[Sighting]:
    """Return the newest *most* sightings before *at*, and the rest of that instant."""
    asked = most
    while log is not None:
        found = log.time_line(mac, asked)
        older = [seen for seen in found if seen.at <= at]
        same = sum(seen.at == at for seen in older)
        rows = older[min(told_of_it, same) :]
        if len(rows) >= most or len(found) < asked:
            return rows[:most]
        asked *= 2
    return []


def _unknown(
    work: Work, log: SightingLog | None, prefix: str, limit: int, cursor: str
) -> dict[str, Any]:
    name = f"unknown {prefix}"
    before = (float("inf"), 0)
    if cursor:
        at, mac = key_from_text(name, cursor, [float, int])
        before = (float(at), int(mac))
    low, high = mac_range(prefix)
    asked = limit + 1
    rows: list[UnknownPhone] = []
    while log is not None:
        phones = log.unknown(asked)
        rows = [
            phone
            for phone in _not_stored(work, phones)
            if (phone.last_at, phone.mac) < before and int(low) <= phone.mac < int(high)
        ]
        rows.sort(key=lambda phone: (phone.last_at, phone.mac), reverse=True)
        # Of the oldest instant not all may have been told yet.
        full = len(rows) > limit and rows[limit].last_at > phones[-1].last_at
        if full or len(phones) < asked:
            break
        asked *= 2
    shown = rows[:limit]
    behind = ""
    if len(rows) > limit:
        behind = text_from_key(name, (shown[-1].last_at, shown[-1].mac))
    return {
        "rows": [
            {
                "mac": text_from_mac(phone.mac),
                "first_seen": phone.first_at,
                "last_seen": phone.last_at,
                "contacts": phone.contacts,
                "source": phone.source,
                "reason": phone.reason.name,
                "sentence": phone.reason.sentence,
                "advice": phone.reason.advice,
                "detail": phone.detail,
            }
            for phone in shown
        ],
        "cursor": behind,
    }


def _not_stored(work: Work, phones: list[UnknownPhone]) -> list[UnknownPhone]:
    macs = json.dumps([phone.mac for phone in phones])
    rows = work.connection.execute(_KNOWN, {"macs": macs}).fetchall()
    known = {mac for (mac,) in rows} | {PROBE_MAC}
    # One that was made known after it asked is told here until it asks again.
    return [phone for phone in phones if phone.mac not in known]
