"""How often passwords of administrators may be guessed, without locking anybody out.

The rules are those for phones (``pairing.limits``): wrong passwords are counted by
address (of IPv6 by its /64, which one host has whole) and by name, and an address from
which somebody signed in before is held only against what it did wrong itself with that
name.  So guessing at a name from elsewhere
does not keep its administrator out.  Counted in this process alone; whoever can make it
start anew needs no password.
"""

import os
import time
from collections.abc import Callable

from bootwave.control.api.problems import Problem
from bootwave.limits import (
    API_ACCOUNT_GUESSES,
    API_ACCOUNT_GUESSES_PER_MINUTE,
    API_GUESSES,
    API_GUESSES_PER_MINUTE,
)
from bootwave.pairing.limits import Buckets, Guesses, Keys, Marks, is_known
from bootwave.pairing.sources import source_key

_PLACES = 8_192
_BUCKET_BYTES = 24
_MARK_BYTES = 8
_MASK = (1 << 64) - 1


class Guessing:
    """Bounds attempts to sign in; *clock* gives seconds that never jump."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with nothing counted."""
        self._clock = clock
        self._secret = os.urandom(16)
        source = API_GUESSES, API_GUESSES_PER_MINUTE
        self._guesses = Guesses(
            Buckets(_memory(_BUCKET_BYTES), *source),
            Buckets(
                _memory(_BUCKET_BYTES),
                API_ACCOUNT_GUESSES,
                API_ACCOUNT_GUESSES_PER_MINUTE,
            ),
            Buckets(_memory(_BUCKET_BYTES), *source),
        )
        self._proofs = Marks(_memory(_MARK_BYTES))

    def require_allowed(self, source: str, name: str) -> None:
        """Raise Problem 429 when no password of *name* is compared for *source* now."""
        now, keys = self._clock(), self._keys(source, name)
        known = is_known(self._proofs, keys, now)
        if not self._guesses.allows(keys, now, known=known):
            seconds = round(60 / API_GUESSES_PER_MINUTE)
            raise Problem(
                "too-many",
                "Too many wrong passwords came from this address or for this name: try "
                "again in a while, from where you signed in before, or use bootwave "
                "admin link on the server.",
                headers={"Retry-After": str(seconds)},
            )

    def wrong(self, source: str, name: str) -> None:
        """Count a wrong password."""
        now, keys = self._clock(), self._keys(source, name)
        known = is_known(self._proofs, keys, now)
        self._guesses.wrong(keys, now, known=known)

    def right(self, source: str, name: str) -> None:
        """Remember that *name* signed in from *source*."""
        self._proofs.set(self._keys(source, name).pair, self._clock())

    def _keys(self, source: str, name: str) -> Keys:
        where, who = (
            _network(source).encode(),
            name.strip().lower().encode(errors="replace"),
        )
        account = self._number(b"account", who)
        return Keys(
            self._number(b"source", where),
            account,
            self._number(b"pair", b"%d %b%b" % (len(who), who, where)),
            account,
        )

    def _number(self, kind: bytes, data: bytes) -> int:
        # Python's own keyed hash of bytes; the secret makes it nobody else's.
        return hash(b"%b%b%b" % (self._secret, kind, data)) & _MASK


def _network(source: str) -> str:
    try:
        return source_key(source)
    except ValueError:  # a peer without an address
        return source


def _memory(place_bytes: int) -> memoryview:
    return memoryview(bytearray(_PLACES * place_bytes))
