"""MAC addresses, kept as 48-bit integers: the key of everything a phone owns."""

import re

from bootwave.errors import SettingError
from bootwave.quoting import shortened

# 000413 snom, 00087B VTech (DECT bases of snom), 1C7126 snom's newer block
# (domain.md 2.5).
SNOM_OUIS = frozenset({0x000413, 0x00087B, 0x1C7126})

# As whom the engine asks who else answers phones.  Locally administered, so that it is
# no phone's; always the same, so that a server which keeps a record of each MAC that
# asks keeps one.
PROBE_MAC = 0x020413000000

_PLAIN = re.compile(r"[0-9A-Fa-f]{12}")
# One separator kind throughout: 00:04:13:2e:08:b4, 00-04-..., 0004.132e.08b4
_SEPARATED = re.compile(
    r"[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}"
    r"|[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}"
)
_BROADCAST = 0xFFFFFFFFFFFF
_SEPARATORS = str.maketrans("", "", ":-.")


def mac_from_text(text: str) -> int | None:
    """Return the MAC that *text* spells, or None when it spells none.

    Twelve hex digits in either case, plain or separated as ``00:04:13:2E:08:B4``,
    ``00-04-13-2E-08-B4`` or ``0004.132E.08B4``.  Nothing may stand around them.
    """
    if _PLAIN.fullmatch(text):
        return int(text, 16)
    if _SEPARATED.fullmatch(text):
        return int(text.translate(_SEPARATORS), 16)
    return None


def required_mac(text: str) -> int:
    """Return the MAC an administrator wrote; raises SettingError if it is none."""
    mac = mac_from_text(text.strip())
    if mac is None:
        raise SettingError(
            f"{shortened(text)} is not a MAC address: write twelve hex digits such as "
            "0004132E08B4, as printed on the phone's label."
        )
    if not is_unicast(mac):
        kinds = {0: "no device's address", _BROADCAST: "the broadcast address"}
        kind = kinds.get(mac, "a multicast address")
        raise SettingError(
            f"{shortened(text)} is {kind}: write the one printed on the phone's label."
        )
    return mac


def text_from_mac(mac: int) -> str:
    """Return *mac* as twelve upper-case hex digits, as snom phones spell it."""
    return f"{mac:012X}"


def is_unicast(mac: int) -> bool:
    """Whether *mac* can be a phone's: not zero and without the group bit."""
    return mac != 0 and not mac >> 40 & 1


def is_snom(mac: int) -> bool:
    """Whether the OUI of *mac* is one of snom's."""
    return mac >> 24 in SNOM_OUIS
