"""How much somebody may guess: passwords of an account, and which MACs exist.

What is counted lies in memory that is handed in and may be shared by processes, so that
a bound is one bound however many of them answer.  They do not lock: two that count in
the same instant may count once, which makes a bound a little wider and nothing else.
Memory is fixed.  Each key has a place by its number; two keys of one place push each
other out, which forgets what was counted.  The numbers are keyed hashes
(provision.limitpages), so nobody can choose whom to push out.

**Buckets** hold tokens that come back with time.  **Marks** remember when something
happened.  **Guesses** bounds what passwords may be tried, **Misses** notices who asks
for MACs to find out which exist.  docs/pairing.md says what each means for a phone.
"""

from collections import deque
from collections.abc import Callable
from enum import Enum, auto
from typing import NamedTuple

Memory = memoryview

_PLACE = 3  # doubles: tag, tokens, when they were counted
_SECONDS = 0xFFFFFFFF
_WAYS = 8
# Misses are counted ten seconds late, so thousands fit into a burst: without a debt its
# source would be as before once one token came back.  With no bound to it, phones that
# come to an address later would wait for what a stranger owes.
DEBT_SECONDS = 600.0


class Buckets:
    """Token buckets by number: *burst* tokens at most, *per_minute* of them come back.

    *memory* is writable, all zeros at first, and of a multiple of 24 bytes.
    """

    def __init__(self, memory: Memory, burst: float, per_minute: float) -> None:
        """Count in *memory*."""
        self._cells = memory.cast("d")
        self._places = len(self._cells) // _PLACE
        self._burst = burst
        self._per_second = per_minute / 60.0
        self._most_owed = self._per_second * DEBT_SECONDS

    def left(self, key: int, now: float) -> float:
        """Return how many tokens *key* has at *now* (seconds of one clock).

        Below 0 it owes them.
        """
        at = key % self._places * _PLACE
        cells = self._cells
        if cells[at] != _tag(key):
            return self._burst
        gone = max(0.0, now - cells[at + 2])
        return min(self._burst, cells[at + 1] + gone * self._per_second)

    def has(self, key: int, now: float) -> bool:
        """Whether *key* has a token."""
        return self.left(key, now) >= 1.0

    def take(self, key: int, now: float) -> bool:
        """Whether *key* had a token, which is gone now."""
        left = self.left(key, now)
        if left < 1.0:
            return False
        self._put(key, left - 1.0, now)
        return True

    def charge(self, key: int, now: float) -> bool:
        """Whether *key* had a token; it owes one if not.

        For what is counted after it was done: who had none is the poorer for it, by
        what comes back in ``DEBT_SECONDS`` at most.
        """
        left = self.left(key, now)
        self._put(key, max(left - 1.0, -self._most_owed), now)
        return left >= 1.0

    def _put(self, key: int, tokens: float, now: float) -> None:
        at = key % self._places * _PLACE
        cells = self._cells
        cells[at], cells[at + 1], cells[at + 2] = _tag(key), tokens, now


class Marks:
    """When something last happened, by number, to the second.

    Each number has eight places, of which the one longest ago gives way, so that a
    quarter as many numbers as places are remembered, hardly one lost.  *memory* is
    writable, all zeros at first, and of a multiple of 64 bytes.
    """

    def __init__(self, memory: Memory) -> None:
        """Remember in *memory*."""
        self._cells = memory.cast("Q")
        self._sets = len(self._cells) // _WAYS

    def set(self, key: int, now: float) -> None:
        """Remember that it happened at *now* (seconds of one clock, not negative)."""
        cells, first, tag = self._cells, key % self._sets * _WAYS, key >> 32
        chosen, oldest = first, _SECONDS + 1
        for at in range(first, first + _WAYS):
            cell = cells[at]
            # Places are taken from the first one on, so behind an empty one is nothing.
            if not cell or cell >> 32 == tag:
                chosen = at
                break
            if cell & _SECONDS < oldest:
                chosen, oldest = at, cell & _SECONDS
        # A second more, so that no time is told by a place of zeros.
        cells[chosen] = tag << 32 | (int(now) + 1) & _SECONDS

    def age(self, key: int, now: float) -> float | None:
        """Return how many seconds ago it happened, None when that is not known."""
        first, tag = key % self._sets * _WAYS, key >> 32
        for cell in self._cells[first : first + _WAYS].tolist():
            seconds = cell & _SECONDS
            if seconds and cell >> 32 == tag:
                return max(0.0, now - (seconds - 1))
        return None


class Keys(NamedTuple):
    """The numbers of one contact: its source, its MAC, both, and the run of the MAC.

    A run are the MACs that agree in all but the last twelve bits.
    """

    source: int
    mac: int
    pair: int
    run: int


RUN_BITS = 12


class Guesses:
    """Bounds the passwords that may be tried.

    It is for the passwords of extensions only, which people choose.  Those that devices
    were given are compared always: they cannot be guessed, and whoever has one is
    served whatever others do.
    """

    def __init__(self, sources: Buckets, accounts: Buckets, pairs: Buckets) -> None:
        """Count wrong ones by source, by MAC, and by both where the source is known."""
        self._sources = sources
        self._accounts = accounts
        self._pairs = pairs

    def allows(self, keys: Keys, now: float, *, known: bool) -> bool:
        """Whether a password may be compared.

        *known* says that this source proved to be this MAC before: then only what it
        did wrong itself, with this MAC, is held against it.
        """
        if known:
            return self._pairs.has(keys.pair, now)
        return self._sources.has(keys.source, now) and self._accounts.has(keys.mac, now)

    def wrong(self, keys: Keys, now: float, *, known: bool) -> None:
        """Count a password that was compared and wrong."""
        if known:
            self._pairs.take(keys.pair, now)
            return
        self._sources.take(keys.source, now)
        self._accounts.take(keys.mac, now)


