"""Drain what phones did into the sightings file, without the loop waiting.

Whoever answers a phone leaves a record in ``ring``: native code without a Python
object, everybody else by ``add``.  A thread moves what waits there to the file five
times a second, all of it in one native call, and erases what is too old.  While the
file cannot be written it waits on; when there is no more room, sightings are dropped
and counted, newest first: what happened before an outage explains it.
"""

import threading
import time

from bootwave import log
from bootwave.errors import StoreError
from bootwave.native.ring import SightingRing
from bootwave.sightings import Sighting
from bootwave.store.sightings.sightings import SightingLog

# A second and more of a hundred thousand answers a second, and the memory of 20 MB is
# touched only as far as it is needed, and given back.
CAPACITY = 1 << 17
DRAIN_SECONDS = 0.2
TRIM_SECONDS = 30.0


class SightingWriter:
    """A thread that owns a SightingLog.  Make and start it after fork."""

    def __init__(self, log: SightingLog, *, capacity: int = CAPACITY) -> None:
        """Write to *log*; at most *capacity* sightings wait."""
        self._log = log
        self._lost = 0
        self._failing = False
        self.ring = SightingRing(capacity)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sightings", daemon=True)

    @property
    def dropped(self) -> int:
        """How many sightings were lost since the start."""
        return self._lost + self.ring.dropped

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def add(self, sighting: Sighting) -> None:
        """Remember *sighting*; never blocks."""
        self.ring.add(*sighting)

    def stop(self) -> None:
        """Write what waits.  Blocks."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()
        while len(self.ring):
            if not self.drain():
                self._lost += len(self.ring)
                return

    def drain(self) -> bool:
        """Write what waits now, on the caller's thread; return whether that worked."""
        try:
            self._log.take(self.ring)
        except StoreError as error:
            if not self._failing:
                log.note(log.SIGHTINGS_NOT_WRITTEN, error=str(error))
            self._failing = True
            return False
        self._failing = False
        return True

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
            while self._log.trim():
                self.drain()
        except StoreError:
            return  # the next drain says so
