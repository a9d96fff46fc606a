"""The memory in which limits count (pairing.limits): made before fork, shared by all.

Anonymous and of fixed size: forty megabytes, of which only what is used is real.
"""

import mmap
import os
from collections.abc import Callable
from functools import lru_cache

from bootwave.options import LimitsOptions
from bootwave.pairing.limits import RUN_BITS, Buckets, Guesses, Keys, Marks, Misses

# Sources, MACs or runs at once.  Who tries so many others, with a challenge for each,
# has a bound forgotten: by then it would have had as much back.
BUCKETS = 262_144
# Phones of one engine that proved themselves within eight days, and MACs counted within
# an hour: four times as many as a city has (pairing.limits.Marks).
MARKS = 524_288
# Refusals of one process that wait to be counted, for ten seconds at most, and those of
# one address: what two thousand phones behind it ask for before they prove themselves.
PENDING = 16_384
SHARE = 2_048

_BUCKET_BYTES = 24
_MARK_BYTES = 8
_MASK = (1 << 64) - 1


class LimitPages:
    """What all processes of one engine count together.

    *secret*, drawn where none is given, makes the numbers under which sources and MACs
    are counted.  They are those of Python's own keyed hash of bytes (SipHash, PEP 456),
    whose key processes inherit by fork, and which costs a fifth of BLAKE2.
    """

    def __init__(self, secret: bytes | None = None) -> None:
        """Map pages of zeros; make it before fork to share it."""
        self._secret = os.urandom(32) if secret is None else secret
        self._buckets = [mmap.mmap(-1, BUCKETS * _BUCKET_BYTES) for _ in range(5)]
        self._marks = [mmap.mmap(-1, MARKS * _MARK_BYTES) for _ in range(2)]
        self._tally = mmap.mmap(-1, 8)
        self._keys_of = lru_cache(4096)(self._made)

    def keys(self, source: str, mac: int) -> Keys:
        """Return the numbers under which *source* and *mac* are counted."""
        return self._keys_of(source, mac)

    def pair(self, source: str, mac: int) -> int:
        """Return the number of both, for whoever needs no other."""
        return self._number(b"pair", mac.to_bytes(8, "big") + source.encode())

    def _made(self, source: str, mac: int) -> Keys:
        text = source.encode()
        octets = mac.to_bytes(8, "big")
        return Keys(
            self._number(b"source", text),
            self._number(b"mac", octets),
            self.pair(source, mac),
            self._number(b"run", (mac >> RUN_BITS).to_bytes(8, "big")),
        )

    def _number(self, kind: bytes, data: bytes) -> int:
        return hash(b"%b%b%b" % (self._secret, kind, data)) & _MASK

    def proofs(self) -> Marks:
        """Return which source proved to be which MAC."""
        return Marks(memoryview(self._marks[0]))

    def guesses(self, options: LimitsOptions) -> Guesses:
        """Return the bound on passwords."""
        source = options.guesses, options.guesses_per_minute
        account = options.account_guesses, options.account_guesses_per_minute
        return Guesses(
            Buckets(memoryview(self._buckets[0]), *source),
            Buckets(memoryview(self._buckets[1]), *account),
            Buckets(memoryview(self._buckets[2]), *source),
        )

    def misses(self, options: LimitsOptions, count: Callable[[], None]) -> Misses:
        """Return the bound on MACs asked for in vain, *count* called for each."""
        return Misses(
            Buckets(
                memoryview(self._buckets[3]), options.misses, options.misses_per_minute
            ),
            Buckets(
                memoryview(self._buckets[4]),
                options.run_misses,
                options.run_misses_per_minute,
            ),
            self.proofs(),
            Marks(memoryview(self._marks[1])),
            memoryview(self._tally),
            pending=PENDING,
            share=SHARE,
            count=count,
        )
