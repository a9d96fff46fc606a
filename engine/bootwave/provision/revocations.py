"""Counters that say "what you hold is over" to every process at once.

The page is an anonymous shared mapping made before fork.  Whoever revokes commits
first and then counts up; whoever holds something compares the *stamp* it was made
under with the present one.  So a closed window is closed for every worker when the
command returns, without asking a worker that may be stopped.

A stamp is the sum of three counters: one for everything, one for the domain, one for
the MAC.  Domains and MACs share slots by hash; a collision costs a look at the store,
never a wrong answer.  Counters only grow, so equal sums mean that none of the three
changed.

A stamp must be older than the read it stands for, but the domain is known only after
it.  Hence ``marks`` before the read and ``stamp_since`` after it: one more counter, of
all domain revocations together, tells whether any came in between.
"""

import mmap
from collections.abc import Sequence
from typing import NamedTuple

from bootwave.native.counters import Counters
from bootwave.store.changelog import Change

MAC_SLOTS = 65_536  # half a megabyte; phones of one block differ in their low bits
DOMAIN_SLOTS = 4_096

# Kinds of change beside which everything that they touch is named, too.
PASSED_OVER = frozenset({"account", "profile", "wildcard"})

_EVERYTHING = 0
_ANY_DOMAIN = 1
_FIRST_DOMAIN = 2
_FIRST_MAC = _FIRST_DOMAIN + DOMAIN_SLOTS
_COUNTERS = _FIRST_MAC + MAC_SLOTS
_MASK = 2**64 - 1


class Mark(NamedTuple):
    """The state before a read: own counters of a MAC, and of all domains together."""

    own: int
    domains: int


class RevocationPage:
    """The counters of one engine, shared by its processes.

    ``counters`` are they, and ``layout`` tells the lane, which reads them itself, the
    index for everything, the first one of domains and their number, and those of MACs.
    ``memory`` is what they lie in, for the PnP lane.
    """

    layout = (_EVERYTHING, _FIRST_DOMAIN, DOMAIN_SLOTS, _FIRST_MAC, MAC_SLOTS)

    def __init__(self) -> None:
        """Map a page of zeros; make it before fork to share it."""
        self.memory = mmap.mmap(-1, _COUNTERS * 8)
        self.counters = self._counters = Counters(self.memory)

    def counters_of(self, mac: int, domain_id: int) -> tuple[int, int, int]:
        """Return which counters the stamp of a device in a domain is the sum of."""
        return _EVERYTHING, _domain_slot(domain_id), _mac_slot(mac)

    def stamp(self, mac: int, domain_id: int) -> int:
        """Return the present stamp of a device in a domain."""
        return self._counters.sum3(_EVERYTHING, _domain_slot(domain_id), _mac_slot(mac))

    def everything(self) -> int:
        """Return the stamp of what belongs to no device: general documents, layers."""
        return self._counters.load(_EVERYTHING)

    def marks(self, macs: Sequence[int]) -> list[Mark]:
        """Return the state to take before the devices of *macs* are read."""
        load = self._counters.load
        everything, domains = load(_EVERYTHING), load(_ANY_DOMAIN)
        return [Mark(everything + load(_mac_slot(mac)), domains) for mac in macs]

    def stamp_if_unrevoked(self, mark: Mark, mac: int, domain_id: int) -> int | None:
        """Return the stamp of what was read of *mac* after *mark*, and still holds.

        None when anything of it may have been revoked since: read again.
        """
        domain_slot = _domain_slot(domain_id)
        stamp = self._stamp_since(mark, domain_slot)
        now = self._counters.sum3(_EVERYTHING, domain_slot, _mac_slot(mac))
        return stamp if stamp == now else None

    def stamp_since(self, mark: Mark, domain_id: int) -> int | None:
        """Return the stamp of what was read after *mark*, or None to read again.

        None means that some domain was revoked since, perhaps this one.
        """
        return self._stamp_since(mark, _domain_slot(domain_id))

    def _stamp_since(self, mark: Mark, domain_slot: int) -> int | None:
        # The order matters: revoke() counts up the two in the opposite one.
        domain = self._counters.load(domain_slot)
        if self._counters.load(_ANY_DOMAIN) != mark.domains:
            return None
        return (mark.own + domain) & _MASK

    def revoke(self, changes: Sequence[Change]) -> None:
        """End what is held of everything that *changes*, already committed, touched.

        An account or profile needs nothing of its own, because its devices are named
        beside it; a wildcard account neither, because nothing is held for phones it may
        go to.
        """
        add = self._counters.add
        for kind, key in changes:
            if kind == "device":
                add(_mac_slot(key), 1)
            elif kind == "domain":
                add(_ANY_DOMAIN, 1)
                add(_domain_slot(key), 1)
            elif kind not in PASSED_OVER:
                add(_EVERYTHING, 1)


def _mac_slot(mac: int) -> int:
    # Phones of one delivery are numbered in sequence: low bits spread them evenly, and
    # the rest keeps blocks apart.
    return _FIRST_MAC + ((mac ^ mac >> 16 ^ mac >> 32) & MAC_SLOTS - 1)


def _domain_slot(domain_id: int) -> int:
    return _FIRST_DOMAIN + (domain_id & DOMAIN_SLOTS - 1)
