"""``bootwave serve``: from options to running processes."""

import asyncio
import functools
import gc
from collections.abc import Callable
from contextlib import closing

from bootwave import log
from bootwave.control.plane import ControlPlane
from bootwave.errors import BootwaveError
from bootwave.metrics import Counter
from bootwave.options import Options
from bootwave.server.descriptors import connections_that_fit, raise_limit
from bootwave.server.privacy import keep_memory_private
from bootwave.server.shared import Shared, open_shared
from bootwave.server.supervisor import Child, Supervisor, notify_service_manager
from bootwave.server.worker import Worker, run_until_term, run_worker
from bootwave.store.connection import connect
from bootwave.store.create import check
from bootwave.store.lock import EngineLock
from bootwave.store.rekey import missing_keys
from bootwave.store.secrets import KeyRing


class _AllInOne:
    """The control plane and one worker in one loop (``server.workers = 0``)."""

    def __init__(self, options: Options, shared: Shared) -> None:
        self._control = _control_plane(options, shared)
        self._worker = Worker(options, shared, 0)

    async def start(self) -> None:
        await self._control.start()
        await self._worker.start()

    async def stop(self) -> None:
        await asyncio.gather(self._worker.stop(), self._control.stop())


def serve(
    options: Options,
    *,
    reread: Callable[[], Options] | None = None,
    say: Callable[[str], None] = lambda line: print(line, flush=True),
) -> int:
    """Run the engine until TERM or INT; return the exit status.

    Says one line per listener and then ``ready``.  *reread* gives the options again on
    HUP; it raises OptionError where they became wrong, and then the old ones stay.
    Raises OperatorError or StoreError, one sentence each, when it cannot start.
    """
    if not options.server.dumpable:
        keep_memory_private()  # before there is anything in it
    check(options.store.database)
    missing = _missing_keys(options)
    lock = EngineLock(options.store.database)
    try:
        log.start(options.log, process="supervisor", threaded=False)
        if missing:
            log.note(log.KEY_MISSING, keys=", ".join(missing))
        raise_limit()
        fit = connections_that_fit(options.http.connections)
        if fit < options.http.connections:
            log.note(log.TOO_FEW_DESCRIPTORS, wanted=options.http.connections, fit=fit)
        shared = open_shared(options, max(options.server.workers, 1))
        try:
            for line in shared.lines():
                say(line)
            for warning in shared.pnp.warnings if shared.pnp is not None else ():
                log.note(log.START_WARNING, warning=warning)
            return _run(options, shared, reread, say)
        finally:
            shared.close()
    finally:
        lock.release()


def _missing_keys(options: Options) -> list[str]:
    ring = KeyRing.load(options.store.key)
    with closing(connect(options.store.database, read_only=True)) as connection:
        return missing_keys(connection, ring)


def _run(
    options: Options,
    shared: Shared,
    reread: Callable[[], Options] | None,
    say: Callable[[str], None],
) -> int:
    def ready() -> None:
        say("ready")
        notify_service_manager("READY=1")

    if options.server.workers == 0:
        counters = shared.counters.row(0)
        log.start(options.log, dropped=lambda n: counters.add(Counter.LOG_DROPPED, n))
        return run_until_term(lambda: _AllInOne(options, shared), ready)
    current = [options]

    def reload() -> bool:
        if reread is None:
            return True
        try:
            wanted = reread()
        except BootwaveError as error:
            log.note(log.RELOAD_REFUSED, error=str(error))
            return False
        for key in _fixed_at_start(options, wanted):
            log.note(log.NEXT_START, key=key)
        if shared.tls is not None:
            # What listens stays as it is, so the contexts are made for that.
            listening = {"listen": options.https.listen, "legacy": options.https.legacy}
            listening["legacy"] = options.https.legacy.model_copy(
                update={"certificates": wanted.https.legacy.certificates}
            )
            shared.tls.reload(wanted.https.model_copy(update=listening))
        current[0] = wanted
        return True

    def control(tell_ready: Callable[[], None]) -> int:
        return _run_control(current[0], shared, tell_ready)

    def worker(slot: int, tell_ready: Callable[[], None]) -> int:
        return run_worker(current[0], shared, slot, tell_ready)

    # Two control processes would both want the control socket.
    children = [Child("control", control, side_by_side=False)]
    children += [
        Child(f"worker {slot}", functools.partial(worker, slot))
        for slot in range(shared.slots)
    ]
    # Objects made until here are shared with the children page by page; the collector
    # would write to each of them.
    gc.collect()
    gc.freeze()
    return Supervisor(
        children,
        say=lambda line: log.note(log.CHILD, what=line),
        ready=ready,
        reload=reload,
        reloaded=lambda: log.note(log.RELOADED),
        finish_seconds=lambda: current[0].firmware.finish_seconds,
    ).run()


def _fixed_at_start(before: Options, wanted: Options) -> list[str]:
    """Return the keys that *wanted* changes and only a new start can."""
    keys = [("server", "workers"), ("server", "dumpable")]
    keys += [("http", "listen"), ("https", "listen"), ("control", "listen")]
    keys += [
        ("pnp", key) for key in ("enabled", "listen", "group", "interfaces", "bind")
    ]
    keys += [("store", key) for key in type(before.store).model_fields]
    changed = [
        f"{section}.{key}"
        for section, key in keys
        if getattr(getattr(before, section), key)
        != getattr(getattr(wanted, section), key)
    ]
    if before.https.legacy.listen != wanted.https.legacy.listen:
        changed.append("https.legacy.listen")
    return changed


def _run_control(
    options: Options, shared: Shared, tell_ready: Callable[[], None]
) -> int:
    counters = shared.counters.row(shared.slots)
    log.start(
        options.log,
        process="control",
        dropped=lambda lines: counters.add(Counter.LOG_DROPPED, lines),
    )
    lines = shared.lines()
    shared.keep_slot(None)
    return run_until_term(lambda: _control_plane(options, shared, lines), tell_ready)


def _control_plane(
    options: Options, shared: Shared, lines: list[str] | None = None
) -> ControlPlane:
    return ControlPlane(
        options,
        shared.revocations,
        shared.answering,
        shared.counters,
        shared.lines() if lines is None else lines,
        started=shared.started,
        api=[each for slot in shared.control.by_slot for each in slot],
    )
