"""What the API knows of the engine around it, beside the store.

The counters of all processes, the feed of events, the directory of images, and what a
phone would be given.
"""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bootwave.control.api.readers import Readers
from bootwave.control.eventfeed import EventFeed
from bootwave.control.metricstext import Metric, metrics_text
from bootwave.options import Options
from bootwave.provision.looks import Looks
from bootwave.provision.outlook import Outlook
from bootwave.provision.revocations import RevocationPage
from bootwave.provision.service import policy_of
from bootwave.provision.tokens import TokenGate
from bootwave.store.administration import Administration
from bootwave.store.boot import instant
from bootwave.store.reader import Reader
from bootwave.store.secrets import KeyRing
from bootwave.store.sightingtail import SightingTail

_RUNNING = frozenset({"running", "paused", "halted"})
_LOOKED_AT = 20  # the newest roll-outs


class Room:
    """The engine of *options*; in the running loop, from ``start`` to ``stop``.

    *totals* returns its counters, *started* is the wall-clock time when it started.
    ``uploads`` counts images that are on their way, and ``comparing`` says whether the
    redirection service is being asked for its lists.
    """

    def __init__(
        self,
        options: Options,
        totals: Callable[[], Mapping[str, int]],
        started: float,
    ) -> None:
        """Open nothing yet."""
        self.options = options
        self.uploads = 0
        self.comparing = False
        self._totals = totals
        self._started = started
        self._keyring: KeyRing | None = None
        self._readers: Readers | None = None
        self._outlook: Outlook | None = None
        self._reader: Reader | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="bootwave-outlook")
        self._told: dict[int, dict[str, Any]] = {}
        self.feed = EventFeed(SightingTail(options.store.sightings), self._rollouts)

    def start(self, readers: Readers, keyring: KeyRing) -> None:
        """Begin; *readers* read the store, *keyring* opens what is sealed there."""
        self._readers, self._keyring = readers, keyring
        self.feed.start()

    async def stop(self) -> None:
        """Let listeners go, and close what was opened."""
        await self.feed.stop()
        await asyncio.to_thread(self._thread.shutdown)
        if self._reader is not None:
            self._reader.close()

    def metrics(self) -> bytes:
        """Return the counters as Prometheus reads them."""
        more = [
            Metric(
                "workers",
                "gauge",
                "worker processes that the options ask for",
                {"": self.options.server.workers},
            ),
            Metric(
                "start_time_seconds",
                "gauge",
                "when the engine started, in seconds since 1970",
                {"": self._started},
            ),
        ]
        return metrics_text(self._totals(), [*more, *self.feed.metrics()])

    async def outlook(
        self, mac: int, source: str, model: str, *, is_blocked: bool
    ) -> dict[str, Any]:
        """Return what the phone *mac* would be given (``provision.outlook``)."""

        def look() -> dict[str, Any]:
            return self._opened().of(mac, source, model=model, is_blocked=is_blocked)

        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, look)

    def _opened(self) -> Outlook:
        if self._outlook is None:
            assert self._keyring is not None
            self._reader = Reader(self.options.store.database)
            self._outlook = Outlook(
                Looks(self._reader, RevocationPage(), instant),
                TokenGate(self._keyring),
                policy_of(self.options),
            )
        return self._outlook

    async def _rollouts(self) -> list[dict[str, Any]]:
        """Return the roll-outs that go on, and those that ended since."""
        assert self._readers is not None
        shown = await self._readers.run(self._look)
        before, self._told = self._told, {one["id"]: one for one in shown}
        ended = before.keys() - self._told.keys()
        if ended:
            shown += await self._readers.run(
                lambda store: [_progress(store, number) for number in ended]
            )
        return shown

    def _look(self, store: Administration) -> list[dict[str, Any]]:
        page = store.records_page("rollouts", descending=True, limit=_LOOKED_AT)
        return [
            _progress(store, row["id"])
            for row in page["rows"]
            if row["state"] in _RUNNING
        ]


def _progress(store: Administration, number: int) -> dict[str, Any]:
    shown = store.rollout_show(number)
    return {
        name: value for name, value in shown.items() if name not in ("phones", "stages")
    }
