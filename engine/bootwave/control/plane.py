"""The control plane: one writer of administrators' changes, and the socket to it.

It commits, then revokes in the page that workers compare with, and only then answers:
when a command returns, no worker serves what it closed.
"""

from collections.abc import Mapping
from typing import Any

from bootwave import __version__
from bootwave.control.certificatewatch import CertificateWatch
from bootwave.control.operations import ProgressFunction
from bootwave.control.server import ControlServer
from bootwave.metrics import CounterPage
from bootwave.options import Options
from bootwave.provision.revocations import RevocationPage
from bootwave.store.administration import Administration
from bootwave.store.boot import instant
from bootwave.store.connection import connect
from bootwave.store.secrets import KeyRing
from bootwave.store.sightings import SightingLog


class ControlPlane:
    """Answers on the control socket from ``start`` to ``stop``, in the running loop.

    ``administration`` may also be used in this process, from one thread at a time.
    """

    def __init__(
        self,
        options: Options,
        revocations: RevocationPage,
        counters: CounterPage,
        listeners: list[str],
        *,
        started: float,
    ) -> None:
        """Open the store; raises StoreError or OptionError.

        *started* is the wall-clock time when the engine started, of which this
        process may not be the first control process.
        """
        self.administration = Administration(
            connect(options.store.database),
            KeyRing.load(options.store.key),
            options.pairing,
            now=instant,
            committed=revocations.revoke,
            sightings=SightingLog(options.store.sightings, options.sightings),
            reopen=lambda: connect(options.store.database),
        )
        self._options = options
        self._counters = counters
        self._listeners = listeners
        self._started = started
        self.server = ControlServer(options.store.control_socket, self.administration)
        self.server.register("engine.status", self._status)
        self._watch = CertificateWatch(options.https)

    async def start(self) -> None:
        """Listen; raises OptionError when another engine does already."""
        await self.server.start()
        self._watch.start()

    async def stop(self) -> None:
        """Finish the operation that runs, and close."""
        await self._watch.stop()
        await self.server.stop()
        self.administration.close()

    async def call(
        self,
        operation: str,
        arguments: Mapping[str, Any],
        progress: ProgressFunction | None = None,
    ) -> Any:
        """Return the result of *operation*, committed and in force."""
        return await self.server.call(operation, arguments, progress)

    def _status(self, _args: Any) -> dict[str, Any]:
        return {
            "version": __version__,
            "workers": self._options.server.workers,
            "listeners": self._listeners,
            "started": self._started,
            "counters": self._counters.totals(),
        }
