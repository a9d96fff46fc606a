"""Drain what the loop saw into the sightings file, without the loop waiting.

``add`` puts a sighting on a bounded deque and returns; a thread writes what is there
five times a second and deletes what is too old.  When the file cannot be written, or
phones come faster than the disk takes them, sightings are dropped and counted, newest
first: what happened before an outage explains it.
"""

import threading
import time
from collections import deque
from collections.abc import Callable

from bootwave.errors import StoreError
from bootwave.options import SightingsOptions
from bootwave.sightings import Sighting
from bootwave.store.sightings import SightingLog

CAPACITY = 50_000  # some ten seconds of a wave that SQLite cannot follow
DRAIN_SECONDS = 0.2
TRIM_SECONDS = 30.0
_BATCH = 5_000


class SightingWriter:
    """A thread that owns a SightingLog.  Make and start it after fork."""

    def __init__(
        self,
        log: SightingLog,
        options: SightingsOptions,
        *,
        capacity: int = CAPACITY,
    ) -> None:
        """Write to *log*; at most *capacity* sightings wait."""
        self._log = log
        self._options = options
        self._capacity = capacity
        self._waiting: deque[Sighting] = deque()
        self._followed: list[Callable[[int], list[Sighting]]] = []
        self._dropped = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sightings", daemon=True)

    @property
    def dropped(self) -> int:
        """How many sightings were lost since the start."""
        return self._dropped

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
                batch = sorted(batch + taken, key=lambda seen: seen.at)
            else:
                batch = batch or taken
        return batch

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
