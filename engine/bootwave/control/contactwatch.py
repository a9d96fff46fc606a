"""Keeps the file of contacts while the engine runs, beside everything else.

It takes a quarter of one processor's time at most, and in a boot wave half a hundredth:
phones have the better claim to it, and what waits is read once it is over.  What the
file of sightings overwrote by then is not made up for.
"""

import asyncio
import time
from contextlib import suppress

from bootwave import log
from bootwave.errors import StoreError
from bootwave.store.sightings.contactkeeper import ContactKeeper

LOOK_SECONDS = 1.0  # between two looks when nothing waits
PAUSES = 3.0  # for each second of work, while something waits
WAVE_PAUSES = 199.0
WAVE = 2_000.0  # sightings a second
SUDDENLY = (
    0.25  # seconds: as many as a wave has in these are one, however fast they came
)
RECORDS = 1_024  # of a step: some hundredths of a second
WAVE_RECORDS = 256  # and some thousandths, for a phone may come in any of them
LATER_SECONDS = 30.0  # after a failure


class ContactWatch:
    """Takes in what happens by *keeper*, in a thread, from ``start`` to ``stop``."""

    def __init__(self, keeper: ContactKeeper) -> None:
        """Do nothing yet."""
        self._keeper = keeper
        self._looked = time.monotonic()
        self._written = -1
        self._in_wave = False
        self._failing = False
        self._stopping = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, in the running loop."""
        self._running = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Finish the step under way, and close the file."""
        running, self._running = self._running, None
        if running is None:
            return
        self._stopping.set()
        await running
        await asyncio.to_thread(self._keeper.close)

    async def _run(self) -> None:
        while not self._stopping.is_set():
            pause = await asyncio.to_thread(self._step)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)

    def _step(self) -> float:
        """Take one step, and return for how long to pause after it."""
        began = time.thread_time()
        try:
            self._look(time.monotonic())
            more = self._keeper.step(WAVE_RECORDS if self._in_wave else RECORDS)
        except StoreError as error:
            if not self._failing:
                log.note(log.CONTACTS_NOT_KEPT, error=str(error))
            self._failing = True
            return LATER_SECONDS
        self._failing = False
        if not more:
            return LOOK_SECONDS
        return (WAVE_PAUSES if self._in_wave else PAUSES) * (time.thread_time() - began)

    def _look(self, now: float) -> None:
        """See if a wave goes on: it begins at once, and is over after a calm second."""
        written, seconds = self._keeper.written(), now - self._looked
        came = written - self._written
        if self._written < 0:
            pass
        elif came > WAVE * max(seconds, SUDDENLY):
            self._in_wave = True
        elif seconds >= LOOK_SECONDS:
            self._in_wave = False
        else:
            return
        self._looked, self._written = now, written
