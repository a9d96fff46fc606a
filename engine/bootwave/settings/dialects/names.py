"""Settings under the names of phones that call them otherwise."""

from collections.abc import Mapping
from typing import NamedTuple

from bootwave.settings.catalogue import CATALOGUE
from bootwave.settings.dialects.xml import SECRETS, Place
from bootwave.settings.layers import Told


class Names(NamedTuple):
    """What a dialect calls the settings of desk phones.

    ``same`` are known there under the same name, ``renamed`` under those given; of
    what ``values`` names, only the values told there are known, as others.
    """

    same: frozenset[str]
    renamed: Mapping[str, tuple[str, ...]]
    values: Mapping[str, Mapping[str, str]]


def translated(settings: Mapping[Place, Told], names: Names) -> dict[Place, Told]:
    """Return *settings* as a dialect has them, in the order told.

    What the dialect has of desk phones is said by its own names; other settings that
    desk phones are known to have are left out; and whatever is known of neither is
    passed on, because an administrator said it of such phones.  Where both names of one
    thing were said, the dialect's own wins, unless it is a secret.
    """
    said: dict[Place, Told] = {}
    own: dict[Place, Told] = {}
    for (name, index), told in settings.items():
        others = names.renamed.get(name)
        if others is not None:
            changed = _changed(told, names.values.get(name))
            if changed is not None:
                for other in others:
                    said[other, index] = changed
        elif name in names.same or name not in CATALOGUE:
            own[name, index] = told
    kept = {other for secret in SECRETS for other in names.renamed.get(secret, ())}
    for place, told in own.items():
        if place[0] not in kept or place not in said:
            said[place] = told
    return said


def _changed(told: Told, values: Mapping[str, str] | None) -> Told | None:
    """Return *told* with the dialect's word for its value; None when it has none.

    The value of a slot is one phone's own: who said it knew to which phone.
    """
    if values is None or not isinstance(told.content, str):
        return told
    word = values.get(told.content)
    return None if word is None else told._replace(content=word)
