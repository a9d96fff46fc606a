"""Where a function key is: on the phone, or on which expansion module.

Indexes count the phone's own keys first, then those of each module.  Some phones leave
a gap between: on the D315, D345, D375 and D385 the first key of the first module is
126 behind the phone's last (NethServer's nethvoice-wizard-ui), elsewhere it follows at
once (snom wiki, "<functionKeys> tag").
"""

import re
from typing import Final, NamedTuple

from bootwave.errors import SettingError

_PLACE = re.compile(
    r"(?:m(?:odule)?\s*([1-9])\s*[ :./-]?\s*)?(?:p|key)\s*([1-9][0-9]{0,2})",
    re.IGNORECASE | re.ASCII,
)


class KeyCounts(NamedTuple):
    """How many keys a phone and each of its modules have.

    ``modules`` is the most that can be attached; ``gap`` is how many indexes lie unused
    between the phone's keys and those of the first module.
    """

    keys: int
    module_keys: int = 0
    modules: int = 0
    gap: int = 0

    @property
    def total(self) -> int:
        """How many indexes there are from 0 on, gap included."""
        if not self.modules:
            return self.keys
        return self.keys + self.gap + self.modules * self.module_keys


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
                f"Which key {place} is depends on the model: name the model, or count "
                "on from the phone's own keys."
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
    return counts.keys + counts.gap + before + place.key - 1


def place_of(index: int, counts: KeyCounts) -> KeyPlace | None:
    """Return where the key *index* is; None in the gap and behind the last module."""
    if 0 <= index < counts.keys:
        return KeyPlace(PHONE, index + 1)
    behind = index - counts.keys - counts.gap
    if behind < 0 or not counts.module_keys:
        return None
    module, key = divmod(behind, counts.module_keys)
    if module >= counts.modules:
        return None
    return KeyPlace(module + 1, key + 1)
