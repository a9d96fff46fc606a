"""The UDP edge: moves datagrams, time and URLs between the sockets and the PnP core.

``PnpServer`` reads batches, hands each datagram to the core, asks for the URLs of all
phones of a wake at once, and sends what the core answers in one batch.  What the core
says is carried out; nothing is decided here.  A lane, when there is one, answers what
is common inside the batch, in the core's own table; the core sees the rest.
"""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import Protocol

from bootwave.limits import MAX_SIGHTING_DETAIL_CHARACTERS, MAX_SIP_DATAGRAM_BYTES
from bootwave.log import (
    PNP_DROPPED,
    PNP_FAULT,
    PNP_LISTENING,
    PNP_STALE,
    PNP_WARNING,
    note,
)
from bootwave.metrics import Counter
from bootwave.native.pnp import PnpLane
from bootwave.native.udp import Receiver, send
from bootwave.server.interfaces import (
    Interface,
    InterfaceWatcher,
    Subnets,
    list_interfaces,
)
from bootwave.server.pnpsockets import PnpSockets, datagrams_dropped, open_pnp_sockets
from bootwave.sightings import Reason, Sighting
from bootwave.sip.effects import Effect, Endpoint, Local, LookUp, SendDatagram, Sight
from bootwave.sip.transaction import T1_SECONDS, T2_SECONDS

__all__ = ["Counts", "Pnp", "PnpServer", "PnpSockets", "Urls", "open_pnp_sockets"]

# Four batches that the lane answers, about a millisecond, or two that it declines; then
# HTTP has its turn: readers are level triggered, so what still waits calls again in the
# loop's next round.
BATCHES_PER_WAKE = 4
# A phone that is not answered asks again after T1, then after twice as long each time
# up to T2.  What waited for longer than T1 says that phones have begun to: from there
# on the newest is answered first.  What waited for longer than T2 is work for nobody:
# a phone that still waits has sent a newer one, which is answered before it.
LATE_SECONDS = T1_SECONDS
STALE_SECONDS = T2_SECONDS
# Batches whose URLs are awaited at once; beyond, the kernel's buffer holds the wave.
MAX_AWAITED_BATCHES = 64
# Answers kept while the send buffer is full; the phones of the rest ask again.
MAX_UNSENT_DATAGRAMS = 16_384
# A timer that fails is overdue at once: without a pause it would spin.
TIMER_FAULT_SECONDS = 1.0

# Reasons that say the datagram was not for this server.
_REFUSED = frozenset(
    (
        Reason.PNP_NOT_BOUND,
        Reason.PNP_NOT_OURS,
        Reason.PNP_OFF_SUBNET,
        Reason.PNP_IGNORED,
        Reason.SIP_SYNTAX,
        Reason.SIP_METHOD,
        Reason.SIP_EVENT,
        Reason.SIP_IN_DIALOG,
        Reason.SIP_NO_MAC,
        Reason.SIP_FOREIGN_RESPONSE,
    )
)

_Datagram = tuple[bytes, str, int, str, int]
_Heard = tuple[bytes, str, int, str, int, bool, float]
# The settings URL of each phone, None for silence; at once or later.
Urls = Callable[
    [Sequence[LookUp]], Sequence[str | None] | Awaitable[Sequence[str | None]]
]


class Pnp(Protocol):
    """The core: bytes and time in, effects out (``sip.pnp.PnpCore``)."""

    def receive_datagram(
        self,
        data: bytes,
        source: Endpoint,
        local: Local,
        now: float,
        *,
        on_link: bool = True,
        received: float | None = None,
    ) -> list[Effect]:
        """Return what a datagram leads to."""

    def answer(self, lookup: LookUp, url: str | None, now: float) -> list[Effect]:
        """Return what the URL of a phone leads to; None is silence."""

    def next_timer(self) -> float | None:
        """Return when ``handle_timer`` wants to be called."""

    def handle_timer(self, now: float) -> list[Effect]:
        """Return what the time leads to."""


class Counts(Protocol):
    """Where things are counted (``metrics.CounterRow``)."""

    def add(self, counter: Counter, by: int = 1) -> None:
        """Count *by* more."""


