"""Whose turn it is where changes are made one after the other.

Of whoever asks some are on their way there and the others wait for those, so that the
next one of somebody else is behind some of his and not behind all.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bootwave.control.api.problems import RETRY_SECONDS, Problem
from bootwave.limits import MAX_API_WRITES_OF_ONE

AT_ONCE = 2  # of one: the thread has the next when it is done with the one before


@dataclass(slots=True)
class _Line:
    """The changes of one who asks: how many there are, and those on their way."""

    turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    count: int = 0


class Turns:
    """Lets the changes of each in by turns, of whom *of_one* may be there at a time."""

    def __init__(self, *, of_one: int = MAX_API_WRITES_OF_ONE) -> None:
        """Begin with nobody."""
        self._of_one = of_one
        self._lines: dict[str, _Line] = {}

    @asynccontextmanager
    async def turn(self, whose: str, *, goes_on: bool = False) -> AsyncIterator[None]:
        """Wait for a turn of *whose*; raises Problem as ``place`` does."""
        async with self.place(whose, goes_on=goes_on) as turn, turn:
            yield

    @asynccontextmanager
    async def place(
        self, whose: str, *, goes_on: bool = False
    ) -> AsyncIterator[asyncio.Semaphore]:
        """Take a place among the changes of *whose*, and yield what waits for a turn.

        For what needs several, one after the other.  Raises Problem 503 when too many
        of his wait already, but not for what *goes_on* of something that was begun.
        """
        line = self._lines.setdefault(whose, _Line())
        if not goes_on and line.count >= self._of_one:
            raise Problem(
                "busy",
                "Too many of your requests change something at once: wait for some.",
                headers={"Retry-After": str(RETRY_SECONDS)},
            )
        line.count += 1
        try:
            yield line.turn
        finally:
            line.count -= 1
            if not line.count:
                del self._lines[whose]
