"""What a list may be sorted by and narrowed down to: the combinations that are offered.

An ``Order`` is one way through one index: columns that are equal to something, then the
columns that it is sorted by, the last of which makes every row another one.  Only what
an index carries is an order, so there is no combination that reads a table through or
sorts it.  A list may be narrowed further by what the first sort column begins with.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

# Behind everything that begins alike: no text that is stored ends with it.
LAST: Final = "\U0010ffff"


@dataclass(frozen=True)
class Order:
    """One way through an index.

    ``source`` is what is read, and ``columns`` what is shown of a row.  ``equal`` names
    the filters that must be given, all of them, with the column of each; ``always`` is
    a condition of the index itself.  ``keys`` are what it is sorted by.  ``prefix``
    names the filter by which the first key begins, "" where it cannot.
    """

    sort: str
    source: str
    columns: str
    keys: tuple[str, ...]
    equal: Mapping[str, str] = field(default_factory=dict)
    prefix: str = ""
    always: str = ""


class Part(Enum):
    """Which part of a list a statement reads."""

    BEGIN = "from its beginning"
    ALIKE = "what is behind a key and begins as it does"
    BEHIND = "what begins behind the key"


def statement(order: Order, part: Part, *, prefixed: bool, descending: bool) -> str:
    """Return the SELECT of a page.

    Its parameters are the filters of ``equal``, ``low`` and with *prefixed* ``high``,
    ``a0`` and on but for the beginning, and ``most``.  A row is the keys, then the
    columns.

    Two parts behind a key, rather than a comparison of rows: that enters an index by
    its first column only, and a million accounts may have no name.
    """
    first, than = order.keys[0], "<" if descending else ">"
    terms = [f"{column} = :{name}" for name, column in order.equal.items()]
    terms += [order.always] if order.always else []
    if part is Part.ALIKE:
        terms.append(f"{first} = :a0")
        terms.append(_behind(order.keys[1:], than))
    else:
        behind = part is Part.BEHIND
        if behind:
            terms.append(f"{first} {than} :a0")
        # Behind a key that lies in the range, one end of it says nothing.
        if (prefixed or not order.equal) and not (behind and not descending):
            terms.append(f"{first} >= :low")  # so that the index is entered, not read
        if prefixed and not (behind and descending):
            terms.append(f"{first} < :high")
    keys = ", ".join(order.keys)
    where = f"WHERE {' AND '.join(terms)} " if terms else ""
    way = " DESC" if descending else ""
    return (
        f"SELECT {keys}, {order.columns} FROM {order.source} {where}"
        f"ORDER BY {', '.join(key + way for key in order.keys)} LIMIT :most"
    )


def _behind(keys: tuple[str, ...], than: str) -> str:
    marks = [f":a{place}" for place in range(1, len(keys) + 1)]
    if len(keys) == 1:
        return f"{keys[0]} {than} {marks[0]}"
    return f"({', '.join(keys)}) {than} ({', '.join(marks)})"
