"""A server over TLS in a thread, and phones that connect to it."""

import asyncio
import contextlib
import socket
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import uvloop
from OpenSSL import SSL, crypto

from bootwave.certificates.blocks import NO_BLOCKS, Blocks
from bootwave.http.connection import Deadlines
from bootwave.http.contact import Contact
from bootwave.http.request import Request
from bootwave.http.response import Response
from bootwave.metrics import Counter, CounterPage
from bootwave.options import HttpOptions, HttpsLegacyOptions, HttpsOptions
from bootwave.server.listeners import close_listeners, open_http_listeners
from bootwave.server.tcp import HttpServer
from bootwave.server.tls.acceptor import TlsAcceptor
from bootwave.server.tls.identity import Identities
from bootwave.server.tls.openssl import is_resumed
from bootwave.server.tls.shaking import TlsListener
from bootwave.server.tls.shared import TlsShared
from bootwave.server.tls.side import TlsSide
from bootwave.sightings import Reason, Sighting
from tests.certificates import factory
from tests.certificates.encoding import pem

PATIENCE = 15.0
GET = b"GET /a HTTP/1.1\r\nHost: pbx\r\nConnection: close\r\n\r\n"
STAY = b"GET /a HTTP/1.1\r\nHost: pbx\r\n\r\n"


def server_files(directory: Path, *hosts: str) -> Path:
    """A file with a certificate of the server for *hosts*, and its key."""
    certificate, key = factory.host(*(hosts or ("localhost",)))
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / f"{hosts[0] if hosts else 'server'}.pem"
    file.write_bytes(certificate + key)
    file.chmod(0o600)
    return file


def https_options(directory: Path, **more: Any) -> HttpsOptions:
    """The options of the factory's cases, with listeners chosen by the kernel."""
    fields: dict[str, Any] = {
        "listen": ("127.0.0.1:0",),
        "certificates": (server_files(directory),),
        "legacy": HttpsLegacyOptions(listen=("127.0.0.1:0",)),
        **factory.options(directory / "factory"),
        **more,
    }
    return HttpsOptions(**fields)


class Served:
    """A server that answers with what it knows of who asks.

    ``blocks`` are the certificates that are blocked; raise ``stamp`` after a change.
    """

    def __init__(
        self,
        options: HttpsOptions,
        *,
        respond: Callable[[Request, Contact], Response] | None = None,
        deadlines: Deadlines | None = None,
        http: HttpOptions | None = None,
    ) -> None:
        self.options = options
        self.respond = respond
        self.deadlines = deadlines or Deadlines()
        self.http_options = http or HttpOptions()
        self.blocks: Blocks = NO_BLOCKS
        self.block_error: Exception | None = None
        self.stamp = 0
        self.sightings: list[Sighting] = []
        self.contacts: list[Contact] = []
        self.counters = CounterPage(1).row(0)
        self.shared = TlsShared(options)
        self.address = ("", 0)
        self.legacy_address = ("", 0)
        self.loop = uvloop.new_event_loop()
        self._stop = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Served":
        self._thread.start()
        assert self._ready.wait(PATIENCE)
        return self

    def __exit__(self, *_: object) -> None:
        self.loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        self.loop.close()

    @property
    def reasons(self) -> list[Reason]:
        return [sighting.reason for sighting in self.sightings]

    def count(self, counter: Counter) -> int:
        return self.counters.load(counter)

    def until(self, condition: Callable[[], Any]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.005)

    def call(self, function: Callable[[], Any]) -> Any:
        """Call *function* in the server's loop and return its result."""

        async def called() -> Any:
            return function()

        return asyncio.run_coroutine_threadsafe(called(), self.loop).result(PATIENCE)

    def _blocks(self) -> Blocks:
        if self.block_error is not None:
            raise self.block_error
        return self.blocks

    def _respond(self, request: Request, contact: Contact) -> Response:
        self.contacts.append(contact)
        if self.respond is not None:
            return self.respond(request, contact)
        identity = contact.identity
        denial = identity.denial.name if identity.denial else ""
        text = f"{identity.mac:012X}|{denial}|{identity.detail}|{contact.source}"
        return Response(200, text.encode())

    def _run(self) -> None:
        self.loop.run_until_complete(self._main())

    async def _main(self) -> None:
        modern = open_http_listeners(self.options.listen, 1)[0]
        legacy = open_http_listeners(self.options.legacy.listen, 1)[0]
        contexts = self.shared.contexts
        listeners = []
        for sock in modern:
            assert contexts.modern is not None
            listeners.append(TlsListener(sock, contexts.modern))
            self.address = sock.getsockname()[:2]
        for sock in legacy:
            assert contexts.legacy is not None
            listeners.append(TlsListener(sock, contexts.legacy, legacy=True))
            self.legacy_address = sock.getsockname()[:2]
        self.identities = Identities(
            self.shared.policy,
            self.shared.page,
            stamp=lambda: self.stamp,
            blocks=self._blocks,
        )
        side = TlsSide(self.identities, lambda local: "https://x", None)
        self.server = HttpServer(
            [],
            self._respond,
            self.sightings.append,
            self.counters,
            self.http_options,
            deadlines=self.deadlines,
            tls=side,
        )
        self.acceptor = TlsAcceptor(
            listeners,
            self.server,
            side,
            self.sightings.append,
            self.counters,
            most=self.options.handshakes,
            balancers=self.http_options.proxy_protocol,
            deadlines=self.deadlines,
        )
        await self.server.start()
        await self.acceptor.start()
        self._ready.set()
        await self._stop.wait()
        await self.acceptor.stop(0.5)
        await self.server.stop(0.5)
        close_listeners([modern, legacy])


