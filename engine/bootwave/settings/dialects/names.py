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
    decided: set[Place] = set()  # what nothing else may say any more
    for (name, index), told in settings.items():
        others = names.renamed.get(name)
        if others is None:
            if meanings(name, names.dialect) or not meanings(name):
                if (name, index) not in decided:
                    said[name, index] = told
                    decided.add((name, index))
            continue
        changed = _changed(told, names.words.get(name))
        if changed is None:
            continue
        for place in [(other, index) for other in others]:
            if name in SECRETS:
                decided.add(place)
            elif place in decided:
                continue
            said[place] = changed
    return said


def _changed(told: Told, word_for: Callable[[str], str] | None) -> Told | None:
    """Return *told* with the dialect's word for its value; None when it has none.

    The value of a slot is one phone's own: who said it knew to which phone.
    """
    if word_for is None or not isinstance(told.content, str):
        return told
    word = word_for(told.content)
    return told._replace(content=word) if word else None
