"""The TCP edge of the settings server: sockets around ``HttpConnection``.

Accepting, reading and writing happen on one epoll set of the server's own, whose
descriptor is one reader of the event loop, and not through asyncio's transports: a
phone opens a connection for each file, so the cost of a connection decides (accept,
read, write, close; nothing is registered when the request is there and its answer
ready), and listeners that outlive workers must never be closed, which asyncio does with
those it is given.  One wake-up handles a bounded number of events, so that SIP, which
shares the loop, is served in between.

Connections over TLS come here when their handshake is done (``server.tls``), as streams
that are read and written like sockets.

With a lane (``native.http``), it is the one that accepts and reads first, and what it
has an answer ready for never comes here.  What it read, but has no answer ready for,
waits there for one, which ``server.lanemisses`` tells it.  The rest comes here, socket
and bytes, and so does what the lane would keep open without a proof when places are
short: then the table decides.

Who does what: ``HttpConnection`` decides what must happen, a ``_Peer`` holds what
belongs to one socket, ``ConnectionTable`` says who must go, ``DeadlineWheel`` who is
late, and ``HttpServer`` moves bytes between them.
"""

import asyncio
import errno
import os
import select
import socket
import struct
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from email.utils import formatdate
from functools import partial
from typing import TYPE_CHECKING, Any

from bootwave import log
from bootwave.errors import StoreError
from bootwave.http.connection import (
    RETRY_AFTER_SECONDS,
    Deadlines,
    HttpConnection,
)
from bootwave.http.contact import Contact, plain_address
from bootwave.http.effects import (
    Close,
    Deliver,
    Effect,
    HalfClose,
    Introduce,
    Note,
    SendBytes,
)
from bootwave.http.proxyprotocol import Proxied
from bootwave.http.request import Request
from bootwave.http.response import (
    Response,
    overloaded,
    plain_response,
    response_bytes,
)
from bootwave.limits import MAX_HTTP_HEAD_BYTES, MAX_SIGHTING_DETAIL_CHARACTERS
from bootwave.metrics import Counter, CounterRow
from bootwave.options import HttpOptions
from bootwave.pairing.sources import source_key
from bootwave.server.addresses import source_of
from bootwave.server.balancers import Balancers
from bootwave.server.connections import ConnectionTable
from bootwave.server.deadlines import DeadlineWheel
from bootwave.server.lanemisses import AnswerMissed, HandedOver, LaneMisses
from bootwave.server.listeners import close_listeners, open_http_listeners
from bootwave.sightings import Reason, Sighting

if TYPE_CHECKING:
    from bootwave.native.http import Lane
    from bootwave.server.tls.identity import Proof
    from bootwave.server.tls.side import Said, TlsSide
    from bootwave.server.tls.stream import TlsStream

__all__ = ["HttpServer", "Respond", "close_listeners", "open_http_listeners"]

# What one wake-up may do before the loop's other readers have their turn: h11 makes a
# request cost as much as answering some twenty SUBSCRIBEs.
MAX_EVENTS_PER_WAKE = 32
MAX_ACCEPTS_PER_WAKE = 32
MAX_LANE_ACCEPTS_PER_WAKE = 64
MAX_REQUESTS_PER_TURN = 4  # of one connection, before the others have theirs
MAX_PUT_OFF_PER_WAKE = 8  # connections with more pipelined than that
MAX_EXPIRED_PER_TURN = 256

TICK_SECONDS = 0.25
# When descriptors have run out: long enough not to spin, short enough for a phone.
ACCEPT_PAUSE_SECONDS = 0.25
DESCRIPTOR_LOG_SECONDS = 60.0
_FREED_AT_ONCE = 8

_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)
_GONE = select.EPOLLHUP | select.EPOLLERR
_COUNTED = {
    Reason.HTTP_SYNTAX: Counter.HTTP_REFUSED,
    Reason.HTTP_TIMEOUT: Counter.HTTP_TIMEOUTS,
    Reason.HTTP_STALLED: Counter.HTTP_TIMEOUTS,
    Reason.HTTP_CROWDED_OUT: Counter.HTTP_CROWDED_OUT,
    Reason.PROXY_HEADER: Counter.HTTP_PROXY_REFUSED,
}

