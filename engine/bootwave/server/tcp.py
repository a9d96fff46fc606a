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

With a lane (``native.http``), it is the one that accepts and reads first
(``server.laneside``).

Who does what: ``Accepting`` brings connections, ``HttpConnection`` decides what must
happen, a ``Peer`` holds what belongs to one socket, ``Answers`` has requests answered,
``ConnectionTable`` says who must go, ``DeadlineWheel`` who is late, and ``HttpServer``
moves bytes between them.
"""

import asyncio
import select
import socket
import struct
import time
from collections import deque
from collections.abc import Callable, Sequence
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from bootwave import log
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
    SendFile,
)
from bootwave.http.proxyprotocol import Proxied
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
from bootwave.server.accepting import Accepting
from bootwave.server.addresses import source_of
from bootwave.server.answers import Answers, Cached, Respond
from bootwave.server.balancers import Balancers
from bootwave.server.connections import ConnectionTable
from bootwave.server.deadlines import DeadlineWheel
from bootwave.server.lanemisses import AnswerMissed, HandedOver
from bootwave.server.laneside import LaneSide
from bootwave.server.peer import Peer, SendsFiles
from bootwave.sightings import Reason, Sighting

if TYPE_CHECKING:
    from bootwave.native.http import Lane
    from bootwave.server.tls.identity import Proof
    from bootwave.server.tls.side import Said, TlsSide
    from bootwave.server.tls.stream import TlsStream

# What one wake-up may do before the loop's other readers have their turn.
MAX_EVENTS_PER_WAKE = 32
MAX_EXPIRED_PER_TURN = 256

TICK_SECONDS = 0.25

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

_DEADLINES = Deadlines()


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
        send_file: SendsFiles | None = None,
    ) -> None:
        """Keep the parts; nothing is accepted before ``start``.

        *send_file* is given the sockets on which a file is to be sent, and what.
        """
        self._send_file = send_file
        self._lane: LaneSide | None = None
        if lane is not None:
            self._lane = LaneSide(lane, answer_missed, self)
        self._accepting = Accepting(listeners, self, counters, self._lane)
        self._answers = Answers(respond, cached, counters, tls, self._resume)
        self._tls = tls
        self.capacity = options.connections
        self._balancers = Balancers(options.proxy_protocol)
        self._sight = sight
        self._counters = counters
        self._deadlines = deadlines
        self._peers: dict[int, Peer] = {}
        self._table: ConnectionTable[Peer] = ConnectionTable(
            options.connections, self._elsewhere
        )
        self._wheel: DeadlineWheel[Peer] = DeadlineWheel(TICK_SECONDS)
        self._expired: deque[Peer] = deque()
        # All connections read into one buffer: what comes in is taken at once.
        self._buffer = bytearray(MAX_HTTP_HEAD_BYTES)
        self._view = memoryview(self._buffer)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._epoll: select.epoll | None = None
        self._timer: asyncio.Handle | None = None
        self._emptied: asyncio.Event | None = None
        self._stopping = False
        self._date_second = 0
        self._date_text = b""

    def __len__(self) -> int:
        """Return how many connections are open here and in the lane."""
        return len(self._peers) + (len(self._lane) if self._lane is not None else 0)

    def _elsewhere(self) -> int:
        """Return how many connections take places without being in the table."""
        in_lane = len(self._lane) if self._lane is not None else 0
        return in_lane + (self._tls.shaking() if self._tls is not None else 0)

    def held(self) -> int:
        """Return how many connections others than the lane hold."""
        shaking = self._tls.shaking() if self._tls is not None else 0
        return len(self._peers) + shaking

    async def start(self) -> None:
        """Begin to accept; a server that stopped may start again."""
        self._stopping = False
        self._loop = asyncio.get_running_loop()
        self._epoll = select.epoll()
        self._emptied = asyncio.Event()
        self._loop.add_reader(self._epoll.fileno(), self._ready)
        if self._lane is not None:
            self._lane.start(self._loop)
        self._accepting.start(self._epoll)

    async def stop(self, grace: float) -> None:
        """Accept no more, finish the answers in flight, then close the rest.

        A connection that waits between requests is closed at once; one that has not
        asked yet may still do so.  After *grace* seconds whatever is left is closed.
        What waits in the listeners' queues stays there for whoever accepts next.
        """
        if self._epoll is None or self._loop is None or self._emptied is None:
            return
        self._accepting.stop()
        if self._lane is not None:
            self._lane.finish()
        self._stopping = True
        for peer in list(self._peers.values()):
            self._guarded(peer, self._finish)
        try:
            await asyncio.wait_for(self._wait_for_the_last(self._emptied), grace)
        except TimeoutError:
            pass
        finally:
            self._end()
        if self._answers.tasks:
            await asyncio.wait(self._answers.tasks)

    def _end(self) -> None:
        """Close whatever is left, at once."""
        for peer in list(self._peers.values()):
            self._drop(peer)
        for task in self._answers.tasks:
            task.cancel()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._expired.clear()
        if self._epoll is not None and self._loop is not None:  # not stopped meanwhile
            if self._lane is not None:
                self._lane.end(self._loop)
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
        self.take(sock, address, initial, proxied=proxied)

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
            self._accepting.accept(number)

    def lane_moved(self) -> None:
        """See to what follows when the lane may have closed connections."""
        if self._accepting.wants_place and not self._table.is_full:
            self._accepting.place_freed()
        if not len(self) and self._emptied is not None:
            self._emptied.set()

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
            self.take(
                sock,
                address,
                initial,
                answered=answered,
                proven=proven,
                proxied=Proxied(*ends) if ends is not None else None,
                given=given,
            )

    def take(
        self,
        sock: socket.socket,
        address: tuple[Any, ...],
        initial: bytes = b"",
        *,
        answered: bool = False,
        proven: bool = False,
        given: Response | None = None,
        proxied: Proxied | None = None,
    ) -> None:
        """Serve *sock*, of which *initial* was already read, from *address*.

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
        peer = Peer(sock, contact, connection)
        peer.given = given
        self._hold(peer)
        if answered and not self._table.is_full:
            peer.no_delay = True
            self._table.add(peer, source_key(contact.source))
            if proven:
                peer.proven = True
                self._table.prove(peer)
        self._begin(peer, initial)

    def _hold(self, peer: Peer) -> None:
        if self._stopping:  # adopted late: one answer, then closed
            peer.connection.finish(time.monotonic())
        self._peers[peer.number] = peer
        if self._emptied is not None:
            self._emptied.clear()

    def _begin(self, peer: Peer, initial: bytes) -> None:
        if initial:
            self._guarded(peer, lambda peer: self._received(peer, initial))
        if not peer.closed and peer.connection.wants_data:
            # The request is often there already, and then nothing is registered.
            self._guarded(peer, self._readable)

    # Places (accepting.HasPlaces)

    @property
    def has_room(self) -> bool:
        """Whether one more connection may be accepted."""
        return not self._table.is_full or self._table.victim() is not None

    @property
    def is_crowded(self) -> bool:
        """Whether places are short."""
        return self._table.is_crowded

    def free_places(self) -> int:
        """Return how many connections more there may be."""
        in_lane = len(self._lane) if self._lane is not None else 0
        return self.capacity - self.held() - in_lane

    def drop_unproven(self) -> bool:
        """Close the connection that nobody vouched for; False when there is none."""
        victim = self._table.unproven()
        if victim is None:
            return False
        self._crowd_out(victim)
        return True

    # What comes from the handshakes of TLS (tls.acceptor.Serves)

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
        peer = Peer(stream, contact, connection)
        peer.stream, peer.proof = stream, proof
        self._hold(peer)
        if said is None:
            self._begin(peer, initial)
        else:
            self._guarded(peer, lambda peer: self._say(peer, said))

    def adopt_clear(self, sock: socket.socket, ends: Proxied, initial: bytes) -> None:
        """Refuse what *ends* says in clear HTTP where TLS was expected."""
        sock.setblocking(False)
        peer = Peer(
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
        self._accepting.place_freed()

    def _resume(self, peer: Peer, make: Callable[[], list[Effect]]) -> None:
        self._guarded(peer, lambda peer: self._run(peer, make()))

    def _guarded(self, peer: Peer, act: Callable[[Peer], None]) -> None:
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

    def _settle(self, peer: Peer) -> None:
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
            self._accepting.place_freed()
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
            self.arm()

    def _admit(self, peer: Peer) -> bool:
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

    def _tell_overload(self, peer: Peer) -> None:
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

    def _crowd_out(self, peer: Peer) -> None:
        if not peer.connection.is_lingering:  # that one had its answer
            self._note(peer, Note(Reason.HTTP_CROWDED_OUT, "a place was needed"))
        self._drop(peer)

    def _readable(self, peer: Peer) -> None:
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

    def _received(self, peer: Peer, data: bytes | memoryview) -> None:
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

    def _say(self, peer: Peer, said: "Said") -> None:
        peer.answered = True
        peer.proven = peer.proven or said.proven
        now = time.monotonic()
        effects = peer.connection.say(said.data, keep_alive=said.keep_alive, now=now)
        self._run(peer, effects)

    def _read_later(self, peer: Peer) -> None:
        """Read when the loop has been round: epoll knows nothing of what waits here."""
        assert self._loop is not None
        self._loop.call_soon(self._read_on, peer)

    def _read_on(self, peer: Peer) -> None:
        if not peer.closed and peer.connection.wants_data:
            peer.turns = 0
            self._guarded(peer, self._readable)

    def _writable(self, peer: Peer) -> None:
        if peer.outbound or (peer.stream is not None and peer.stream.unsent):
            data, peer.outbound = peer.outbound, memoryview(b"")
            self._run(peer, self._send(peer, data))

    def _finish(self, peer: Peer) -> None:
        """Close *peer* as soon as that harms nobody."""
        if peer.connection.wants_data:
            self._readable(peer)  # what has arrived was asked before we stopped
        if not peer.closed:
            self._run(peer, peer.connection.finish(time.monotonic()))

    def _run(self, peer: Peer, effects: list[Effect]) -> None:
        """Make *effects* happen, and those that follow from them, in order."""
        waiting = deque(effects)
        while waiting and not peer.closed:
            effect = waiting.popleft()
            match effect:
                case SendBytes(data):
                    waiting += self._send(peer, memoryview(data))
                case Deliver(request):
                    waiting += self._answers.to(peer, request)
                case HalfClose():
                    try:
                        peer.socket.shutdown(socket.SHUT_WR)
                    except OSError:
                        self._drop(peer)
                case Close(abort):
                    self._drop(peer, abort=abort)
                case Note():
                    self._note(peer, effect)
                case SendFile():
                    self._leave(peer, effect)
                case Introduce(proxied):
                    self._introduce(peer, proxied)

    def _introduce(self, peer: Peer, proxied: Proxied) -> None:
        """From here on *peer* is whom the load balancer named, and counts to it."""
        peer.contact = Contact(*proxied)
        if peer in self._table:
            self._table.remove(peer)
            self._table.add(peer, source_key(peer.contact.source))

    def _send(self, peer: Peer, data: memoryview) -> list[Effect]:
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

    def _note(self, peer: Peer, note: Note) -> None:
        self.tell(peer.contact.source, note)

    def tell(self, source: str, note: Note) -> None:
        """Count *note* and leave the sighting of it."""
        counter = _COUNTED.get(note.reason)
        if counter is not None:
            self._counters.add(counter)
        detail = note.detail[:MAX_SIGHTING_DETAIL_CHARACTERS]
        self._sight(Sighting(time.time(), 0, source, note.reason, detail))

    def _leave(self, peer: Peer, sending: SendFile) -> None:
        """Let others send on the socket of *peer*, which is theirs from here on."""
        if self._send_file is None:
            self._drop(peer)
            return
        self._forget(peer)
        self._send_file(peer.socket, sending, peer.contact.source)
        self._freed()

    def _drop(self, peer: Peer, *, abort: bool = False) -> None:
        """Close the socket of *peer* and forget it."""
        if peer.closed:
            return
        self._forget(peer)
        if abort:
            peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        peer.socket.close()
        self._freed()

    def _forget(self, peer: Peer) -> None:
        """Forget *peer*, whose socket stays open."""
        peer.closed = True
        del self._peers[peer.number]
        self._table.remove(peer)
        self._wheel.remove(peer)
        if peer.interest is not None and self._epoll is not None:
            # Closing does not end the watch while a child holds a copy.
            self._epoll.unregister(peer.number)
        peer.outbound = memoryview(b"")

    def _freed(self) -> None:
        """See to what follows when a connection has left."""
        self._accepting.place_freed()
        if not len(self) and self._emptied is not None:
            self._emptied.set()

    def arm(self) -> None:
        """See to it that time passes here."""
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
            self._lane.tick(now)
        self._accepting.tick(now)
        if self._expired:
            assert self._loop is not None
            self._timer = self._loop.call_soon(self._tick)
        elif (
            len(self._wheel)
            or self._accepting.is_paused
            or (self._lane is not None and len(self._lane))
        ):
            self.arm()

    def _late(self, peer: Peer) -> None:
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
        if self._answers.tasks:
            await asyncio.wait(self._answers.tasks)
