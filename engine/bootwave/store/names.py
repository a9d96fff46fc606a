"""The names administrators write: domains, accounts, hosts and subnets, checked.

Everything here returns the spelling that is stored and raises OperatorError subclasses
with one sentence that says what would be right.
"""

import re
from ipaddress import IPv6Address, ip_network
from typing import NamedTuple

from bootwave.errors import OptionError, SettingError
from bootwave.quoting import shortened, without_userinfo
from bootwave.settings.credentials import without_credentials
from bootwave.xml.legal import checked_text

MAX_NAME_CHARACTERS = 128
MAX_MEMBER_CHARACTERS = 64
MAX_MAILBOX_CHARACTERS = 64
MAX_MINUTES = 24 * 60.0

# RFC 1123 section 2.1: letters, digits and hyphens, none at an end, 63 at most.
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_MAX_HOST = 253
_NUMBER = re.compile(r"[A-Za-z0-9_.+-]{1,32}")
# In a URL these are other places (RFC 3986 section 5.2.4): who meant to remove an
# account or profile of such a name would remove what is around it.
_ELSEWHERE = (".", "..")
_PORT = re.compile(r"[0-9]{1,5}")
_TRANSPORT = re.compile(r"transport=(?:udp|tcp|tls)", re.I)


class AccountName(NamedTuple):
    """An account as ``number@domain``."""

    number: str
    domain: str

    def __str__(self) -> str:
        """Return the name as administrators write it."""
        return f"{self.number}@{self.domain}"


def required_domain(text: str) -> str:
    """Return the domain name *text* in small letters (RFC 1123 section 2.1)."""
    name = text.strip().lower()
    if len(name) > _MAX_HOST or not _HOST.fullmatch(name):
        raise SettingError(
            f"{shortened(text)} is not a domain name: write one such as "
            "pbx.example.com."
        )
    return name


def required_account(text: str, domain: str | None = None) -> AccountName:
    """Return the account that ``number@domain`` names.

    With *domain* the number may stand alone.
    """
    number, at, rest = text.strip().rpartition("@")
    if not at:
        number, rest = rest, domain or ""
    if not rest:
        raise SettingError(
            f"{shortened(text)} names no domain: write NUMBER@DOMAIN, "
            "for example 401@pbx.example.com."
        )
    if not _NUMBER.fullmatch(number) or number in _ELSEWHERE:
        raise SettingError(
            f"{shortened(number)} is not an account's number: up to 32 letters, digits "
            "and _ . + - are, but for '.' and '..'."
        )
    return AccountName(number, required_domain(rest))


class MemberName(NamedTuple):
    """A profile or group of a domain as ``name@domain``."""

    name: str
    domain: str


def required_member(text: str, what: str) -> MemberName:
    """Return the *what* (profile or group) that ``NAME@DOMAIN`` names."""
    name, at, domain = text.strip().rpartition("@")
    if not at:
        raise SettingError(
            f"{shortened(text)} names no domain: write NAME@DOMAIN, for example "
            "sales@pbx.example.com."
        )
    return MemberName(checked_member(name, what), required_domain(domain))


def checked_member(text: str, what: str) -> str:
    """Return the name of a *what* (profile or group): one line, without an @."""
    name = checked_text(text.strip(), f"The name of a {what}")
    if not name or len(name) > MAX_MEMBER_CHARACTERS or not _is_one_line(name):
        raise SettingError(
            f"The name of a {what} is one line of at most {MAX_MEMBER_CHARACTERS} "
            "characters."
        )
    if "@" in name:
        raise SettingError(f"The name of a {what} has no @: what follows is a domain.")
    if name in _ELSEWHERE:
        raise SettingError(f"The name of a {what} is not {name!r}: take another one.")
    return name


def checked_host(text: str, what: str) -> str:
    """Return *text* when it is ``host``, ``host:port`` or ``…;transport=tls``, or "".

    An IPv6 address stands in brackets.
    """
    whole = text.strip()
    if not whole:
        return ""
    address, semicolon, parameter = whole.partition(";")
    host, colon, port = address, "", ""
    if address.startswith("["):
        host, _bracket, rest = address[1:].partition("]")
        colon, port = rest[:1], rest[1:]
        right = _is_ipv6(host) and colon in ("", ":") and "]" in address
    else:
        host, colon, port = address.partition(":")
        right = len(host) <= _MAX_HOST and bool(_HOST.fullmatch(host.lower()))
    if colon:
        right = right and bool(_PORT.fullmatch(port)) and 0 < int(port) < 65_536
    if semicolon:
        right = right and bool(_TRANSPORT.fullmatch(parameter))
    if not right:
        told = without_credentials(without_userinfo(text))
        raise SettingError(
            f"{shortened(told)} is not {what}: write a host such as pbx.example.com, "
            "pbx.example.com:5061 or pbx.example.com:5061;transport=tls."
        )
    return whole


def checked_subnet(text: str) -> str:
    """Return the network *text* in its canonical spelling, "" for "" (everywhere)."""
    if not text.strip():
        return ""
    try:
        return str(ip_network(text.strip(), strict=False))
    except ValueError:
        raise SettingError(
            f"{shortened(text)} is not a subnet: write one such as 192.168.7.0/24."
        ) from None


def checked_name(text: str, what: str, most: int = MAX_NAME_CHARACTERS) -> str:
    """Return *text* without blanks around it, one line of at most *most* characters."""
    name = checked_text(text.strip(), what)
    if len(name) > most or not _is_one_line(name):
        raise SettingError(f"{what} must be one line of at most {most} characters.")
    return name


def sort_name(name: str) -> str:
    """Return the display name as lists are sorted by it: without regard to case."""
    return name.casefold()


def checked_password(text: str) -> str:
    """Return the SIP password *text*; no error quotes it."""
    if not text:
        raise SettingError("An account needs its SIP password: give one.")
    if len(text) > MAX_NAME_CHARACTERS or not _is_one_line(text):
        raise SettingError(
            f"A SIP password must be one line of at most {MAX_NAME_CHARACTERS} "
            "characters."
        )
    return checked_text(text, "The SIP password")


def checked_minutes(minutes: float) -> float:
    """Return for how long a window may be opened, in minutes."""
    if not 0 < minutes <= MAX_MINUTES:
        raise OptionError(
            f"A window can be open for more than 0 and at most {MAX_MINUTES:g} minutes."
        )
    return minutes


def checked_range(text: str) -> tuple[int, int, int] | str:
    """Return the range ``400-449`` as its ends and their digits, or the one number."""
    first, hyphen, last = text.strip().partition("-")
    if hyphen and first.isdecimal() and last.isdecimal() and text.isascii():
        if len(first) != len(last) or int(first) > int(last):
            raise SettingError(
                f"{shortened(text)} is not a range of numbers: write two of the same "
                "length, the lower one first, such as 400-449."
            )
        return int(first), int(last), len(first)
    if not _NUMBER.fullmatch(text.strip()):
        raise SettingError(
            f"{shortened(text)} is neither a number nor a range such as 400-449."
        )
    return text.strip()


def _is_one_line(text: str) -> bool:
    return text.splitlines() in ([text], [])


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return "%" not in text
