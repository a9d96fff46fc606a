"""Reads of the API, on connections of their own: none of them delays a write.

    run ──► a turn of whoever asks ──► one of a few threads
    look ──► one of a few others

Each thread has an ``Administration`` on a connection that refuses to write and sees the
moment at which a read began (WAL).  All are opened before the first read: what an
engine takes of descriptors it takes at once, not when many first ask together.  A read
that takes too long is ended.  Nobody has all threads, or all places of those who wait,
to himself; and who asks is found out, and that the store can be read, while reads take
long.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

from bootwave.control.api.problems import RETRY_SECONDS, Problem
from bootwave.errors import StoreError
from bootwave.limits import (
    API_READ_SECONDS,
    MAX_API_READS_OF_ONE,
    MAX_API_READS_WAITING,
)
from bootwave.store.administration import Administration

READERS = 4
LOOKERS = 2

T = TypeVar("T")


@dataclass(slots=True)
class _Line:
    """The reads of one who asks: how many there are, and whose turn it is."""

    turn: asyncio.Semaphore
    count: int = 0


class Readers:
    """Runs reads in *count* threads, each on what *make* opens for it.

    At most *waiting* reads wait for a thread, and one is ended after *seconds*.  Of one
    who asks there are *of_one* at most, and half the threads read for him.
    """

    def __init__(
        self,
        make: Callable[[], Administration],
        *,
        count: int = READERS,
        waiting: int = MAX_API_READS_WAITING,
        of_one: int = MAX_API_READS_OF_ONE,
        seconds: float = API_READ_SECONDS,
    ) -> None:
        """Open nothing yet: see ``open``."""
        self._make = make
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="bootwave-reader")
        self._lookers = ThreadPoolExecutor(
            LOOKERS, thread_name_prefix="bootwave-looker"
        )
        self._counts = ((self._threads, count), (self._lookers, LOOKERS))
        self._own = threading.local()
        self._opened: list[Administration] = []
        self._most = count + waiting
        self._of_one = of_one
        self._at_once = max(1, count // 2)
        self._lines: dict[str, _Line] = {}
        self._reads = 0
        self._looks = 0
        self._seconds = seconds

    async def open(self) -> None:
        """Open every connection, before the first read.

        One that cannot be opened now is by the first read of its thread.
        """
        await asyncio.to_thread(self._open)

    def _open(self) -> None:
        for threads, count in self._counts:
            # Each waits for all others: no thread takes the place of two.
            together = threading.Barrier(count, timeout=self._seconds)
            opening = [threads.submit(self._open_own, together) for _ in range(count)]
            for each in opening:
                each.result()

    def _open_own(self, together: threading.Barrier) -> None:
        try:
            with suppress(StoreError):
                self._store()
        finally:
            with suppress(threading.BrokenBarrierError):
                together.wait()

    async def run(self, read: Callable[[Administration], T], *, whose: str = "") -> T:
        """Return what *read* returns, called with a store that is read only.

        *whose* is who asks.  Raises what it raises, Problem 503 when too many reads
        wait, and StoreUnavailable when it took too long.
        """
        line = self._lines.get(whose)
        if self._reads >= self._most:
            raise _busy("Too many requests read the store at once: try again.")
        if line is not None and line.count >= self._of_one:
            raise _busy("Too many of your requests read at once: wait for some.")
        if line is None:
            line = self._lines[whose] = _Line(asyncio.Semaphore(self._at_once))
        self._reads += 1
        line.count += 1
        job = _Job(read)
        running = asyncio.create_task(self._in_turn(job, line))

        def done(_running: object) -> None:
            self._reads -= 1
            line.count -= 1
            if not line.count:
                del self._lines[whose]

        running.add_done_callback(done)
        return await self._finished(job, running)

    async def look(self, read: Callable[[Administration], T]) -> T:
        """Return what *read* returns, as ``run``, for what never takes long.

        It waits for no ``run``.
        """
        if self._looks >= self._most:
            raise _busy("Too much is asked at once: try again.")
        job = _Job(read)
        loop = asyncio.get_running_loop()
        running = loop.run_in_executor(self._lookers, self._run, job)
        self._looks += 1

        def done(_running: object) -> None:
            self._looks -= 1

        running.add_done_callback(done)
        return await self._finished(job, running)

    def close(self) -> None:
        """End the reads and close their connections; waits for them."""
        both = self._threads, self._lookers
        for threads in both:
            threads.shutdown(wait=False, cancel_futures=True)
        for store in self._opened:
            store.interrupt()
        for threads in both:
            threads.shutdown(wait=True)
        for store in self._opened:
            store.close()
        self._opened.clear()

    async def _in_turn(self, job: "_Job[T]", line: _Line) -> T:
        loop = asyncio.get_running_loop()
        async with line.turn:
            return await loop.run_in_executor(self._threads, self._run, job)

    async def _finished(self, job: "_Job[T]", running: "asyncio.Future[T]") -> T:
        """Return the result of *job*, *running* now, and end it when it is late."""
        running.add_done_callback(_retrieve)
        loop = asyncio.get_running_loop()
        timer = loop.call_later(self._seconds, job.interrupt)
        try:
            # Whoever hangs up leaves a read that ends by itself.
            return await asyncio.shield(running)
        finally:
            timer.cancel()

    def _run(self, job: "_Job[T]") -> T:
        return job.run(self._store())

    def _store(self) -> Administration:
        """Return the store of this thread, opened if need be."""
        store: Administration | None = getattr(self._own, "store", None)
        if store is None:
            store = self._own.store = self._make()
            self._opened.append(store)
        return store


def _busy(detail: str) -> Problem:
    return Problem("busy", detail, headers={"Retry-After": str(RETRY_SECONDS)})


def _retrieve(running: "asyncio.Future[T]") -> None:
    if not running.cancelled():
        running.exception()  # was raised where it is waited for, or nobody is left


class _Job(Generic[T]):
    """One read, which another thread may end."""

    def __init__(self, read: Callable[[Administration], T]) -> None:
        self._read = read
        self._lock = threading.Lock()
        self._store: Administration | None = None
        self._late = False

    def run(self, store: Administration) -> T:
        with self._lock:
            if self._late:
                raise _busy("The store was busy for too long: try again.")
            self._store = store
        try:
            return self._read(store)
        finally:
            with self._lock:
                self._store = None

    def interrupt(self) -> None:
        """End the read; the next one of its thread is not touched."""
        with self._lock:
            self._late = True
            if self._store is not None:
                self._store.interrupt()
