"""The control plane: one writer of administrators' changes, and the socket to it.

It commits, then revokes in the page that workers compare with, waits until no worker
has anything in hand that was granted before, and only then answers: when a command
returns, no worker serves what it closed, not even one that is stopped.
"""

import asyncio
import socket
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from bootwave import __version__, log
from bootwave.control.capacity import CapacityWatch
from bootwave.control.certificatewatch import CertificateWatch
from bootwave.control.contactwatch import ContactWatch
from bootwave.control.metricstext import Metric, engine_metrics_text
from bootwave.control.operations import ProgressFunction
from bootwave.control.outlooks import outlook_for
from bootwave.control.redirections import RedirectionRunner
from bootwave.control.rollouts import RolloutRunner
from bootwave.control.server import ControlServer
from bootwave.control.storedmetrics import stored_metrics
from bootwave.errors import BootwaveError, StoreError
from bootwave.metrics import CounterPage
from bootwave.options import Options
from bootwave.provision.answering import AnsweringPage
from bootwave.provision.revocations import RevocationPage
from bootwave.store.access import passwordhashes
from bootwave.store.administration import Administration
from bootwave.store.boot import instant
from bootwave.store.changelog import Change
from bootwave.store.connection import connect
from bootwave.store.secrets import KeyRing
from bootwave.store.sightings.contactkeeper import ContactKeeper
from bootwave.store.sightings.sightings import SightingLog

if TYPE_CHECKING:
    from bootwave.control.api.listening import ApiServer
    from bootwave.control.api.room import Room

TRIM_SECONDS = 3_600.0  # between two looks for old rows of the audit log
TRIM_PAUSE_SECONDS = 1.0  # while there are more
FORGET_SECONDS = 30.0  # between two looks for imports that nobody goes on with
API_AGAIN_SECONDS = 10.0  # after which it is tried whether the API can be served now


