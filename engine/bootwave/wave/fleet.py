"""Many phones at once on a few sockets of this machine.

All phones of a wave share some UDP sockets; answers find their phone by Call-ID.  Each
file is a connection of its own, as with real phones, and a bounded number of phones
fetch at the same time.  One epoll set holds every descriptor and is itself one reader
of the asyncio loop: transports would cost ten system calls per connection, which is
what a wave of thousands consists of.

A fleet sends to loopback only, unless the operator named a server elsewhere: a settings
URL that leads away from loopback is a verdict, not a request.
"""

import asyncio
import errno
import fcntl
import ipaddress
import random
import select
import socket
import ssl
import struct
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from heapq import heappop, heappush
from urllib.parse import urlsplit

from bootwave.wave import report as reports
from bootwave.wave.credentials import Credentials
from bootwave.wave.document import Reader
from bootwave.wave.identity import Identity, Shape
from bootwave.wave.phone import (
    Address,
    Effect,
    Finished,
    Offer,
    Outcome,
    Patience,
    Phone,
    Request,
    SendDatagram,
)
from bootwave.wave.report import Report
from bootwave.wave.secure import Secured
from bootwave.wave.sip import call_id_of
from bootwave.wave.subscription import Subscription

# Linux's numbers for what Python's socket module does not name.
_IP_RECVERR = 11
_IP_BIND_ADDRESS_NO_PORT = 24
_SO_RCVBUFFORCE = 33
_SIOCGIFADDR = 0x8915

# 24,000 answers of this size fit in 16 MiB; the kernel may grant less.
_RECEIVE_BUFFER_BYTES = 16 * 1024 * 1024
_UDP_SOCKETS = 4
_DATAGRAM_BYTES = 4096
_READ_BYTES = 128 * 1024
# Per turn of the loop, so that starting, receiving and fetching share it fairly.
_STARTS_PER_TURN = 64
_DATAGRAMS_PER_TURN = 128
_EVENTS_PER_TURN = 512
_TICK_SECONDS = 0.02
_PROGRESS_SECONDS = 0.1
# When a phone is looked at again whose answer waits to be read, and for how long: what
# is read too late here says nothing of the server, but no wave lasts for as long as
# somebody floods it.
_UNREAD_SECONDS = 0.1
_BEHIND_SECONDS = 60.0

_PATIENCE = Patience()
_READABLE = select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR | select.EPOLLRDHUP


