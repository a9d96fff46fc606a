"""User-Agent strings, HTTP and SIP: which phone speaks, as far as it says so.

Nothing here proves anything; it fills in model and firmware.
"""

import re
from typing import NamedTuple

from bootwave.phone.mac import is_snom, is_unicast
from bootwave.phone.model import model_from_text

# The longest seen has 130 characters; the cut bounds the work on invented ones.
MAX_USER_AGENT_CHARACTERS = 512

# The phone's own word, in HTTP inside the parentheses of Mozilla/4.0 (compatible; ...)
# and in SIP at the start; then "-SIP 8.4.35", "/8.7.5.48", " 05.20.0001".
_PHONE = re.compile(
    r"(?:^|compatible; )"
    r"(?P<name>snom(?:[ -]?[A-Za-z0-9]{1,8}))"
    r"(?:(?:-SIP|/| )[ /]?(?P<firmware>\d[0-9.]{0,30}))?",
    re.IGNORECASE | re.ASCII,
)
_BEFORE_FIRMWARE = len("-SIP /8") + 1
_MAC = re.compile(r"(?<![0-9A-Za-z])[0-9A-Fa-f]{12}(?![0-9A-Za-z])")


class Described(NamedTuple):
    """The part of a User-Agent that describes a phone.

    ``end`` is where it ends, -1 when there is none.  Another text that agrees in the
    first ``deciding`` characters says the same.
    """

    model: str = ""
    firmware: str = ""
    end: int = -1
    deciding: int = 0


class UserAgent(NamedTuple):
    """What a User-Agent says: each "" or 0 when it does not."""

    model: str = ""
    firmware: str = ""
    mac: int = 0


def phone_from_user_agent(text: str) -> UserAgent:
    """Return model, firmware and MAC named in the User-Agent *text*.

    Understands what snom phones send as HTTP clients (6.5 to 10.1, nested parentheses
    and git hashes included), DECT bases and the m9, and the SIP forms
    ``snom370/8.7.5.48`` and ``snomM700/03.23.0005 (MAC=...; ...)``.  The MAC is the
    last of the words of twelve hex digits behind the firmware that carries one of
    snom's OUIs, or else the last of any.  Other phones' strings give an empty result.
    """
    found = described(text)
    if found.end < 0:
        return UserAgent()
    words = _MAC.findall(text[:MAX_USER_AGENT_CHARACTERS], found.end)
    macs = [int(word, 16) for word in words]
    macs = [mac for mac in macs if is_unicast(mac)]
    own = [mac for mac in macs if is_snom(mac)] or macs
    return UserAgent(found.model, found.firmware, own[-1] if own else 0)


def described(text: str) -> Described:
    """Return the part of the User-Agent *text* that describes a phone.

    What follows it is a MAC, at most.
    """
    found = _PHONE.search(text[:MAX_USER_AGENT_CHARACTERS])
    if found is None:
        return Described()
    model = model_from_text(found["name"])
    firmware = (found["firmware"] or "").rstrip(".")
    # Behind a firmware one character shows that it ends; without one, a few show that
    # none begins.
    deciding = found.end() + (1 if found["firmware"] else _BEFORE_FIRMWARE)
    return Described(model, firmware if model else "", found.end(), deciding)
