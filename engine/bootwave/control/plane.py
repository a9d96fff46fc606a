"""The control plane: one writer of administrators' changes, and the socket to it.

It commits, then revokes in the page that workers compare with, waits until no worker
has anything in hand that was granted before, and only then answers: when a command
returns, no worker serves what it closed, not even one that is stopped.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from bootwave import __version__, log
from bootwave.control.certificatewatch import CertificateWatch
from bootwave.control.operations import ProgressFunction
from bootwave.control.redirections import RedirectionRunner
from bootwave.control.rollouts import RolloutRunner
from bootwave.control.server import ControlServer
from bootwave.errors import StoreError
from bootwave.metrics import CounterPage
from bootwave.options import Options
from bootwave.provision.answering import AnsweringPage
from bootwave.provision.revocations import RevocationPage
from bootwave.store.administration import Administration
from bootwave.store.boot import instant
from bootwave.store.changelog import Change
from bootwave.store.connection import connect
from bootwave.store.secrets import KeyRing
from bootwave.store.sightings import SightingLog

TRIM_SECONDS = 3_600.0  # between two looks for old rows of the audit log
TRIM_PAUSE_SECONDS = 1.0  # while there are more


class ControlPlane:
    """Answers on the control socket from ``start`` to ``stop``, in the running loop.

    ``administration`` may also be used in this process, from one thread at a time.
    """

    def __init__(
        self,
        options: Options,
        revocations: RevocationPage,
        answering: AnsweringPage,
        counters: CounterPage,
        listeners: list[str],
        *,
        started: float,
    ) -> None:
        """Open the store; raises StoreError or OptionError.

        *started* is the wall-clock time when the engine started, of which this
        process may not be the first control process.
        """
        self._revocations = revocations
        self._answering = answering
        self._keyring = KeyRing.load(options.store.key)
        self.administration = Administration(
            connect(options.store.database),
            self._keyring,
            options.pairing,
            now=instant,
            committed=self._committed,
            sightings=SightingLog(options.store.sightings, options.sightings),
            firmware=options.firmware,
            images=options.store.images,
            waves=options.waves,
            reopen=lambda: connect(options.store.database),
        )
        self._options = options
        self._counters = counters
        self._listeners = listeners
        self._started = started
        self.server = ControlServer(options.store.control_socket, self.administration)
        self.server.register("engine.status", self._status)
        self._watch = CertificateWatch(options.https)
        self._rollouts = RolloutRunner(self.server, self.administration, options.waves)
        self._redirections = RedirectionRunner(
            self.server,
            self.administration,
            options.redirection,
            counters.other_row(),
        )
        self._trimming: asyncio.Task[None] | None = None

    def _committed(self, changes: list[Change]) -> None:
        """End what *changes* took away, in every worker, before it returns."""
        self._revocations.revoke(changes)
        for pid in self._answering.settle():
            log.note(log.WORKER_STOOD_STILL, pid=pid)

    async def start(self) -> None:
        """Listen; raises OptionError when another engine does already."""
        await self.server.start()
        self._watch.start()
        self._rollouts.start()
        self._redirections.start()
        if self._options.audit.keep_days:
            self._trimming = asyncio.create_task(self._trim())

    async def stop(self) -> None:
        """Finish the operation that runs, and close."""
        await self._watch.stop()
        await self._rollouts.stop()
        await self._redirections.stop()
        if self._trimming is not None:
            self._trimming.cancel()
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

    async def _trim(self) -> None:
        """Take old rows of the audit log away, some at a time."""
        keep_seconds = self._options.audit.keep_days * 86_400
        while True:
            try:
                trimmed = await self.server.in_thread(
                    lambda: self.administration.audit_trim(keep_seconds)
                )
            except StoreError as error:
                log.note(log.CONTROL_NOT_TRIMMED, error=str(error))
                trimmed = 0
            # Commands and phones come in between.
            await asyncio.sleep(TRIM_PAUSE_SECONDS if trimmed else TRIM_SECONDS)

    def _status(self, _args: Any) -> dict[str, Any]:
        return {
            "version": __version__,
            "workers": self._options.server.workers,
            "listeners": self._listeners,
            "started": self._started,
            "keys": self._keyring.names,
            "counters": self._counters.totals(),
        }
