"""From a listener's queue to a place in the server: by the lane, or without it.

With a lane it is the one that accepts, and what it would keep open without a proof when
places are short comes to the table: then that decides who must go.  Where nobody may
go, or descriptors have run out, accepting pauses (``server.gate``).
"""

import os
import select
import socket
from collections.abc import Sequence
from typing import Any, Protocol

from bootwave.metrics import Counter, CounterRow
from bootwave.server.gate import EXHAUSTED, AcceptGate
from bootwave.server.laneside import LaneSide

# What one wake-up may do before the loop's other readers have their turn: h11 makes a
# request cost as much as answering some twenty SUBSCRIBEs.
MAX_ACCEPTS_PER_WAKE = 32
MAX_LANE_ACCEPTS_PER_WAKE = 64
# Connections nobody vouched for go when descriptors have run out: at most so many.
_FREED_AT_ONCE = 8


class HasPlaces(Protocol):
    """Who holds what was accepted, and knows who must go (HttpServer)."""

    @property
    def is_crowded(self) -> bool:
        """Whether places are short."""

    @property
    def has_room(self) -> bool:
        """Whether one more connection may be accepted."""

    def free_places(self) -> int:
        """Return how many connections more there may be."""

    def take(self, sock: socket.socket, address: tuple[Any, ...]) -> None:
        """Serve *sock*, which was accepted from *address*."""

    def drop_unproven(self) -> bool:
        """Close one that nobody vouched for; False when there is none."""

    def arm(self) -> None:
        """See to it that time passes."""


class Accepting:
    """Accepts from *listeners*, which stay open when it stops; for one loop."""

    def __init__(
        self,
        listeners: Sequence[socket.socket],
        server: HasPlaces,
        counters: CounterRow,
        lane: LaneSide | None,
    ) -> None:
        """Keep the parts; nothing is accepted before ``start``."""
        self._server = server
        self._counters = counters
        self._lane = lane
        self._gate = AcceptGate(
            {listener.fileno(): listener for listener in listeners}, counters
        )

    def start(self, epoll: select.epoll) -> None:
        """Begin to accept: *epoll* tells when there is something to accept."""
        self._gate.open(epoll)

    def stop(self) -> None:
        """Accept no more; what waits in the queues waits for whoever accepts next."""
        self._gate.close()

    @property
    def is_paused(self) -> bool:
        """Whether ``tick`` has a pause to end."""
        return self._gate.is_paused

    @property
    def wants_place(self) -> bool:
        """Whether it is paused for want of a place."""
        return self._gate.wants_place

    def place_freed(self) -> None:
        """Accept again, if a place was wanting."""
        self._gate.place_freed()

    def tick(self, now: float) -> None:
        """End a pause whose time has come; *now* is monotonic."""
        self._gate.tick(now)

    def accept(self, number: int) -> None:
        """Accept what waits at the listener *number*, unless there is a pause."""
        listener = self._gate.listener(number)
        if listener is None:
            return
        if self._lane is None:
            self._accept(listener)
        else:
            self._accept_by_lane(self._lane, number)

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(MAX_ACCEPTS_PER_WAKE):
            if not self._server.has_room:
                self._pause_for_place()
                return
            try:
                sock, address = listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in EXHAUSTED:
                    self._exhausted(str(error.strerror))
                    return
                continue  # accept(2): a connection that failed while it waited
            self._counters.add(Counter.HTTP_CONNECTIONS)
            self._server.take(sock, address)

    def _accept_by_lane(self, lane: LaneSide, listener: int) -> None:
        if self._server.is_crowded:
            lane.shed(MAX_LANE_ACCEPTS_PER_WAKE)
        if not self._server.has_room and not lane.close_any():
            self._pause_for_place()
            return
        room = max(1, self._server.free_places())
        error = lane.accept(listener, min(room, MAX_LANE_ACCEPTS_PER_WAKE))
        if error:
            self._exhausted(os.strerror(error))
        if len(lane):
            self._server.arm()

    def _pause_for_place(self) -> None:
        self._gate.pause(for_place=True)
        self._server.arm()

    def _exhausted(self, error: str) -> None:
        """Let some descriptors come free, and pause meanwhile."""
        self._gate.tell_exhausted(error)
        if self._lane is not None:
            self._lane.shed(_FREED_AT_ONCE)
        for _ in range(_FREED_AT_ONCE):
            if not self._server.drop_unproven():
                break
        if self._lane is not None:
            for _ in range(_FREED_AT_ONCE):
                if not self._lane.close_slow():
                    break
        self._gate.pause(for_place=False)
        self._server.arm()
