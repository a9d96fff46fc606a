"""From a connection to its first request: accepting, shaking hands, the first answer.

A phone opens a connection for each file, so what a handshake costs beside its
cryptography decides.  Each turn reads what came, lets OpenSSL answer into memory, and
hands that to the kernel in one write: a flight in two writes would wait for a delayed
acknowledgement.  When the handshake is done and the request there, and the lane has the
answer ready, answer and end leave in one more write, and nothing else is made of the
connection.  Whatever is not that plain goes to ``server.tcp`` as a ``TlsStream``.

How a connection comes along here:

| state     | waits for                      | deadline  | when it passes      |
| --------- | ------------------------------ | --------- | ------------------- |
| UNNAMED   | a load balancer's PROXY header | handshake | aborted             |
| SHAKING   | the client's next flight       | handshake | closed              |
| ASKING    | the first request              | head      | goes to server.tcp  |

There is room for a bounded number.  When it is used up, connections that only have to
ask go to ``server.tcp``, then a handshake that its peer left alone for a second makes
room, one of the address that left the most alone; while there is none, the rest wait in
the kernel's queue.  A turn of the loop does
some milliseconds' worth of handshakes at most, because SIP shares the loop.
"""

import asyncio
import contextlib
import errno
import os
import select
import socket
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from OpenSSL import SSL

from bootwave import log
from bootwave.errors import ProxySyntaxError
from bootwave.http.connection import Deadlines
from bootwave.http.contact import Contact
from bootwave.http.proxyprotocol import Proxied, header_from_bytes
from bootwave.limits import MAX_SIGHTING_DETAIL_CHARACTERS
from bootwave.metrics import Counter, CounterRow
from bootwave.native.accepting import take_connection
from bootwave.server.balancers import Balancers
from bootwave.server.deadlines import DeadlineWheel
from bootwave.server.gate import EXHAUSTED, AcceptGate
from bootwave.server.tls import openssl
from bootwave.server.tls.hello import is_clear_http, offers_session
from bootwave.server.tls.identity import Proof, Shown
from bootwave.server.tls.shaking import Handshakes, Shaking, TlsListener
from bootwave.server.tls.side import Said, TlsSide
from bootwave.server.tls.stream import TlsStream
from bootwave.sightings import Reason, Sighting

# What one wake-up may do: a handshake's costly step takes 0.1 to 0.7 ms, by the kind of
# key, and the first exceeds the time by one of those at most.
MAX_EVENTS_PER_WAKE = 16
MAX_ACCEPTS_PER_WAKE = 16
TURN_SECONDS = 0.0015
TICK_SECONDS = 0.25
STOP_SECONDS = 3.0

# One read takes what a client sends in a flight: a chain of three is some 3 kB.
_READ_BYTES = 16_384
# Answers up to here leave in one write with the end of the stream.
_MOST_AT_ONCE = 48 * 1024
_DEADLINES = Deadlines()


class Serves(Protocol):
    """What goes on with a connection after its handshake (server.tcp)."""

    @property
    def has_room(self) -> bool:
        """Whether one more connection may be accepted."""

    def adopt_stream(
        self,
        stream: TlsStream,
        contact: Contact,
        proof: Proof,
        initial: bytes,
        said: Said | None,
    ) -> None:
        """Serve *stream*, of which *initial* was read and decrypted.

        With *said* that is the answer to it, counted and told already.
        """

    def adopt_clear(self, sock: socket.socket, ends: Proxied, initial: bytes) -> None:
        """Refuse what *ends* says in clear HTTP where TLS was expected."""

    def room_made(self) -> None:
        """See to what follows when a connection that counted has ended."""