@dataclass(frozen=True, slots=True)
class Wave:
    """Which phones boot, and how.

    ``server`` is where SUBSCRIBEs go, unicast or, with ``interface`` (the address of
    one of this machine's), to a multicast group out of that interface; None when
    ``url`` gives the phones their setting server.  ``count`` phones have consecutive
    MACs from ``mac`` on, or those of ``macs``.  ``rate`` is phones started per second,
    0 for all at once.  ``sources`` are addresses of this machine that phones take in
    turn; empty lets the kernel choose.  At most ``in_flight`` phones fetch at a time.
    ``certificate`` is the PEM file that phones show over TLS, ``{mac}`` in it for the
    phone's.  ``credentials``, by MAC, are those that phones have from an earlier boot.
    ``versions``, by MAC, stand for ``firmware``.
    """

    mac: int
    server: Address | None = None
    interface: str = ""
    url: str = ""
    model: str = "snom370"
    firmware: str = "8.4.35"
    shape: Shape | None = None
    count: int = 1
    rate: float = 0.0
    sources: tuple[str, ...] = ()
    in_flight: int = 1000
    keep_alive: bool = False
    patience: Patience = _PATIENCE
    certificate: str = ""
    credentials: Mapping[int, Credentials] = field(default_factory=dict, repr=False)
    versions: Mapping[int, str] = field(default_factory=dict)
    macs: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a wave is: phones started, and phones by outcome."""

    started: int
    outcomes: dict[Outcome, int]

    @property
    def finished(self) -> int:
        """How many phones have a verdict."""
        return sum(self.outcomes.values())


class _Connection:
    """One TCP connection of one phone."""

    __slots__ = ("peer", "phone", "socket", "unsent", "watched")

    def __init__(
        self, phone: Phone, peer: Address, sock: "socket.socket | Secured"
    ) -> None:
        self.phone = phone
        self.peer = peer
        self.socket = sock
        self.unsent = b""
        self.watched = 0

    @property
    def is_shaking(self) -> bool:
        """Whether a handshake is under way."""
        return isinstance(self.socket, Secured) and not self.socket.shaken


class Fleet:
    """One wave: ``run`` it once.

    ``credentials`` are then those that the phones have, and ``offers`` the firmware
    that some of them were told to load, by MAC.
    """

    def __init__(
        self, wave: Wave, *, on_progress: Callable[[Progress], None] | None = None
    ) -> None:
        """Prepare *wave*; *on_progress* is called about ten times a second."""
        if wave.count < 1:
            raise ValueError("a wave has at least one phone")
        if wave.mac + wave.count > 1 << 48:
            raise ValueError("the MACs of the wave go past FFFFFFFFFFFF")
        if wave.macs and len(wave.macs) != wave.count:
            raise ValueError("a wave counts each of its MACs")
        self._wave = wave
        self._on_progress = on_progress
        self._confined = _is_confined(wave)
        self._reader = Reader()
        self._phones: list[Phone] = []
        self._by_call_id: dict[bytes, Phone] = {}
        self._source_of: dict[Phone, str] = {}
        self._socket_of: dict[Phone, socket.socket] = {}
        self._udp: dict[int, socket.socket] = {}
        self._locals: list[tuple[socket.socket, Address]] = []
        self._connections: dict[int, _Connection] = {}
        self._connection_of: dict[Phone, _Connection] = {}
        self._sessions: dict[Phone, ssl.SSLSession] = {}
        self._waiting: deque[tuple[Phone, Request]] = deque()
        self._fetching: set[Phone] = set()
        self._addresses: dict[str, str] = {}
        self._lookups: set[asyncio.Task[None]] = set()
        self._timers: list[tuple[float, int]] = []
        self._outcomes = dict.fromkeys(Outcome, 0)
        self._booted_at: list[float] = []
        self._finished = 0
        self._strays = 0
        self._notes: dict[str, None] = {}
        self._began = 0.0
        self._ended = 0.0
        self._last_progress = 0.0
        # Chance only has to make Call-IDs that differ from those of other waves.
        self.credentials = dict(wave.credentials)
        self.offers: dict[int, Offer] = {}
        self._cnonce = f"{random.SystemRandom().getrandbits(64):016x}"
        self._first_number = random.SystemRandom().randrange(1 << 28, 1 << 31)

    async def run(self) -> Report:
        """Boot every phone of the wave and return what became of them.

        Raises OSError when this machine lacks an address or interface the wave names.
        """
        loop = asyncio.get_running_loop()
        self._loop = loop
        self._done: asyncio.Future[None] = loop.create_future()
        self._epoll = select.epoll()
        try:
            self._open_sockets()
            loop.add_reader(self._epoll.fileno(), self._on_ready)
            self._began = self._ended = time.monotonic()
            self._start_some()
            self._tick()
            await self._done
        finally:
            self._close(loop)
        return self._report()

    def stop(self) -> None:
        """End the wave now; ``run`` returns what is known so far."""
        if not self._done.done():
            self._done.set_result(None)

    # Starting.

    def _open_sockets(self) -> None:
        wave = self._wave
        if wave.server is None:
            return
        sources = wave.sources or (wave.interface or _route_to(wave.server),)
        for source in sources:
            for _ in range(min(_UDP_SOCKETS, -(-wave.count // 64))):
                sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                self._udp[sock.fileno()] = sock
                sock.setblocking(False)
                _enlarge(sock)
                # A closed port answers with ICMP, which explains silence.
                sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
                if wave.interface:
                    interface = socket.inet_aton(wave.interface)
                    sock.setsockopt(
                        socket.IPPROTO_IP, socket.IP_MULTICAST_IF, interface
                    )
                    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
                sock.bind((source, 0))
                self._locals.append((sock, sock.getsockname()))
                self._epoll.register(sock.fileno(), select.EPOLLIN)

    def _start_some(self) -> None:
        wave = self._wave
        due = wave.count
        if wave.rate > 0:
            elapsed = time.monotonic() - self._began
            due = min(due, 1 + int(elapsed * wave.rate))
        due = min(due, len(self._phones) + _STARTS_PER_TURN)
        while len(self._phones) < due:
            self._start_one(len(self._phones))
        if len(self._phones) < wave.count and not self._done.done():
            if wave.rate > 0:
                self._loop.call_later(0.002, self._start_some)
            else:
                self._loop.call_soon(self._start_some)

    def _start_one(self, position: int) -> None:
        wave = self._wave
        mac = wave.macs[position] if wave.macs else wave.mac + position
        version = wave.versions.get(mac, wave.firmware)
        identity = Identity(mac, wave.model, version)
        if wave.server is not None:
            sock, local = self._locals[position % len(self._locals)]
            subscription = Subscription(
                identity,
                wave.shape or identity.usual_shape,
                local,
                number=self._first_number + position,
            )
            phone = Phone(
                identity,
                subscription=subscription,
                server=wave.server,
                multicast=bool(wave.interface),
                patience=wave.patience,
                keep_alive=wave.keep_alive,
                read=self._reader.read,
                credentials=self.credentials.get(identity.mac),
                cnonce=self._cnonce,
            )
            self._by_call_id[subscription.call_id.encode()] = phone
            self._socket_of[phone] = sock
            if wave.sources or wave.interface:
                # A phone has one address, whatever it speaks.
                self._source_of[phone] = local[0]
        else:
            phone = Phone(
                identity,
                url=wave.url,
                patience=wave.patience,
                keep_alive=wave.keep_alive,
                read=self._reader.read,
                credentials=self.credentials.get(identity.mac),
                cnonce=self._cnonce,
            )
            if wave.sources:
                self._source_of[phone] = wave.sources[position % len(wave.sources)]
        self._phones.append(phone)
        self._perform(phone, phone.start(time.monotonic()))
        self._schedule(position)

    # Effects.

    def _perform(self, phone: Phone, effects: list[Effect]) -> None:
        for effect in effects:
            kind = type(effect)
            if kind is SendDatagram:
                assert isinstance(effect, SendDatagram)
                try:
                    self._socket_of[phone].sendto(effect.data, effect.destination)
                except OSError as error:
                    # As if lost on the way; the phone asks again.
                    self._note_network(error)
            elif kind is Request:
                assert isinstance(effect, Request)
                self._request(phone, effect)
            else:
                assert isinstance(effect, Finished)
                self._finish(phone)

    def _finish(self, phone: Phone) -> None:
        verdict = phone.verdict
        assert verdict is not None
        if phone.credentials is not None:
            self.credentials[phone.identity.mac] = phone.credentials
        if phone.offer is not None:
            self.offers[phone.identity.mac] = phone.offer
        self._drop(phone)
        if phone in self._fetching:
            self._fetching.discard(phone)
            self._fetch_next()
        now = time.monotonic()
        self._outcomes[verdict.outcome] += 1
        if verdict.outcome is Outcome.BOOTED:
            self._booted_at.append(now - self._began)
            if self._wave.count > 1:
                phone.steps.clear()  # nobody asks how a phone of many booted
        self._ended = now
        self._finished += 1
        if self._finished == self._wave.count:
            self.stop()

    # Datagrams.

    def _on_datagrams(self, sock: socket.socket) -> None:
        receive = sock.recvfrom
        by_call_id = self._by_call_id
        now = time.monotonic()
        for _ in range(_DATAGRAMS_PER_TURN):
            try:
                data, source = receive(_DATAGRAM_BYTES)
            except BlockingIOError:
                return
            except OSError as error:
                self._note_network(error)
                continue
            phone = by_call_id.get(call_id_of(data))
            if phone is None:
                if self._wave.count > 1:
                    self._strays += 1
                    continue
                phone = self._phones[0]  # which says what is wrong with it
            effects = phone.receive_datagram(data, source, now)
            if effects:
                self._perform(phone, effects)

    def _on_udp_error(self, sock: socket.socket) -> None:
        # The set stays ready until the error queue is empty.
        try:
            while True:
                sock.recvmsg(0, 512, socket.MSG_ERRQUEUE)
                self._note_refused()
        except OSError:
            pass

    def _note_network(self, error: OSError) -> None:
        if error.errno == errno.ECONNREFUSED:
            self._note_refused()
        elif error.errno not in (errno.EAGAIN, errno.ENOBUFS):
            self._notes[f"Sending failed: {error.strerror}."] = None

    def _note_refused(self) -> None:
        server = self._wave.server
        if server is not None:
            host, port = server
            self._notes[f"Nothing listens on UDP port {port} of {host}."] = None

    # Connections.

    def _request(self, phone: Phone, request: Request) -> None:
        if phone in self._fetching:
            self._send_request(phone, request)
        elif len(self._fetching) < self._wave.in_flight:
            self._fetching.add(phone)
            self._send_request(phone, request)
        else:
            self._waiting.append((phone, request))

    def _fetch_next(self) -> None:
        while self._waiting and len(self._fetching) < self._wave.in_flight:
            phone, request = self._waiting.popleft()
            self._fetching.add(phone)
            # Not from here: a failure would come back into this loop.
            self._loop.call_soon(self._send_request, phone, request)

    def _send_request(self, phone: Phone, request: Request) -> None:
        if phone.verdict is not None or self._done.done():
            return
        now = time.monotonic()
        phone.request_begun(now)
        connection = self._connection_of.get(phone)
        if connection is not None and request.reuse:
            self._send(connection, request.data, now)
            return
        self._drop(phone)
        host = request.url.address
        address = self._addresses.get(host)
        if address is None:
            address = _literal(host)
            if not address:
                lookup = self._loop.create_task(self._look_up(phone, request))
                self._lookups.add(lookup)
                lookup.add_done_callback(self._lookups.discard)
                return
            self._addresses[host] = address
        self._connect(phone, request, address, now)

    async def _look_up(self, phone: Phone, request: Request) -> None:
        host = request.url.address
        try:
            found = await self._loop.getaddrinfo(
                host, request.url.port, type=socket.SOCK_STREAM
            )
        except OSError:
            reason = f"the name {host} has no address"
            self._perform(phone, phone.receive_failure(reason, time.monotonic()))
            return
        self._addresses[host] = str(found[0][4][0])
        self._send_request(phone, request)

    def _connect(
        self, phone: Phone, request: Request, address: str, now: float
    ) -> None:
        if self._confined and not _is_loopback(address):
            reason = (
                f"it leads to {address}, but a wave against a server on loopback stays "
                "on loopback"
            )
            self._perform(phone, phone.receive_failure(reason, now))
            return
        peer = (address, request.url.port)
        is_v6 = ":" in address
        sock: socket.socket | Secured = socket.socket(
            socket.AF_INET6 if is_v6 else socket.AF_INET,
            socket.SOCK_STREAM | socket.SOCK_NONBLOCK,
        )
        if request.url.scheme == "https":
            assert isinstance(sock, socket.socket)
            file = self._wave.certificate.replace("{mac}", phone.identity.mac_text)
            try:
                sock = Secured(sock, file, self._sessions.get(phone))
            except OSError as error:
                sock.close()
                why = _why(error)
                if isinstance(error, ssl.SSLError):  # of its PEM alone, and has no name
                    why = "it must hold certificate, chain and key in PEM"
                reason = f"its certificate {file} cannot be used: {why}"
                self._perform(phone, phone.receive_failure(reason, now))
                return
        connection = _Connection(phone, peer, sock)
        self._connections[sock.fileno()] = connection
        self._connection_of[phone] = connection
        try:
            source = self._source_of.get(phone)
            if source and not is_v6:
                # Otherwise the kernel would keep one port of the address for each.
                sock.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
                sock.bind((source, 0))
            sock.connect(peer)
        except BlockingIOError:
            pass
        except OSError as error:
            self._lost(connection, error, now)
            return
        # On loopback the connection stands already and takes the request at once.
        self._send(connection, request.data, now)

    def _send(self, connection: _Connection, data: bytes, now: float) -> None:
        try:
            sent = connection.socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._lost(connection, error, now)
            return
        connection.unsent = data[sent:]
        if connection.is_shaking and not connection.watched:
            self._shake(connection, now)
        else:
            self._watch(connection)

    def _shake(self, connection: _Connection, now: float) -> None:
        assert isinstance(connection.socket, Secured)
        try:
            connection.socket.shake()
        except BlockingIOError:
            self._watch(connection)
        except OSError as error:
            self._lost(connection, error, now)
        else:
            self._send(connection, connection.unsent, now)

    def _watch(self, connection: _Connection) -> None:
        sock = connection.socket
        if isinstance(sock, Secured) and (not sock.shaken or sock.has_unsent):
            sending = sock.has_unsent
        else:
            sending = bool(connection.unsent)
        wanted = select.EPOLLIN | (select.EPOLLOUT if sending else 0)
        if wanted == connection.watched:
            return
        if connection.watched:
            self._epoll.modify(connection.socket.fileno(), wanted)
        else:
            self._epoll.register(connection.socket.fileno(), wanted)
        connection.watched = wanted

    def _on_connection(self, connection: _Connection, events: int) -> None:
        phone = connection.phone
        now = time.monotonic()
        if connection.is_shaking:
            self._shake(connection, now)
            return
        if events & select.EPOLLOUT and connection.unsent:
            self._send(connection, connection.unsent, now)
            if self._connection_of.get(phone) is not connection:
                return
        if not events & _READABLE:
            return
        receive = connection.socket.recv
        # Mostly the answer and the end of the connection are both there.
        for _ in range(2):
            try:
                data = receive(_READ_BYTES)
            except BlockingIOError:
                return
            except OSError as error:
                self._lost(connection, error, now)
                return
            if not data:
                self._drop(phone)
                self._perform(phone, phone.receive_end(now))
                return
            effects = phone.receive_data(data, now)
            if effects:
                self._perform(phone, effects)
                return

    def _lost(self, connection: _Connection, error: OSError, now: float) -> None:
        phone = connection.phone
        host, port = connection.peer
        self._drop(phone)
        if error.errno == errno.ECONNREFUSED:
            reason = f"nothing listens on TCP port {port} of {host}"
        elif error.errno == errno.EADDRNOTAVAIL:
            reason = (
                "this machine has no free port or no such source address: name more "
                "with --source"
            )
        elif error.errno == errno.ECONNRESET:
            reason = "the server reset the connection"
        elif isinstance(error, ssl.SSLError):
            reason = f"TLS failed: {_why(error)}"
        else:
            reason = f"the connection failed: {error.strerror}"
        self._perform(phone, phone.receive_failure(reason, now))

    def _drop(self, phone: Phone) -> None:
        connection = self._connection_of.pop(phone, None)
        if connection is not None:
            if isinstance(connection.socket, Secured):
                session = connection.socket.session
                if session is not None:
                    self._sessions[phone] = session
            del self._connections[connection.socket.fileno()]
            connection.socket.close()  # which takes it out of the epoll set too

    # The loop's turns.

    def _on_ready(self) -> None:
        connections = self._connections
        for descriptor, events in self._epoll.poll(0, _EVENTS_PER_TURN):
            # A connection may have been closed earlier in this turn.
            connection = connections.get(descriptor)
            if connection is not None:
                self._on_connection(connection, events)
                continue
            sock = self._udp.get(descriptor)
            if sock is not None:
                if events & select.EPOLLERR:
                    self._on_udp_error(sock)
                self._on_datagrams(sock)

    def _schedule(self, position: int) -> None:
        due = self._phones[position].next_timer()
        if due is not None:
            heappush(self._timers, (due, position))

    def _tick(self) -> None:
        if self._done.done():
            return
        now = time.monotonic()
        timers = self._timers
        unread = self._unread() if timers and timers[0][0] <= now else set()
        while timers and timers[0][0] <= now:
            # One entry per phone: when it comes up, the phone may long have moved on.
            _due, position = heappop(timers)
            phone = self._phones[position]
            if unread and self._is_behind(phone, unread, now):
                heappush(timers, (now + _UNREAD_SECONDS, position))
                continue
            effects = phone.handle_timer(now)
            if effects:
                self._perform(phone, effects)
            if phone.verdict is None:
                due = phone.next_timer()
                # A phone that waits for its turn to fetch is looked at again later.
                heappush(timers, (now + 1.0 if due is None else due, position))
        if self._on_progress and now - self._last_progress >= _PROGRESS_SECONDS:
            self._last_progress = now
            self._on_progress(self._progress())
        self._loop.call_later(_TICK_SECONDS, self._tick)

    def _unread(self) -> set[int]:
        """Return the descriptors of which something waits to be read."""
        most = len(self._connections) + len(self._udp) + 1
        ready = self._epoll.poll(0, most)
        return {descriptor for descriptor, events in ready if events & _READABLE}

    def _is_behind(self, phone: Phone, unread: set[int], now: float) -> bool:
        """Whether *phone* may have been answered, and nobody read it yet."""
        due = phone.next_timer()
        if due is None or now - due >= _BEHIND_SECONDS:
            return False
        connection = self._connection_of.get(phone)
        heard = connection.socket if connection else self._socket_of.get(phone)
        return heard is not None and heard.fileno() in unread

    def _progress(self) -> Progress:
        return Progress(len(self._phones), dict(self._outcomes))

    def _close(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.remove_reader(self._epoll.fileno())
        for lookup in self._lookups:
            lookup.cancel()
        for connection in self._connections.values():
            connection.socket.close()
        for sock in self._udp.values():
            sock.close()
        self._epoll.close()
        if self._on_progress:
            self._on_progress(self._progress())

    def _report(self) -> Report:
        phones = self._phones
        unfinished = self._wave.count - self._finished
        ended = time.monotonic() if unfinished else self._ended
        troubled = (
            phone
            for phone in phones
            if phone.verdict is None or phone.verdict.outcome is not Outcome.BOOTED
        )
        examples = phones[:1] if self._wave.count == 1 else []
        if not examples:
            for _, phone in zip(range(reports.MAX_EXAMPLES), troubled, strict=False):
                examples.append(phone)
        return Report(
            phones=self._wave.count,
            seconds=ended - self._began,
            outcomes=dict(self._outcomes),
            unfinished=unfinished,
            shares=reports.shares_of(self._booted_at),
            reasons=reports.reasons_of(phones),
            requests=sum(phone.requests for phone in phones),
            resends=sum(phone.resends for phone in phones),
            strays=self._strays,
            notes=list(self._notes),
            examples=examples,
        )


def interface_address(name: str) -> str:
    """Return the IPv4 address of the interface *name*, or *name* if it is an address.

    Raises OSError when this machine has no such interface.
    """
    if _literal(name):
        return name
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        wanted = struct.pack("256s", name.encode()[:15])
        answer = fcntl.ioctl(sock.fileno(), _SIOCGIFADDR, wanted)
    return socket.inet_ntoa(answer[20:24])


def _why(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "unknown").lower().replace("_", " ")
    return error.strerror or str(error)


def _enlarge(sock: socket.socket) -> None:
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER_BYTES)
    except PermissionError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)


def _route_to(server: Address) -> str:
    """Return the address that this machine would send to *server* from."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(server)
        return str(sock.getsockname()[0])


def _literal(host: str) -> str:
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return ""


@lru_cache(maxsize=64)
def _is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address).is_loopback


def _is_confined(wave: Wave) -> bool:
    """Whether the operator named nothing outside of loopback."""
    if wave.server is None:
        named = urlsplit(wave.url).hostname or ""
    else:
        named = wave.interface or wave.server[0]
    if named == "localhost":
        return True
    address = _literal(named)
    return bool(address) and _is_loopback(address)
