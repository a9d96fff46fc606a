"""What an embedder holds: the whole engine in the caller's event loop.

It serves phones like ``bootwave serve`` with ``server.workers = 0``; the loop may be
uvloop's or asyncio's.  ``socketless`` is the engine for those with a network of their
own.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from bootwave.control.plane import ControlPlane
from bootwave.options import (
    ControlOptions,
    HttpOptions,
    HttpsOptions,
    Options,
    PnpOptions,
    StoreOptions,
)
from bootwave.server.shared import Shared, open_shared
from bootwave.server.worker import Worker
from bootwave.store.create import create
from bootwave.store.keysources import is_file
from bootwave.store.lock import EngineLock
from bootwave.store.secrets import KeyRing

_Part = TypeVar("_Part")


def local_options(directory: Path) -> Options:
    """Return options of an engine on 127.0.0.1, ports chosen by the kernel.

    Its store is in *directory*.
    """
    return Options(
        store=StoreOptions(
            database=directory / "bootwave.db",
            sightings=directory / "sightings.db",
            key=directory / "bootwave.key",
            control_socket=directory / "control.sock",
        ),
        http=HttpOptions(listen=("127.0.0.1:0",)),
        https=HttpsOptions(listen=()),
        control=ControlOptions(listen=""),
        pnp=PnpOptions(listen="127.0.0.1:0", interfaces=("127.0.0.1",)),
    )


def make_store(options: Options) -> None:
    """Make the database and the key that *options* name, where they do not exist.

    Takes about a second, for the schema is made by migrations.
    """
    if is_file(options.store.key) and not options.store.key.exists():
        KeyRing.create(options.store.key)
    if not options.store.database.exists():
        create(options.store.database)


class Engine:
    """An engine in the caller's loop: ``async with Engine(options) as engine``.

    Without *options* it listens on 127.0.0.1, on ports the kernel chooses, with a store
    of its own that is gone afterwards.  A store that does not exist is made.
    """

    def __init__(self, options: Options | None = None) -> None:
        """Keep the options; nothing is opened before ``start``."""
        self._temporary: Path | None = None
        self._wanted = options
        self._lock: EngineLock | None = None
        self._shared: Shared | None = None
        self._control: ControlPlane | None = None
        self._worker: Worker | None = None

    async def start(self) -> None:
        """Serve; raises OptionError, OperatorError or StoreError, then nothing runs."""
        try:
            options = self._wanted
            if options is None:
                self._temporary = Path(tempfile.mkdtemp(prefix="bootwave-"))
                options = local_options(self._temporary)
            await asyncio.to_thread(make_store, options)
            self._lock = EngineLock(options.store.database)
            self._shared = open_shared(options, slots=1, embedded=True)
            control = ControlPlane(
                options,
                self._shared.revocations,
                self._shared.answering,
                self._shared.counters,
                self._shared.lines(),
                started=self._shared.started,
                api=[each for slot in self._shared.control.by_slot for each in slot],
            )
            self._control = control
            await control.start()
            worker = Worker(options, self._shared, 0)
            await worker.start()
            self._worker = worker
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Finish what was begun and close everything; again is harmless."""
        if self._worker is not None:
            await self._worker.stop()
            self._worker = None
        if self._control is not None:
            await self._control.stop()
            self._control = None
        if self._shared is not None:
            self._shared.close()
            self._shared = None
        if self._lock is not None:
            self._lock.release()
            self._lock = None
        if self._temporary is not None:
            await asyncio.to_thread(shutil.rmtree, self._temporary, True)
            self._temporary = None

    async def __aenter__(self) -> Self:
        """Start, and return the engine."""
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop."""
        await self.stop()

    @property
    def listeners(self) -> list[str]:
        """One line for each listener, as ``bootwave serve`` prints them."""
        return _running(self._shared).lines()

    @property
    def http_address(self) -> tuple[str, int]:
        """Address and port of the first HTTP listener."""
        host, port = _running(self._shared).listeners[0][0].getsockname()[:2]
        return host, port

    @property
    def https_address(self) -> tuple[str, int]:
        """Address and port of the first HTTPS listener."""
        addresses = _running(self._shared).https.addresses
        if not addresses:
            raise RuntimeError("nothing is served over TLS")
        return addresses[0].host, addresses[0].port

    @property
    def api_address(self) -> tuple[str, int]:
        """Address and port of the API of administrators."""
        addresses = _running(self._shared).control.addresses
        if not addresses:
            raise RuntimeError("there is no API: name control.listen")
        return addresses[0].host, addresses[0].port

    @property
    def pnp_address(self) -> tuple[str, int]:
        """Address and port that hear unicast SUBSCRIBEs."""
        pnp = _running(self._shared).pnp
        if pnp is None:
            raise RuntimeError("plug and play is switched off")
        host, port = pnp.unicast.getsockname()[:2]
        return host, port

    async def call(self, operation: str, **arguments: Any) -> Any:
        """Return the result of an administrator's operation, committed and in force.

        *operation* is named as on the command line, ``account.bind``; its arguments and
        results are those of ``store.administration.Administration``.  Raises
        OperatorError or StoreError with one sentence.
        """
        return await _running(self._control).call(operation, arguments)

    async def bulk(
        self,
        *,
        domains: Sequence[Mapping[str, str]] = (),
        accounts: Iterable[Mapping[str, str]] = (),
        open_minutes: float | None = None,
        update: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> dict[str, Any]:
        """Make domains, accounts, bindings and windows in one transaction.

        *domains* hold ``name`` and the options of ``domain add``; *accounts* the
        columns of ``account import`` (extension, domain, name, password, mac …);
        *open_minutes* opens all of these accounts.  With *update* what exists is
        changed, so the same call can be made again.  *progress* is told of rows done
        and in all, from another thread.
        """
        result: dict[str, Any] = await _running(self._control).call(
            "bulk",
            {
                "domains": domains,
                "accounts": accounts,
                "open_minutes": open_minutes,
                "update": update,
            },
            progress,
        )
        return result


def _running(part: _Part | None) -> _Part:
    if part is None:
        raise RuntimeError("the engine is not started")
    return part
