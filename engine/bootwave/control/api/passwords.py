"""Comparing passwords: slow on purpose, so in a thread of its own and one by one.

Each takes 64 MiB and some tens of milliseconds (``store.access.passwordhashes``).  A
name that nobody has is compared, too, with a hash that no password has: how long it
takes does not tell which names there are.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from bootwave.control.api.problems import RETRY_SECONDS, Problem
from bootwave.limits import MAX_API_PASSWORDS_WAITING
from bootwave.store.access import passwordhashes
from bootwave.store.access.passwordhashes import Hashed

A = TypeVar("A")
T = TypeVar("T")


class Passwords:
    """Compares and hashes, at most *waiting* of them waiting for their turn."""

    def __init__(self, *, waiting: int = MAX_API_PASSWORDS_WAITING) -> None:
        """Start no thread yet."""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="bootwave-passwords")
        self._most = 1 + waiting
        self._under_way = 0
        self._waiting = 0
        self._turn = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Let one attempt at a time in, in the order in which they came.

        What came of those before is counted by then: many sent at once are bounded as
        those sent one by one.  Raises Problem 503 when too many wait.
        """
        if self._waiting >= self._most:
            raise _busy()
        self._waiting += 1
        try:
            async with self._turn:
                yield
        finally:
            self._waiting -= 1

    async def is_right(self, password: str, password_hash: str | None) -> bool:
        """Whether *password* is the one of *password_hash*, which None has none.

        Raises Problem 503 when too many wait.
        """
        right = await self._run(_compared, password, password_hash)
        return right and password_hash is not None

    async def hashed(self, password: str, name: str) -> Hashed:
        """Return the hash of *password*, which *name* shall have.

        Raises SettingError when it is not good enough, and Problem 503.
        """
        return await self._run(_hashed, password, name)

    async def warm(self) -> None:
        """Make what the first comparison needs: it takes no longer than others then."""
        await self._run(_compared, "", None)

    def close(self) -> None:
        """Wait for what is under way."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    async def _run(self, work: Callable[[str, A], T], password: str, other: A) -> T:
        if self._under_way >= self._most:
            raise _busy()
        loop = asyncio.get_running_loop()
        running = loop.run_in_executor(self._thread, work, password, other)
        self._under_way += 1
        running.add_done_callback(self._done)
        return await asyncio.shield(running)

    def _done(self, running: "asyncio.Future[T]") -> None:
        self._under_way -= 1
        if not running.cancelled():
            running.exception()  # was raised where it is waited for, or nobody is left


def _busy() -> Problem:
    return Problem(
        "busy",
        "Too many passwords are compared at once: try again.",
        headers={"Retry-After": str(RETRY_SECONDS)},
    )


def _compared(password: str, password_hash: str | None) -> bool:
    return passwordhashes.is_right(
        password, password_hash or passwordhashes.nobodys_hash()
    )


def _hashed(password: str, name: str) -> Hashed:
    return passwordhashes.hashed(password, name=name)
