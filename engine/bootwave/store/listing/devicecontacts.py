"""Devices by what they did last: when they were heard, what they run, how it ended.

Read from the file of contacts (``sightings.contacts``), which the control process
keeps; whose a device is, the store says.  What no index carries is passed over, within
the bound of ``pages``.  Everybody is told what a device did since its domain got it:
before, it was never heard.
"""

import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from bootwave.errors import OptionError, StoreUnavailable
from bootwave.phone.firmware import FirmwareVersion
from bootwave.phone.firmwarerange import FirmwareRange
from bootwave.phone.model import required_model
from bootwave.sightings import Reason
from bootwave.store.domains.devices import told_since
from bootwave.store.listing import contacts, pages
from bootwave.store.listing.cursors import key_from_text, text_from_key
from bootwave.store.listing.orders import LAST, Order
from bootwave.store.listing.resources import (
    DEVICE,
    DEVICES,
    Offer,
    kinds_of,
    offer_of,
)
from bootwave.store.listing.shapes import SHAPES
from bootwave.store.sightings.contacts import ContactFile, sortable
from bootwave.store.sightings.sightings import SightingLog
from bootwave.store.work import Work

_ROW = "c.mac, c.domain_id, c.model, c.at, c.firmware"
_CONTACTS = "contacts c"
_RESOURCE = "contacts"


def _orders(
    sort: str, key: str, *equal: dict[str, str], always: str = ""
) -> tuple[Order, ...]:
    keys = (key, "c.mac")
    return tuple(
        Order(sort, _CONTACTS, _ROW, keys, each, prefix=sort, always=always)
        for each in ({}, *equal)
    )


_DOMAIN = {"domain": "c.domain_id"}
_MODEL = {"model": "c.model"}
CONTACTS: Final[Offer] = offer_of(
    {
        _RESOURCE: (
            *_orders("last-contact", "c.at", _DOMAIN),
            *_orders("firmware", "c.firmware", _DOMAIN, _MODEL),
            *_orders("refused", "c.decided_at", _DOMAIN, always="c.refused = 1"),
        )
    }
)
SORTS: Final = ("last-contact", "firmware", "refused")
STATES: Final = ("never", "refused")
# Filters that make a list one of these, and those that it takes beside them.
FILTERS: Final = ("firmware", "older_than", "heard_since", "heard_before", "state")
_BESIDE: Final = ("domain", "model")

_FOREVER: Final = float("inf")
_FOUND = (
    "SELECT "
    + DEVICE
    + ", COALESCE(v.adopted_at, 0) FROM json_each(:macs) j CROSS JOIN "
    + DEVICES
    + " WHERE v.mac = j.value ORDER BY j.key"
)
_LATEST = (
    "SELECT c.mac, c.since, c.refused, c.at, c.source, c.reason, c.said "
    "FROM json_each(:macs) j CROSS JOIN contacts c ON c.mac = j.value"
)
_EVER = (0.0, _FOREVER)
_NEVER = (0.0, 0, 0.0, "", 0, "")  # as _LATEST has it, but for the MAC
_ANY_FIRMWARE = ("", LAST)
_REASONS = {int(reason): reason for reason in Reason}


def is_one(sort: str, filters: Mapping[str, str]) -> bool:
    """Whether a list of devices is by what they did last."""
    return sort in SORTS or any(filters.get(name) for name in FILTERS)


def add_last(
    work: Work, log: SightingLog | None, devices: list[dict[str, Any]]
) -> None:
    """Tell each of *devices* when it was heard last, and the firmware it said to run.

    While the file of contacts is made for the first time, the file of sightings is
    read through for it.
    """
    macs = [int(device["mac"], 16) for device in devices]
    try:
        kept = _kept(log, macs) if log else {}
    except StoreUnavailable:
        contacts.add_last(work, log, devices)
        return
    since = told_since(work, macs)
    for mac, device in zip(macs, devices, strict=True):
        began, _refused, *last = kept.get(mac, _NEVER)
        # What it did elsewhere is not told, though its row may be that of before.
        heard = began >= since.get(mac, _FOREVER)
        device |= _told(*(last if heard else _NEVER[2:]))


def _kept(log: SightingLog, macs: list[int]) -> dict[int, tuple[Any, ...]]:
    """Return what stands in the file of contacts of *macs*, but for their MACs."""
    with ContactFile(log.contacts).reading() as connection:
        rows = connection.execute(_LATEST, {"macs": json.dumps(macs)}).fetchall()
    return {mac: tuple(last) for mac, *last in rows}


class _Wanted(NamedTuple):
    """What is asked for; the ends of ranges are as their columns hold them."""

    sort: str
    equal: dict[str, int | str]
    domain: str
    domain_id: int | None
    model: str
    heard: tuple[float, float]
    firmware: tuple[str, str]


