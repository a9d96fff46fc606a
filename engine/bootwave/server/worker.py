"""One worker: the data plane of one process, in the loop that runs it.

A worker owns its reader, writer, cache and sightings, all made after fork, and serves
the listeners of its slot.  The worker of slot 0 also reads the PnP sockets.
"""

import asyncio
import contextlib
import gc
import signal
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol, TypeVar

from bootwave import log
from bootwave.errors import OptionError, StoreError
from bootwave.http.contact import Contact
from bootwave.http.request import Request
from bootwave.http.response import Response
from bootwave.limits import MAX_NOTIFY_SENDS_UNPROVEN
from bootwave.metrics import Counter
from bootwave.native.pnp import BoundMacs, PnpLane
from bootwave.options import Options
from bootwave.provision.cache import DocumentCache
from bootwave.provision.firmware import FirmwareAnswers
from bootwave.provision.images import ImageRequests
from bootwave.provision.service import Provisioner
from bootwave.provision.urls import base_url
from bootwave.provision.writes import StoreWrites
from bootwave.server.descriptors import connections_that_fit
from bootwave.server.downloads import Downloads
from bootwave.server.lane import lane_is_possible, make_lane
from bootwave.server.rival import warn_of_rivals
from bootwave.server.shared import Shared
from bootwave.server.supervisor import LEAVE
from bootwave.server.tcp import HttpServer
from bootwave.server.udp import PnpServer
from bootwave.settings.compiler import SettingsCompiler
from bootwave.settings.layers import engine_layer
from bootwave.sip.pnp import PnpCore
from bootwave.store.boot import instant
from bootwave.store.changelog import EVERYTHING
from bootwave.store.firmware.imagefolder import ImageFolder
from bootwave.store.secrets import KeyRing
from bootwave.store.serving.firmwarereader import FirmwareReader
from bootwave.store.serving.reader import Reader
from bootwave.store.serving.writer import Writer
from bootwave.store.settings.fleet import fleet_pace
from bootwave.store.sightings.sightings import SightingLog
from bootwave.store.sightings.writer import SightingWriter

if TYPE_CHECKING:
    from bootwave.native.http import Lane
    from bootwave.server.tls.acceptor import TlsAcceptor
    from bootwave.server.tls.side import TlsSide

# How often a write that did not come through the control process is looked for.
LOOK_SECONDS = 0.25
# Phones answered by multicast without a look at the store: 32 MB when all are used.
BOUND_PLACES = 1 << 20
# How many of them are looked up at a time after the start, and how long phones have the
# loop to themselves in between: a fleet of 100,000 is met within half a minute.
MET_AT_ONCE = 64
MEETING_SECONDS = 0.01
STOP_SECONDS = 5.0
# How often a worker that takes over looks whether it may; phones wait meanwhile.
TURN_SECONDS = 0.01
FAULT_SECONDS = 1.0  # until it tries again, when it may and cannot

_NO_LANE = "this system has no epoll: http.lane stays off, and h11 serves alone"


