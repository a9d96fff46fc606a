"""The lane of images: files sent on connections that have left the server.

A thousand phones that load 30 MB each must not slow the settings of a single one.  So
images are sent here, with an epoll set of their own that nobody waits for: every
hundredth of a second, while there is something to send, the connections that can take
something get a piece each, in turn, until the bytes of that time (``server.pacing``) or
a few milliseconds are used up.  Whoever takes less leaves more to the others; all
together never get more than the rate.

| a download | waits for                          | until           | then            |
| ---------- | ---------------------------------- | --------------- | --------------- |
| ready      | its turn                           |                 |                 |
| blocked    | the peer, to take what was sent    | 20 s; 2 s when  | it is reset     |
|            |                                    | room is wanted  |                 |
| lingering  | the peer, to close when all is out | 2 s             | it is closed    |

Clear HTTP is sent by sendfile(2), at offsets of descriptors that all downloads of one
file share; TLS in chunks through its memory BIO.  The kernel is told beforehand what is
read next, so that a disk is not waited for.
"""

import asyncio
import errno
import os
import select
import socket
import struct
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from bootwave import log
from bootwave.http.effects import SendFile
from bootwave.limits import (
    HTTP_LINGER_SECONDS,
    HTTP_WRITE_STALL_SECONDS,
    MAX_HTTP_LINGER_BYTES,
)
from bootwave.metrics import Counter, CounterRow
from bootwave.server.pacing import Pacing

if TYPE_CHECKING:
    from bootwave.server.tls.stream import TlsStream

TICK_SECONDS: Final = 0.01
TURN_SECONDS: Final = 0.002  # of a tick, at most; SIP and settings have the rest
PIECE_BYTES: Final = 64 * 1024
# Below this a call costs more than it moves.
LEAST_BYTES: Final = 4096
# In the kernel for each connection: by itself it would keep megabytes of each.
SEND_BUFFER_BYTES: Final = 128 * 1024
READ_AHEAD_BYTES: Final = 2 * 1024 * 1024
PATIENCE_SECONDS: Final = 2.0  # of a blocked download when another wants its place
_MOST_EVENTS: Final = 256
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
_WOULD_BLOCK: Final = frozenset({errno.EAGAIN, errno.EWOULDBLOCK})


class _CutShort(OSError):
    """A file ended before its size was reached."""


class _File:
    """An open file and how many downloads read it."""

    __slots__ = ("descriptor", "users")

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.users = 0


class _Download:
    """One connection: *head* is still to be sent, then the file up to *end*."""

    __slots__ = (
        "ahead",
        "dropped",
        "end",
        "file",
        "head",
        "name",
        "number",
        "offset",
        "socket",
        "source",
        "stream",
        "watched",
    )

    def __init__(
        self, sock: "socket.socket | TlsStream", sending: SendFile, source: str
    ) -> None:
        self.socket = sock
        self.number = sock.fileno()
        self.head = memoryview(sending.head)
        self.name = sending.file.name
        self.offset = sending.file.start
        self.end = sending.file.start + sending.file.size
        self.source = source
        self.stream: TlsStream | None = None
        self.file: _File | None = None
        self.watched = False
        self.dropped = 0
        self.ahead = self.offset

    def read_ahead(self, descriptor: int) -> None:
        """Have the kernel fetch what comes next, so that no disk is waited for."""
        if self.offset + READ_AHEAD_BYTES // 2 >= self.ahead < self.end:
            os.posix_fadvise(
                descriptor, self.ahead, READ_AHEAD_BYTES, os.POSIX_FADV_WILLNEED
            )
            self.ahead += READ_AHEAD_BYTES

    @property
    def is_done(self) -> bool:
        """Whether everything is with the kernel."""
        unsent = self.stream is not None and self.stream.unsent
        return not self.head and self.offset == self.end and not unsent


