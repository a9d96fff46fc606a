"""Phones that cannot be told one by one: those behind one address of record.

A proxy forks a NOTIFY to an extension to every phone that is registered for it.  So
phones that are reached by the same extension are a *unit*: told once, together, in the
same stage, each judged by its own coming back.
"""

from collections.abc import Collection, Iterable, Sequence


def units_from(groups: Iterable[Collection[int]]) -> dict[int, int]:
    """Return the unit of each MAC in *groups*: whoever shares a group is in one.

    It is named by its lowest MAC.  What is in no group, or in one alone, is in none.
    """
    first: dict[int, int] = {}

    def unit_of(mac: int) -> int:
        while first[mac] != mac:
            first[mac] = first[first[mac]]
            mac = first[mac]
        return mac

    for group in groups:
        if len(group) < 2:
            continue
        for mac in group:
            first.setdefault(mac, mac)
        ends = {unit_of(mac) for mac in group}
        lowest = min(ends)
        for end in ends:
            first[end] = lowest
    return {mac: unit_of(mac) for mac in first}


def kept_whole(bounds: Sequence[int], units: Sequence[int]) -> tuple[int, ...]:
    """Return *bounds* of stages moved up until none is within a unit.

    *units* has that of the phone at each place, 0 for one that is alone; the places of
    a unit follow each other.
    """
    moved: list[int] = []
    for bound in bounds:
        while (
            0 < bound < len(units)
            and units[bound]
            and (units[bound] == units[bound - 1])
        ):
            bound += 1
        if not moved or bound > moved[-1]:
            moved.append(bound)
    return tuple(moved)
