"""Listeners in an epoll set, and the pause of accepting when there is no room for more.

A listener stays readable while connections wait in its queue, so accepting again at
once would spin when it cannot succeed: for want of descriptors or memory (accept(2)),
or of a place.  Then the listeners are watched no more for a while, and whoever connects
waits in the kernel's queue.
"""

import errno
import select
import time
from collections.abc import Mapping
from typing import Generic, TypeVar

from bootwave import log
from bootwave.metrics import Counter, CounterRow

L = TypeVar("L")

# Long enough not to spin, short enough for a phone.
PAUSE_SECONDS = 0.25
LOG_SECONDS = 60.0
# What accept(2) fails with while nothing can be accepted; after other errors, which are
# of the one connection, the next one may be taken.
EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class AcceptGate(Generic[L]):
    """Watches *listeners*, by descriptor; open from ``open`` on, for one loop."""

    def __init__(self, listeners: Mapping[int, L], counters: CounterRow) -> None:
        """Keep the parts; nothing is watched yet."""
        self._listeners = listeners
        self._counters = counters
        self._epoll: select.epoll | None = None
        self._open = False
        self._again_at: float | None = None
        self._for_place = False
        self._logged = float("-inf")

    def open(self, epoll: select.epoll) -> None:
        """Watch the listeners in *epoll*."""
        self._epoll = epoll
        self._watch()

    def close(self) -> None:
        """Watch them no more, for good: nothing but ``open`` ends that."""
        self._unwatch()
        self._again_at = None
        self._for_place = False

    def listener(self, number: int) -> L | None:
        """Return the listener *number* to accept from; None for none, and paused."""
        return self._listeners.get(number) if self._open else None

    def pause(self, *, for_place: bool) -> None:
        """Accept nothing for a while; *for_place* no longer than until one is free."""
        self._counters.add(Counter.HTTP_ACCEPT_PAUSES)
        self._unwatch()
        self._again_at = time.monotonic() + PAUSE_SECONDS
        self._for_place = for_place

    def tell_exhausted(self, error: str) -> None:
        """Log *error*, the system's word for what has run out, once in a while."""
        now = time.monotonic()
        if now - self._logged >= LOG_SECONDS:
            self._logged = now
            log.note(log.SERVER_OUT_OF_DESCRIPTORS, error=error)

    @property
    def is_paused(self) -> bool:
        """Whether ``tick`` has a pause to end."""
        return self._again_at is not None

    @property
    def wants_place(self) -> bool:
        """Whether it is paused for want of a place."""
        return self._for_place

    def place_freed(self) -> None:
        """Accept again, if it was a place that was wanted."""
        if self._for_place:
            self._watch()

    def tick(self, now: float) -> None:
        """End the pause when its time has come; *now* is monotonic."""
        if self._again_at is not None and now >= self._again_at:
            self._watch()

    def _watch(self) -> None:
        assert self._epoll is not None
        if not self._open:
            for number in self._listeners:
                self._epoll.register(number, select.EPOLLIN)
        self._open = True
        self._again_at = None
        self._for_place = False

    def _unwatch(self) -> None:
        assert self._epoll is not None
        if self._open:
            for number in self._listeners:
                self._epoll.unregister(number)
        self._open = False
