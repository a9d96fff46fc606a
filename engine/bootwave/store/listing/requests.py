"""One page of a list, as a command or a program asks for it."""

from collections.abc import Mapping, Sequence
from typing import Any

from bootwave.errors import OptionError, StoreUnavailable
from bootwave.store.listing import contacts, devicecontacts, pages
from bootwave.store.listing.cursors import key_from_text, text_from_key
from bootwave.store.listing.filters import wanted
from bootwave.store.listing.resources import RESOURCES, kinds_of
from bootwave.store.listing.shapes import SHAPES
from bootwave.store.sightings.sightings import SightingLog
from bootwave.store.work import Work

LISTS = (*RESOURCES, *contacts.LISTS)


def page(
    work: Work,
    log: SightingLog | None,
    resource: str,
    *,
    filters: Mapping[str, str],
    sort: str = "",
    descending: bool = False,
    limit: int = 100,
    cursor: str = "",
    seen: bool = False,
) -> dict[str, Any]:
    """Return ``rows`` and the ``cursor`` behind them, which is "" when none is left.

    *sort* is "" for the first order that takes the *filters*.  With *seen*, devices
    come with their last contact; by what they did last (``devicecontacts``) they come
    with it anyway.
    Raises OptionError for what is not offered, StoreNotFound for a name that is not
    there.
    """
    if not 0 < limit <= pages.MAX_ROWS:
        raise OptionError(f"Ask for 1 to {pages.MAX_ROWS:,} rows at once.")
    if not all(isinstance(text, str) for text in filters.values()):
        raise OptionError("The value of every filter must be text.")
    if resource in contacts.LISTS:
        return contacts.page(
            work, log, resource, filters=filters, limit=limit, cursor=cursor
        )
    if resource not in RESOURCES:
        raise OptionError(
            f"There is no list of {resource[:40]!r}: they are {', '.join(LISTS)}."
        )
    if resource == "devices" and devicecontacts.is_one(sort, filters):
        if log is None:
            raise StoreUnavailable("There is no file of sightings.")
        return devicecontacts.page(
            work,
            log,
            filters=filters,
            sort=sort,
            descending=descending,
            limit=limit,
            cursor=cursor,
        )
    filters = _narrowed(work, resource, sort, filters)
    want = wanted(work, resource, filters)
    place = _place_of(resource, sort, want.names)
    order = RESOURCES[resource][place]
    # Another order, filter or direction goes another way through.
    name = _name(resource, place, filters, descending=descending)
    found = pages.read(
        work.connection,
        resource,
        place,
        equal=want.equal,
        prefix=want.prefix,
        after=key_from_text(name, cursor, kinds_of(order)) if cursor else None,
        limit=limit,
        descending=descending,
        keep=want.keep,
    )
    rows = SHAPES[resource](work, found.rows)
    if seen and resource == "devices":
        devicecontacts.add_last(work, log, rows)
    return {
        "rows": rows,
        "cursor": text_from_key(name, found.after) if found.after else "",
    }


def _place_of(resource: str, sort: str, names: Sequence[str]) -> int:
    try:
        return pages.place_of(resource, sort, names)
    except OptionError as error:
        if resource != "devices":
            raise
        sorts = dict.fromkeys(
            order.sort
            for orders in devicecontacts.CONTACTS.orders.values()
            for order in orders
        )
        raise OptionError(
            f"{error} By what they did last they are sorted by {', '.join(sorts)}."
        ) from None


def _narrowed(
    work: Work, resource: str, sort: str, filters: Mapping[str, str]
) -> Mapping[str, str]:
    """Return *filters* with the only domain that is reached, where an index carries it.

    Without it rows of all domains would be passed over to find those of one.
    """
    if work.reach is None or len(work.reach) != 1:
        return filters
    (domain,) = work.reach
    given = {name: text for name, text in filters.items() if text}
    if resource == "domains":
        begin = given.get("name_prefix", "").lower()
        return {"name_prefix": domain} if domain.startswith(begin) else filters
    try:
        place = pages.place_of(resource, sort, [*given])
        narrow = pages.place_of(resource, sort, [*given, "domain"])
    except OptionError:
        return filters
    orders = RESOURCES[resource]
    # In the same order as it would have been without.
    if orders[place].sort != orders[narrow].sort:
        return filters
    return {"domain": domain, **given}


def _name(
    resource: str, place: int, filters: Mapping[str, str], *, descending: bool
) -> str:
    narrowed = sorted(f"{name}={text}" for name, text in filters.items() if text)
    return " ".join([resource, str(place), "-" if descending else "+", *narrowed])