Respond = Callable[[Request, Contact], Awaitable[Response] | Response]
Cached = Callable[[Request, Contact], Response | None]

_DEADLINES = Deadlines()
_STALLED = "the answer was not read in time"
_SILENT = "no request came"


class _Peer:
    """One accepted socket and what belongs to it.

    ``outbound`` is what the kernel has not taken yet; ``interest`` is what epoll
    watches for, None while the socket is not registered.  ``given`` is the answer to
    the next request, if that is known before it is read.  Over TLS ``stream`` is the
    socket, and ``proof`` what its client certificate shows.
    """

    __slots__ = (
        "answered",
        "busy",
        "closed",
        "connection",
        "contact",
        "given",
        "interest",
        "no_delay",
        "number",
        "outbound",
        "proof",
        "proven",
        "socket",
        "stream",
        "turns",
    )

    def __init__(
        self,
        sock: "socket.socket | TlsStream",
        contact: Contact,
        connection: HttpConnection,
    ) -> None:
        self.socket = sock
        self.stream: TlsStream | None = None
        self.proof: Proof | None = None
        self.number = sock.fileno()
        self.contact = contact
        self.connection = connection
        self.given: Response | None = None
        self.interest: int | None = None
        self.outbound = memoryview(b"")
        self.turns = 0
        self.closed = False
        self.busy = False
        self.answered = False
        self.proven = False
        self.no_delay = False


