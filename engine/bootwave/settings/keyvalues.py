"""What a key does: types and their arguments, as written and as told to phones.

A key's value is its type, a blank and the type's argument: ``blf 402|*87``,
``keyevent F_REDIAL``.  It is stored as written and expanded when a document is made,
because a model's layer serves many domains: ``blf 402|*87`` becomes
``blf <sip:402@pbx.example.com;user=phone>|*87``.

Types and key events are those of the vendor ("Function Key Types", snom wiki) and of
phones' own exports.  Newer firmware adds to both: what looks like neither a known one
nor a slip of one is taken with a warning.
"""

import re
from enum import Enum
from functools import lru_cache
from ipaddress import IPv4Address
from types import MappingProxyType
from typing import Final, NamedTuple
from urllib.parse import quote
from xml.parsers import expat

from bootwave.errors import SettingError
from bootwave.quoting import without_userinfo
from bootwave.settings.credentials import without_credentials
from bootwave.settings.spelling import nearest
from bootwave.xml.legal import checked_text


class Argument(Enum):
    """What stands after a key's type."""

    NONE = "nothing"
    OPTIONAL = "an argument, or nothing"
    NUMBER = "a number or an address"
    OPTIONAL_NUMBER = "a number or an address, or nothing"
    DESTINATION = "a number, number@host or <sip:...>, perhaps |PICKUPCODE"
    OPTIONAL_DESTINATION = "a number, number@host or <sip:...>, or nothing"
    EVENT = "the name of a key event such as F_REDIAL"
    URL = "a URL"
    DEFINITION = "an XML definition such as <initialization>...</initialization>"
    TONES = "digits, *, # and A to D"
    GROUP = "a multicast address and port such as 239.1.1.1:5555, or nothing"


TYPES: Final = MappingProxyType(
    {
        "line": Argument.OPTIONAL,
        "blf": Argument.DESTINATION,
        "dest": Argument.DESTINATION,
        "speed": Argument.NUMBER,
        "orbit": Argument.NUMBER,
        "icom": Argument.OPTIONAL_DESTINATION,
        "intercom": Argument.OPTIONAL_DESTINATION,
        "button": Argument.OPTIONAL,
        "keyevent": Argument.EVENT,
        "url": Argument.URL,
        "xml": Argument.DEFINITION,
        "dtmf": Argument.TONES,
        "p2t": Argument.OPTIONAL_NUMBER,
        "mult": Argument.OPTIONAL_NUMBER,
        "multicast": Argument.GROUP,
        "recorder": Argument.OPTIONAL_NUMBER,
        "ivr": Argument.OPTIONAL_NUMBER,
        "presence": Argument.OPTIONAL_DESTINATION,
        "transfer": Argument.OPTIONAL_NUMBER,
        "smart_transfer": Argument.OPTIONAL_NUMBER,
        "redirect": Argument.OPTIONAL_NUMBER,
        "autoanswer": Argument.OPTIONAL,
        "starcode": Argument.OPTIONAL_NUMBER,
        "conference": Argument.OPTIONAL_NUMBER,
        "none": Argument.NONE,
    }
)

PURPOSES: Final = MappingProxyType(
    {
        "line": "a line of the key's identity",
        "blf": "state of an extension, call, pick up",
        "dest": "extension, the older form of blf",
        "speed": "speed dial",
        "orbit": "parks a call and takes it back",
        "icom": "intercom",
        "intercom": "intercom",
        "button": "controlled by the PBX (pbx_buttons)",
        "keyevent": "what a key of the phone does",
        "url": "fetches a URL, which may hold $variables",
        "xml": "defined in XML, from 8.2.19 and 8.4 on",
        "dtmf": "sends tones",
        "p2t": "push to talk",
        "mult": "shared line",
        "multicast": "page to a multicast group",
        "recorder": "voice recorder",
        "ivr": "interactive voice response",
        "presence": "presence of somebody",
        "transfer": "transfers the call",
        "smart_transfer": "transfer, dial or park",
        "redirect": "forwards calls",
        "autoanswer": "answers calls by itself",
        "starcode": "a call without sound",
        "conference": "conference server",
        "none": "nothing",
    }
)

# Of function keys, dedicated keys and soft keys alike: those in a full export of a
# snom 720 (8.7.3.17), in Gemeinschaft 3 and in wazo-provd-plugins.
EVENTS: Final = frozenset(
    """
    F_TRANSFER F_DND F_HOLD F_ADR_BOOK F_DIRECTORY F_DIRECTORY_SEARCH F_MENU F_REDIAL
    F_MUTE F_CONFERENCE F_CONF_ON F_REC F_RETRIEVE F_CALL_LIST F_CALL_COMPLETION
    F_REDIRECT F_SUPPORT F_SETTINGS F_STATUS F_FAVORITES F_MISSED_LIST F_ACCEPTED_LIST
    F_PREV_ID F_NEXT_ID F_CANCEL F_OK F_HELP F_SNOM F_R F_LEFT F_RIGHT F_DIAL F_DIALOG
    F_DUAL_AUDIO F_CONTACTPOOL F_PRESENCE F_NONE
    """.split()
)

_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9_]{2,31}", re.ASCII)
_EVENT = re.compile(r"F_[A-Z0-9_]{1,60}", re.ASCII)
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")
_FULL = re.compile(r"<sips?:[^<>\s|]+>")
_SHORT = re.compile(r"[^<>\s|@:]+(?:@[A-Za-z0-9.:\[\]-]+)?")
_BARE_URI = re.compile(r"sips?:[^<>\s|]+")
_CODE = re.compile(r"\S*")
_TONES = re.compile(r"[0-9*#A-Da-d]+", re.ASCII)
_GROUP = re.compile(r"([0-9.]{7,15}):([0-9]{1,5})", re.ASCII)
# RFC 3261 section 25.1: unreserved, user-unreserved, and escapes already made.
_USER_SAFE: Final = "-_.!~*'()&=+$,;?/%"