class Worker:
    """Serves phones from ``start`` to ``stop``, in the running loop."""

    def __init__(self, options: Options, shared: Shared, slot: int) -> None:
        """Make the parts; raises OptionError when the key cannot be read."""
        self._shared = shared
        self._counters = shared.counters.row(slot)
        store = options.store
        self._sightings = SightingWriter(
            SightingLog(store.sightings, options.sightings)
        )
        self._sightings_lost = 0
        keyring = KeyRing.load(store.key)
        keyring.warm()
        self._reader = Reader(store.database, shared.nonce_secret)
        self._writer = Writer(store.database)
        cache = DocumentCache(options.cache.bytes)
        folder = ImageFolder(store.images)
        self._firmware = FirmwareAnswers(
            FirmwareReader(store.database),
            folder,
            shared.revocations,
            options,
            shared.http_port,
        )
        has_pnp = slot == 0 and shared.pnp is not None
        bound = BoundMacs(shared.revocations.memory, BOUND_PLACES) if has_pnp else None
        self._answering = shared.answering.take(slot)
        self._options = options
        self._compiler = SettingsCompiler(engine_layer(options.waves.phone_port))
        self._is_paced = False  # by what is stored now
        self.provisioner = Provisioner(
            self._reader,
            StoreWrites(self._writer, instant, keyring),
            self._compiler,
            keyring,
            cache,
            shared.revocations,
            options,
            instant,
            self._sightings.add,
            self._counters,
            nonce_secret=shared.nonce_secret,
            http_port=shared.http_port,
            https_port=shared.https_port,
            bound=bound,
            answering=self._answering,
            limits=shared.limits,
            firmware=self._firmware,
        )
        workers = max(1, options.server.workers)
        downloads = max(1, options.firmware.downloads // workers)
        self._downloads = Downloads(
            folder.open,
            self._counters,
            most=downloads,
            rate=options.firmware.bytes_per_second / workers,
        )
        self._images = ImageRequests(
            self._firmware,
            folder,
            self._downloads,
            instant,
            self._sightings.add,
            self._counters,
        )
        most = options.http.connections
        fit = connections_that_fit(most + downloads) - downloads
        http = options.http.model_copy(update={"connections": max(min(most, fit), 16)})
        self._lane: Lane | None = None
        if options.http.lane == "on":
            if lane_is_possible():
                self._lane = make_lane(
                    cache,
                    self.provisioner.general,
                    shared.revocations,
                    self._counters,
                    self._sightings.ring,
                    options.model_copy(update={"http": http}),
                    instant().boot_id,
                    answering=self._answering,
                )
            else:
                log.note(log.START_WARNING, warning=_NO_LANE)
        side = self._tls_side(options)
        self._http = HttpServer(
            shared.listeners[slot],
            self.provisioner.respond,
            self._sightings.add,
            self._counters,
            http,
            cached=self._cached,
            lane=self._lane,
            answer_missed=self.provisioner.answer_missed,
            tls=side,
            send_file=self._downloads.take,
        )
        self._acceptor = self._tls_acceptor(options, slot, side)
        self._pnp: PnpServer | None = None
        if bound is not None and shared.pnp is not None:
            rules = options.pnp.judging
            core = PnpCore(
                secret=shared.pnp_secret,
                port=shared.pnp.port,
                off_subnet=options.pnp.off_subnet,
                rules=rules,
            )
            # It sees MACs only, so it is told of no phone when rules look at more.
            pnp_lane = PnpLane(
                core.table,
                bound,
                self._sightings.ring,
                secret=shared.pnp_secret,
                port=shared.pnp.port,
                most_sends=MAX_NOTIFY_SENDS_UNPROVEN,
            )
            self._pnp = PnpServer(
                shared.pnp,
                core,
                self.provisioner.pnp_urls,
                self._sightings.add,
                self._counters,
                pnp_lane,
            )
        self._looking: asyncio.Task[None] | None = None
        self._rivals: asyncio.Task[None] | None = None
        self._taking_over: asyncio.Task[None] | None = None
        self._meeting: asyncio.Task[None] | None = None

    def _tls_side(self, options: Options) -> "TlsSide | None":
        """Return what says whose a request over TLS is; None where there is no TLS."""
        tls = self._shared.tls
        if tls is None:
            return None
        from bootwave.server.tls.identity import Identities
        from bootwave.server.tls.side import TlsSide

        identities = Identities(
            tls.policy,
            tls.page,
            stamp=self._shared.revocations.everything,
            blocks=self._reader.certificate_blocks,
        )

        def url_of(local: tuple[str, int]) -> str:
            return base_url(options, local, secure=True)

        return TlsSide(identities, url_of, self._lane, self._answering)

    def _tls_acceptor(
        self, options: Options, slot: int, side: "TlsSide | None"
    ) -> "TlsAcceptor | None":
        shared = self._shared
        if shared.tls is None or side is None:
            return None
        from bootwave.server.tls.acceptor import TlsAcceptor
        from bootwave.server.tls.shaking import TlsListener

        contexts = shared.tls.contexts
        listeners = [
            TlsListener(sock, context, legacy=kind is shared.legacy)
            for kind, context in (
                (shared.https, contexts.modern),
                (shared.legacy, contexts.legacy),
            )
            for sock in kind.by_slot[slot]
            if context is not None
        ]
        return TlsAcceptor(
            listeners,
            self._http,
            side,
            self._sightings.add,
            self._counters,
            most=min(options.https.handshakes, self._http.capacity // 2),
            balancers=options.http.proxy_protocol,
        )

    async def start(self) -> None:
        """Begin to serve."""
        self._writer.start()
        self._sightings.start()
        # So that no phone waits for it; with the store away, they are told later.
        with contextlib.suppress(StoreError):
            self._apply()
        await self._http.start()
        if self._acceptor is not None:
            await self._acceptor.start()
        if self._pnp is not None:
            if self._shared.pnp_turn.take():
                self._pnp.start(asyncio.get_running_loop())
                self._rivals = asyncio.create_task(self._look_for_rivals())
            else:
                self._taking_over = asyncio.create_task(self._take_over(self._pnp))
            self._meeting = asyncio.create_task(self._meet())
        self._looking = asyncio.create_task(self._look())

    async def stop(self, enough: asyncio.Event | None = None) -> None:
        """Finish what was begun, for at most STOP_SECONDS, and close.

        With *enough* images that phones fetch may take until it is set.
        """
        for task in (self._taking_over, self._looking, self._rivals, self._meeting):
            if task is not None:
                task.cancel()
                await asyncio.wait([task])
        if self._pnp is not None:
            self._pnp.stop()
            self._shared.pnp_turn.give_back()
        if self._acceptor is not None:
            await self._acceptor.stop()
        if enough is None:
            await asyncio.gather(
                self._http.stop(STOP_SECONDS), self._downloads.stop(STOP_SECONDS)
            )
            await self._downloads.stop(0)  # what was begun in the meantime
        else:
            await self._http.stop(STOP_SECONDS)
        await asyncio.to_thread(self._writer.stop)
        await asyncio.to_thread(self._sightings.stop)
        self._count_lost()
        self._reader.close()
        self._firmware.close()
        self._answering.give_back()
        if enough is not None:
            # The last thing that it does: an image needs its file and its connection.
            await self._downloads.finish(enough)
            await self._downloads.stop(0)

    def _cached(self, request: Request, contact: Contact) -> Response | None:
        """Return the answer that needs no waiting: an image's, or a phone's."""
        image = self._images.response(request, contact)
        return self.provisioner.cached(request, contact) if image is None else image

    async def _look(self) -> None:
        """Notice what was written past the control process."""
        away = False
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                self._apply()
                away = False
            except StoreError as error:
                if not away:
                    log.note(log.PROVISION_STORE_AWAY, error=str(error))
                away = True
            self._count_lost()

    def _apply(self) -> None:
        """Forget what others' writes made wrong; raises StoreError."""
        changes = self._reader.changed() or []
        if EVERYTHING in changes:
            self._is_paced = False
        try:
            if not self._is_paced:
                if self._compiler.keep_apart(fleet_pace(self._options)):
                    changes = [EVERYTHING]
                self._is_paced = True
        finally:
            if changes:
                self.provisioner.apply(changes)

    def _count_lost(self) -> None:
        lost = self._sightings.dropped
        self._counters.add(Counter.SIGHTINGS_DROPPED, lost - self._sightings_lost)
        self._sightings_lost = lost

    async def _meet(self) -> None:
        """Have the PnP lane know the fleet before it boots."""
        after: int | None = 0
        while after is not None:
            await asyncio.sleep(MEETING_SECONDS)
            try:
                after = self.provisioner.meet(after, MET_AT_ONCE)
            except StoreError:
                # Phones are looked up as they come, and _look() says what is wrong.
                await asyncio.sleep(LOOK_SECONDS)

    async def _take_over(self, pnp: PnpServer) -> None:
        """Read the PnP sockets as soon as the worker before this one does not."""
        while True:
            if not self._shared.pnp_turn.take():
                await asyncio.sleep(TURN_SECONDS)
                continue
            try:
                pnp.start(asyncio.get_running_loop())
            except OSError as error:
                log.note(log.PNP_WARNING, warning=f"it cannot be taken over: {error}")
                self._shared.pnp_turn.give_back()
                await asyncio.sleep(FAULT_SECONDS)
            else:
                return

    async def _look_for_rivals(self) -> None:
        def warn(warning: str) -> None:
            log.note(log.PNP_WARNING, warning=warning)

        assert self._shared.pnp is not None
        # Without a list of interfaces nobody can be asked, and phones still are served.
        with contextlib.suppress(OSError):
            await warn_of_rivals(self._shared.pnp, warn)


class Part(Protocol):
    """What runs in one loop until it is told to stop."""

    async def start(self) -> None:
        """Begin."""

    async def stop(self) -> None:
        """Finish and close."""


def run_worker(
    options: Options, shared: Shared, slot: int, ready: Callable[[], None]
) -> int:
    """Run the worker of *slot* in this process, just forked, until SIGTERM or LEAVE.

    Calls *ready* once it serves; returns the exit status.
    """
    counters = shared.counters.row(slot)
    log.start(
        options.log,
        process=f"worker {slot}",
        dropped=lambda lines: counters.add(Counter.LOG_DROPPED, lines),
    )
    shared.keep_slot(slot)
    return run_until_term(
        lambda: Worker(options, shared, slot),
        ready,
        leave=lambda worker, enough: worker.stop(enough),
    )


_SomePart = TypeVar("_SomePart", bound=Part)


def run_until_term(
    make: Callable[[], _SomePart],
    ready: Callable[[], None],
    leave: Callable[[_SomePart, asyncio.Event], Awaitable[None]] | None = None,
) -> int:
    """Start what *make* returns in a new loop; stop it at SIGTERM; return 0.

    *make* is called inside the running loop.  With *leave* the signal LEAVE has it
    called instead of the part's ``stop``, with an event that SIGTERM sets.  Returns 1,
    the reason logged, when the part cannot start.
    """
    import uvloop

    async def main() -> int:
        stopping, ending = asyncio.Event(), asyncio.Event()

        def stop() -> None:
            stopping.set()
            ending.set()

        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, stop)
        if leave is not None:
            loop.add_signal_handler(LEAVE, ending.set)
        try:
            part = make()
            await part.start()
        except (OptionError, StoreError) as error:
            log.note(log.START_FAILED, error=str(error))
            return 1
        # What was loaded before the loop ran stays: the collector need not look.
        gc.freeze()
        ready()
        await ending.wait()
        if leave is None or stopping.is_set():
            await part.stop()
        else:
            await leave(part, stopping)
        return 0

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        status = runner.run(main())
    log.stop()
    return status
