"""Verdicts of leaves whose phones may resume their sessions.

In a resumed session no verify callback runs, the verify result is clean and the chain
is gone, while the certificate of whoever began the session, rogues included, is there.
So identity comes from here only: the full handshake that gave a verdict remembers it,
and a leaf that is not found has no identity.
"""

import hashlib
from collections import OrderedDict

from bootwave.certificates.policy import TrustPolicy
from bootwave.certificates.verdict import Link, Verdict
from bootwave.limits import MAX_TLS_VERDICTS

_MAX_SHARED = 256


class Verdicts:
    """A bounded table, SHA-256 of a leaf to its verdict; the least recent leaves first.

    For one thread.  ``policy`` is what verdicts are compared with when they are
    recalled; set another one when blocks or options changed.
    """

    def __init__(self, policy: TrustPolicy, most: int = MAX_TLS_VERDICTS) -> None:
        """Remember *most* verdicts of *policy*."""
        self.policy = policy
        self._most = most
        self._known: OrderedDict[bytes, Verdict] = OrderedDict()
        # The keys and names of issuers, once each: they are most of a verdict.
        self._shared: dict[bytes, bytes] = {}

    def __len__(self) -> int:
        """Return how many are remembered."""
        return len(self._known)

    def remember(self, verdict: Verdict) -> None:
        """Remember *verdict* for sessions that resume the one it was given in.

        Only what a factory CA signed and what proves something or denies is kept: all
        else may as well be unknown, and so strangers cannot push phones out.  A verdict
        that is not kept takes the place of an earlier one of its leaf.
        """
        self._known.pop(verdict.leaf, None)
        if verdict.proven or (verdict.denies and verdict.is_signed):
            self._known[verdict.leaf] = self._compact(verdict)
            if len(self._known) > self._most:
                self._known.popitem(last=False)

    def recall(self, leaf: bytes, at: float) -> Verdict:
        """Return what the DER *leaf* of a resumed session proves at *at*.

        Blocks, CRLs and dates are looked at anew.  A leaf that is not remembered
        proves nothing, but denies if it is blocked; one verified before the factory
        CAs changed proves nothing, too.
        """
        digest = hashlib.sha256(leaf).digest()
        known = self._known.get(digest)
        if known is None:
            return self.policy.unknown(leaf, at)
        self._known.move_to_end(digest)
        return self.policy.again(known, at)

    def _compact(self, verdict: Verdict) -> Verdict:
        links = tuple(
            Link(
                *link[:4],
                issuer=self._once(link.issuer),
                issuer_key=self._once(link.issuer_key),
            )
            for link in verdict.links
        )
        return verdict.with_links(links)

    def _once(self, value: bytes) -> bytes:
        if len(self._shared) >= _MAX_SHARED:
            self._shared.clear()
        return self._shared.setdefault(value, value)
