"""The lane beside ``HttpServer``: its turns in the loop, and what it leaves to others.

What it has an answer ready for never comes here.  What it read, but has no answer ready
for, waits there for one, which ``server.lanemisses`` tells it.  The rest is handed
over, socket and bytes.
"""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from bootwave.http.connection import RETRY_AFTER_SECONDS
from bootwave.http.effects import Note
from bootwave.http.response import overloaded
from bootwave.server.lanemisses import AnswerMissed, HandedOver, LaneMisses, Takes
from bootwave.sightings import Reason

if TYPE_CHECKING:
    from bootwave.native.http import Lane

MAX_EXPIRED_PER_TICK = 256

_STALLED = "the answer was not read in time"
_SILENT = "no request came"


class HoldsOthers(Takes, Protocol):
    """Who holds the connections that are not the lane's (HttpServer)."""

    def held(self) -> int:
        """Return how many those are."""

    def tell(self, source: str, note: Note) -> None:
        """Count *note* and leave the sighting of it."""

    def arm(self) -> None:
        """See to it that time passes here, too."""


class LaneSide:
    """Lets *lane* work in the loop; for one loop and its thread.

    *ask* is asked for the answers to the requests that it holds.
    """

    def __init__(
        self, lane: "Lane", ask: AnswerMissed | None, server: HoldsOthers
    ) -> None:
        """Keep the parts."""
        self._lane = lane
        self._missed = LaneMisses(lane, ask, server)
        self._server = server

    def __len__(self) -> int:
        """Return how many connections are open in the lane."""
        return len(self._lane)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to answer what comes on the connections kept open."""
        self._missed.stopping = False
        self._lane.resume()
        loop.add_reader(self._lane.fileno(), self._ready)

    def finish(self) -> None:
        """Hand over what idles, and let the rest close after its answer."""
        self._missed.stopping = True
        self._server.take_over(self._lane.finish())

    def end(self, loop: asyncio.AbstractEventLoop) -> None:
        """Close whatever is left, at once."""
        self._lane.abort()
        loop.remove_reader(self._lane.fileno())

    def accept(self, listener: int, limit: int) -> int:
        """Accept at most *limit* connections; what ended it (errno), 0 for nothing."""
        error, handed = self._lane.accept(listener, limit, self._server.held())
        self._take(handed)
        return error

    def shed(self, most: int) -> None:
        """Have at most *most* of those that idle without a proof held by others."""
        self._server.take_over(self._lane.shed(most))

    def close_slow(self) -> bool:
        """Close the unproven one that reads longest; False when there is none."""
        return self._tell_crowded(self._lane.close_slow())

    def close_any(self) -> bool:
        """Close one, and a proven one only for want of others; False for none."""
        return self._tell_crowded(self._lane.close_slow() or self._lane.close_oldest())

    def tick(self, now: float) -> None:
        """Let deadlines pass, a bounded number at a time; *now* is monotonic."""
        broken, late, handed = self._lane.tick(now, MAX_EXPIRED_PER_TICK)
        for source, sending in broken:
            if sending:
                self._server.tell(source, Note(Reason.HTTP_STALLED, _STALLED))
            else:
                self._server.tell(source, Note(Reason.HTTP_TIMEOUT, _SILENT))
        self._server.take_over(late, overloaded(RETRY_AFTER_SECONDS))
        self._take(handed)
        self._server.lane_moved()

    def _ready(self) -> None:
        """Let the lane answer on the connections that it keeps open."""
        self._take(self._lane.turn(self._server.held()))
        self._server.lane_moved()
        if len(self._lane):
            self._server.arm()

    def _take(self, handed: Sequence[HandedOver] | None) -> None:
        """Have others do what the lane leaves: serve what it hands over or missed."""
        self._server.take_over(handed)
        self._missed.gather()

    def _tell_crowded(self, source: str | None) -> bool:
        if source is None:
            return False
        self._server.tell(source, Note(Reason.HTTP_CROWDED_OUT, "a place was needed"))
        return True
