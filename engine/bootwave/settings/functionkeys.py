"""Function keys: what an administrator may write, and what the phone is told.

A key's value is its type, a blank and the type's argument: ``blf 402|*87``,
``keyevent F_REDIAL``.  It is stored as written and expanded when a document is made,
because a model's layer serves many domains: ``blf 402|*87`` becomes
``blf <sip:402@pbx.example.com;user=phone>|*87``.
"""

import re
from enum import Enum
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple
from urllib.parse import quote

from bootwave.directory.records import FunctionKey
from bootwave.errors import SettingError
from bootwave.settings.catalogue import IDENTITIES, checked_permission
from bootwave.settings.spelling import nearest
from bootwave.xml.legal import checked_text

MAX_KEYS: Final = 220  # idx 0 to 219: D815 and D865 with their modules


class Argument(Enum):
    """What stands after a key's type."""

    NONE = "nothing"
    OPTIONAL = "an argument, or nothing"
    REQUIRED = "an argument"
    DESTINATION = "a number, number@host or <sip:...>, perhaps |PICKUPCODE"
    OPTIONAL_DESTINATION = "a number, number@host or <sip:...>, or nothing"
    EVENT = "the name of a key event such as F_REDIAL"
    URL = "a URL"
    DEFINITION = "an XML definition such as <initialization>...</initialization>"


TYPES: Final = MappingProxyType(
    {
        "line": Argument.OPTIONAL,
        "blf": Argument.DESTINATION,
        "dest": Argument.DESTINATION,
        "speed": Argument.REQUIRED,
        "orbit": Argument.REQUIRED,
        "icom": Argument.OPTIONAL_DESTINATION,
        "intercom": Argument.OPTIONAL_DESTINATION,
        "button": Argument.OPTIONAL,
        "keyevent": Argument.EVENT,
        "url": Argument.URL,
        "xml": Argument.DEFINITION,
        "dtmf": Argument.REQUIRED,
        "p2t": Argument.OPTIONAL,
        "mult": Argument.OPTIONAL,
        "multicast": Argument.OPTIONAL,
        "recorder": Argument.OPTIONAL,
        "ivr": Argument.OPTIONAL,
        "presence": Argument.OPTIONAL_DESTINATION,
        "transfer": Argument.OPTIONAL,
        "redirect": Argument.OPTIONAL,
        "autoanswer": Argument.OPTIONAL,
        "starcode": Argument.OPTIONAL,
        "conference": Argument.OPTIONAL,
        "none": Argument.NONE,
    }
)

EVENTS: Final = frozenset(
    """
    F_TRANSFER F_DND F_HOLD F_ADR_BOOK F_DIRECTORY_SEARCH F_MENU F_REDIAL F_MUTE
    F_CONFERENCE F_REC F_RETRIEVE F_CALL_LIST F_REDIRECT F_SUPPORT F_SETTINGS F_STATUS
    F_FAVORITES F_MISSED_LIST F_ACCEPTED_LIST F_PREV_ID F_NEXT_ID F_CANCEL F_OK F_HELP
    F_SNOM F_R
    """.split()
)

_EVENT = re.compile(r"F_[A-Z0-9_]{1,60}")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")
_FULL = re.compile(r"<sips?:[^<>\s|]+>")
_SHORT = re.compile(r"[^<>\s|@:]+(?:@[A-Za-z0-9.:\[\]-]+)?")
_BARE_URI = re.compile(r"sips?:[^<>\s|]+")
_CODE = re.compile(r"[^<>\s]*")
# RFC 3261 section 25.1: unreserved, user-unreserved, and escapes already made.
_USER_SAFE: Final = "-_.!~*'()&=+$,;?/%"

_DESTINATIONS: Final = frozenset({Argument.DESTINATION, Argument.OPTIONAL_DESTINATION})


class _Parts(NamedTuple):
    type: str
    argument: str


def _split(value: str) -> _Parts:
    kind, _blank, argument = value.strip().partition(" ")
    return _Parts(kind.casefold(), argument.strip())