class _Channel:
    """One socket, what is read from it and what waits to leave from it."""

    __slots__ = (
        "again",
        "counted_drops",
        "outgoing",
        "receiver",
        "socket",
        "unsent",
    )

    def __init__(self, its_socket: socket.socket) -> None:
        self.socket = its_socket
        self.receiver = Receiver(
            MAX_SIP_DATAGRAM_BYTES,
            drops=datagrams_dropped(its_socket),
            late_seconds=LATE_SECONDS,
            stale_seconds=STALE_SECONDS,
        )
        # The next wake, when some wait that were read already.
        self.again: asyncio.Handle | None = None
        self.counted_drops = 0
        self.outgoing: list[_Datagram] = []
        self.unsent: list[_Datagram] = []


class PnpServer:
    """Answers phones on *sockets* as *core* says, from ``start`` to ``stop``.

    *urls* is asked once for all phones of a wake; when it returns an awaitable the
    answers wait for it and nothing else does.  *sight* is told each contact but those
    that *lane* puts into its ring.  *lane* may be given when the URL of phones that it
    holds depends on nothing but our address they were heard on, and whether they are
    held as owners of a certificate.  The sockets stay open after ``stop``.
    """

    def __init__(
        self,
        sockets: PnpSockets,
        core: Pnp,
        urls: Urls,
        sight: Callable[[Sighting], None],
        counters: Counts,
        lane: PnpLane | None = None,
    ) -> None:
        """Keep all of them; nothing is read before ``start``."""
        self._lane = lane
        self._sockets = sockets
        self._core = core
        self._urls = urls
        self._sight = sight
        self._counters = counters
        self._watcher = InterfaceWatcher(self._interfaces_changed)
        self._subnets = Subnets(())
        self._channels: list[_Channel] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._latest = 0.0
        self._awaited: set[asyncio.Future[Sequence[str | None]]] = set()
        self._is_reading = False

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Read from now on; raises OSError when the interfaces cannot be watched."""
        self._loop = loop
        try:
            # Watched before listed, so that no change falls in between.
            self._watcher.start(loop)
            self._interfaces_changed(list_interfaces(), frozenset())
            self._channels = [_Channel(each) for each in self._sockets.distinct]
            self._read(True)
            self._arm(loop)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Read no longer and forget what waits; a second call is harmless."""
        self._watcher.stop()
        self._read(False)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for future in list(self._awaited):
            future.cancel()
        for channel in self._channels:
            if channel.again is not None:
                channel.again.cancel()
            if channel.unsent and self._loop is not None:
                self._loop.remove_writer(channel.socket)
        self._channels = []
        self._loop = None

    def _read(self, wanted: bool) -> None:
        if self._loop is None or wanted == self._is_reading:
            return
        self._is_reading = wanted
        for channel in self._channels:
            if wanted:
                self._loop.add_reader(channel.socket, self._wake, self._loop, channel)
                # For what was read before a pause; otherwise it finds nothing.
                self._wake_again(self._loop, channel)
            else:
                self._loop.remove_reader(channel.socket)

    def _wake_again(self, loop: asyncio.AbstractEventLoop, channel: _Channel) -> None:
        if channel.again is None and self._is_reading:
            channel.again = loop.call_soon(self._wake, loop, channel)

    def _wake(self, loop: asyncio.AbstractEventLoop, channel: _Channel) -> None:
        """Handle what waits at one socket, up to the share of one wake."""
        if channel.again is not None:
            channel.again.cancel()
            channel.again = None
        if not self._is_reading:
            return
        lookups: list[LookUp] = []
        now = self._now(loop)
        for heard in self._receive(loop, channel, now):
            # One datagram must not cost the others of its batch.
            try:
                lookups += self._hear(heard, channel, now)
            except Exception as error:
                self._fault(f"a datagram from {heard[1]}", error)
        self._count_drops(channel)
        if lookups:
            self._look_up(loop, lookups, channel)
        self._flush(loop)
        self._arm(loop)

    def _hear(self, heard: _Heard, channel: _Channel, now: float) -> list[LookUp]:
        """Let the core see a datagram; return the look-ups that follow from it."""
        data, host, port, address, interface, truncated, received = heard
        if truncated:
            self._refuse_long(host)
            return []
        on_link = self._subnets.on_link(host, interface)
        effects = self._core.receive_datagram(
            data,
            Endpoint(host, port),
            # Off link the routing table knows the way back.
            Local(address, interface if on_link else 0),
            now,
            on_link=on_link,
            received=received,
        )
        lookups: list[LookUp] = []
        self._carry_out(effects, channel, lookups)
        return lookups

    def _receive(
        self, loop: asyncio.AbstractEventLoop, channel: _Channel, now: float
    ) -> list[_Heard]:
        """Let the lane answer what it can; return what the core must see."""
        asking = self._asking(channel)
        (
            declined,
            received,
            responses,
            requests,
            refused,
            stale,
            more,
            unsent,
            unasked,
        ) = channel.receiver.serve(
            channel.socket.fileno(),
            asking.socket.fileno(),
            self._lane,
            now,
            time.time(),
            waits=bool(channel.unsent or asking.unsent),
            batches=BATCHES_PER_WAKE,
        )
        channel.outgoing += unsent
        asking.outgoing += unasked
        add = self._counters.add
        add(Counter.SIP_DATAGRAMS, received)
        if responses:
            add(Counter.SIP_ANSWERS, responses)
        if requests:
            add(Counter.SIP_NOTIFIES, requests)
        if refused:
            add(Counter.SIP_UNSENT, refused)
        if stale:
            add(Counter.SIP_STALE, stale)
            note(PNP_STALE, datagrams=stale, seconds=STALE_SECONDS)
        if more:
            self._wake_again(loop, channel)
        return declined

    def _look_up(
        self, loop: asyncio.AbstractEventLoop, lookups: list[LookUp], channel: _Channel
    ) -> None:
        try:
            found = self._urls(lookups)
        except Exception as error:
            self._fault(f"the answers to {len(lookups)} phones", error)
            return
        if not isinstance(found, Awaitable):
            self._answer(lookups, found, channel, self._now(loop))
            return
        future = asyncio.ensure_future(found, loop=loop)
        self._awaited.add(future)
        future.add_done_callback(partial(self._found, loop, lookups, channel))
        if len(self._awaited) >= MAX_AWAITED_BATCHES:
            self._read(False)

    def _found(
        self,
        loop: asyncio.AbstractEventLoop,
        lookups: list[LookUp],
        channel: _Channel,
        future: asyncio.Future[Sequence[str | None]],
    ) -> None:
        self._awaited.discard(future)
        if self._loop is None or future.cancelled():
            return
        try:
            urls = future.result()
        except Exception as error:
            self._fault(f"the answers to {len(lookups)} phones", error)
        else:
            self._answer(lookups, urls, channel, self._now(loop))
            self._flush(loop)
            self._arm(loop)
        self._read(True)

    def _answer(
        self,
        lookups: list[LookUp],
        urls: Sequence[str | None],
        channel: _Channel,
        now: float,
    ) -> None:
        if len(urls) != len(lookups):
            wrong = ValueError(f"{len(urls)} URLs for {len(lookups)} phones")
            self._fault(f"the answers to {len(lookups)} phones", wrong)
            return
        for lookup, url in zip(lookups, urls, strict=True):
            try:
                self._carry_out(self._core.answer(lookup, url, now), channel, [])
                if self._lane is not None and url is not None:
                    self._lane.learn(lookup.mac, lookup.local.address, url)
            except Exception as error:
                self._fault(f"the answer to {lookup.source.host}", error)

    def _carry_out(
        self, effects: Iterable[Effect], channel: _Channel, lookups: list[LookUp]
    ) -> None:
        """Queue what *effects* send, collect their look-ups, tell what they saw.

        *channel* is the one that heard the phone: responses leave from there (RFC
        3581 section 4), requests of ours from ``_asking``.
        """
        if self._loop is None:  # stopped from within a callback
            return
        for effect in effects:
            if isinstance(effect, SendDatagram):
                data = effect.data
                if data.startswith(b"SIP/2.0 "):
                    self._counters.add(Counter.SIP_ANSWERS)
                    leaves = channel
                else:
                    self._counters.add(Counter.SIP_NOTIFIES)
                    leaves = self._asking(channel)
                leaves.outgoing.append((data, *effect.destination, *effect.local))
            elif isinstance(effect, LookUp):
                lookups.append(effect)
            else:
                self._tell(effect)

    def _asking(self, channel: _Channel) -> _Channel:
        """Return from where requests leave that follow from what *channel* heard.

        From the port on which their responses are awaited.  Where it is *channel*'s own
        they leave together with the responses, and no phone gets the one without the
        other because this process was killed.
        """
        is_one_port = self._sockets.group_port == self._sockets.port
        return channel if is_one_port else self._channels[-1]

    def _tell(self, sight: Sight) -> None:
        if sight.reason in _REFUSED:
            self._counters.add(Counter.SIP_REFUSED)
        detail = sight.detail[:MAX_SIGHTING_DETAIL_CHARACTERS]
        self._sight(
            Sighting(time.time(), sight.mac, sight.source, sight.reason, detail)
        )

    def _refuse_long(self, host: str) -> None:
        detail = f"longer than {MAX_SIP_DATAGRAM_BYTES} bytes"
        self._tell(Sight(Reason.SIP_SYNTAX, 0, host, detail))

    def _flush(self, loop: asyncio.AbstractEventLoop) -> None:
        for channel in self._channels:
            if not channel.outgoing:
                continue
            outgoing, channel.outgoing = channel.outgoing, []
            if not channel.unsent:
                outgoing = self._send(channel, outgoing)
                if outgoing:
                    loop.add_writer(channel.socket, self._resume, loop, channel)
            room = MAX_UNSENT_DATAGRAMS - len(channel.unsent)
            channel.unsent += outgoing[:room]
            if outgoing[room:]:
                self._counters.add(Counter.SIP_DROPPED, len(outgoing) - room)

    def _resume(self, loop: asyncio.AbstractEventLoop, channel: _Channel) -> None:
        channel.unsent = self._send(channel, channel.unsent)
        if not channel.unsent:
            loop.remove_writer(channel.socket)

    def _send(self, channel: _Channel, datagrams: list[_Datagram]) -> list[_Datagram]:
        """Return those of *datagrams* for which the send buffer had no room."""
        try:
            done, refused = send(channel.socket.fileno(), datagrams)
        except Exception as error:
            self._fault(f"sending {len(datagrams)} datagrams", error)
            return []
        if refused:
            self._counters.add(Counter.SIP_UNSENT, refused)
        return datagrams[done:]

    def _now(self, loop: asyncio.AbstractEventLoop, least: float = 0.0) -> float:
        """Return the time, at least *least* and never less than before."""
        self._latest = max(self._latest, least, loop.time())
        return self._latest

    def _arm(self, loop: asyncio.AbstractEventLoop, earliest: float = 0.0) -> None:
        deadline = self._core.next_timer()
        if deadline is None or self._loop is None:  # stopped from within a callback
            return
        deadline = max(deadline, earliest)
        if self._timer is not None:
            # An early call does no harm and arms again; each confirmed NOTIFY moves
            # the deadline, and arming for each would cost more.
            if self._timer_at <= deadline:
                return
            self._timer.cancel()
        self._timer_at = deadline
        self._timer = loop.call_at(deadline, self._handle_timer, loop)

    def _handle_timer(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        earliest = 0.0
        try:
            # The loop counts in milliseconds and may call up to half of one early.
            now = self._now(loop, self._timer_at)
            effects = self._core.handle_timer(now)
            # Only requests are repeated by time, so it does not matter who heard.
            self._carry_out(effects, self._channels[-1], [])
        except Exception as error:
            self._fault("a timer", error)
            earliest = loop.time() + TIMER_FAULT_SECONDS
        self._flush(loop)
        self._arm(loop, earliest)

    def _interfaces_changed(
        self, interfaces: Sequence[Interface], removed: frozenset[int] | None
    ) -> None:
        self._subnets = Subnets(interfaces)
        if self._lane is not None:
            self._lane.set_links(*self._subnets.links)
        memberships = self._sockets.memberships
        before = dict(memberships.joined)
        for warning in memberships.update(interfaces, removed):
            note(PNP_WARNING, warning=warning)
        if memberships.joined != before and memberships.joined:
            note(PNP_LISTENING, interfaces=", ".join(memberships.joined.values()))

    def _count_drops(self, channel: _Channel) -> None:
        drops = channel.receiver.drops
        if drops != channel.counted_drops:
            new = drops - channel.counted_drops
            channel.counted_drops = drops
            self._counters.add(Counter.SIP_DROPPED, new)
            note(PNP_DROPPED, datagrams=new)

    def _fault(self, work: str, error: Exception) -> None:
        self._counters.add(Counter.SIP_FAULTS)
        note(PNP_FAULT, exception=error, work=work)
