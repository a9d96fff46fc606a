"""TLS of a simulated phone: an SSL socket that never waits, and what it shows.

Like phones by default it believes every server (``tls_server_authentication`` off): it
is the server that is tested.  It is made of the standard library's TLS, which shares
nothing with the server's.
"""

import ssl
from functools import lru_cache
from socket import socket

# Files of one wave's phones; each holds a key.
_MOST_FILES = 4096
_READ_BYTES = 128 * 1024


class Secured:
    """A phone's end of a connection over TLS, with the methods of a socket.

    Until ``shaken`` the handshake is under way, and ``shake`` goes on with it.
    """

    __slots__ = ("_in", "_out", "_socket", "_tls", "_unsent", "shaken")

    def __init__(
        self, sock: socket, certificate: str, session: ssl.SSLSession | None
    ) -> None:
        """Speak TLS on *sock*, which is non-blocking and may not be connected yet.

        *certificate* is the file that is shown when the server asks, "" for none;
        *session* is one of an earlier connection with the same certificate.  Raises
        OSError when the file is none.
        """
        self._socket = sock
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context_of(certificate).wrap_bio(
            self._in, self._out, session=session
        )
        self._unsent = b""
        self.shaken = False

    @property
    def session(self) -> ssl.SSLSession | None:
        """What a later connection may resume."""
        # Asked before, ssl has a session that cannot be copied, and raises ValueError.
        return self._tls.session if self.shaken else None

    @property
    def has_unsent(self) -> bool:
        """Whether the kernel has yet to take something."""
        return bool(self._unsent)

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._socket.fileno()

    def connect(self, peer: tuple[str, int]) -> None:
        """Connect; raises BlockingIOError while that is under way."""
        self._socket.connect(peer)

    def bind(self, local: tuple[str, int]) -> None:
        """Take the address *local*."""
        self._socket.bind(local)

    def setsockopt(self, level: int, option: int, value: int) -> None:
        """Set an option of the socket."""
        self._socket.setsockopt(level, option, value)

    def shake(self) -> None:
        """Go on with the handshake; raises BlockingIOError while it is under way."""
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._flush()
                self._feed()
            except ssl.SSLError:
                self._flush()  # the alert
                raise
            else:
                self._flush()
                self.shaken = True
                return

    def send(self, data: bytes) -> int:
        """Return how much of *data* was sent; raises BlockingIOError for nothing."""
        self._flush()
        if self._unsent or not self.shaken:
            raise BlockingIOError
        sent = self._tls.write(data)
        self._flush()
        return sent

    def recv(self, size: int) -> bytes:
        """Return what came, b"" at the end; raises BlockingIOError for nothing."""
        while True:
            try:
                return self._tls.read(size)
            except ssl.SSLWantReadError:
                self._feed()
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""

    def close(self) -> None:
        """Close the connection, for the server to find out."""
        self._socket.close()

    def _feed(self) -> None:
        data = self._socket.recv(_READ_BYTES)
        if data:
            self._in.write(data)
        else:
            self._in.write_eof()

    def _flush(self) -> None:
        self._unsent += self._out.read()
        if self._unsent:
            try:
                sent = self._socket.send(self._unsent)
            except BlockingIOError:
                return
            self._unsent = self._unsent[sent:]


@lru_cache(_MOST_FILES)
def context_of(certificate: str) -> ssl.SSLContext:
    """Return what phones with the file *certificate* connect with, "" for none.

    Old keys and signatures are good enough, for old phones have them.  Raises OSError.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    if certificate:
        context.load_cert_chain(certificate)
    return context