class TlsAcceptor:
    """Shakes hands on *listeners*, which stay open when it stops; for one loop.

    What comes of it goes to *server*.  *side* says whose a client certificate is and
    answers first requests where it can.  *most* handshakes are under way at a time.
    """

    def __init__(
        self,
        listeners: Sequence[TlsListener],
        server: Serves,
        side: TlsSide,
        sight: Callable[[Sighting], None],
        counters: CounterRow,
        *,
        most: int,
        balancers: Sequence[str] = (),
        deadlines: Deadlines = _DEADLINES,
    ) -> None:
        """Keep the parts; nothing is accepted before ``start``."""
        self._gate = AcceptGate(
            {one.socket.fileno(): one for one in listeners}, counters
        )
        self._server = server
        self._side = side
        side.shaking = self.__len__
        self._sight = sight
        self._counters = counters
        self._most = most
        self._balancers = Balancers(balancers)
        self._head_seconds = deadlines.head
        self._handshakes = Handshakes()
        self._wheel: DeadlineWheel[Shaking] = DeadlineWheel(TICK_SECONDS)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._epoll: select.epoll | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._emptied: asyncio.Event | None = None

    def __len__(self) -> int:
        """Return how many connections are here."""
        return len(self._handshakes)

    async def start(self) -> None:
        """Begin to accept; one that stopped may start again."""
        self._loop = asyncio.get_running_loop()
        self._epoll = select.epoll()
        self._emptied = asyncio.Event()
        self._loop.add_reader(self._epoll.fileno(), self._ready)
        self._gate.open(self._epoll)

    async def stop(self, grace: float = STOP_SECONDS) -> None:
        """Accept no more and let handshakes come to an end, for *grace* seconds.

        Whoever has only to ask goes to the server at once, which finishes later.
        """
        if self._epoll is None or self._loop is None or self._emptied is None:
            return
        self._gate.close()
        for shaking in self._handshakes:
            if shaking.proof is not None:
                self._guarded(shaking, self._hand_over)
        if len(self._handshakes):
            self._emptied.clear()
            try:
                await asyncio.wait_for(self._emptied.wait(), grace)
            except TimeoutError:
                pass
        for shaking in self._handshakes:
            self._drop(shaking)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()
        self._epoll = None

    # Events

    def _ready(self) -> None:
        assert self._epoll is not None
        until = time.monotonic() + TURN_SECONDS
        listeners = []
        for number, mask in self._epoll.poll(0, MAX_EVENTS_PER_WAKE):
            shaking = self._handshakes.at(number)
            if shaking is None:
                listeners.append(number)
            elif time.monotonic() < until:
                # What is left over is reported again.
                act = self._writable if mask & select.EPOLLOUT else self._readable
                self._guarded(shaking, act)
        for number in listeners:
            listener = self._gate.listener(number)
            if listener is not None:
                self._accept(listener, until)

    def _accept(self, listener: TlsListener, until: float) -> None:
        for number in range(listener.likely):
            if number and len(self._handshakes) >= self._most:
                return  # nobody has to go for one that may not be there
            if not self._make_room():
                self._pause()
                return
            taken = take_connection(listener.socket.fileno(), listener.local is None)
            if not isinstance(taken, int):
                self._begin(listener, *taken)
            elif taken == errno.EAGAIN:
                listener.likely = max(number, 1)
                return
            elif taken in EXHAUSTED:
                self._gate.tell_exhausted(os.strerror(taken))
                self._pause()
                return
            # Else accept(2): a connection that failed while it waited.
            if time.monotonic() >= until:
                return
        listener.likely = min(2 * listener.likely, MAX_ACCEPTS_PER_WAKE)

    def _pause(self) -> None:
        # Whoever leaves makes room, and frees a descriptor.
        self._gate.pause(for_place=True)
        self._arm()

    def _make_room(self) -> bool:
        """Whether there is a place for one more, at another's cost if it must be."""
        if len(self._handshakes) >= self._most:
            oldest = self._handshakes.longest()
            if oldest.proof is not None:
                self._guarded(oldest, self._hand_over)
                return self._server.has_room
            victim = self._handshakes.left_alone(time.monotonic())
            if victim is None:
                return False
            self._counters.add(Counter.HTTP_CROWDED_OUT)
            self._note(victim, Reason.HTTP_CROWDED_OUT, "a place was needed")
            self._drop(victim)
        return self._server.has_room

    def _begin(
        self,
        listener: TlsListener,
        number: int,
        source: str,
        local: tuple[str, int] | None,
        data: bytes | None,
    ) -> None:
        self._counters.add(Counter.HTTP_CONNECTIONS)
        now = time.monotonic()
        here = local or listener.local
        assert here is not None
        shaking = Shaking(
            number, listener.context, source, here, now, legacy=listener.legacy
        )
        if self._balancers and source in self._balancers:
            shaking.buffer = b""
        self._handshakes.add(shaking)
        if data is None:
            self._watch(shaking, select.EPOLLIN)
        else:
            self._guarded(shaking, self._received, data)
        if shaking in self._handshakes:
            self._wheel.place(shaking, shaking.deadline)
            self._arm()

    def _guarded(
        self, shaking: Shaking, act: Callable[..., None], *arguments: object
    ) -> None:
        """Do *act*; an error costs this connection only."""
        try:
            act(shaking, *arguments)
        except OSError:  # the peer is gone
            self._drop(shaking)
        except Exception as error:
            log.note(
                log.SERVER_CONNECTION_FAILED, exception=error, source=shaking.source
            )
            self._counters.add(Counter.HTTP_FAILED)
            self._drop(shaking)

    def _watch(self, shaking: Shaking, wanted: int) -> None:
        assert self._epoll is not None
        if not shaking.interest:
            self._epoll.register(shaking.number, wanted)
        elif wanted != shaking.interest:
            self._epoll.modify(shaking.number, wanted)
        shaking.interest = wanted

    def _readable(self, shaking: Shaking) -> None:
        try:
            data = os.read(shaking.number, _READ_BYTES)
        except BlockingIOError:
            return
        self._received(shaking, data)

    def _received(self, shaking: Shaking, data: bytes) -> None:
        """Go on with *data*, which is empty at the peer's end."""
        connection = shaking.connection
        if connection is None:
            data = self._first_bytes(shaking, data)
            connection = shaking.connection
            if connection is None:
                return
        self._handshakes.moved(shaking, time.monotonic())
        proof = shaking.proof
        if proof is not None:
            openssl.feed(connection, data)
        elif not data:
            self._drop(shaking)  # gone within the handshake: nobody is to be told
            return
        else:
            try:
                done = openssl.shake(connection, data)
            except SSL.Error as error:
                self._failed(shaking, connection, error)
                return
            if not done:
                self._send_out(shaking, connection)
                return
            proof = self._done(shaking, connection)
        self._ask(shaking, connection, proof)

    def _writable(self, shaking: Shaking) -> None:
        self._send(shaking, shaking.left)

    def _first_bytes(self, shaking: Shaking, data: bytes) -> bytes:
        """Return what of *data* TLS begins with; nothing when it is not there yet."""
        if not data:  # whoever connects only to see whether somebody listens
            self._drop(shaking)
            return b""
        if shaking.buffer is not None:
            data = self._introduced(shaking, shaking.buffer + data)
            if not data:
                return b""
        if is_clear_http(data):
            self._counters.add(Counter.TLS_CLEAR)
            self._leave(shaking)
            ends = Proxied(shaking.source, shaking.local)
            self._server.adopt_clear(_socket(shaking), ends, data)
            return b""
        shaking.hello = data
        shaking.shown = Shown(shaking.legacy)
        connection = SSL.Connection(shaking.context, None)
        connection.set_accept_state()
        connection.set_app_data(shaking.shown)
        shaking.connection = connection
        return data

    def _introduced(self, shaking: Shaking, data: bytes) -> bytes:
        """Take the PROXY header that *data* begins with; return what follows it."""
        try:
            header = header_from_bytes(data)
        except ProxySyntaxError as error:
            self._counters.add(Counter.HTTP_PROXY_REFUSED)
            self._note(shaking, Reason.PROXY_HEADER, str(error))
            self._drop(shaking)
            return b""
        if header is None:
            shaking.buffer = data
            self._watch(shaking, select.EPOLLIN)
            return b""
        shaking.buffer = None
        if header.proxied is not None:
            shaking.source, shaking.local = header.proxied
        if header.size == len(data):
            self._watch(shaking, select.EPOLLIN)
        return data[header.size :]

    def _done(self, shaking: Shaking, connection: SSL.Connection) -> Proof:
        """See to what follows when the handshake is complete."""
        assert shaking.shown is not None
        resumed = openssl.is_resumed(connection)
        self._counters.add(Counter.TLS_RESUMED if resumed else Counter.TLS_FULL)
        if not resumed and offers_session(shaking.hello):
            self._counters.add(Counter.TLS_TICKETS_LOST)
        shaking.hello = b""
        proof = self._side.identities.prove(connection, shaking.shown, resumed=resumed)
        shaking.proof = proof
        shaking.deadline = shaking.waiting + self._head_seconds
        return proof

    def _ask(self, shaking: Shaking, connection: SSL.Connection, proof: Proof) -> None:
        """Take the first request, if it is there; answer it, or have it answered."""
        try:
            data = openssl.read(connection)
        except SSL.Error:  # it broke TLS after the handshake: OpenSSL tells it
            data = b""
        if data is None:
            self._send_out(shaking, connection)  # the last flight, and tickets
            return
        if not data:
            # It needed no answer, only the handshake.
            self._close(shaking, connection)
            return
        said = None
        if not shaking.left:
            said = self._side.answer(data, shaking.source, shaking.local, proof)
        if said is None or said.keep_alive or len(said.data) > _MOST_AT_ONCE:
            self._hand_over(shaking, data, said)
            return
        openssl.write(connection, said.data)
        self._close(shaking, connection, proven=said.proven)

    def _close(
        self, shaking: Shaking, connection: SSL.Connection, *, proven: bool = False
    ) -> None:
        """Send what there is, with the end of the stream, and close."""
        openssl.end(connection)
        out = openssl.outgoing(connection)
        if shaking.left:
            out = memoryview(shaking.left + out)
        try:
            sent = os.write(shaking.number, out)
        except BlockingIOError:
            sent = 0
        if sent == len(out):
            self._drop(shaking)
            return
        shaking.left = bytes(out[sent:])
        self._hand_over(shaking, b"", Said(b"", False, proven))

    def _hand_over(
        self, shaking: Shaking, initial: bytes = b"", said: Said | None = None
    ) -> None:
        """Let the server go on."""
        assert shaking.connection is not None
        assert shaking.proof is not None
        self._leave(shaking)
        stream = TlsStream(shaking.connection, _socket(shaking), shaking.left)
        contact = Contact(shaking.source, shaking.local, True)
        self._server.adopt_stream(stream, contact, shaking.proof, initial, said)

    def _send_out(self, shaking: Shaking, connection: SSL.Connection) -> None:
        """Hand what OpenSSL has written to the kernel, one flight in one write."""
        out = openssl.outgoing(connection)
        if shaking.left:
            self._send(shaking, shaking.left + out)
        elif out:
            self._send(shaking, out)
        else:
            self._watch(shaking, select.EPOLLIN)

    def _send(self, shaking: Shaking, out: "bytes | memoryview") -> None:
        try:
            sent = os.write(shaking.number, out)
        except BlockingIOError:
            sent = 0
        shaking.left = bytes(out[sent:]) if sent < len(out) else b""
        self._watch(shaking, select.EPOLLOUT if shaking.left else select.EPOLLIN)

    def _failed(
        self, shaking: Shaking, connection: SSL.Connection, error: SSL.Error
    ) -> None:
        """Tell the client what is wrong, as far as the kernel takes it, and close."""
        self._counters.add(Counter.TLS_FAILED)
        self._note(shaking, Reason.TLS_FAILED, _why(error))
        with contextlib.suppress(OSError):
            os.write(shaking.number, shaking.left + openssl.outgoing(connection))
        self._leave(shaking)
        with _socket(shaking) as sock, contextlib.suppress(OSError):
            # What it may still send would have the kernel reset, and take that away.
            sock.shutdown(socket.SHUT_WR)
        self._server.room_made()

    def _note(self, shaking: Shaking, reason: Reason, detail: str) -> None:
        detail = detail[:MAX_SIGHTING_DETAIL_CHARACTERS]
        self._sight(Sighting(time.time(), 0, shaking.source, reason, detail))

    def _leave(self, shaking: Shaking) -> None:
        """Forget *shaking*, whose descriptor stays open."""
        self._handshakes.remove(shaking)
        self._wheel.remove(shaking)
        if shaking.interest and self._epoll is not None:
            # Closing does not end the watch while a child holds a copy.
            self._epoll.unregister(shaking.number)
        self._gate.place_freed()
        if not len(self._handshakes) and self._emptied is not None:
            self._emptied.set()

    def _drop(self, shaking: Shaking) -> None:
        """Close *shaking* and forget it; again is harmless."""
        if shaking in self._handshakes:
            self._leave(shaking)
            os.close(shaking.number)
            self._server.room_made()

    # Time

    def _arm(self) -> None:
        if self._timer is None and self._loop is not None:
            self._timer = self._loop.call_later(TICK_SECONDS, self._tick)

    def _tick(self) -> None:
        """Let deadlines pass."""
        self._timer = None
        now = time.monotonic()
        for shaking in self._wheel.due(now):
            self._guarded(shaking, self._late)
        self._gate.tick(now)
        if len(self._wheel) or self._gate.is_paused:
            self._arm()

    def _late(self, shaking: Shaking) -> None:
        """End *shaking* when its deadline has passed, and it is not us who are late.

        After a stop of this process timers come first, and what the peer did in time
        waits in the kernel.
        """
        if not shaking.left:
            self._readable(shaking)
        if shaking not in self._handshakes:
            return
        if time.monotonic() < shaking.deadline:
            self._wheel.place(shaking, shaking.deadline)
            return
        self._counters.add(Counter.HTTP_TIMEOUTS)
        if shaking.proof is None:
            self._note(shaking, Reason.TLS_TIMEOUT, "")
            self._drop(shaking)
            return
        self._note(shaking, Reason.HTTP_TIMEOUT, "no request came")
        assert shaking.connection is not None
        self._close(shaking, shaking.connection)


def _socket(shaking: Shaking) -> socket.socket:
    """Return the socket of *shaking*, which owns its descriptor from here on."""
    return socket.socket(fileno=shaking.number)


def _why(error: SSL.Error) -> str:
    """Return what OpenSSL says of *error*: its own words, nothing of the peer's."""
    if isinstance(error, SSL.SysCallError) or not error.args:
        return "the client hung up"
    return "; ".join(str(part[-1]) for part in error.args[0])
