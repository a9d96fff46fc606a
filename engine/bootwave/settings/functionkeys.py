"""Function keys: where they are, what they show, and whether they can be told.

What a key does is ``keyvalues``'; which index a key of an expansion module has is
``keyplaces``'.  Newer firmware gave keys more attributes, for labels on displays
beside them; ``ATTRIBUTES`` are those that are known.
"""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from bootwave.directory.records import FunctionKey
from bootwave.errors import SettingError
from bootwave.settings.catalogue import IDENTITIES, checked_permission
from bootwave.settings.keyvalues import checked_value
from bootwave.settings.spelling import nearest
from bootwave.settings.values import Kind, ValueType, checked_kind
from bootwave.xml.legal import checked_text

# idx 0 to 219: D815 and D865 with their modules.  D345 with three modules of 18 keys
# goes to 227 (NethServer's nethvoice-wizard-ui).
MAX_KEYS: Final = 228
MAX_ATTRIBUTES: Final = 16

_LABELS: Final = ValueType(
    Kind.CHOICE, choices=("icon", "text", "icon_text"), more=True
)
# Of an <fkey>, beside idx, context, label and perm: "<functionKeys> tag" of the snom
# wiki, the manual of the D7C, and public templates of firmware 10.
ATTRIBUTES: Final = MappingProxyType(
    {
        "clp": ValueType(Kind.NUMBER, 0, 1),
        "default_text": ValueType(),
        "icon_type": ValueType(),
        "label_mode": _LABELS,
        "lp": ValueType(Kind.CHOICE, choices=("on", "off"), more=True),
        "park_retrieve": ValueType(),
        "reg_label_mode": _LABELS,
        "ringer": ValueType(),
        "short_default_text": ValueType(),
        "short_label": ValueType(),
        "short_label_mode": _LABELS,
    }
)
# Attributes that a key has by other fields of its record.
OWN: Final = frozenset({"idx", "context", "label", "perm"})
_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}", re.ASCII)


def checked_attribute(name: str) -> str:
    """Return the *name* of an attribute; SettingError when a key can have none so."""
    if not _NAME.fullmatch(name) or name in OWN:
        raise SettingError(
            f"{name!r} is not an attribute of a function key: it has "
            f"{', '.join(ATTRIBUTES)}."
        )
    return name


def checked_attributes(
    attributes: Mapping[str, str] | Iterable[tuple[str, str]],
) -> tuple[tuple[tuple[str, str], ...], str]:
    """Return *attributes* of a key sorted by name, and a warning sentence or "".

    Raises SettingError for what cannot be an attribute, or is one by another field.
    """
    given = dict(attributes)
    if len(given) > MAX_ATTRIBUTES:
        raise SettingError(f"A function key has {MAX_ATTRIBUTES} attributes at most.")
    notes = []
    for name, value in given.items():
        checked_attribute(name)
        if not isinstance(value, str):
            raise SettingError(f"The attribute {name} of a function key is a text.")
        checked_text(value, f"The attribute {name} of a function key")
        allowed = ATTRIBUTES.get(name)
        if allowed is None:
            meant = nearest(name, (*ATTRIBUTES, *OWN))
            hint = f"; did you mean {meant}?" if meant else "."
            notes.append(f"{name} is not an attribute this version knows{hint}")
        else:
            notes.append(checked_kind(name, allowed, value)[1])
    # What is not the default for a long press is only heard with clp (snom wiki).
    if given.get("lp", "on") != "on" and given.get("clp") != "1":
        notes.append("lp is only taken by phones together with clp 1.")
    return tuple(sorted(given.items())), next(filter(None, notes), "")


def checked_context(context: str) -> str:
    """Return *context*: "active" or an identity; SettingError for anything else."""
    if context != "active" and context not in map(str, range(1, IDENTITIES + 1)):
        raise SettingError(
            f"{context!r} is not a key's context: write active or an identity, 1 to "
            f"{IDENTITIES}."
        )
    return context


def checked_key(
    index: int,
    value: str,
    label: str = "",
    context: str = "active",
    permission: str = "R",
    attributes: Mapping[str, str] | Iterable[tuple[str, str]] = (),
) -> tuple[FunctionKey, str]:
    """Return the key as it may be stored, and a warning sentence or "".

    *index* counts from 0 (the key P1); *context* is "active" or an identity, 1 to 12.
    Raises SettingError.
    """
    if not 0 <= index < MAX_KEYS:
        raise SettingError(
            f"There is no function key {index}: they count from 0 to {MAX_KEYS - 1}."
        )
    checked_context(context)
    checked_text(label, "The label of a function key")
    stored, note = checked_value(value)
    sorted_attributes, odd = checked_attributes(attributes)
    key = FunctionKey(
        index,
        stored,
        label,
        context,
        checked_permission(permission),
        sorted_attributes,
    )
    return key, note or odd


def free_keys(count: int) -> tuple[FunctionKey, ...]:
    """Return the keys 0 to *count* - 1 of a phone as free line keys.

    Put first in a model's layer they say how many keys the model has: what no later
    layer says is then free again, where otherwise the phone keeps the last value.
    """
    return tuple(FunctionKey(index, "line", permission="RW") for index in range(count))
