"""How often a source address is answered before it proved that it is one.

A SUBSCRIBE with a forged source makes the phone of that address, or whatever is there,
receive two datagrams.  So each address has a bucket of tokens: it starts full, one
SUBSCRIBE takes one, and they come back at a fixed rate.  An address that confirmed a
NOTIFY is not asked for tokens any more.
"""

import math
from collections import OrderedDict
from dataclasses import dataclass


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled: float  # the instant of *tokens*
    told: float  # the instant of the latest refusal that was told
    untold: int = 0


class UnprovenSources:
    """The buckets, least recently used first; past the bound that one starts anew."""

    def __init__(self, most: int, burst: float, per_second: float) -> None:
        """Start empty."""
        self._most, self._burst, self._per_second = most, burst, per_second
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def __len__(self) -> int:
        """Return how many addresses are counted."""
        return len(self._buckets)

    def lets_pass(self, host: str, now: float) -> bool:
        """Whether *host* had a token at *now*, in seconds; takes it."""
        bucket = self._buckets.get(host)
        if bucket is None:
            bucket = self._buckets[host] = _Bucket(self._burst, now, -math.inf)
            if len(self._buckets) > self._most:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(host)
        earned = (now - bucket.filled) * self._per_second
        bucket.tokens = min(bucket.tokens + earned, self._burst)
        bucket.filled = now
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True

    def refused(self, host: str, now: float, tell_seconds: float) -> int:
        """Count one refusal of *host*; return how many to tell of now.

        0 until *tell_seconds* have passed since the latest that were told.
        """
        bucket = self._buckets[host]
        bucket.untold += 1
        if now - bucket.told < tell_seconds:
            return 0
        untold, bucket.untold, bucket.told = bucket.untold, 0, now
        return untold

    def forget(self, host: str) -> None:
        """Count *host* no longer."""
        self._buckets.pop(host, None)
