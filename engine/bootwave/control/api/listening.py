"""The API from ``start`` to ``stop``, in the running loop, on given sockets."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from bootwave.control.api.application import application
from bootwave.control.api.arrivals import Arrivals
from bootwave.control.api.connections import ApiConnection
from bootwave.control.api.desk import Desk
from bootwave.control.api.hosts import Hosts
from bootwave.control.api.outermost import Outermost
from bootwave.control.api.readers import Readers
from bootwave.control.api.room import Room
from bootwave.control.api.tls import certificate_names, tls_context
from bootwave.control.server import ControlServer
from bootwave.limits import (
    API_IDLE_SECONDS,
    MAX_API_HEAD_BYTES,
)
from bootwave.store.administration import Administration
from bootwave.store.secrets import KeyRing

STOP_SECONDS = 3.0  # for answers that are owed


def api_server(
    server: ControlServer,
    administration: Administration,
    keyring: KeyRing,
    reading: Callable[[], Administration],
    listeners: Sequence[socket.socket],
    certificates: Sequence[Path],
    room: Room,
) -> "ApiServer":
    """Return the API on *listeners*, not started; raises OptionError.

    Changes are made by *administration* in the thread of *server*, and *reading* opens
    what reads are made on; *room* is what else there is of the engine.
    """
    desk = Desk(server, administration, Readers(reading), keyring, room)
    return ApiServer(desk, listeners, certificates)


class ApiServer:
    """Serves the API of *desk* on *listeners*, over TLS by *certificates* if any."""

    def __init__(
        self,
        desk: Desk,
        listeners: Sequence[socket.socket],
        certificates: Sequence[Path],
    ) -> None:
        """Load the certificates; raises OptionError."""
        self._desk = desk
        self._listeners = list(listeners)
        self._tls = tls_context(certificates) if certificates else None
        names = certificate_names(certificates)
        self._hosts = Hosts([*desk.room.options.control.hosts, *names])
        self._server: _Server | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Accept connections; raises OSError when that is not possible."""
        try:
            await self._start()
        except BaseException:
            await self._desk.close()
            raise

    async def _start(self) -> None:
        await self._desk.warm()
        answered = self._desk.room.answers.count
        server = _Server(
            Outermost(application(self._desk), self._hosts, answered),
            self._tls,
            self._desk.acquaintances.knows,
            answered,
        )
        # The caller's sockets outlive this server: it closes copies.
        sockets = [each.dup() for each in self._listeners]
        self._server = server
        self._desk.start()
        self._task = asyncio.create_task(server.run_on(sockets))
        while not server.started and not self._task.done():
            await asyncio.sleep(0.01)
        if self._task.done():
            await self._task
        self._desk.room.count(server.arrivals.metrics)

    async def stop(self) -> None:
        """Answer what was asked, for some seconds, then close everything."""
        await self._desk.room.feed.stop()  # its answers would never end
        if self._server is not None and self._task is not None:
            self._server.should_exit = True
            await self._task
            self._server = self._task = None
        await self._desk.close()


class _Server(uvicorn.Server):
    """uvicorn's server in somebody else's loop.

    Signals are not its business, and what it has to say is for who runs a web server:
    it logs nothing, and changes no logger, which may be the embedding program's own.
    """

    def __init__(
        self,
        app: ASGIApp,
        tls: ssl.SSLContext | None,
        knows: Callable[[str], bool],
        answered: Callable[[int], None],
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=ApiConnection,
                ws="none",
                loop="none",
                lifespan="off",
                log_config=None,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=int(API_IDLE_SECONDS),
                h11_max_incomplete_event_size=MAX_API_HEAD_BYTES,
            )
        )
        self._tls = tls
        self._knows = knows
        self._answered = answered

    async def run_on(self, sockets: list[socket.socket]) -> None:
        """Serve on *sockets*, and close them, until ``should_exit``."""
        try:
            self.config.load()
            await self.startup(sockets)
            await self.main_loop()
            await self.shutdown(sockets)
        finally:
            for each in sockets:
                each.close()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        def connect(left: Callable[[], None]) -> ApiConnection:
            return ApiConnection(
                config=self.config,
                server_state=self.server_state,
                app_state={},
                left=left,
                answered=self._answered,
            )

        self.arrivals = Arrivals(sockets or (), connect, self._tls, knows=self._knows)
        self.arrivals.start()
        self.started = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self.arrivals.stop()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        tasks = set(self.server_state.tasks)
        if tasks:
            await asyncio.wait(tasks, timeout=STOP_SECONDS)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for connection in list(self.server_state.connections):
            connection.transport.abort()  # what a peer keeps open
