"""NOTIFYs to proxies that want TCP or TLS: one connection per target, kept for a while.

Whatever a connection carries is cut into messages as RFC 3261 section 18.3 has it.  A
connection that cannot be made, breaks, or sends what is no SIP is lost, and whoever was
told by it is told so.  One that nobody uses is closed before proxies would, so that
hardly any NOTIFY meets a connection that is just being closed.
"""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path

from bootwave.errors import OptionError, PeerError
from bootwave.limits import MAX_PROXY_STREAM_BACKLOG_BYTES, MAX_PROXY_STREAMS
from bootwave.rollout.resolving import Target
from bootwave.sip.effects import Endpoint
from bootwave.sip.framing import StreamFramer
from bootwave.sip.transaction import TIMER_F_SECONDS

CONNECT_SECONDS = 5.0  # TCP and the handshake of TLS
IDLE_SECONDS = 60.0  # kamailio and Asterisk close after 120 s and more
_READ_BYTES = 65_536

Received = Callable[[bytes, Endpoint], None]
Lost = Callable[[Target, str], None]


class SipStreams:
    """Connections to proxies, made when something is sent, in the running loop."""

    def __init__(
        self,
        received: Received,
        lost: Lost,
        *,
        cas: Sequence[Path] = (),
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        """Call *received* with each message, and *lost* with a target and a clause.

        Certificates are verified against the PEM files *cas*, without any against the
        CAs of the system.
        """
        self._received = received
        self._lost = lost
        self._cas = cas
        self._idle_seconds = idle_seconds
        self._context: ssl.SSLContext | None = None
        self._streams: dict[Target, _Stream] = {}

    def __len__(self) -> int:
        """Return how many connections there are, also those being made."""
        return len(self._streams)

    def send(self, data: bytes, to: Target) -> None:
        """Send *data*; what cannot be sent is lost, later and not before it returns."""
        stream = self._streams.get(to)
        if stream is None:
            stream = _Stream(to)
            if len(self._streams) >= MAX_PROXY_STREAMS and not self._make_room():
                why = f"there are {MAX_PROXY_STREAMS} connections to proxies already"
                asyncio.get_running_loop().call_soon(self._lost, to, why)
                return
            self._streams[to] = stream
            stream.task = asyncio.create_task(self._run(stream))
        if not stream.take(data):
            self._end(stream, "its proxy takes nothing more")

    async def close(self) -> None:
        """Close them all; nobody is told."""
        tasks = [stream.task for stream in self._streams.values() if stream.task]
        self._streams.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _make_room(self) -> bool:
        """Close the one that was used the longest ago, if no answer can come."""
        oldest = min(self._streams.values(), key=lambda one: one.used_at)
        now = asyncio.get_running_loop().time()
        if now - oldest.used_at < TIMER_F_SECONDS:
            return False
        del self._streams[oldest.target]
        if oldest.task is not None:
            oldest.task.cancel()
        return True

    def _end(self, stream: "_Stream", why: str) -> None:
        if self._streams.get(stream.target) is stream:
            del self._streams[stream.target]
            if stream.task is not None:
                stream.task.cancel()
            loop = asyncio.get_running_loop()
            loop.call_soon(self._lost, stream.target, why)

    async def _run(self, stream: "_Stream") -> None:
        why = "the connection to its proxy failed"
        try:
            reader = await self._connected(stream)
            why = await self._read(stream, reader)
        except TimeoutError:
            why = "its proxy takes no connection in time"
        except ssl.SSLError as error:
            said = getattr(error, "verify_message", "") or error.reason or "TLS failed"
            why = f"the TLS of its proxy is refused: {said}"
        except OSError as error:
            what = "breaks the" if stream.writer else "takes no"
            why = f"its proxy {what} connection: {error.strerror or error}"
        except OptionError as error:
            why = str(error)
        except PeerError:
            why = "its proxy sends what is no SIP"
        finally:
            if stream.writer is not None:
                # Not close: TLS would wait for the other end.
                stream.writer.transport.abort()
            # Else somebody ended it who knows why.
            if self._streams.get(stream.target) is stream:
                del self._streams[stream.target]
                self._lost(stream.target, why)

    async def _connected(self, stream: "_Stream") -> asyncio.StreamReader:
        target = stream.target
        is_secure = target.transport == "tls"
        async with asyncio.timeout(CONNECT_SECONDS):
            if is_secure and self._context is None:
                self._context = await asyncio.to_thread(_context, self._cas)
            reader, writer = await asyncio.open_connection(
                target.host,
                target.port,
                ssl=self._context if is_secure else None,
                server_hostname=target.server_name if is_secure else None,
            )
        stream.connected(writer)
        return reader

    async def _read(self, stream: "_Stream", reader: asyncio.StreamReader) -> str:
        framer = StreamFramer()
        source = Endpoint(stream.target.host, stream.target.port)
        while True:
            try:
                async with asyncio.timeout(self._idle_seconds):
                    data = await reader.read(_READ_BYTES)
            except TimeoutError:
                now = asyncio.get_running_loop().time()
                if now - stream.used_at < self._idle_seconds:
                    continue
                return "its proxy does not answer on this connection"
            if not data:
                return "its proxy closed the connection"
            for message in framer.receive_data(data):
                self._received(message, source)


class _Stream:
    """A connection to ``target``; without ``writer`` it is being made."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.task: asyncio.Task[None] | None = None
        self.writer: asyncio.StreamWriter | None = None
        self.used_at = asyncio.get_running_loop().time()
        self._waiting = bytearray()

    def connected(self, writer: asyncio.StreamWriter) -> None:
        """Send what waited for the connection by *writer*."""
        self.writer = writer
        writer.write(bytes(self._waiting))
        self._waiting.clear()

    def take(self, data: bytes) -> bool:
        """Send *data*, now or when there is a connection; whether there is room."""
        self.used_at = asyncio.get_running_loop().time()
        held = len(self._waiting)
        if self.writer is not None:
            held = self.writer.transport.get_write_buffer_size()
        if held + len(data) > MAX_PROXY_STREAM_BACKLOG_BYTES:
            return False
        if self.writer is not None:
            self.writer.write(data)
        else:
            self._waiting += data
        return True


def _context(cas: Sequence[Path]) -> ssl.SSLContext:
    """Return what judges proxies' certificates; raises OptionError."""
    if not cas:
        return ssl.create_default_context()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for path in cas:
        try:
            context.load_verify_locations(path)
        except OSError as error:
            said = error.strerror or error
            raise OptionError(f"waves.proxy_cas: {path} cannot be used: {said}") from (
                error
            )
    return context
