"""What happens, told to whoever listens: sightings, and how far roll-outs are.

In the form that browsers and scripts read (server-sent events, in the HTML standard).
The number of an event stands for a place in the file of sightings (``eventids``), so
who comes back with the last one it saw misses nothing that the file still has, also
after a restart.  Who sees some phones only is told no count of what is of all, neither
by numbers nor by what was lost.

Nothing is queued for anybody: each listener reads the file on from where it is, some
events at a time, when it has taken those before.  One that does not take them, or falls
too far behind, is let go, and counted by the reason.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from math import inf
from typing import Any, Final

import orjson

from bootwave.control.eventids import EventIds
from bootwave.control.metricstext import Metric
from bootwave.errors import BootwaveError, EngineError
from bootwave.phone.mac import text_from_mac
from bootwave.store.reports.devicereport import told
from bootwave.store.sightings.tail import Place, SightingTail

MAX_LISTENERS: Final = 32
# Of those who see some phones only, so that who sees all finds a place.
MAX_LIMITED_LISTENERS: Final = 24
MAX_LISTENERS_OF_ONE: Final = 6  # who asks, by whatever token
TOGETHER: Final = 500  # sightings in memory for one listener
MOST_BEHIND: Final = 100_000
LOOK_SECONDS: Final = 0.5
QUIET_SECONDS: Final = 15.0  # after which it is said that the connection still lives
STALL_SECONDS: Final = 10.0  # for which an event may be left: the API cuts off at 20
RETRY: Final = b"retry: 3000\n\n"

Progress = Callable[[], Awaitable[list[dict[str, Any]]]]
"""Returns the roll-outs that go on, or ended just now."""

Sees = Callable[[Collection[int]], Awaitable[Mapping[int, float]]]
"""Returns which of some MACs a listener may see, and from when on by the clock."""


Follows = Callable[[str], bool]
"""Whether a listener is told of the roll-outs of a domain, "" for those of none."""


@dataclass(eq=False, slots=True)
class _Listener:
    task: "asyncio.Task[Any]"
    is_limited: bool
    whose: str
    offered: float | None = None  # since when an event waits to be taken
    told: dict[int, bytes] = field(default_factory=dict)  # of roll-outs, by their id


class EventFeed:
    """Tells listeners; in the running loop, from ``start`` to ``stop``."""

    def __init__(
        self,
        tail: SightingTail,
        progress: Progress,
        forget: Callable[[], None],
        ids: EventIds,
    ) -> None:
        """Read *tail*, numbered by *ids*, and ask *progress* while anybody listens.

        *forget* is called while nobody does: what it told before is old by then.
        """
        self._tail = tail
        self._progress = progress
        self._forget = forget
        self._ids = ids
        self._listeners: set[_Listener] = set()
        self._rollouts: dict[int, tuple[str, bytes]] = {}  # with their domain
        self._task: asyncio.Task[None] | None = None
        self._dropped = {"stalled": 0, "behind": 0, "refused": 0}
        self._told = 0

    def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        """Let every listener go."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        for listener in [*self._listeners]:
            listener.task.cancel()

    def metrics(self) -> list[Metric]:
        """Return what is counted of listeners."""
        return [
            Metric(
                "event_listeners",
                "gauge",
                "listeners to events",
                {"": len(self._listeners)},
            ),
            Metric("events_total", "counter", "events told", {"": self._told}),
            Metric(
                "event_listeners_dropped_total",
                "counter",
                "listeners to events that were let go or not taken",
                {f'reason="{why}"': count for why, count in self._dropped.items()},
            ),
        ]

    async def events(
        self,
        last_id: str,
        sees: Sees | None,
        follows: Follows | None,
        *,
        whose: str = "",
    ) -> AsyncGenerator[bytes, None]:
        """Yield events behind *last_id*, "" for those from now on.

        *sees* chooses among MACs and *follows* among roll-outs, None takes all; *whose*
        says who listens.  Raises EngineError when too many listen, or too many of one,
        before anything is yielded.
        """
        limited = sum(one.is_limited for one in self._listeners)
        own = sum(one.whose == whose for one in self._listeners)
        if (
            len(self._listeners) >= MAX_LISTENERS
            or own >= MAX_LISTENERS_OF_ONE
            or (sees is not None and limited >= MAX_LIMITED_LISTENERS)
        ):
            self._dropped["refused"] += 1
            raise EngineError("Too many listen to events already.")
        task = asyncio.current_task()
        assert task is not None
        listener = _Listener(task, is_limited=sees is not None, whose=whose)
        self._listeners.add(listener)
        try:
            place = self._ids.place(last_id)
            if place is None:
                place = await asyncio.to_thread(self._tail.end)
            async with aclosing(self._told_to(listener, place, sees, follows)) as told:
                async for piece in told:
                    listener.offered = time.monotonic()
                    yield piece
                    listener.offered = None
        finally:
            self._listeners.discard(listener)

    async def _told_to(
        self,
        listener: _Listener,
        place: Place,
        sees: Sees | None,
        follows: Follows | None,
    ) -> AsyncGenerator[bytes, None]:
        yield RETRY
        quiet_since = time.monotonic()
        while True:
            pieces = self._news(listener, follows)
            more = False
            # The file or the store is away, or too busy: what comes is told later.
            with suppress(BootwaveError):
                found = await asyncio.to_thread(self._tail.read, place, TOGETHER)
                seen = [one for _, one in found.sightings]
                shown: Mapping[int, float] = dict.fromkeys(
                    (one.mac for one in seen), 0.0
                )
                if sees is not None and shown:
                    shown = await sees(shown.keys())
                place = found.place
                if found.lost:
                    told_of = {} if listener.is_limited else {"sightings": found.lost}
                    pieces.append(self._event("lost", told_of, place))
                pieces += [
                    self._event(
                        "sighting",
                        {"mac": text_from_mac(one.mac), **told(one)},
                        behind,
                    )
                    for behind, one in found.sightings
                    if one.at >= shown.get(one.mac, inf)
                ]
                if found.behind > MOST_BEHIND:
                    self._dropped["behind"] += 1
                    told_of = {} if listener.is_limited else {"behind": found.behind}
                    yield self._event("dropped", told_of, place)
                    return
                more = found.behind > 0
            if pieces:
                self._told += len(pieces)
                quiet_since = time.monotonic()
                yield b"".join(pieces)
            elif time.monotonic() - quiet_since > QUIET_SECONDS:
                quiet_since = time.monotonic()
                yield b":\n\n"
            if not more:
                await asyncio.sleep(LOOK_SECONDS)

    def _news(self, listener: _Listener, follows: Follows | None) -> list[bytes]:
        """Return the events of roll-outs that went on since this listener was told."""
        now = {
            number: event
            for number, (domain, event) in self._rollouts.items()
            if follows is None or follows(domain)
        }
        news = [
            event for number, event in now.items() if listener.told.get(number) != event
        ]
        listener.told = now
        return news

    async def _watch(self) -> None:
        """Ask how roll-outs are while somebody listens, and let the stalled go."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            late = time.monotonic() - STALL_SECONDS
            for listener in [*self._listeners]:
                if listener.offered is not None and listener.offered < late:
                    self._dropped["stalled"] += 1
                    self._listeners.discard(listener)
                    listener.task.cancel()
            if self._listeners:
                with suppress(BootwaveError):
                    self._rollouts = {
                        one["id"]: (one["domain"], self._event("rollout", one, None))
                        for one in await self._progress()
                    }
            else:
                # How they are now, nobody who listens later must be told.
                self._rollouts = {}
                self._forget()

    def _event(self, kind: str, data: Mapping[str, Any], place: Place | None) -> bytes:
        number = f"id: {self._ids.text(place)}\n" if place is not None else ""
        text = orjson.dumps(dict(data))  # one line: JSON escapes the others
        return f"{number}event: {kind}\ndata: ".encode() + text + b"\n\n"
