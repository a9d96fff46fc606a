"""Whom a roll-out tells now, as errands: one NOTIFY each, whomever it reaches."""

import sqlite3
from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

from bootwave.phone.mac import text_from_mac
from bootwave.rollout.notify import Attempt
from bootwave.rollout.plan import Action
from bootwave.store.rollouts.addresses import Places, Reached, Way, phones_of, reached

# Said of a phone that has no sighting.
NOT_SEEN = "it was never given its settings, so nobody knows where it is"


class Errand(NamedTuple):
    """One NOTIFY to send now, for *mac*: by the first of *ways* that answers.

    It tells *riders*, too, and its answer is for all of them.
    """

    mac: int
    attempt: Attempt
    action: Action
    number: str
    domain: str
    ways: tuple[Way, ...]
    riders: tuple[int, ...] = ()


def errands(
    connection: sqlite3.Connection,
    places: Places,
    macs: Iterable[int],
    attempt: Attempt,
    action: Action,
    *,
    phone_port: int,
    together_with: Callable[[int], Collection[int]],
) -> tuple[list[Errand], dict[int, str]]:
    """Return what tells *macs*, and why nobody can tell some of them, as clauses.

    *together_with* returns the unit of a MAC: a NOTIFY that would reach others is not
    sent, since nobody chose them when the roll-out was started.
    """
    found: list[Errand] = []
    unreachable: dict[int, str] = {}
    shared: list[tuple[int, Reached]] = []
    for mac in macs:
        if places.source_of(mac) is None:
            unreachable[mac] = NOT_SEEN
            continue
        way = reached(connection, places, mac)
        if way is None:
            unreachable[mac] = "it is bound to no account any more"
        elif way.is_by_proxy and way.phones > 1:
            shared.append((mac, way))
        else:
            found.append(_errand(mac, way, attempt, action, phone_port))
    # Accounts of many phones first: a phone that one of them told needs no other.
    groups = {
        account: phones_of(connection, account)
        for account in {way.account for _, way in shared}
    }
    shared.sort(key=lambda each: -len(groups[each[1].account]))
    told: set[int] = set()
    others: dict[int, int] = {}
    for mac, way in shared:
        if mac in told:
            continue
        group = groups[way.account]
        stranger = min(group.difference(together_with(mac)), default=None)
        if stranger is not None:
            others[mac] = stranger
            continue
        told.add(mac)
        riders = [one for one, _ in shared if one in group and one not in told]
        told.update(riders)
        found.append(_errand(mac, way, attempt, action, phone_port, tuple(riders)))
    for mac, stranger in others.items():
        if mac not in told:
            unreachable[mac] = (
                f"its proxy would tell {text_from_mac(stranger)}, too, which is not "
                "told together with it"
            )
    return found, unreachable


def _errand(
    mac: int,
    way: Reached,
    attempt: Attempt,
    action: Action,
    phone_port: int,
    riders: tuple[int, ...] = (),
) -> Errand:
    ways = way.ways(phone_port)
    return Errand(mac, attempt, action, way.number, way.domain, ways, riders)
