"""Where a function key is: on the phone, or on which expansion module.

Indexes count the phone's own keys first, then those of each module (snom wiki,
"<functionKeys> tag").  The series D3 leaves a gap between, as wide as seven modules of
18 keys (NethServer's nethvoice-wizard-ui).
"""

import re
from typing import Final, NamedTuple

from bootwave.errors import SettingError
from bootwave.phone.models import Model

# Where the first module's keys begin, if not behind the phone's own.
_FIRST: Final = {"snomD315": 131, "snomD345": 174, "snomD375": 138, "snomD385": 138}
_PLACE = re.compile(
    r"(?:m(?:odule)?\s*([1-9])\s*[ :./-]?\s*)?(?:p|key)\s*([1-9][0-9]{0,2})",
    re.IGNORECASE | re.ASCII,
)


class KeyCounts(NamedTuple):
    """How many keys a phone and each of its modules have.

    ``modules`` is the most that can be attached, and ``first`` the index of the first
    key of the first of them.
    """

    keys: int
    module_keys: int
    modules: int
    first: int

    @classmethod
    def of(cls, model: Model) -> "KeyCounts":
        """Return the counts of *model*."""
        first = _FIRST.get(model.name, model.keys)
        return cls(model.keys, model.module_keys, model.modules, first)


class KeyPlace(NamedTuple):
    """A key by its number from 1 on the phone (``module`` 0) or on a module."""

    module: int
    key: int

    def __str__(self) -> str:
        """Return the place as it is written: P3, or M1 P3."""
        return f"M{self.module} P{self.key}" if self.module else f"P{self.key}"


PHONE: Final = 0


def place_from_text(text: str) -> KeyPlace:
    """Return the place that ``P3``, ``M1 P3`` or ``module 1 key 3`` names.

    A number alone is refused: it could be either count.  Raises SettingError.
    """
    found = _PLACE.fullmatch(text.strip())
    if found is None:
        raise SettingError(
            f"{text!r} is not a function key: write P1, P2 and so on, or M1 P1 for the "
            "first key of the first expansion module."
        )
    return KeyPlace(int(found[1] or PHONE), int(found[2]))


def index_of(place: KeyPlace, counts: KeyCounts | None = None) -> int:
    """Return the ``idx`` of the key at *place* on a phone that has *counts*.

    Without *counts* the phone's own keys are numbered from P1, as many as there may
    be.  Raises SettingError for a key that such a phone does not have.
    """
    if counts is None:
        if place.module:
            raise SettingError(
                f"Which key {place} is depends on the model: name it with --on, or "
                "count on from the phone's own keys."
            )
        return place.key - 1
    on_phone = place.module == PHONE
    if not on_phone and place.module > counts.modules:
        raise SettingError(
            f"There is no key {place}: such a phone takes {counts.modules or 'no'} "
            f"expansion module{'' if counts.modules == 1 else 's'}."
        )
    keys = counts.keys if on_phone else counts.module_keys
    if place.key > keys:
        where = "phone" if on_phone else "module"
        raise SettingError(
            f"There is no key {place}: such a {where} has {keys or 'no'} "
            f"key{'' if keys == 1 else 's'}."
        )
    if on_phone:
        return place.key - 1
    before = (place.module - 1) * counts.module_keys
    return counts.first + before + place.key - 1


def place_of(index: int, counts: KeyCounts) -> KeyPlace | None:
    """Return where the key *index* is; None in the gap and behind the last module."""
    if 0 <= index < counts.keys:
        return KeyPlace(PHONE, index + 1)
    behind = index - counts.first
    if behind < 0 or not counts.module_keys:
        return None
    module, key = divmod(behind, counts.module_keys)
    if module >= counts.modules:
        return None
    return KeyPlace(module + 1, key + 1)
