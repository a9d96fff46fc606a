"""Looks at the certificates now and then, so that nobody has to think of them.

What begins well ends some day: a certificate of the server, a factory CA, and soonest
of all a revocation list, past which a CA's phones prove nothing.
A running engine says so in its log, each time that it looks.
"""

import asyncio
import time

from bootwave import log
from bootwave.options import ControlOptions, HttpsOptions

# What is due says so two weeks before; twice a day is a line that is seen, no noise.
PERIOD_SECONDS = 12 * 3600.0


class CertificateWatch:
    """Looks every *period* seconds, in a thread, at the files that options name.

    *options* are those of phones' TLS, *control* of the API.
    """

    def __init__(
        self,
        options: HttpsOptions,
        period: float = PERIOD_SECONDS,
        *,
        control: ControlOptions | None = None,
    ) -> None:
        """Look at nothing before ``start``; the engine looks itself when it loads."""
        self._options = options
        self._control = control
        self._period = period
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, in the running loop, where anything is served over TLS."""
        api = self._control is not None and self._control.certificates
        if self._options.listen or self._options.legacy.listen or api:
            self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Look no longer; a look that has begun is waited for."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._period)
            await asyncio.to_thread(self._look)

    def _look(self) -> None:
        from bootwave.certificates.report import look

        found = look(self._options, time.time(), self._control)
        for sentence in (*found["problems"], *found["due"]):
            log.note(log.CERTIFICATE_WARNING, warning=sentence.rstrip("."))
