"""A TLS connection after its handshake, with the methods of a socket.

``server.tcp`` reads and writes it like the sockets of clear HTTP.  Three things differ,
and it asks for them: what is read may wait here while the kernel has nothing more
(``has_input``), what was sent may wait here until the kernel takes it (``unsent``), and
the last answer takes the end of the stream with it in one write (``ending``).

The socket may be a blocking one: no call here waits.
"""

import socket
from typing import Any

from OpenSSL import SSL

from bootwave.server.tls.openssl import release_buffers

MAX_RECORD = 16_384  # RFC 8446 section 5.1
# Encrypted at once, and in one call: a kernel's buffer takes more than epoll tells.
_MOST_SENT = 4 * MAX_RECORD
_MOST_AT_A_TIME = 16 * _MOST_SENT
# Those records with what TLS adds, tickets and alerts.
_OUT_BYTES = _MOST_SENT + MAX_RECORD


class TlsStream:
    """The server's end of *connection* over *sock*; it owns both."""

    __slots__ = ("_connection", "_ended", "_left", "_socket", "ending", "has_input")

    def __init__(
        self, connection: SSL.Connection, sock: socket.socket, left: bytes = b""
    ) -> None:
        """Go on with what a handshake left; *left* is to be sent first."""
        release_buffers(connection)
        self._connection = connection
        self._socket = sock
        self._left = memoryview(left)
        self._ended = False
        self.has_input = True
        self.ending = False

    @property
    def unsent(self) -> int:
        """How many encrypted bytes the kernel has not taken yet."""
        return len(self._left)

    def fileno(self) -> int:
        """Return the socket's descriptor."""
        return self._socket.fileno()

    def getpeername(self) -> Any:
        """Return the address of who connected."""
        return self._socket.getpeername()

    def setsockopt(self, level: int, option: int, value: Any) -> None:
        """Set an option of the socket."""
        self._socket.setsockopt(level, option, value)

    def recv_into(self, buffer: bytearray) -> int:
        """Read into *buffer*; return how many bytes, 0 at the end of the stream.

        An end without close_notify is one, too: a request cut short by it is not
        complete (RFC 9112 section 9.8).  Raises BlockingIOError when nothing is
        there, and another OSError when the peer broke TLS, which was told.
        """
        while True:
            if self.has_input:
                try:
                    return self._connection.recv_into(buffer)
                except SSL.WantReadError:
                    self.has_input = False
                    # What was read may have asked for an answer of TLS's own.
                    self._flush()
                except (SSL.ZeroReturnError, SSL.SysCallError):
                    self.has_input = False
                    return 0
                except SSL.Error:
                    self._flush_quietly()
                    raise ConnectionAbortedError("TLS was broken") from None
            data = self._socket.recv(MAX_RECORD, socket.MSG_DONTWAIT)
            if data:
                self._connection.bio_write(data)
            else:
                self._connection.bio_shutdown()
            self.has_input = True

    def send(self, data: bytes | memoryview) -> int:
        """Encrypt *data*, or a part; return how many bytes were.

        What the kernel does not take of it is ``unsent``.  Raises BlockingIOError while
        it takes nothing, and OSError.
        """
        if self._left:
            self._push()
            if self._left:
                raise BlockingIOError
        if self.ending and not len(data):
            self._end()
            self._flush()
        view = memoryview(data)
        sent = 0
        while not self._left and sent < min(len(view), _MOST_AT_A_TIME):
            sent += self._encrypt(view[sent : sent + _MOST_SENT])
            if self.ending and sent == len(view):
                self._end()
            self._flush()
        return sent

    def _encrypt(self, data: memoryview) -> int:
        sent = 0
        try:
            while sent < len(data):
                sent += self._connection.send(data[sent : sent + MAX_RECORD])
        except SSL.Error:
            raise ConnectionAbortedError("TLS was broken") from None
        return sent

    def shutdown(self, how: int) -> None:
        """Say that no more is sent, in TLS and TCP (RFC 8446 section 6.1)."""
        self._end()
        self._flush_quietly()
        self._socket.shutdown(how)

    def close(self) -> None:
        """Close the socket, having said so if the kernel takes it at once."""
        if not self._left and not self._ended:
            self._end()
            self._flush_quietly()
        self._socket.close()

    def _end(self) -> None:
        if not self._ended:
            self._ended = True
            try:
                self._connection.shutdown()
            except SSL.Error:
                pass  # it is over, one way or the other

    def _flush(self) -> None:
        """Hand what is encrypted to the kernel; raises OSError when it is gone."""
        if self._left:
            self._push()
            if self._left:
                return
        try:
            self._left = memoryview(self._connection.bio_read(_OUT_BYTES))
        except SSL.WantReadError:
            return
        self._push()

    def _push(self) -> None:
        try:
            size = self._socket.send(self._left, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        self._left = self._left[size:]

    def _flush_quietly(self) -> None:
        try:
            self._flush()
        except OSError:
            pass