_MAY_BE_EMPTY: Final = frozenset(
    {
        Argument.NONE,
        Argument.OPTIONAL,
        Argument.OPTIONAL_NUMBER,
        Argument.OPTIONAL_DESTINATION,
        Argument.GROUP,
    }
)
_DESTINATIONS: Final = frozenset({Argument.DESTINATION, Argument.OPTIONAL_DESTINATION})


class _Parts(NamedTuple):
    type: str
    argument: str


def _split(value: str) -> _Parts:
    kind, _blank, argument = value.strip().partition(" ")
    return _Parts(kind, argument.strip())


def checked_value(value: str) -> tuple[str, str]:
    """Return the *value* of a function key as it may be stored, and a warning or "".

    The type is written in small letters, blanks around type and argument go.  Raises
    SettingError for a type that is a slip of a known one, naming that, and for an
    argument its type cannot have.
    """
    checked_text(value, "The value of a function key")
    written, argument = _split(value)
    kind = written.casefold()
    expected = TYPES.get(kind)
    if expected is None:
        return _joined(written, argument), _strange(written)
    if not _fits(expected, argument):
        told = without_credentials(without_userinfo(argument))
        raise SettingError(
            f"A function key of type {kind} takes {expected.value}"
            + (f", not {told!r}." if argument else ".")
        )
    return _joined(kind, argument), _doubt(expected, argument)


def checked_action(value: str, what: str) -> tuple[str, str]:
    """Return what a dedicated or soft key does, as stored, and a warning or "".

    That is the value of a function key, or the bare name of a key event as older
    firmware writes it, or nothing.  *what* names the key in the error.
    """
    action = value.strip()
    if not action or _EVENT.fullmatch(action):
        checked_text(action, what)
        return action, _doubt(Argument.EVENT, action) if action else ""
    try:
        return checked_value(action)
    except SettingError as error:
        raise SettingError(f"{what}: {error}") from None


def _joined(kind: str, argument: str) -> str:
    return f"{kind} {argument}" if argument else kind


def _strange(kind: str) -> str:
    """Return the warning about an unknown type; SettingError for what is none."""
    meant = nearest(kind, TYPES)
    if meant or not _TYPE.fullmatch(kind):
        hint = f"did you mean {meant}?" if meant else f"one of {', '.join(TYPES)}."
        # Types have no colon; of a URL this may be the part before a blank.
        told = without_credentials(without_userinfo(kind).partition(":")[0])
        raise SettingError(f"{told!r} is not a type of function key: {hint}")
    return f"{kind} is not a type of function key this version knows."


def _doubt(expected: Argument, argument: str) -> str:
    if expected is Argument.EVENT and argument not in EVENTS and argument != "none":
        meant = nearest(argument, EVENTS)
        return f"{argument} is not a key event this version knows" + (
            f"; did you mean {meant}?" if meant else "."
        )
    if expected is Argument.TONES and not _TONES.fullmatch(argument):
        return f"{argument!r} is more than {expected.value}."
    if expected is Argument.GROUP and argument and not _is_group(argument):
        return f"{argument!r} is not a multicast address and port: 239.1.1.1:5555."
    return ""


def _fits(expected: Argument, argument: str) -> bool:
    if not argument:
        return expected in _MAY_BE_EMPTY
    match expected:
        case Argument.NONE:
            return False
        case Argument.EVENT:
            return argument == "none" or _EVENT.fullmatch(argument) is not None
        case Argument.URL:
            return _URL.fullmatch(argument) is not None
        case Argument.DEFINITION:
            return _is_definition(argument)
        case Argument.DESTINATION | Argument.OPTIONAL_DESTINATION:
            address, _bar, code = argument.partition("|")
            return _CODE.fullmatch(code) is not None and any(
                form.fullmatch(address) for form in (_FULL, _BARE_URI, _SHORT)
            )
        case _:
            return True


def _is_group(argument: str) -> bool:
    found = _GROUP.fullmatch(argument)
    if found is None or not 0 < int(found[2]) < 65536:
        return False
    try:
        return IPv4Address(found[1]).is_multicast
    except ValueError:
        return False


def _is_definition(argument: str) -> bool:
    """Whether *argument* is one or more well-formed elements."""
    if not argument.startswith("<"):
        return False
    try:
        # One root around them: a definition may have several elements beside another.
        expat.ParserCreate().Parse(f"<xml>{argument}</xml>", True)
    except expat.ExpatError:
        return False
    return True


# Colleagues watch the same numbers: most keys of a domain were expanded before.
@lru_cache(maxsize=16_384)
def expanded(value: str, domain: str) -> str:
    """Return *value* as a phone of the SIP domain *domain* is told it.

    A number or number@host becomes a full SIP URI with ``user=phone``; characters that
    cannot stand in a SIP user part, such as ``#``, are escaped (RFC 3261 section
    25.1).  Whatever is complete, or of a type that takes no address, is unchanged.
    """
    kind, argument = _split(value)
    if TYPES.get(kind.casefold()) not in _DESTINATIONS:
        return value
    if not argument or argument[0] == "<":
        return value
    address, bar, code = argument.partition("|")
    if _BARE_URI.fullmatch(address):
        return f"{kind} <{address}>{bar}{code}"
    user, _at, host = address.partition("@")
    uri = f"sip:{quote(user, safe=_USER_SAFE)}@{host or domain};user=phone"
    return f"{kind} <{uri}>{bar}{code}"
