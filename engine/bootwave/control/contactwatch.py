"""Keeps the file of contacts while the engine runs, beside everything else.

It takes a quarter of one processor's time at most, and so falls behind in a boot wave,
when phones have the better claim to it.  Only when so much waits that the file of
sightings might overwrite it does it go on without a pause.
"""

import asyncio
import time
from contextlib import suppress

from bootwave import log
from bootwave.errors import StoreError
from bootwave.options import SightingsOptions
from bootwave.store.contactkeeper import ContactKeeper, Step

LOOK_SECONDS = 1.0  # between two looks when nothing waits
PAUSES = 3.0  # for each second of work, while something waits
HASTE_SHARE = 0.5  # of the rows of the file of sightings
LATER_SECONDS = 30.0  # after a failure


class ContactWatch:
    """Takes in what happens by *keeper*, in a thread, from ``start`` to ``stop``."""

    def __init__(self, keeper: ContactKeeper, options: SightingsOptions) -> None:
        """Do nothing yet."""
        self._keeper = keeper
        self._haste = HASTE_SHARE * options.keep_rows
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
            step = self._keeper.step()
        except StoreError as error:
            if not self._failing:
                log.note(log.CONTACTS_NOT_KEPT, error=str(error))
            self._failing = True
            return LATER_SECONDS
        self._failing = False
        return self._pause(step, time.thread_time() - began)

    def _pause(self, step: Step, seconds: float) -> float:
        if not step.more:
            return LOOK_SECONDS
        return 0.0 if step.behind > self._haste else PAUSES * seconds
