"""One connection as ``HttpServer`` holds it."""

import socket
from typing import TYPE_CHECKING, Protocol

from bootwave.http.connection import HttpConnection
from bootwave.http.contact import Contact
from bootwave.http.effects import SendFile
from bootwave.http.response import Response

if TYPE_CHECKING:
    from bootwave.server.tls.identity import Proof
    from bootwave.server.tls.stream import TlsStream


class SendsFiles(Protocol):
    """What sends files on connections that leave the server (downloads.Downloads)."""

    def __call__(
        self, sock: "socket.socket | TlsStream", sending: SendFile, source: str
    ) -> None:
        """Send what is to be sent on *sock*, to *source*, and close it."""


class Peer:
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
        """Keep the parts."""
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
