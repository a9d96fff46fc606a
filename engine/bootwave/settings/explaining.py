"""Why a phone is told what it is told, and what a change would make of that.

A phone's *explanation* has for each place, a setting by name and index or a key by its
index, what each layer says there, the winner first.  Two of them differ where the
winners do.
"""

from collections.abc import Sequence
from typing import NamedTuple

from bootwave.settings.layers import Content, Remembering, Slot


class Place(NamedTuple):
    """One setting, or with the name "" one function key."""

    name: str
    number: int | None


class Said(NamedTuple):
    """What is said of a place, and where; but for a setting's the last are empty."""

    origin: str
    value: str
    permission: str
    label: str = ""
    context: str = ""
    attributes: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        """Return where without what, which may be a password."""
        return f"Said({self.origin!r})"


class Difference(NamedTuple):
    """A place whose winner is another one: None where nothing was, or is, said."""

    place: Place
    before: Said | None
    after: Said | None


Explanation = dict[Place, list[Said]]


def explained(merged: Remembering, values: Sequence[str]) -> Explanation:
    """Return the explanation of what *merged* remembers, with *values* in its slots."""

    def text(content: Content) -> str:
        return values[content.number] if isinstance(content, Slot) else content

    found: Explanation = {}
    for (name, index), said in merged.said.items():
        found[Place(name, index)] = [
            Said(origin, text(told.content), told.permission)
            for origin, told in reversed(said)
        ]
    for number, keys in sorted(merged.said_keys.items()):
        found[Place("", number)] = [
            Said(
                origin,
                text(key.content),
                key.permission,
                text(key.label),
                key.context,
                key.attributes,
            )
            for origin, key in reversed(keys)
        ]
    return found


def differences(before: Explanation, after: Explanation) -> list[Difference]:
    """Return what a phone is told otherwise in *after*: settings, then keys, in order.

    Where something was said does not count, only what.
    """
    found = []
    for place in sorted(before.keys() | after.keys(), key=_order):
        old = before[place][0] if place in before else None
        new = after[place][0] if place in after else None
        if old is None or new is None or old[1:] != new[1:]:
            found.append(Difference(place, old, new))
    return found


def _order(place: Place) -> tuple[bool, str, int]:
    return not place.name, place.name, -1 if place.number is None else place.number
