"""One query for all that is looked up in one turn of the loop.

A wave misses for hundreds of phones at once; asking for each alone would cost a round
of statements each.  The first who asks in a turn schedules the query for the end of it,
and the others join: tasks that wait (``look``), and what the lane missed, without a
task or a future for each (``ask``; provision.misses).  Everybody goes this way, whether
its MAC is known or not, so that the time of an answer does not tell.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

# MACs in one query.  A query of this size takes some ten milliseconds with all that
# follows from it; the rest waits for the next turn, so that the loop stays responsive.
MOST = 256

T = TypeVar("T")
Tell = Callable[[T | Exception], object]


class Batch(Generic[T]):
    """Gathers the MACs of one turn; for one loop and its thread."""

    def __init__(self, read: Callable[[Sequence[int]], Mapping[int, T]]) -> None:
        """Read with *read*, which returns one result for each of the MACs given."""
        self._read = read
        self._waiting: list[tuple[int, Tell[T], asyncio.Future[T] | None]] = []

    def ask(
        self, mac: int, tell: "Tell[T]", future: "asyncio.Future[T] | None" = None
    ) -> None:
        """Have *tell* called, when the turn is over, with what *read* says of *mac*.

        Or with what it raises; *tell* raises nothing itself.  Once *future* is done,
        nobody wants to know any more.
        """
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._flush)
        self._waiting.append((mac, tell, future))

    async def look(self, mac: int) -> T:
        """Return what *read* says of *mac*; what it raises, every caller is raised."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        def told(result: T | Exception) -> None:
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)

        self.ask(mac, told, future)
        return await future

    def _flush(self) -> None:
        batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._flush)
        asking = [
            (mac, tell)
            for mac, tell, future in batch
            if future is None or not future.done()
        ]
        if not asking:
            return
        try:
            found = self._read(list(dict.fromkeys([mac for mac, _tell in asking])))
        except Exception as error:
            # Whatever it is, it belongs to those who wait: nobody else awaits this.
            for _mac, tell in asking:
                tell(error)
            return
        for mac, tell in asking:
            tell(found[mac])