def _with_password_hashed(args: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return *args* with the password hashed, which would hold up every change."""
    password, name = args.get("password"), args.get("name")
    if not (isinstance(password, str) and isinstance(name, str)):
        return args  # the operation says what is wrong
    return {**args, "password": passwordhashes.hashed(password, name=name)}


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
        api: Sequence[socket.socket] = (),
    ) -> None:
        """Open the store; raises StoreError or OptionError.

        *started* is the wall-clock time when the engine started, of which this
        process may not be the first control process.  *api* are the sockets on which
        the API is served.
        """
        self._revocations = revocations
        self._answering = answering
        self._keyring = KeyRing.load(options.store.key)
        self._options = options
        self.administration = self._administration()
        self._counters = counters
        self._listeners = listeners
        self._started = started
        self.server = ControlServer(options.store.control_socket, self.administration)
        self.server.register("engine.status", self._status)
        self.server.register("engine.metrics", self._metrics)
        self.server.register("device.outlook", self._outlook)
        for op in ("admin.add", "admin.password"):
            self.server.prepare(op, _with_password_hashed)
        self._watch = CertificateWatch(options.https, control=options.control)
        self._rollouts = RolloutRunner(self.server, self.administration, options.waves)
        self.server.follow(self._rollouts.heard_of)
        self._redirections = RedirectionRunner(
            self.server,
            self.administration,
            options.redirection,
            counters.other_row(),
        )
        self._capacity = CapacityWatch(
            options, self.server, self.administration, counters, answering
        )
        sightings = SightingLog(options.store.sightings, options.sightings)
        self._contacts = ContactWatch(ContactKeeper(sightings, options.store.database))
        self._trimming: asyncio.Task[None] | None = None
        self._forgetting: asyncio.Task[None] | None = None
        self._api_sockets = api
        self._api: ApiServer | None = None
        self._api_awaited: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._room: Room | None = None

    def _administration(self, *, read_only: bool = False) -> Administration:
        options = self._options

        def opened() -> sqlite3.Connection:
            return connect(options.store.database, read_only=read_only)

        return Administration(
            opened(),
            self._keyring,
            options.pairing,
            now=instant,
            committed=self._committed,
            sightings=SightingLog(options.store.sightings, options.sightings),
            firmware=options.firmware,
            images=options.store.images,
            waves=options.waves,
            reopen=opened,
        )

    def _committed(self, changes: list[Change]) -> None:
        """End what *changes* took away, in every worker, before it returns."""
        self._revocations.revoke(changes)
        for pid in self._answering.settle():
            log.note(log.WORKER_STOOD_STILL, pid=pid)

    async def start(self) -> None:
        """Listen; raises OptionError when another engine does already."""
        await self.server.start()
        await self._capacity.start()
        self._watch.start()
        self._rollouts.start()
        self._redirections.start()
        self._contacts.start()
        self._forgetting = asyncio.create_task(self._forget())
        if self._options.audit.keep_days:
            self._trimming = asyncio.create_task(self._trim())
        if self._api_sockets:
            await self._serve_api()

    async def _serve_api(self) -> None:
        """Serve the API; what prevents that is logged, and prevents nothing else.

        It is tried again now and then: a certificate may just be renewed.
        """
        try:
            said = await self._begin_api()
        except ImportError as error:  # what is not installed comes with a new process
            log.note(log.API_NOT_SERVED, error=str(error))
            return
        if said:
            log.note(log.API_NOT_SERVED, error=said)
            self._api_awaited = asyncio.create_task(self._serve_api_later(said))

    async def _serve_api_later(self, said: str) -> None:
        while said:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), API_AGAIN_SECONDS)
                return
            before, said = said, await self._begin_api()
            if said not in ("", before):
                log.note(log.API_NOT_SERVED, error=said)

    async def _begin_api(self) -> str:
        """Return what prevents that the API is served, "" when it is now."""
        # Here: an engine without API loads none of its libraries.
        from bootwave.control.api.listening import api_server
        from bootwave.control.api.room import Room

        totals = self._counters.totals
        room = Room(self._options, self._keyring, totals, self._started)
        try:
            api = await asyncio.to_thread(
                api_server,
                self.server,
                self.administration,
                self._keyring,
                self._reading,
                self._api_sockets,
                self._options.control.certificates,
                room,
            )
            await api.start()
        except (BootwaveError, OSError) as error:
            return str(error) or type(error).__name__
        self._api, self._room = api, room
        return ""

    def _reading(self) -> Administration:
        """Return a store that is read only, with a connection of its own."""
        return self._administration(read_only=True)

    async def stop(self) -> None:
        """Finish the operation that runs, and close."""
        self._stopping.set()
        if self._api_awaited is not None:
            await self._api_awaited
        if self._api is not None:
            await self._api.stop()
        await self._watch.stop()
        await self._rollouts.stop()
        await self._capacity.stop()
        await self._redirections.stop()
        await self._contacts.stop()
        for task in (self._trimming, self._forgetting):
            if task is not None:
                task.cancel()
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

    async def _forget(self) -> None:
        """Forget imports whose clients were stopped, or killed, in the middle."""
        while True:
            await asyncio.sleep(FORGET_SECONDS)
            forget = self.administration.stages_forgotten
            try:
                await self.server.in_thread(partial(forget, instant().boottime))
            except StoreError as error:
                log.note(log.CONTROL_IMPORT_NOT_NOTED, error=str(error))

    async def _metrics(self, _args: Any) -> dict[str, str]:
        more = self._room.own_metrics() if self._room is not None else []
        # Other metrics are told while the store is away.
        with suppress(StoreError):
            more += await asyncio.to_thread(self._stored_metrics)
        text = engine_metrics_text(
            self._counters.totals(),
            workers=self._options.server.workers,
            started=self._started,
            more=more,
        )
        return {"text": text.decode()}

    def _stored_metrics(self) -> list[Metric]:
        """Return what the store counts, read beside the operation that may go on."""
        with closing(self._reading()) as store:
            return stored_metrics(store)

    async def _outlook(self, args: Mapping[str, Any]) -> dict[str, Any]:
        mac, source, model = (
            str(args.get(name, "")) for name in ("mac", "source", "model")
        )
        return await self.server.in_thread(
            lambda: outlook_for(
                self.administration,
                self._options,
                self._keyring,
                mac,
                source=source,
                model=model,
            )
        )

    def _status(self, _args: Any) -> dict[str, Any]:
        return {
            "version": __version__,
            "workers": self._options.server.workers,
            "listeners": self._listeners,
            "started": self._started,
            "keys": self._keyring.names,
            "capacity": self._capacity.status(),
            "counters": self._counters.totals(),
        }