def page(
    work: Work,
    log: SightingLog,
    *,
    filters: Mapping[str, str],
    sort: str,
    descending: bool,
    limit: int,
    cursor: str,
) -> dict[str, Any]:
    """Return ``rows`` and the ``cursor`` behind them, as ``requests.page`` does."""
    given = {name: text for name, text in filters.items() if text}
    want = _wanted(work, given, sort)
    place = _place(want)
    order = CONTACTS.orders[_RESOURCE][place]
    ranges: dict[str, pages.Range] = {
        "last-contact": want.heard,
        "firmware": want.firmware,
    }
    narrowed = sorted(f"{name}={text}" for name, text in given.items())
    name = " ".join([_RESOURCE, str(place), "-" if descending else "+", *narrowed])
    with ContactFile(log.contacts).reading() as connection:
        found = pages.read(
            connection,
            _RESOURCE,
            place,
            equal=want.equal,
            prefix=ranges.get(want.sort),
            after=key_from_text(name, cursor, kinds_of(order)) if cursor else None,
            limit=limit,
            descending=descending,
            keep=_keep(work, want),
            offer=CONTACTS,
        )
        macs = json.dumps([row[0] for row in found.rows])
        latest = connection.execute(_LATEST, {"macs": macs}).fetchall()
    kept = {contact[0]: contact[1:] for contact in latest}
    rows = [
        row[:-1]
        for row in work.connection.execute(_FOUND, {"macs": macs}).fetchall()
        # The store says whose they are at this moment, and since when.
        if work.reaches(row[1])
        and want.domain in ("", row[1])
        and (work.reach is None or row[-1] == kept[row[0]][0])
    ]
    shaped = SHAPES["devices"](work, rows)
    for (mac, *_), device in zip(rows, shaped, strict=True):
        _since, refused, *last = kept[mac]
        device |= {"refused": bool(refused), **_told(*last)}
    return {
        "rows": shaped,
        "cursor": text_from_key(name, found.after) if found.after else "",
    }


def _wanted(work: Work, given: Mapping[str, str], sort: str) -> _Wanted:
    for name in given:
        if name not in (*FILTERS, *_BESIDE):
            raise OptionError(
                f"Devices by what they did last know no {name[:40]!r}: filters are "
                f"{', '.join((*_BESIDE, *FILTERS))}."
            )
    state = given.get("state", "")
    if state and state not in STATES:
        raise OptionError(
            f"{state[:40]!r} is no state to look for: write {' or '.join(STATES)}."
        )
    firmware = _firmware(given)
    heard = (
        _seconds(given, "heard_since", _EVER[0]),
        _seconds(given, "heard_before", _EVER[1]),
    )
    if state == "never":
        heard = heard[0], min(heard[1], 1e-9)
    usual = "refused" if state == "refused" else "last-contact"
    if not state and ("firmware" in given or "older_than" in given):
        usual = "firmware"
    sort = sort or usual
    if sort not in SORTS or (state == "refused") != (sort == "refused"):
        raise OptionError(
            "Devices by what they did last are sorted by last-contact or firmware, "
            "those in the state refused by refused."
        )
    domain = given.get("domain", "").strip().lower()
    if not domain and work.reach is not None and len(work.reach) == 1:
        (domain,) = work.reach  # an index has its rows together
    domain_id = work.domain_id(domain) if domain else None
    model = required_model(given["model"]) if "model" in given else ""
    equal: dict[str, int | str] = {}
    if domain_id is not None:
        equal = {"domain": domain_id}
    elif model and sort == "firmware":
        equal = {"model": model}
    return _Wanted(sort, equal, domain, domain_id, model, heard, firmware)


def _firmware(given: Mapping[str, str]) -> tuple[str, str]:
    """Return the texts between which versions lie; what said none is below the first.

    Without a filter that is all, those who said none as well.
    """
    low, high = _ANY_FIRMWARE
    if "firmware" in given:
        range_ = FirmwareRange.required(given["firmware"])
        low = sortable(range_.low) or "0"
        high = sortable(range_.high) + LAST
    if "older_than" in given:
        low = low or "0"
        high = min(high, sortable(FirmwareVersion.required(given["older_than"])))
    return low, high


def _seconds(given: Mapping[str, str], name: str, usual: float) -> float:
    text = given.get(name, "")
    try:
        seconds = float(text) if text else usual
    except ValueError:
        seconds = float("nan")
    if not seconds >= 0:
        raise OptionError(
            f"{text[:40]!r} is no instant: write it in seconds since 1970."
        )
    return seconds


def _place(want: _Wanted) -> int:
    for place, order in enumerate(CONTACTS.orders[_RESOURCE]):
        if order.sort == want.sort and order.equal.keys() == want.equal.keys():
            return place
    raise AssertionError(want)


def _keep(work: Work, want: _Wanted) -> pages.Keep | None:
    """Return what passes over rows, None where the index carries all that is wanted."""
    tests: list[pages.Keep] = []
    if want.model and "model" not in want.equal:
        tests.append(lambda row: bool(row[2] == want.model))
    if want.sort != "last-contact" and want.heard != _EVER:
        tests.append(lambda row: want.heard[0] <= row[3] < want.heard[1])
    if want.sort != "firmware" and want.firmware != _ANY_FIRMWARE:
        tests.append(lambda row: want.firmware[0] <= row[4] < want.firmware[1])
    if work.reach is not None and want.domain_id is None:
        reached = {work.domain_id(name) for name in work.reach}
        tests.append(lambda row: row[1] in reached)
    if not tests:
        return None
    return lambda row: all(test(row) for test in tests)


def _told(at: float, source: str, reason: int, said: str) -> dict[str, Any]:
    known = _REASONS.get(reason)
    return {
        "last_seen": at or None,
        "source": source,
        "reason": known.name if known else "",
        "sentence": known.sentence if known else "it was never heard",
        "firmware": said,
    }
