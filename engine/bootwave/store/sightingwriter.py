"""Drain what the loop saw into the sightings file, without the loop waiting.

``add`` puts a sighting on a bounded deque and returns, native code fills ``ring``
without a Python object for each, and whoever keeps its own is followed.  A thread
writes what is there five times a second and deletes what is too old.  When the file
cannot be written, or phones come faster than the disk takes them, sightings are dropped
and counted, newest first: what happened before an outage explains it.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from operator import itemgetter

from bootwave.errors import StoreError
from bootwave.native.ring import SightingRing
from bootwave.options import SightingsOptions
from bootwave.sightings import Reason, Sighting
from bootwave.store.sightings import SightingLog

CAPACITY = 50_000  # some ten seconds of a wave that SQLite cannot follow
DRAIN_SECONDS = 0.2
TRIM_SECONDS = 30.0
_BATCH = 5_000
_REASONS = {reason.value: reason for reason in Reason}
_WHEN = itemgetter(0)


class SightingWriter:
    """A thread that owns a SightingLog.  Make and start it after fork."""

    def __init__(
        self,
        log: SightingLog,
        options: SightingsOptions,
        *,
        capacity: int = CAPACITY,
    ) -> None:
        """Write to *log*; at most *capacity* sightings of each kind wait."""
        self._log = log
        self._options = options
        self._capacity = capacity
        self._waiting: deque[Sighting] = deque()
        self._dropped = 0
        self.ring = SightingRing(capacity)
        self._followed: list[Callable[[int], list[Sighting]]] = [self._in_ring]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sightings", daemon=True)

    @property
    def dropped(self) -> int:
        """How many sightings were lost since the start."""
        return self._dropped + self.ring.dropped

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def add(self, sighting: Sighting) -> None:
        """Remember *sighting*; never blocks."""
        if len(self._waiting) >= self._capacity:
            self._dropped += 1
        else:
            self._waiting.append(sighting)

    def follow(self, take: Callable[[int], list[Sighting]]) -> None:
        """Write, too, what *take* returns: at most so many that nobody took yet.

        It is called by the thread, and may lose what comes too fast itself.
        """
        self._followed.append(take)

    def stop(self) -> None:
        """Write what waits, and close the file.  Blocks."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()
        self.drain()
        self._log.close()

    def drain(self) -> None:
        """Write what waits now, on the caller's thread."""
        while batch := self._next():
            try:
                self._log.append(batch)
            except StoreError:
                self._dropped += len(batch)
                return

    def _next(self) -> list[Sighting]:
        """Take the next batch, in the order of time as far as it is known."""
        count = min(len(self._waiting), _BATCH)
        batch = [self._waiting.popleft() for _ in range(count)]
        for take in self._followed:
            taken = take(_BATCH)
            if batch and taken:
                batch = sorted(batch + taken, key=_WHEN)
            else:
                batch = batch or taken
        return batch

    def _in_ring(self, limit: int) -> list[Sighting]:
        return [
            Sighting(at, mac, source, _REASONS[reason], detail)
            for at, mac, source, reason, detail in self.ring.drain(limit)
        ]

    def _run(self) -> None:
        trimmed = time.monotonic()
        while not self._stop.wait(DRAIN_SECONDS):
            self.drain()
            if time.monotonic() - trimmed >= TRIM_SECONDS:
                self._trim()
                trimmed = time.monotonic()

    def _trim(self) -> None:
        try:
            # A step at a time, and what was seen meanwhile goes in between.
            while self._log.trim(self._options, time.time()):
                self.drain()
        except StoreError:
            return  # the next append says so, by what is dropped
