"""Reading one page of a list.

What an index does not carry is a ``keep``: rows are read on and passed over until the
page is full or ``MOST_READ`` were looked at.  A page may therefore be short, even
empty, with more behind it: its ``after`` says so.  Rows that are passed over are no
"more": they may be those of somebody else, whose number is nobody's business.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from bootwave.errors import OptionError
from bootwave.store.listing.cursors import Key
from bootwave.store.listing.orders import LAST, Order, Part
from bootwave.store.listing.resources import RESOURCES, STORED, Offer, lowest_of

MAX_ROWS: Final = 1_000  # of one page
MOST_READ: Final = 20_000  # rows looked at for one: some 50 ms
_TOGETHER: Final = 1_000

MAC_DIGITS: Final = 12

Row = tuple[Any, ...]
Keep = Callable[[Row], bool]
Range = tuple[int | float | str, int | float | str]
"""From the first, which belongs to it, to the second, which does not."""


class Page(NamedTuple):
    """Rows, without their keys, and the key of the last one looked at.

    ``after`` is None when nothing is behind them.
    """

    rows: list[Row]
    after: Key | None


def place_of(resource: str, sort: str, filters: Sequence[str]) -> int:
    """Return the place of the order that *sort* and *filters* choose.

    Raises OptionError, which says what is offered, when no index carries them.
    """
    orders = RESOURCES.get(resource)
    if orders is None:
        raise OptionError(
            f"There is no list of {resource[:40]!r}: they are {', '.join(RESOURCES)}."
        )
    wanted = set(filters)
    for place, order in enumerate(orders):
        equal = set(order.equal)
        by_sort = not sort or order.sort == sort
        if by_sort and equal <= wanted <= equal | {order.prefix}:
            return place
    offered = "; ".join(_told(order) for order in orders)
    raise OptionError(
        f"The list of {resource} cannot be sorted and narrowed down so. It can be "
        f"sorted by {offered}."
    )


def read(
    connection: sqlite3.Connection,
    resource: str,
    place: int,
    *,
    equal: Mapping[str, int | str],
    prefix: Range | None = None,
    after: Key | None = None,
    limit: int = 100,
    descending: bool = False,
    keep: Callable[[Row], bool] | None = None,
    offer: Offer = STORED,
) -> Page:
    """Return the page behind *after* of the order at *place* of a *resource*.

    *equal* holds the values of the order's filters, *prefix* the range that the first
    key lies in.  The caller's transaction decides which moment is seen.
    """
    order = offer.orders[resource][place]
    statements = offer.statements
    keys = len(order.keys)
    named: dict[str, int | float | str] = {"low": lowest_of(order), **equal}
    if prefix is not None:
        named |= {"low": prefix[0], "high": prefix[1]}
    rows: list[Row] = []
    looked_at = 0
    part = Part.BEGIN
    if after:
        part = Part.ALIKE if keys > 1 else Part.BEHIND
    while True:
        sql = statements[resource, place, part, prefix is not None, descending]
        if after:
            named |= {f"a{number}": value for number, value in enumerate(after)}
        most = limit - len(rows) + 1 if keep is None else _TOGETHER
        found = connection.execute(sql, {**named, "most": most}).fetchall()
        for row in found:
            if keep is None or keep(row[keys:]):
                if len(rows) == limit:
                    return Page(rows, after)
                rows.append(row[keys:])
            after = row[:keys]
        looked_at += len(found)
        if len(found) < most and part is not Part.ALIKE:
            return Page(rows, None)
        if looked_at >= MOST_READ:
            return Page(rows, after)
        part = Part.BEHIND
        if len(found) == most and keys > 1:
            part = Part.ALIKE


def text_range(begin: str) -> Range:
    """Return the range of texts that begin with *begin*."""
    return begin, begin + LAST


def mac_range(begin: str) -> Range:
    """Return the range of MACs whose first digits are *begin*; raises OptionError.

    They may be separated as they are printed.
    """
    digits = begin.strip().translate(str.maketrans("", "", ":-."))
    hexadecimal = "0123456789abcdefABCDEF"
    if len(digits) > MAC_DIGITS or digits.strip(hexadecimal):
        raise OptionError(
            "A MAC begins with up to twelve hex digits, such as 0004132E."
        )
    missing = 4 * (MAC_DIGITS - len(digits))
    low = int(digits or "0", 16)
    return low << missing, (low + 1) << missing


def _told(order: Order) -> str:
    parts = []
    if order.equal:
        parts.append(f"with {' and '.join(order.equal)}")
    if order.prefix:
        parts.append(
            f"and {order.prefix} if given" if parts else f"with {order.prefix} if given"
        )
    return " ".join([order.sort, *parts])