def checked_value(value: str) -> tuple[str, str]:
    """Return *value* as it may be stored, and a warning sentence or "".

    The type is written in small letters, blanks around type and argument go.  Raises
    SettingError for an unknown type, naming the nearest known one, and for an argument
    its type cannot have.
    """
    checked_text(value, "The value of a function key")
    kind, argument = _split(value)
    expected = TYPES.get(kind)
    if expected is None:
        meant = nearest(kind, TYPES)
        hint = f"did you mean {meant}?" if meant else f"one of {', '.join(TYPES)}."
        raise SettingError(f"{kind!r} is not a type of function key: {hint}")
    if not _fits(expected, argument):
        raise SettingError(
            f"A function key of type {kind} takes {expected.value}, not {argument!r}."
            if argument
            else f"A function key of type {kind} takes {expected.value}."
        )
    note = ""
    if expected is Argument.EVENT and argument not in EVENTS:
        meant = nearest(argument, EVENTS)
        note = f"{argument} is not a key event this version knows" + (
            f"; did you mean {meant}?" if meant else "."
        )
    return f"{kind} {argument}" if argument else kind, note


def _fits(expected: Argument, argument: str) -> bool:
    if not argument:
        return expected in (
            Argument.NONE,
            Argument.OPTIONAL,
            Argument.OPTIONAL_DESTINATION,
        )
    match expected:
        case Argument.NONE:
            return False
        case Argument.EVENT:
            return _EVENT.fullmatch(argument) is not None
        case Argument.URL:
            return _URL.fullmatch(argument) is not None
        case Argument.DEFINITION:
            return argument.startswith("<") and argument.endswith(">")
        case Argument.DESTINATION | Argument.OPTIONAL_DESTINATION:
            address, _bar, code = argument.partition("|")
            return _CODE.fullmatch(code) is not None and any(
                form.fullmatch(address) for form in (_FULL, _BARE_URI, _SHORT)
            )
        case _:
            return True


def checked_key(
    index: int,
    value: str,
    label: str = "",
    context: str = "active",
    permission: str = "R",
) -> tuple[FunctionKey, str]:
    """Return the key as it may be stored, and a warning sentence or "".

    *index* counts from 0 (the key P1); *context* is "active" or an identity, 1 to 12.
    Raises SettingError.
    """
    if not 0 <= index < MAX_KEYS:
        raise SettingError(
            f"There is no function key {index}: they count from 0 to {MAX_KEYS - 1}."
        )
    if context != "active" and context not in map(str, range(1, IDENTITIES + 1)):
        raise SettingError(
            f"{context!r} is not a key's context: write active or an identity, 1 to "
            f"{IDENTITIES}."
        )
    checked_text(label, "The label of a function key")
    stored, note = checked_value(value)
    key = FunctionKey(index, stored, label, context, checked_permission(permission))
    return key, note


# Colleagues watch the same numbers: most keys of a domain were expanded before.
@lru_cache(maxsize=16_384)
def expanded(value: str, domain: str) -> str:
    """Return *value* as a phone of the SIP domain *domain* is told it.

    A number or number@host becomes a full SIP URI with ``user=phone``; characters that
    cannot stand in a SIP user part, such as ``#``, are escaped (RFC 3261 section
    25.1).  Whatever is complete, or of a type that takes no address, is unchanged.
    """
    kind, argument = _split(value)
    if TYPES.get(kind) not in _DESTINATIONS or not argument or argument[0] == "<":
        return value
    address, bar, code = argument.partition("|")
    if _BARE_URI.fullmatch(address):
        return f"{kind} <{address}>{bar}{code}"
    user, _at, host = address.partition("@")
    uri = f"sip:{quote(user, safe=_USER_SAFE)}@{host or domain};user=phone"
    return f"{kind} <{uri}>{bar}{code}"


def free_keys(count: int) -> tuple[FunctionKey, ...]:
    """Return the keys 0 to *count* - 1 of a phone as free line keys.

    Put first in a model's layer they say how many keys the model has: what no later
    layer says is then free again, where otherwise the phone keeps the last value.
    """
    return tuple(FunctionKey(index, "line", permission="RW") for index in range(count))
