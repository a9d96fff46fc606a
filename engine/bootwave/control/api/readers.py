"""Reads of the API, on connections of their own: none of them delays a write.

Each of a few threads has an ``Administration`` on a connection that refuses to write
and sees the moment at which a read began (WAL).  A read that takes too long is ended.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from bootwave.control.api.problems import RETRY_SECONDS, Problem
from bootwave.limits import API_READ_SECONDS, MAX_API_READS_WAITING
from bootwave.store.administration import Administration

READERS = 4

T = TypeVar("T")


class Readers:
    """Runs reads in *count* threads, each on what *make* opens for it.

    At most *waiting* reads wait for a thread, and one is ended after *seconds*.
    """

    def __init__(
        self,
        make: Callable[[], Administration],
        *,
        count: int = READERS,
        waiting: int = MAX_API_READS_WAITING,
        seconds: float = API_READ_SECONDS,
    ) -> None:
        """Open nothing yet."""
        self._make = make
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="bootwave-reader")
        self._own = threading.local()
        self._opened: list[Administration] = []
        self._most = count + waiting
        self._under_way = 0
        self._seconds = seconds

    async def run(self, read: Callable[[Administration], T]) -> T:
        """Return what *read* returns, called with a store that is read only.

        Raises what it raises, Problem 503 when too many reads wait, and
        StoreUnavailable when it took too long.
        """
        if self._under_way >= self._most:
            raise _busy("Too many requests read the store at once: try again.")
        job = _Job(read)
        loop = asyncio.get_running_loop()
        running = loop.run_in_executor(self._threads, self._run, job)
        self._under_way += 1
        running.add_done_callback(self._done)
        timer = loop.call_later(self._seconds, job.interrupt)
        try:
            # Whoever hangs up leaves a read that ends by itself.
            return await asyncio.shield(running)
        finally:
            timer.cancel()

    def close(self) -> None:
        """End the reads and close their connections; waits for them."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        for store in self._opened:
            store.close()
        self._opened.clear()

    def _done(self, running: "asyncio.Future[T]") -> None:
        self._under_way -= 1
        if not running.cancelled():
            running.exception()  # was raised where it is waited for, or nobody is left

    def _run(self, job: "_Job[T]") -> T:
        store: Administration | None = getattr(self._own, "store", None)
        if store is None:
            store = self._own.store = self._make()
            self._opened.append(store)
        return job.run(store)


def _busy(detail: str) -> Problem:
    return Problem("busy", detail, headers={"Retry-After": str(RETRY_SECONDS)})


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
