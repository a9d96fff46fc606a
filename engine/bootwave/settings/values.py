"""What the value of a setting may be: kinds of values, checked where values enter.

A value is refused only where no firmware could take it.  Where the phone's own list may
be longer than the one known here (``more``), the value is taken with a warning.  An
empty value is always taken: phones write their own unset settings so.
"""

import re
from enum import StrEnum
from ipaddress import IPv4Address, ip_address
from typing import Final, NamedTuple

from bootwave.errors import SettingError
from bootwave.quoting import shortened, without_userinfo
from bootwave.settings import locales
from bootwave.settings.credentials import without_credentials
from bootwave.settings.keyvalues import checked_action
from bootwave.settings.spelling import nearest


class Kind(StrEnum):
    """Kinds of values by the word that the catalogue's data uses."""

    TEXT = "text"
    SECRET = "secret"
    SWITCH = "switch"
    NUMBER = "number"
    CHOICE = "choice"
    CLOCK = "clock"
    PERIOD = "period"
    TOS = "tos"
    URL = "url"
    SERVER = "server"
    HOST = "host"
    PROXY = "proxy"
    IPV4 = "ipv4"
    ACTION = "action"
    TIMEZONE = "timezone"
    TONES = "tones"
    LANGUAGE = "language"


class ValueType(NamedTuple):
    """A kind of value with its bounds, unit and choices, and ``more`` (module)."""

    kind: Kind = Kind.TEXT
    least: int | None = None
    most: int | None = None
    unit: str = ""
    choices: tuple[str, ...] = ()
    more: bool = False

    def __str__(self) -> str:
        """Return what is allowed as the end of a sentence."""
        match self.kind:
            case Kind.NUMBER:
                unit = f" of {self.unit}" if self.unit else ""
                return f"a number{unit}{self._range()}"
            case Kind.CHOICE:
                *first, last = self.choices
                return f"{', '.join(first)} or {last}" if first else last
            case _:
                return _PHRASES[self.kind]

    def _range(self) -> str:
        if self.least is None and self.most is None:
            return ""
        if self.most is None:
            return f" from {self.least} on"
        return f" from {self.least} to {self.most}"


_PHRASES: Final = {
    Kind.TEXT: "any text",
    Kind.SECRET: "a secret",
    Kind.SWITCH: "on or off",
    Kind.CLOCK: "a time of day such as 01:30",
    Kind.PERIOD: "a number of seconds, or two with a colon between such as 5:60",
    Kind.TOS: "a TOS byte from 0 to 255",
    Kind.URL: "a URL such as https://pbx.example.com/x",
    Kind.SERVER: "a URL or a host",
    Kind.HOST: "a host name or an address, perhaps with :PORT",
    Kind.PROXY: "host[:port][;transport=udp|tcp|tls], several with commas between",
    Kind.IPV4: "an IPv4 address",
    Kind.ACTION: "what a key does, such as keyevent F_DND or speed 123",
    Kind.TIMEZONE: "a time zone such as GER+1, Germany, Europe/Berlin or UTC+1",
    Kind.TONES: "a tone scheme such as GBR, or a country",
    Kind.LANGUAGE: "a language such as Deutsch, German or de",
}

# Phones export "on" and "off"; some settings of theirs say true and false for the same.
_SWITCH: Final = frozenset({"on", "off", "true", "false"})
_CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):[0-5][0-9]", re.ASCII)
_PERIOD = re.compile(r"[0-9]{1,9}(:[0-9]{1,9})?", re.ASCII)
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_URL = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*://|/)\S*")
_HOST = re.compile(r"(?:[A-Za-z0-9_.{}$-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?", re.A)
_TRANSPORT = re.compile(r"[A-Za-z0-9_+-]+(?:=[^\s;,]*)?", re.ASCII)


