"""From where somebody proved lately who he is: for these addresses places are kept.

So whoever administers from elsewhere finds a connection while others, who never prove
anything, hold all that they may.  In this process alone, and bounded: the address that
was not heard of for longest is forgotten.
"""

import time
from collections.abc import Callable

from bootwave.limits import API_KNOWN_SECONDS, MAX_API_KNOWN
from bootwave.pairing.sources import address_from_text, source_key

LOOPBACK = ""


def key_of(host: str) -> str:
    """Return what connections from *host* are counted under.

    One address, of IPv6 its /64, which one host has whole; ``LOOPBACK`` for this
    machine and for a socket without addresses.
    """
    try:
        is_local = address_from_text(host.partition("%")[0]).is_loopback
        return LOOPBACK if is_local else source_key(host)
    except ValueError:
        return LOOPBACK


class Acquaintances:
    """Remembers addresses, at most *most*, for *seconds* each; *clock* never jumps."""

    def __init__(
        self,
        *,
        most: int = MAX_API_KNOWN,
        seconds: float = API_KNOWN_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with nobody."""
        self._most = most
        self._seconds = seconds
        self._clock = clock
        self._heard: dict[str, float] = {}  # when, by key, the longest ago first

    def note(self, host: str) -> None:
        """Remember that somebody from *host* proved who he is."""
        key = key_of(host)
        self._heard.pop(key, None)
        self._heard[key] = self._clock()
        if len(self._heard) > self._most:
            del self._heard[next(iter(self._heard))]

    def knows(self, key: str) -> bool:
        """Whether somebody from an address with this key proved lately who he is."""
        heard = self._heard.get(key)
        return heard is not None and self._clock() - heard < self._seconds
