"""What the API knows of the engine around it, beside the store.

The counters of all processes, the feed of events, and the directory of images.
"""

from collections.abc import Callable, Mapping, Set
from contextlib import suppress
from typing import Any

from bootwave.control.api.answercounts import AnswerCounts
from bootwave.control.api.problems import Problem
from bootwave.control.api.readers import Readers
from bootwave.control.eventfeed import EventFeed
from bootwave.control.eventids import EventIds
from bootwave.control.metricstext import Metric, engine_metrics_text
from bootwave.control.storedmetrics import stored_metrics
from bootwave.errors import StoreError, StoreNotFound
from bootwave.options import Options
from bootwave.store.administration import Administration
from bootwave.store.secrets import KeyRing
from bootwave.store.sightings.tail import SightingTail


class Room:
    """The engine of *options*; in the running loop, from ``start`` to ``stop``.

    *totals* returns its counters, *started* is the wall-clock time when it started.
    ``uploads`` counts images that are on their way, and ``comparing`` says whether the
    redirection service is being asked for its lists.  ``answers`` counts what is
    answered.
    """

    def __init__(
        self,
        options: Options,
        keyring: KeyRing,
        totals: Callable[[], Mapping[str, int]],
        started: float,
    ) -> None:
        """Open nothing yet."""
        self.options = options
        self.uploads = 0
        self.comparing = False
        self._totals = totals
        self._started = started
        self._readers: Readers | None = None
        self._told: dict[int, dict[str, Any]] = {}
        tail = SightingTail(options.store.sightings)
        self.feed = EventFeed(tail, self._rollouts, self._forget, EventIds(keyring))
        self.answers = AnswerCounts()
        self._counted = [self.feed.metrics, self.answers.metrics]

    def start(self, readers: Readers) -> None:
        """Begin; *readers* read the store."""
        self._readers = readers
        self.feed.start()

    async def stop(self) -> None:
        """Let listeners go."""
        await self.feed.stop()

    def count(self, metrics: Callable[[], list[Metric]]) -> None:
        """Tell what *metrics* returns among the metrics from now on."""
        self._counted.append(metrics)

    def own_metrics(self) -> list[Metric]:
        """Return what the API itself counts."""
        return [metric for counted in self._counted for metric in counted()]

    async def metrics(self) -> bytes:
        """Return the counters as Prometheus reads them, and what the store counts."""
        stored = await self._stored()
        return engine_metrics_text(
            self._totals(),
            workers=self.options.server.workers,
            started=self._started,
            more=[*self.own_metrics(), *stored],
        )

    async def _stored(self) -> list[Metric]:
        """Return what the store counts; nothing of a store that is away, or busy."""
        if self._readers is None:
            return []
        try:
            return await self._readers.run(stored_metrics)
        except (StoreError, Problem):
            return []

    async def _rollouts(self) -> list[dict[str, Any]]:
        """Return the roll-outs that go on, and those that ended since."""
        assert self._readers is not None
        shown = await self._readers.run(lambda store: store.rollout_progress())
        now = {one["id"]: one for one in shown}
        if ended := self._told.keys() - now.keys():
            shown += await self._readers.run(lambda store: _ended(store, ended))
        # Last: what could not be read is told by the next look.
        self._told = now
        return shown

    def _forget(self) -> None:
        """Forget what was told: who listens later is not told of ends of now."""
        self._told = {}


def _ended(store: Administration, numbers: Set[int]) -> list[dict[str, Any]]:
    """Return how the roll-outs of *numbers* ended; some may be forgotten by now."""
    found = []
    for number in numbers:
        with suppress(StoreNotFound):
            found.append(_progress(store, number))
    return found


def _progress(store: Administration, number: int) -> dict[str, Any]:
    shown = store.rollout_show(number)
    return {
        name: value
        for name, value in shown.items()
        if name not in ("phones", "stages", "left_out")
    }