def checked_kind(name: str, allowed: ValueType, value: str) -> tuple[str, str]:
    """Return *value* of the setting *name* as it is told, and a warning or "".

    The value of a time zone, tone scheme or language becomes the phone's own code.
    Raises SettingError for what *allowed* rules out, without quoting a secret.
    """
    if not value or allowed.kind in (Kind.TEXT, Kind.SECRET):
        return value, ""
    if allowed.kind in _NAMED:
        return _named(name, allowed, value)
    if allowed.kind is Kind.ACTION:
        return checked_action(value, name)
    if _fits(allowed, value):
        return value, _unusual(name, allowed, value)
    meant = nearest(value, allowed.choices)
    hint = f"; did you mean {meant}?" if meant else "."
    said = repr(without_credentials(without_userinfo(value)))
    if allowed.more:
        return value, (
            f"{name} is {allowed} as far as this version knows, not {said}{hint}"
        )
    raise SettingError(f"{name} is {allowed}, not {said}{hint}")


_NAMED: Final = frozenset({Kind.TIMEZONE, Kind.TONES, Kind.LANGUAGE})


def _named(name: str, allowed: ValueType, value: str) -> tuple[str, str]:
    match allowed.kind:
        case Kind.TIMEZONE:
            places, code = locales.timezones(), locales.timezone_code(value)
        case Kind.TONES:
            places = locales.tones()
            code = places.find(value)
        case _:
            places = locales.languages()
            code = places.find(value)
    if code:
        return code, ""
    meant = places.likely(value)
    hint = f"; did you mean {meant}?" if meant else "."
    quoted = shortened(without_credentials(without_userinfo(value)))
    return value, f"{quoted} is not a {places.what} this version knows{hint}"


def _unusual(name: str, allowed: ValueType, value: str) -> str:
    if allowed.kind is Kind.SWITCH and value not in ("on", "off"):
        return f"{name} is {allowed}; some firmware takes {value!r} for the same."
    if allowed.kind is Kind.TOS and int(value) % 4:
        return (
            f"{name} is a whole TOS byte, the DSCP times 4: {value} sets bits that "
            "are not of the DSCP."
        )
    return ""


def _fits(allowed: ValueType, value: str) -> bool:
    match allowed.kind:
        case Kind.SWITCH:
            return value in _SWITCH
        case Kind.NUMBER:
            return _is_number(value, allowed.least, allowed.most)
        case Kind.TOS:
            return _is_number(value, 0, 255)
        case Kind.CHOICE:
            return value in allowed.choices
        case Kind.CLOCK:
            return _CLOCK.fullmatch(value) is not None
        case Kind.PERIOD:
            return _PERIOD.fullmatch(value) is not None
        case Kind.URL:
            return _URL.fullmatch(value) is not None
        case Kind.SERVER:
            return _URL.fullmatch(value) is not None or _is_host(value)
        case Kind.HOST:
            return _is_host(value)
        case Kind.PROXY:
            return all(_is_proxy(one.strip()) for one in value.split(","))
        case _:
            return _is_ipv4(value)


def _is_number(value: str, least: int | None, most: int | None) -> bool:
    if not _NUMBER.fullmatch(value):
        return False
    number = int(value)
    return (least is None or least <= number) and (most is None or number <= most)


def _is_host(value: str) -> bool:
    try:
        ip_address(value)
    except ValueError:
        found = _HOST.fullmatch(value)
        return found is not None and int(found[1] or 1) < 65536
    return True


def _is_proxy(value: str) -> bool:
    """Whether *value* is a host with the parameters a SIP URI may have."""
    if not value:
        return True  # a second proxy that is not set, as some generators write it
    scheme, colon, rest = value.partition(":")
    address, *parameters = (
        rest if colon and scheme.lower() in ("sip", "sips") else value
    ).split(";")
    return _is_host(address.rpartition("@")[2]) and all(
        _TRANSPORT.fullmatch(one) for one in parameters
    )


def _is_ipv4(value: str) -> bool:
    try:
        IPv4Address(value)
    except ValueError:
        return False
    return True
