"""Settings under the names of phones that call them otherwise."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from bootwave.settings.catalogue import Dialect, meanings
from bootwave.settings.dialects.xml import SECRETS, Place
from bootwave.settings.layers import Told


class Names(NamedTuple):
    """What a dialect calls the settings of desk phones.

    What ``renamed`` does not name is called the same, if the catalogue knows the
    dialect to have it.  ``words`` return the dialect's word for a value, "" for none.
    """

    dialect: Dialect
    renamed: Mapping[str, tuple[str, ...]]
    words: Mapping[str, Callable[[str], str]]


def translated(settings: Mapping[Place, Told], names: Names) -> dict[Place, Told]:
    """Return *settings* as a dialect has them, in the order told.

    What the dialect has of desk phones is said by its own names; other settings that
    are known of other phones only are left out; and whatever is known of none is
    passed on, because an administrator said it of such phones.  Where both names of one
    thing were said, the dialect's own wins, unless it is a secret.
    """
    said: dict[Place, Told] = {}
    own: dict[Place, Told] = {}
    for (name, index), told in settings.items():
        if name in names.renamed:
            changed = _changed(told, names.words.get(name))
            if changed is not None:
                for other in names.renamed[name]:
                    said[other, index] = changed
        elif meanings(name, names.dialect) or not meanings(name):
            own[name, index] = told
    kept = {other for secret in SECRETS for other in names.renamed.get(secret, ())}
    for place, told in own.items():
        if place[0] not in kept or place not in said:
            said[place] = told
    return said


def _changed(told: Told, word_for: Callable[[str], str] | None) -> Told | None:
    """Return *told* with the dialect's word for its value; None when it has none.

    The value of a slot is one phone's own: who said it knew to which phone.
    """
    if word_for is None or not isinstance(told.content, str):
        return told
    word = word_for(told.content)
    return told._replace(content=word) if word else None
