"""Measures what a request costs, and has phones told what the server can take.

The control process looks, some times a minute, at what is there anyway: the counters of
all workers, and the CPU time that the kernel counts for each (clock_getcpuclockid(3)).
Workers do nothing for it.
"""

import asyncio
import contextlib
import ctypes
import os
import time
from collections.abc import Callable
from typing import Any

from bootwave import log
from bootwave.control.server import ControlServer
from bootwave.errors import StoreError
from bootwave.metrics import Counter, CounterPage
from bootwave.options import Options
from bootwave.provision.answering import AnsweringPage
from bootwave.settings.capacity import ENOUGH_REQUESTS, Cost, Window
from bootwave.store.administration import Administration
from bootwave.store.settings.fleet import Told

WINDOW_SECONDS = 10.0
# Between two times that what was measured is stored, and, without any news of that, the
# fleet is counted again.
STORE_SECONDS = 60.0
COUNT_SECONDS = 600.0
# Of what the server can take, as phones are told; while more than that is asked, they
# are told nothing new, for it makes every document anew: of all times in a boot wave.
CALM_SHARE = 0.25

_LIBC = ctypes.CDLL(None)


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that the process *pid* took, all threads; raises OSError."""
    clock = ctypes.c_int()
    error = _LIBC.clock_getcpuclockid(pid, ctypes.byref(clock))
    if error:
        raise OSError(error, os.strerror(error))
    return time.clock_gettime(clock.value)


def cpus_for(workers: int) -> int:
    """Return how many CPUs so many workers may keep busy at once."""
    return max(1, min(workers, len(os.sched_getaffinity(0))))


class CapacityMeter:
    """Tells windows of what the workers did: between two calls of ``window``."""

    def __init__(self, counters: CounterPage, pids: Callable[[], set[int]]) -> None:
        """Read *counters*; *pids* returns the processes of the workers that live."""
        self._counters = counters
        self._pids = pids
        self._at = 0.0
        self._requests = 0
        self._images = 0
        self._cpu: dict[int, float] = {}

    def window(self, now: float) -> Window | None:
        """Return what was done since the last call; None for the first.

        None as well when workers came or went meanwhile, whose time nobody knows.
        """
        cpu: dict[int, float] = {}
        for pid in self._pids():
            with contextlib.suppress(OSError):  # it has just ended
                cpu[pid] = cpu_seconds(pid)
        requests = self._counters.total(Counter.HTTP_REQUESTS)
        images = self._counters.total(Counter.IMAGES)
        found = None
        if cpu and cpu.keys() == self._cpu.keys():
            found = Window(
                now - self._at,
                sum(cpu.values()) - sum(self._cpu.values()),
                requests - self._requests,
                images - self._images,
            )
        self._at, self._cpu = now, cpu
        self._requests, self._images = requests, images
        return found


class CapacityWatch:
    """Measures from ``start`` to ``stop``, in the running loop."""

    def __init__(
        self,
        options: Options,
        server: ControlServer,
        administration: Administration,
        counters: CounterPage,
        answering: AnsweringPage,
    ) -> None:
        """Store what it measures with *administration*, in the thread of *server*."""
        self._by_option = bool(options.waves.requests_per_second)
        self._cpus = cpus_for(options.server.workers)
        self._server = server
        self._administration = administration
        self._meter = CapacityMeter(counters, answering.holders)
        self._cost = Cost()
        self._stored = Cost()
        self._stored_at = -COUNT_SECONDS
        self._told: Told | None = None
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Settle what phones are told before any is, and go on from what is stored."""
        try:
            self._cost = await self._server.in_thread(self._administration.request_cost)
            await self._store()
        except StoreError as error:
            log.note(log.CAPACITY_NOT_STORED, error=str(error))
        self._running = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Measure no more, and keep what was measured."""
        if self._running is None:
            return
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)
        self._running = None
        if self._cost != self._stored:
            with contextlib.suppress(StoreError):
                await self._store()

    def status(self) -> dict[str, Any]:
        """Return what phones are told, and what of that was measured."""
        cost, told = self._cost, self._told
        by = "measured" if self._stored.is_known else "usual"
        return {
            "requests_per_second": told.requests_per_second if told else None,
            "by": "option" if self._by_option else by,
            "measured": cost.capacity(self._cpus) if cost.is_known else None,
            "cpu_milliseconds": round(1_000 * cost.seconds, 3),
            "requests_measured": cost.requests,
            "requests_enough": ENOUGH_REQUESTS,
            "cpus": self._cpus,
            "phones": told.phones if told else None,
            "boot_delay_seconds": told.pace.boot_delay if told else None,
        }

    async def _run(self) -> None:
        while True:
            now = time.monotonic()
            window = self._meter.window(now)
            if window is not None and window.counts:
                self._cost = self._cost.after(window)
            pause = STORE_SECONDS if self._cost != self._stored else COUNT_SECONDS
            if self._cost.is_known and not self._stored.is_known:
                pause = 0.0  # the first that phones are told by
            if now - self._stored_at >= pause and self._is_calm(window):
                try:
                    await self._store()
                except StoreError as error:
                    log.note(log.CAPACITY_NOT_STORED, error=str(error))
            await asyncio.sleep(WINDOW_SECONDS)

    def _is_calm(self, window: Window | None) -> bool:
        if window is None or self._told is None:
            return window is not None
        most = CALM_SHARE * self._told.requests_per_second
        return window.requests <= most * window.seconds

    async def _store(self) -> None:
        cost = self._cost
        self._stored_at = time.monotonic()
        self._told = await self._server.in_thread(
            lambda: self._administration.pace_reconsidered(cost, self._cpus)
        )
        self._stored = cost