def client_context(
    chain: Sequence[bytes] = (),
    key: bytes = b"",
    version: int = SSL.TLS1_3_VERSION,
) -> SSL.Context:
    """A client that speaks *version* alone and shows *chain* (DER) when asked."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_cipher_list(b"ALL:@SECLEVEL=0")
    context.set_min_proto_version(version)
    context.set_max_proto_version(version)
    if chain:
        with warnings.catch_warnings():
            # cryptography would refuse to read some of what phones might send.
            warnings.simplefilter("ignore", DeprecationWarning)
            leaf, *rest = (
                crypto.load_certificate(crypto.FILETYPE_ASN1, der) for der in chain
            )
            context.use_certificate(leaf)
            for der in rest:
                context.add_extra_chain_cert(der)
            context.use_privatekey(crypto.load_privatekey(crypto.FILETYPE_PEM, key))
    return context


class Phone:
    """One connection over TLS; *session* is resumed when the server lets it."""

    def __init__(
        self,
        address: tuple[str, int],
        context: SSL.Context,
        session: SSL.Session | None = None,
        *,
        first: bytes = b"",
        server_name: str = "",
    ) -> None:
        self.socket = socket.create_connection(address, PATIENCE)
        if first:
            self.socket.sendall(first)
        self.tls = SSL.Connection(context, None)
        if session is not None:
            self.tls.set_session(session)
        if server_name:
            self.tls.set_tlsext_host_name(server_name.encode())
        self.tls.set_connect_state()
        self._ended = False

    def shake(self) -> None:
        """Do the handshake; raises SSL.Error."""
        while True:
            try:
                self.tls.do_handshake()
            except SSL.WantReadError:
                self.flush()
                self.feed()
            else:
                self.flush()
                return

    def flush(self) -> None:
        with contextlib.suppress(SSL.WantReadError):
            self.socket.sendall(self.tls.bio_read(1 << 18))

    def feed(self) -> None:
        data = self.socket.recv(1 << 16)
        if data:
            self.tls.bio_write(data)
        else:
            assert not self._ended, "the server hung up"
            self._ended = True
            self.tls.bio_shutdown()

    def send(self, data: bytes) -> None:
        self.tls.sendall(data)
        self.flush()

    def receive(self) -> bytes:
        """What comes next; b"" at a proper end."""
        while True:
            try:
                return self.tls.recv(1 << 16)
            except SSL.WantReadError:
                self.feed()
            except SSL.ZeroReturnError:
                return b""

    def rest(self) -> bytes:
        """What comes until the end, which must be a proper one."""
        parts = []
        while part := self.receive():
            parts.append(part)
        return b"".join(parts)

    def answer(self) -> bytes:
        """The body of one answer whose length is told."""
        data = b""
        while b"\r\n\r\n" not in data:
            data += self.receive()
        head, _, body = data.partition(b"\r\n\r\n")
        size = next(
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        )
        while len(body) < size:
            body += self.receive()
        return body

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> "Phone":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def ask(
    address: tuple[str, int],
    context: SSL.Context,
    session: SSL.Session | None = None,
    request: bytes = GET,
) -> tuple[bytes, SSL.Session, bool]:
    """The body that *request* gives, the session, and whether it was resumed."""
    with Phone(address, context, session) as phone:
        phone.shake()
        phone.send(request)
        answer = phone.rest()
        got = phone.tls.get_session()
        assert got is not None
        resumed = is_resumed(phone.tls)
        # A session that was not ended properly is not resumed (SSL_clear).
        phone.tls.shutdown()
        return answer.partition(b"\r\n\r\n")[2], got, resumed


def files(chain: Sequence[bytes], key: bytes, path: Path) -> Path:
    """A PEM file with *chain* and *key*, as programs read them."""
    path.write_bytes(b"".join(pem(der) for der in chain) + key)
    return path


def versions() -> Iterator[int]:
    yield SSL.TLS1_2_VERSION
    yield SSL.TLS1_3_VERSION
