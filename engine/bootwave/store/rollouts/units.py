"""Which phones of a roll-out are told together, and which cannot be told at all.

A NOTIFY by the proxy reaches every phone of its account.  So these are one unit, and a
phone whose NOTIFY would reach one that was not chosen is left out, or the other is
taken in: that is for whoever starts the roll-out to say.  Phones of the unit that are
at their own address are told there, in the same moment, so that none restarts twice.
"""

import sqlite3
from collections.abc import Collection, Iterable
from typing import NamedTuple

from bootwave.phone.mac import text_from_mac
from bootwave.rollout.units import units_from
from bootwave.store.rollouts.addresses import Places, Reached, reached

_NAMED = 3  # phones that a sentence names; it says how many others there are

_SHARED = """
SELECT account_id, mac FROM bindings WHERE account_id IN (
  SELECT account_id FROM bindings GROUP BY account_id HAVING COUNT(*) > 1)
"""


class Together(NamedTuple):
    """``units`` has the unit of each MAC that is in one.

    ``joined`` are those that were not chosen and are told too, ``left_out`` those that
    were and are not, each with a clause that says why.
    """

    units: dict[int, int]
    joined: set[int]
    left_out: dict[int, str]


def together(
    connection: sqlite3.Connection,
    places: Places,
    chosen: Collection[int],
    *,
    take: bool,
) -> Together:
    """Return which of *chosen* are told together; *take* takes others in.

    Of phones whose place is not known nothing is said but that they may be told along.
    """
    wanted = set(chosen)
    sharing: dict[int, set[int]] = {}
    for account, mac in connection.execute(_SHARED).fetchall():
        sharing.setdefault(account, set()).add(mac)
    told_by: dict[int, tuple[Reached, list[int]]] = {}
    for mac in sorted(wanted & set().union(*sharing.values())):
        way = reached(connection, places, mac)
        if way is not None and way.is_by_proxy and way.phones > 1:
            told_by.setdefault(way.account, (way, []))[1].append(mac)
    groups: list[set[int]] = []
    joined: set[int] = set()
    left_out: dict[int, str] = {}
    for account, (way, macs) in told_by.items():
        group = sharing[account]
        others = group - wanted
        if others and not take:
            left_out.update(dict.fromkeys(macs, _why(way, group, others)))
            continue
        joined |= others
        groups.append(group)
    units = units_from(groups)
    return Together(
        units, joined, {mac: why for mac, why in left_out.items() if mac not in units}
    )


def _why(way: Reached, group: Collection[int], others: Iterable[int]) -> str:
    macs = sorted(others)
    named = ", ".join(map(text_from_mac, macs[:_NAMED]))
    more = f" and {len(macs) - _NAMED:,} more" if len(macs) > _NAMED else ""
    return (
        f"its proxy tells all {len(group):,} phones of {way.number}@{way.domain}, and "
        f"{named}{more} would be told, too"
    )