class Downloads:
    """Sends files on connections it is given; for one loop and its thread.

    *open_file* returns a descriptor of the file of a name, or raises OSError.  At most
    *most* downloads run at once, *rate* bytes a second together.
    """

    def __init__(
        self,
        open_file: Callable[[str], int],
        counters: CounterRow,
        *,
        most: int,
        rate: float,
        stall_seconds: float = HTTP_WRITE_STALL_SECONDS,
    ) -> None:
        """Keep the parts; nothing is watched before the first download."""
        self._open_file = open_file
        self._counters = counters
        self._most = most
        self._stall_seconds = stall_seconds
        burst = max(rate * 5 * TICK_SECONDS, PIECE_BYTES)
        self._pacing = Pacing(rate, burst)
        self._all: dict[int, _Download] = {}
        self._ready: deque[_Download] = deque()
        # By number, since when: the first has waited longest.
        self._blocked: OrderedDict[int, float] = OrderedDict()
        self._lingering: OrderedDict[int, float] = OrderedDict()
        self._files: dict[str, _File] = {}
        self._dropped = bytearray(MAX_HTTP_LINGER_BYTES)
        self._epoll: select.epoll | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._emptied: asyncio.Event | None = None

    def __len__(self) -> int:
        """Return how many downloads there are, those that linger included."""
        return len(self._all)

    @property
    def has_room(self) -> bool:
        """Whether one more download may begin, at the cost of a blocked one or not."""
        if len(self._all) - len(self._lingering) < self._most:
            return True
        return self._most_blocked(time.monotonic()) is not None

    def take(
        self, sock: "socket.socket | TlsStream", sending: SendFile, source: str
    ) -> None:
        """Send *sending* on *sock*, which is owned from here on, and close it."""
        if len(self._all) - len(self._lingering) >= self._most:
            victim = self._most_blocked(time.monotonic())
            if victim is not None:
                self._cut_off(victim)
        download = _Download(sock, sending, source)
        if not isinstance(sock, socket.socket):
            download.stream = sock
        try:
            download.file = self._file(download.name)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        except OSError as error:
            log.note(log.SERVER_CONNECTION_FAILED, exception=error, source=source)
            self._let_go(download)
            _reset(download)
            return
        if self._epoll is None:
            self._epoll = select.epoll()
        self._all[download.number] = download
        self._ready.append(download)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(0, self._tick)

    async def finish(self, enough: asyncio.Event) -> None:
        """Return when nobody fetches any more, or *enough* is set."""
        if not self._all:
            return
        self._emptied = asyncio.Event()
        waiting = {
            asyncio.ensure_future(event.wait()) for event in (self._emptied, enough)
        }
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()

    async def stop(self, grace: float) -> None:
        """Go on for *grace* seconds, then cut off what is left; phones ask again."""
        if self._all:
            self._emptied = asyncio.Event()
            try:
                await asyncio.wait_for(self._emptied.wait(), grace)
            except TimeoutError:
                pass
        for download in list(self._all.values()):
            self._drop(download, reset=download.number not in self._lingering)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._epoll is not None:
            self._epoll.close()
            self._epoll = None

    def _tick(self) -> None:
        """Look who can take something, and send what may be sent now."""
        self._timer = None
        assert self._epoll is not None
        now = time.monotonic()
        for number, mask in self._epoll.poll(0, _MOST_EVENTS):
            download = self._all.get(number)
            if download is not None:
                self._guarded(download, mask)
        self._send_some(now)
        self._look_at_time(now)
        if self._all:
            self._timer = asyncio.get_running_loop().call_later(
                TICK_SECONDS, self._tick
            )

    def _guarded(self, download: _Download, mask: int) -> None:
        if download.number in self._lingering:
            self._listen(download)
        elif mask & (select.EPOLLERR | select.EPOLLHUP):
            self._drop(download, reset=True)
        elif self._blocked.pop(download.number, None) is not None:
            self._ready.append(download)

    def _send_some(self, now: float) -> None:
        """Give each that is ready a piece, in turn, while bytes and time last."""
        until = now + TURN_SECONDS
        allowed = self._pacing.allowed(now)
        # A last piece may be small; others wait until they are worth a call.
        while self._ready and allowed >= LEAST_BYTES and time.monotonic() < until:
            download = self._ready.popleft()
            if self._all.get(download.number) is not download:
                continue
            try:
                sent = self._send(download, min(PIECE_BYTES, allowed))
            except OSError:  # the peer is gone, or the file is shorter than it was
                self._drop(download, reset=True)
                continue
            except Exception as error:  # it costs this one only
                log.note(
                    log.SERVER_CONNECTION_FAILED,
                    exception=error,
                    source=download.source,
                )
                self._counters.add(Counter.HTTP_FAILED)
                self._drop(download, reset=True)
                continue
            self._pacing.took(sent)
            allowed -= sent
            self._counters.add(Counter.IMAGE_BYTES, sent)
            if download.is_done:
                self._linger(download, now)
            elif sent:
                self._ready.append(download)
            else:
                self._blocked[download.number] = now
                self._watch(download, select.EPOLLOUT)

    def _send(self, download: _Download, most: int) -> int:
        """Send at most *most* bytes; return how many the kernel, or TLS, took."""
        if download.stream is not None:
            return self._encrypt(download, download.stream, most)
        assert isinstance(download.socket, socket.socket)
        sent = 0
        if download.head:
            try:
                sent = download.socket.send(download.head, socket.MSG_MORE)
            except BlockingIOError:
                return 0
            download.head = download.head[sent:]
            if download.head:
                return sent
        assert download.file is not None
        count = min(most, download.end - download.offset)
        download.read_ahead(download.file.descriptor)
        try:
            size = os.sendfile(
                download.number, download.file.descriptor, download.offset, count
            )
        except OSError as error:
            if error.errno in _WOULD_BLOCK:
                return sent
            raise
        if not size:
            raise _CutShort(download.name)
        download.offset += size
        return sent + size

    def _encrypt(self, download: _Download, stream: "TlsStream", most: int) -> int:
        assert download.file is not None
        if download.head:
            data: bytes | memoryview = download.head
        else:
            count = min(most, download.end - download.offset)
            download.read_ahead(download.file.descriptor)
            data = os.pread(download.file.descriptor, count, download.offset)
            if count and not data:
                raise _CutShort(download.name)
            stream.ending = download.offset + len(data) == download.end
        try:
            size = stream.send(data)
        except BlockingIOError:
            return 0
        if download.head:
            download.head = download.head[size:]
        else:
            download.offset += size
        return size

    def _linger(self, download: _Download, now: float) -> None:
        """Wait for the peer to close: closed now, what it may still send would reset.

        It would take the end of the image with it.
        """
        self._counters.add(Counter.IMAGES)
        self._let_go(download)
        self._lingering[download.number] = now
        try:
            download.socket.shutdown(socket.SHUT_WR)
        except OSError:
            self._drop(download)
            return
        self._watch(download, select.EPOLLIN)

    def _listen(self, download: _Download) -> None:
        """Drop what the peer still says; close when it does."""
        sock = download.socket
        try:
            size = sock.recv_into(self._dropped)
        except BlockingIOError:
            self._watch(download, select.EPOLLIN)
            return
        except OSError:
            size = 0
        download.dropped += size
        if not size or download.dropped > MAX_HTTP_LINGER_BYTES:
            self._drop(download)
        else:
            self._watch(download, select.EPOLLIN)

    def _look_at_time(self, now: float) -> None:
        while self._blocked:
            number, since = next(iter(self._blocked.items()))
            if now - since < self._stall_seconds:
                break
            self._cut_off(self._all[number])
        while self._lingering:
            number, since = next(iter(self._lingering.items()))
            if now - since < HTTP_LINGER_SECONDS:
                break
            self._drop(self._all[number])

    def _most_blocked(self, now: float) -> _Download | None:
        if self._blocked:
            number, since = next(iter(self._blocked.items()))
            if now - since >= PATIENCE_SECONDS:
                return self._all[number]
        return None

    def _cut_off(self, download: _Download) -> None:
        self._counters.add(Counter.IMAGES_STALLED)
        self._drop(download, reset=True)

    def _watch(self, download: _Download, wanted: int) -> None:
        """Be told once."""
        assert self._epoll is not None
        if download.watched:
            self._epoll.modify(download.number, wanted | select.EPOLLONESHOT)
        else:
            self._epoll.register(download.number, wanted | select.EPOLLONESHOT)
            download.watched = True

    def _drop(self, download: _Download, *, reset: bool = False) -> None:
        """Close *download* and forget it; with *reset* its peer learns that it is cut.

        By the Content-Length it would know, too, but some only look at the end.
        """
        del self._all[download.number]
        self._blocked.pop(download.number, None)
        self._lingering.pop(download.number, None)
        if download.watched and self._epoll is not None:
            # Closing does not end the watch while a child holds a copy.
            self._epoll.unregister(download.number)
        self._let_go(download)
        if reset:
            _reset(download)
        else:
            download.socket.close()
        if not self._all and self._emptied is not None:
            self._emptied.set()

    def _file(self, name: str) -> _File:
        file = self._files.get(name)
        if file is None:
            file = self._files[name] = _File(self._open_file(name))
        file.users += 1
        return file

    def _let_go(self, download: _Download) -> None:
        """Close the file of *download* when nobody else reads it."""
        file, download.file = download.file, None
        if file is None:
            return
        file.users -= 1
        if not file.users:
            os.close(file.descriptor)
            del self._files[download.name]


def _reset(download: _Download) -> None:
    try:
        download.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    except OSError:
        pass
    download.socket.close()
