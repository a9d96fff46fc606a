"""One query for all that is missed in one turn of the loop.

A wave misses for hundreds of phones at once; asking for each alone would cost a round
of statements each.  The first miss of a turn schedules the query for the end of it, and
the others join.  Every miss goes this way, or that of provision.misses, whether its MAC
is known or not, so that the time of an answer does not tell.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

# MACs in one query.  A query of this size takes some ten milliseconds with all that
# follows from it; the rest waits for the next turn, so that the loop stays responsive.
MOST = 256

T = TypeVar("T")


class Batch(Generic[T]):
    """Gathers the MACs of one turn; for one loop and its thread."""

    def __init__(self, read: Callable[[Sequence[int]], Mapping[int, T]]) -> None:
        """Read with *read*, which returns one result for each of the MACs given."""
        self._read = read
        self._waiting: list[tuple[int, asyncio.Future[T]]] = []

    async def look(self, mac: int) -> T:
        """Return what *read* says of *mac*; what it raises, every caller is raised."""
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._flush)
        future: asyncio.Future[T] = loop.create_future()
        self._waiting.append((mac, future))
        return await future

    def _flush(self) -> None:
        batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._flush)
        batch = [(mac, future) for mac, future in batch if not future.done()]
        if not batch:
            return
        try:
            found = self._read(list(dict.fromkeys(mac for mac, _future in batch)))
        except Exception as error:
            # Whatever it is, it belongs to those who wait: nobody else awaits this.
            for _mac, future in batch:
                future.set_exception(error)
            return
        for mac, future in batch:
            future.set_result(found[mac])