class Pace(Enum):
    """How a refusal is given."""

    USUAL = auto()
    SLOW = auto()  # others asked for neighbours of this MAC
    SLOW_OR_SHED = auto()  # its own source asked for too many


class Alarm(NamedTuple):
    """What is going on: MACs asked for in vain since the last alarm, and an example."""

    misses: int
    seconds: float
    source: str
    mac: int


GRACE_SECONDS = 10.0
AGAIN_SECONDS = 3600.0
ALARM_SECONDS = 60.0
_ALARM = (1 << 32) + 1  # the number of a mark that is no contact's


class _Pending:
    """A refusal that waits to be counted, unless it was."""

    __slots__ = ("at", "counted", "keys", "mac", "source")

    def __init__(self, keys: Keys, at: float, source: str, mac: int) -> None:
        self.keys = keys
        self.at = at
        self.source = source
        self.mac = mac
        self.counted = False


class Misses:
    """Notices who asks for many MACs and never proves to be one of them.

    No store is asked: a bound phone that shows no proof counts like one that does not
    exist, or asking would tell.  But most phones that do authenticate show their proof
    only after a first refusal, so a refusal counts ten seconds later, if the same
    source has not proved by then that it is that MAC; a wave of phones behind one
    address, which all do, counts nothing.  One that asks again within the hour counts
    once.

    *pending* bounds the refusals that wait, *share* those of one source among them;
    past that the oldest counts at once.
    """

    def __init__(
        self,
        sources: Buckets,
        runs: Buckets,
        proofs: Marks,
        counted: Marks,
        tally: Memory,
        *,
        pending: int,
        share: int,
        count: Callable[[], None] = lambda: None,
    ) -> None:
        """Count by source and by run of MACs; *proofs* are those of ``known``.

        *counted* remembers whom it counted, *tally* (8 bytes) how many since the last
        alarm; *count* is called for each.
        """
        self._sources = sources
        self._runs = runs
        self._proofs = proofs
        self._counted = counted
        self._tally = tally.cast("d")
        self._most = pending
        self._share = share
        self._count = count
        self._pending: deque[_Pending] = deque()
        self._of_source: dict[int, deque[_Pending]] = {}
        self._over: _Pending | None = None
        self._alarmed = 0.0

    def __len__(self) -> int:
        """Return how many refusals wait to be counted."""
        return len(self._pending)

    def missed(self, keys: Keys, source: str, mac: int, now: float) -> None:
        """Take that *source* was refused the document of *mac*."""
        self.settle(now)
        waiting = _Pending(keys, now, source, mac)
        self._pending.append(waiting)
        own = self._of_source.setdefault(keys.source, deque())
        own.append(waiting)
        if len(own) > self._share:
            self._charge(own.popleft(), now)
        if len(self._pending) > self._most:
            self._take_oldest(now)

    def settle(self, now: float) -> None:
        """Count the refusals whose time for a proof is over."""
        pending = self._pending
        while pending and now - pending[0].at >= GRACE_SECONDS:
            self._take_oldest(now)

    def _take_oldest(self, now: float) -> None:
        oldest = self._pending.popleft()
        if oldest.counted:
            return
        # Of its source it is the oldest, too: those before it are counted.
        own = self._of_source[oldest.keys.source]
        own.popleft()
        if not own:
            del self._of_source[oldest.keys.source]
        self._charge(oldest, now)

    def pace(self, keys: Keys, now: float) -> Pace:
        """Return how a refusal is given now."""
        if not self._sources.has(keys.source, now):
            return Pace.SLOW_OR_SHED
        return Pace.USUAL if self._runs.has(keys.run, now) else Pace.SLOW

    def alarm(self, now: float) -> Alarm | None:
        """Return what to tell the operator, at most once a minute."""
        over = self._over
        if over is None:
            return None
        self._over = None
        age = self._counted.age(_ALARM, now)
        if age is not None and age < ALARM_SECONDS:
            return None
        self._counted.set(_ALARM, now)
        misses, self._tally[0] = int(self._tally[0]), 0.0
        seconds = ALARM_SECONDS if age is None else age
        return Alarm(misses, seconds, over.source, over.mac)

    def _charge(self, missed: _Pending, now: float) -> None:
        missed.counted = True
        keys = missed.keys
        proof = self._proofs.age(keys.pair, now)
        # To the second, and perhaps proved just before it was refused.
        if proof is not None and proof <= now - missed.at + 2.0:
            return
        age = self._counted.age(keys.pair, now)
        if age is not None and age < AGAIN_SECONDS:
            return
        self._counted.set(keys.pair, now)
        self._count()
        self._tally[0] += 1.0
        within_source = self._sources.charge(keys.source, now)
        within_run = self._runs.take(keys.run, now)
        if not within_source or not within_run:
            self._over = missed


# Phones look for new settings daily, by chance within some hours, or once a week; one
# that had to wait longer than this would be a stranger behind its own address.
KNOWN_SECONDS = 8 * 86_400.0


def is_known(proofs: Marks, keys: Keys, now: float) -> bool:
    """Whether this source proved lately that it is this MAC."""
    age = proofs.age(keys.pair, now)
    return age is not None and age < KNOWN_SECONDS


def _tag(key: int) -> float:
    # Never 0, which is what a place holds that nobody used; a double holds 53 bits.
    return float(key >> 16 | 1)