class HttpServer:
    """Serves phones on *listeners*, which stay open when it stops.

    *cached* is asked first and must not block; where it has no answer, *respond* is
    called and, if it returns an awaitable, awaited in a task.  *sight* is told of every
    connection that broke a rule or had to go.  Of *options* only ``connections`` and
    ``proxy_protocol`` count.  *answer_missed* is asked for the answers to the requests
    that *lane* holds.  All methods are for the loop's thread.
    """

    def __init__(
        self,
        listeners: Sequence[socket.socket],
        respond: Respond,
        sight: Callable[[Sighting], None],
        counters: CounterRow,
        options: HttpOptions,
        *,
        cached: Cached | None = None,
        deadlines: Deadlines = _DEADLINES,
        lane: "Lane | None" = None,
        answer_missed: AnswerMissed | None = None,
        tls: "TlsSide | None" = None,
    ) -> None:
        """Keep the parts; nothing is accepted before ``start``."""
        self._lane = lane
        self._tls = tls
        self._missed: LaneMisses | None = None
        if lane is not None:
            self._missed = LaneMisses(lane, answer_missed, self)
        self.capacity = options.connections
        self._balancers = Balancers(options.proxy_protocol)
        self._listeners = {listener.fileno(): listener for listener in listeners}
        self._respond = respond
        self._cached = cached
        self._sight = sight
        self._counters = counters
        self._deadlines = deadlines
        self._peers: dict[int, _Peer] = {}
        self._table: ConnectionTable[_Peer] = ConnectionTable(
            options.connections, self._elsewhere
        )
        self._wheel: DeadlineWheel[_Peer] = DeadlineWheel(TICK_SECONDS)
        self._expired: deque[_Peer] = deque()
        self._later: deque[tuple[_Peer, Request]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        # All connections read into one buffer: what comes in is taken at once.
        self._buffer = bytearray(MAX_HTTP_HEAD_BYTES)
        self._view = memoryview(self._buffer)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._epoll: select.epoll | None = None
        self._timer: asyncio.Handle | None = None
        self._emptied: asyncio.Event | None = None
        self._accepting = False
        self._accept_at: float | None = None  # when to try again
        self._needs_place = False  # not descriptors: a place in the table
        self._stopping = False
        self._descriptors_logged = float("-inf")
        self._date_second = 0
        self._date_text = b""

    def __len__(self) -> int:
        """Return how many connections are open here and in the lane."""
        return len(self._peers) + (len(self._lane) if self._lane is not None else 0)

    def _elsewhere(self) -> int:
        """Return how many connections take places without being in the table."""
        in_lane = len(self._lane) if self._lane is not None else 0
        return in_lane + (self._tls.shaking() if self._tls is not None else 0)

    def _held(self) -> int:
        """Return how many connections others than the lane hold."""
        shaking = self._tls.shaking() if self._tls is not None else 0
        return len(self._peers) + shaking

    async def start(self) -> None:
        """Begin to accept; a server that stopped may start again."""
        self._stopping = False
        if self._missed is not None:
            self._missed.stopping = False
        self._loop = asyncio.get_running_loop()
        self._epoll = select.epoll()
        self._emptied = asyncio.Event()
        self._loop.add_reader(self._epoll.fileno(), self._ready)
        if self._lane is not None:
            self._lane.resume()
            self._loop.add_reader(self._lane.fileno(), self._lane_ready, self._lane)
        self._accept_again()

    async def stop(self, grace: float) -> None:
        """Accept no more, finish the answers in flight, then close the rest.

        A connection that waits between requests is closed at once; one that has not
        asked yet may still do so.  After *grace* seconds whatever is left is closed.
        What waits in the listeners' queues stays there for whoever accepts next.
        """
        if self._epoll is None or self._loop is None or self._emptied is None:
            return
        self._accept_pause(None)
        if self._missed is not None:
            self._missed.stopping = True
        if self._lane is not None:
            self.take_over(self._lane.finish())
        self._stopping = True
        for peer in list(self._peers.values()):
            self._guarded(peer, self._finish)
        try:
            await asyncio.wait_for(self._wait_for_the_last(self._emptied), grace)
        except TimeoutError:
            pass
        finally:
            self._end()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _end(self) -> None:
        """Close whatever is left, at once."""
        for peer in list(self._peers.values()):
            self._drop(peer)
        if self._lane is not None:
            self._lane.abort()
            if self._epoll is not None and self._loop is not None:
                self._loop.remove_reader(self._lane.fileno())
        for task in self._tasks:
            task.cancel()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._expired.clear()
        if self._epoll is not None and self._loop is not None:
            self._loop.remove_reader(self._epoll.fileno())
            self._epoll.close()
            self._epoll = None

    def adopt(
        self,
        sock: socket.socket,
        initial: bytes = b"",
        *,
        proxied: Proxied | None = None,
    ) -> None:
        """Take over the connected *sock*, of which *initial* was already read.

        *proxied* is what a load balancer's header said that was read, too; without it
        a load balancer's connection has yet to begin with one.  The server owns the
        socket from here on.  Raises RuntimeError when the server does not run.
        """
        if self._epoll is None:
            raise RuntimeError("the server does not run")
        try:
            address = sock.getpeername()
        except OSError:  # reset meanwhile
            sock.close()
            return
        self._counters.add(Counter.HTTP_CONNECTIONS)
        self._take(sock, address, initial, proxied=proxied)

    def _ready(self) -> None:
        """Handle what the epoll set reports, at most a bounded number of events."""
        assert self._epoll is not None
        listeners = []
        for number, mask in self._epoll.poll(0, MAX_EVENTS_PER_WAKE):
            peer = self._peers.get(number)
            if peer is None:
                listeners.append(number)
                continue
            peer.turns = 0
            if mask & ~select.EPOLLIN:
                self._guarded(peer, self._writable)
            if not peer.closed and mask & ~select.EPOLLOUT:
                if peer.connection.wants_data:
                    self._guarded(peer, self._readable)
                elif mask & _GONE:
                    self._drop(peer)
        # Last, so that no event above can be meant for an earlier owner of a
        # descriptor that was closed and accepted anew in between.
        for number in listeners:
            if self._accepting and number in self._listeners:
                if self._lane is None:
                    self._accept(self._listeners[number])
                else:
                    self._accept_by_lane(self._lane, number)

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(MAX_ACCEPTS_PER_WAKE):
            if self._table.is_full and self._table.victim() is None:
                self._pause_for_place()
                return
            try:
                sock, address = listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _EXHAUSTED:
                    self._out_of_descriptors(error)
                    return
                continue  # accept(2): a connection that failed while it waited
            self._counters.add(Counter.HTTP_CONNECTIONS)
            self._take(sock, address, b"")

    def _accept_by_lane(self, lane: "Lane", listener: int) -> None:
        self._shed(lane)
        if self._table.is_full and self._table.victim() is None:
            source = lane.close_slow() or lane.close_oldest()
            if source is None:
                self._pause_for_place()
                return
            self._tell(source, Note(Reason.HTTP_CROWDED_OUT, "a place was needed"))
        room = max(1, self.capacity - self._held() - len(lane))
        error, handed = lane.accept(
            listener, min(room, MAX_LANE_ACCEPTS_PER_WAKE), self._held()
        )
        self._take_from_lane(handed)
        if error:
            self._out_of_descriptors(OSError(error, os.strerror(error)))
        if len(lane):
            self._arm()

    def _lane_ready(self, lane: "Lane") -> None:
        """Let the lane answer on the connections that it keeps open."""
        self._take_from_lane(lane.turn(self._held()))
        self.lane_moved()
        if len(lane):
            self._arm()

    def _take_from_lane(self, handed: Sequence[HandedOver] | None) -> None:
        """Do what the lane leaves: serve what it hands over, answer what it missed."""
        self.take_over(handed)
        if self._missed is not None:
            self._missed.gather()

    def lane_moved(self) -> None:
        """See to what follows when the lane may have closed connections."""
        if self._needs_place and not self._table.is_full:
            self._place_freed()
        if not len(self) and self._emptied is not None:
            self._emptied.set()

    def _shed(self, lane: "Lane") -> None:
        """When places are short, have the table hold who has no proof."""
        if self._table.is_crowded:
            self.take_over(lane.shed(MAX_LANE_ACCEPTS_PER_WAKE))

    def take_over(
        self, handed: Sequence[HandedOver] | None, given: Response | None = None
    ) -> None:
        """Serve what the lane hands over; it has counted the connections.

        With *given* that is the answer to the request that was read of each.
        """
        for number, initial, answered, proven, ends in handed or ():
            sock = socket.socket(fileno=number)
            try:
                address = sock.getpeername()
            except OSError:  # reset meanwhile
                sock.close()
                continue
            self._take(
                sock,
                address,
                initial,
                answered=answered,
                proven=proven,
                proxied=Proxied(*ends) if ends is not None else None,
                given=given,
            )

    def _pause_for_place(self) -> None:
        self._counters.add(Counter.HTTP_ACCEPT_PAUSES)
        self._accept_pause(time.monotonic() + ACCEPT_PAUSE_SECONDS)
        self._needs_place = True

    def _out_of_descriptors(self, error: OSError) -> None:
        """Pause: the listener stays readable, and accepting again at once would spin.

        Connections nobody vouched for go first, so that some descriptors come free.
        """
        self._counters.add(Counter.HTTP_ACCEPT_PAUSES)
        now = time.monotonic()
        if now - self._descriptors_logged >= DESCRIPTOR_LOG_SECONDS:
            self._descriptors_logged = now
            log.note(log.SERVER_OUT_OF_DESCRIPTORS, error=error.strerror)
        if self._lane is not None:
            self.take_over(self._lane.shed(_FREED_AT_ONCE))
        for _ in range(_FREED_AT_ONCE):
            victim = self._table.unproven()
            if victim is None:
                break
            self._crowd_out(victim)
        if self._lane is not None:
            for _ in range(_FREED_AT_ONCE):
                source = self._lane.close_slow()
                if source is None:
                    break
                self._tell(source, Note(Reason.HTTP_CROWDED_OUT, "a place was needed"))
        self._accept_pause(now + ACCEPT_PAUSE_SECONDS)

    def _accept_pause(self, until: float | None) -> None:
        """Watch the listeners no more, before *until* or (None) for good."""
        assert self._epoll is not None
        if self._accepting:
            for number in self._listeners:
                self._epoll.unregister(number)
        self._accepting = False
        self._needs_place = False
        self._accept_at = until
        if until is not None:
            self._arm()

    def _accept_again(self) -> None:
        assert self._epoll is not None
        if not self._accepting:
            for number in self._listeners:
                self._epoll.register(number, select.EPOLLIN)
        self._accepting = True
        self._accept_at = None
        self._needs_place = False

    def _place_freed(self) -> None:
        if self._needs_place and not self._stopping:
            self._accept_again()

    def _take(
        self,
        sock: socket.socket,
        address: tuple[Any, ...],
        initial: bytes,
        *,
        answered: bool = False,
        proven: bool = False,
        given: Response | None = None,
        proxied: Proxied | None = None,
    ) -> None:
        """Serve a socket that was just accepted or adopted.

        One with *answered* had its place already, and keeps it.
        """
        try:
            sock.setblocking(False)
            host, port = sock.getsockname()[:2]
        except OSError:
            sock.close()
            return
        unnamed = False
        if proxied is not None:
            contact = Contact(*proxied)
        else:
            contact = Contact(source_of(address), (plain_address(host), port))
            unnamed = bool(self._balancers) and contact.source in self._balancers
        connection = HttpConnection(
            now=time.monotonic(),
            deadlines=self._deadlines,
            date=self.date,
            answered=answered,
            proxied=unnamed,
        )
        peer = _Peer(sock, contact, connection)
        peer.given = given
        self._hold(peer)
        if answered and not self._table.is_full:
            peer.no_delay = True
            self._table.add(peer, source_key(contact.source))
            if proven:
                peer.proven = True
                self._table.prove(peer)
        self._begin(peer, initial)

    def _hold(self, peer: _Peer) -> None:
        if self._stopping:  # adopted late: one answer, then closed
            peer.connection.finish(time.monotonic())
        self._peers[peer.number] = peer
        if self._emptied is not None:
            self._emptied.clear()

    def _begin(self, peer: _Peer, initial: bytes) -> None:
        if initial:
            self._guarded(peer, lambda peer: self._received(peer, initial))
        if not peer.closed and peer.connection.wants_data:
            # The request is often there already, and then nothing is registered.
            self._guarded(peer, self._readable)

    # What comes from the handshakes of TLS (tls.acceptor.Serves)

    @property
    def has_room(self) -> bool:
        """Whether one more connection may be accepted."""
        return not self._table.is_full or self._table.victim() is not None

    def adopt_stream(
        self,
        stream: "TlsStream",
        contact: Contact,
        proof: "Proof",
        initial: bytes,
        said: "Said | None",
    ) -> None:
        """Serve *stream*, of which *initial* was read and decrypted.

        With *said* that is the answer to it.
        """
        connection = HttpConnection(
            now=time.monotonic(), deadlines=self._deadlines, date=self.date
        )
        peer = _Peer(stream, contact, connection)
        peer.stream, peer.proof = stream, proof
        self._hold(peer)
        if said is None:
            self._begin(peer, initial)
        else:
            self._guarded(peer, lambda peer: self._say(peer, said))

    def adopt_clear(self, sock: socket.socket, ends: Proxied, initial: bytes) -> None:
        """Refuse what *ends* says in clear HTTP where TLS was expected."""
        sock.setblocking(False)
        peer = _Peer(
            sock,
            Contact(*ends),
            HttpConnection(
                now=time.monotonic(), deadlines=self._deadlines, date=self.date
            ),
        )
        peer.given = plain_response(400, close=True)
        self._hold(peer)
        self._begin(peer, initial)

    def room_made(self) -> None:
        """See to what follows when a connection that counted has ended."""
        self._place_freed()

    def _guarded(self, peer: _Peer, act: Callable[[_Peer], None]) -> None:
        """Do *act* and what follows from it; an error costs this connection only."""
        if peer.closed:
            return
        try:
            act(peer)
            self._settle(peer)
        except Exception as error:
            log.note(
                log.SERVER_CONNECTION_FAILED,
                exception=error,
                source=peer.contact.source,
            )
            self._counters.add(Counter.HTTP_FAILED)
            self._drop(peer)

    def _settle(self, peer: _Peer) -> None:
        """Bring epoll, table and wheel in line with what the connection waits for."""
        if peer.closed:
            return
        assert self._epoll is not None
        connection = peer.connection
        if peer not in self._table and not self._admit(peer):
            return
        if peer.answered and peer.proven:
            self._table.prove(peer)
        if connection.is_answering:
            if not peer.busy:
                peer.busy = True
                self._table.busy(peer)
        elif peer.busy or peer.answered:
            peer.busy = False
            self._table.waiting(peer)
            self._place_freed()
        peer.answered = False
        if connection.is_within_head and _QUICKACK is not None:
            # The listeners have requests acknowledged by their answers.  A peer that
            # writes a head in pieces may send the next when this one is acknowledged.
            peer.socket.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
        interest = select.EPOLLIN if connection.wants_data else 0
        if peer.outbound:
            interest |= select.EPOLLOUT
        elif peer.stream is not None:
            if peer.stream.unsent:
                interest |= select.EPOLLOUT
            elif peer.stream.has_input and interest:
                self._read_later(peer)
        if peer.interest is None:
            self._epoll.register(peer.number, interest)
        elif interest != peer.interest:
            self._epoll.modify(peer.number, interest)
        peer.interest = interest
        deadline = connection.next_timer()
        if deadline is not None:
            self._wheel.place(peer, deadline)
            self._arm()

    def _admit(self, peer: _Peer) -> bool:
        """Give *peer* a place in the table, at another's cost if it must be."""
        victim = self._table.victim()
        if victim is not None:
            self._crowd_out(victim)
        if self._table.is_full:  # adopted while everybody waits for an answer
            self._tell_overload(peer)
            self._crowd_out(peer)
            return False
        self._table.add(peer, source_key(peer.contact.source))
        return True

    def _tell_overload(self, peer: _Peer) -> None:
        if peer.connection.is_answering:
            try:
                peer.socket.send(
                    response_bytes(
                        overloaded(RETRY_AFTER_SECONDS),
                        date=self.date(),
                        connection=b"close",
                    )
                )
            except OSError:
                pass  # it goes either way

    def _crowd_out(self, peer: _Peer) -> None:
        if not peer.connection.is_lingering:  # that one had its answer
            self._note(peer, Note(Reason.HTTP_CROWDED_OUT, "a place was needed"))
        self._drop(peer)

    def _readable(self, peer: _Peer) -> None:
        try:
            size = peer.socket.recv_into(self._buffer)
        except BlockingIOError:
            return
        except OSError:
            self._drop(peer)
            return
        if size:
            self._received(peer, self._view[:size])
        else:
            self._run(peer, peer.connection.receive_eof(time.monotonic()))

    def _received(self, peer: _Peer, data: bytes | memoryview) -> None:
        if peer.proof is not None and peer.connection.awaits_request:
            assert self._tls is not None
            contact = peer.contact
            said = self._tls.answer(
                bytes(data), contact.source, contact.local, peer.proof
            )
            if said is not None:
                self._say(peer, said)
                return
        self._run(peer, peer.connection.receive_data(data, time.monotonic()))

    def _say(self, peer: _Peer, said: "Said") -> None:
        peer.answered = True
        peer.proven = peer.proven or said.proven
        now = time.monotonic()
        effects = peer.connection.say(said.data, keep_alive=said.keep_alive, now=now)
        self._run(peer, effects)

    def _read_later(self, peer: _Peer) -> None:
        """Read when the loop has been round: epoll knows nothing of what waits here."""
        assert self._loop is not None
        self._loop.call_soon(self._read_on, peer)

    def _read_on(self, peer: _Peer) -> None:
        if not peer.closed and peer.connection.wants_data:
            peer.turns = 0
            self._guarded(peer, self._readable)

    def _writable(self, peer: _Peer) -> None:
        if peer.outbound or (peer.stream is not None and peer.stream.unsent):
            data, peer.outbound = peer.outbound, memoryview(b"")
            self._run(peer, self._send(peer, data))

    def _finish(self, peer: _Peer) -> None:
        """Close *peer* as soon as that harms nobody."""
        if peer.connection.wants_data:
            self._readable(peer)  # what has arrived was asked before we stopped
        if not peer.closed:
            self._run(peer, peer.connection.finish(time.monotonic()))

    def _run(self, peer: _Peer, effects: list[Effect]) -> None:
        """Make *effects* happen, and those that follow from them, in order."""
        waiting = deque(effects)
        while waiting and not peer.closed:
            effect = waiting.popleft()
            match effect:
                case SendBytes(data):
                    waiting += self._send(peer, memoryview(data))
                case Deliver(request):
                    peer.turns += 1
                    if peer.turns > MAX_REQUESTS_PER_TURN:
                        self._put_off(peer, request)
                    else:
                        waiting += self._decide(peer, request)
                case HalfClose():
                    try:
                        peer.socket.shutdown(socket.SHUT_WR)
                    except OSError:
                        self._drop(peer)
                case Close(abort):
                    self._drop(peer, abort=abort)
                case Note():
                    self._note(peer, effect)
                case Introduce(proxied):
                    self._introduce(peer, proxied)

    def _introduce(self, peer: _Peer, proxied: Proxied) -> None:
        """From here on *peer* is whom the load balancer named, and counts to it."""
        peer.contact = Contact(*proxied)
        if peer in self._table:
            self._table.remove(peer)
            self._table.add(peer, source_key(peer.contact.source))

    def _send(self, peer: _Peer, data: memoryview) -> list[Effect]:
        """Send what the kernel takes of *data*; keep the rest."""
        if peer.connection.stays_open and not peer.no_delay:
            # Nagle would hold the end of an answer until the peer, which may delay
            # its acknowledgement by 40 ms, has seen the rest.  A close flushes.
            peer.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            peer.no_delay = True
        stream = peer.stream
        if stream is not None:
            stream.ending = not peer.connection.stays_open
        try:
            size = peer.socket.send(data)
        except BlockingIOError:
            size = 0
        except OSError:
            self._drop(peer)
            return []
        peer.outbound = data[size:]
        unsent = len(peer.outbound) + (stream.unsent if stream is not None else 0)
        return peer.connection.sent(unsent, time.monotonic())

    def _put_off(self, peer: _Peer, request: Request) -> None:
        """Decide on *request* when the loop has been round."""
        assert self._loop is not None
        if not self._later:
            self._loop.call_soon(self._go_on)
        self._later.append((peer, request))

    def _go_on(self) -> None:
        """Take up some of what was put off, the longest waiting first."""
        some = [
            self._later.popleft()
            for _ in range(min(len(self._later), MAX_PUT_OFF_PER_WAKE))
        ]
        if self._later:
            assert self._loop is not None
            self._loop.call_soon(self._go_on)
        for peer, request in some:
            peer.turns = 1
            self._guarded(peer, partial(self._deliver, request=request))

    def _deliver(self, peer: _Peer, request: Request) -> None:
        self._run(peer, self._decide(peer, request))

    def _decide(self, peer: _Peer, request: Request) -> list[Effect]:
        """Have *request* answered, now or by a task."""
        self._counters.add(Counter.HTTP_REQUESTS)
        if peer.proof is not None:
            assert self._tls is not None
            peer.contact = self._tls.contact(peer.contact, peer.proof)
        response, peer.given = peer.given, None
        try:
            if response is None and self._cached is not None:
                response = self._cached(request, peer.contact)
            if response is None:
                answer = self._respond(request, peer.contact)
                if not isinstance(answer, Response):
                    self._await(peer, answer)
                    return []
                response = answer
        except Exception as error:
            response = self._failure(peer, error)
        return self._answer(peer, response)

    def _await(self, peer: _Peer, answer: Awaitable[Response]) -> None:
        assert self._loop is not None
        # The set keeps the task alive: the loop itself does not.
        task = self._loop.create_task(self._answer_when_known(peer, answer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer_when_known(
        self, peer: _Peer, answer: Awaitable[Response]
    ) -> None:
        try:
            response = await answer
        except Exception as error:
            response = self._failure(peer, error)
        # A peer that went away is not waited for, but its request was finished: what
        # it changed (a window used) stays changed.
        peer.turns = 0
        self._guarded(peer, lambda peer: self._run(peer, self._answer(peer, response)))

    def _answer(self, peer: _Peer, response: Response) -> list[Effect]:
        try:
            effects = peer.connection.respond(response, time.monotonic())
        except ValueError as error:
            response = self._failure(peer, error)
            effects = peer.connection.respond(response, time.monotonic())
        peer.answered = True
        if response.proven and response.status in (200, 304):
            peer.proven = True
        return effects

    def _failure(self, peer: _Peer, error: Exception) -> Response:
        """Return the answer to a request that failed here; it says nothing of why."""
        self._counters.add(Counter.HTTP_FAILED)
        log.note(log.SERVER_REQUEST_FAILED, exception=error, source=peer.contact.source)
        if isinstance(error, StoreError | MemoryError | OSError):
            return overloaded(RETRY_AFTER_SECONDS)
        return plain_response(500, close=True)

    def _note(self, peer: _Peer, note: Note) -> None:
        self._tell(peer.contact.source, note)

    def _tell(self, source: str, note: Note) -> None:
        counter = _COUNTED.get(note.reason)
        if counter is not None:
            self._counters.add(counter)
        detail = note.detail[:MAX_SIGHTING_DETAIL_CHARACTERS]
        self._sight(Sighting(time.time(), 0, source, note.reason, detail))

    def _drop(self, peer: _Peer, *, abort: bool = False) -> None:
        """Close the socket of *peer* and forget it."""
        if peer.closed:
            return
        peer.closed = True
        del self._peers[peer.number]
        self._table.remove(peer)
        self._wheel.remove(peer)
        if peer.interest is not None and self._epoll is not None:
            # Closing does not end the watch while a child holds a copy.
            self._epoll.unregister(peer.number)
        if abort:
            peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        peer.socket.close()
        peer.outbound = memoryview(b"")
        self._place_freed()
        if not len(self) and self._emptied is not None:
            self._emptied.set()

    def _arm(self) -> None:
        if self._timer is None and self._loop is not None:
            self._timer = self._loop.call_later(TICK_SECONDS, self._tick)

    def _tick(self) -> None:
        """Let deadlines pass, a bounded number at a time."""
        self._timer = None
        now = time.monotonic()
        self._expired += self._wheel.due(now)
        for _ in range(min(len(self._expired), MAX_EXPIRED_PER_TURN)):
            peer = self._expired.popleft()
            peer.turns = 0
            self._guarded(peer, self._late)
        if self._lane is not None:
            self._lane_tick(self._lane, now)
        if self._accept_at is not None and now >= self._accept_at:
            self._accept_again()
        if self._expired:
            assert self._loop is not None
            self._timer = self._loop.call_soon(self._tick)
        elif (
            len(self._wheel)
            or self._accept_at is not None
            or (self._lane is not None and len(self._lane))
        ):
            self._arm()

    def _lane_tick(self, lane: "Lane", now: float) -> None:
        broken, late, handed = lane.tick(now, MAX_EXPIRED_PER_TURN)
        for source, sending in broken:
            if sending:
                self._tell(source, Note(Reason.HTTP_STALLED, _STALLED))
            else:
                self._tell(source, Note(Reason.HTTP_TIMEOUT, _SILENT))
        self.take_over(late, overloaded(RETRY_AFTER_SECONDS))
        self._take_from_lane(handed)
        self.lane_moved()

    def _late(self, peer: _Peer) -> None:
        """Let a deadline of *peer* pass, unless it is this process that is late.

        After a stop (SIGSTOP, a paused machine, a starved core) timers come first, and
        what the peer did in time waits in the kernel.
        """
        self._writable(peer)
        if not peer.closed and peer.connection.wants_data:
            self._readable(peer)
        if not peer.closed:
            self._run(peer, peer.connection.handle_timer(time.monotonic()))

    def date(self) -> bytes:
        """Return the IMF-fixdate of this second (RFC 9110 section 5.6.7)."""
        second = int(time.time())
        if second != self._date_second:
            self._date_second = second
            self._date_text = formatdate(second, usegmt=True).encode("ascii")
        return self._date_text

    async def _wait_for_the_last(self, emptied: asyncio.Event) -> None:
        if len(self):
            emptied.clear()
            await emptied.wait()
        if self._tasks:
            await asyncio.wait(self._tasks)
