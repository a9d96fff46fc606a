"""Phones that fetch one document over and over, and what each of them was given when.

One thread and one epoll set, so that there is a moment at which everything that has
left the server so far has been read: loopback delivers within the sender's system call,
and ``drain`` reads until nothing is there.  What begins to arrive later left later.
"""

import select
import socket
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from perf.programs import Wrong

PATIENCE = 60.0
# Until nothing more comes: delivery over loopback may be left to a kernel thread.
QUIET_SECONDS = 0.01
REFUSED, GIVEN, OTHER = "refused", "given", "something else"
LOST = "lost"  # the server was killed before it answered


class Seen(NamedTuple):
    """One answer: what it was, to whom, and when it was asked for and began to come."""

    kind: str
    source: str
    asked: str
    came: str
    body: bytes


class _Connection:
    def __init__(self, source: str, stays: bool) -> None:
        self.source = source
        self.stays = stays
        self.received = bytearray()
        self.asked = ""
        self.came = ""
        self.open = False
        self.socket: socket.socket

    def begin(self, address: tuple[str, int], request: bytes, now: str) -> None:
        """Ask, on a new connection unless one is open."""
        if not self.open:
            self.socket = socket.socket()
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.socket.bind((self.source, 0))
            self.socket.connect(address)
            self.socket.setblocking(False)
            self.open = True
        self.received.clear()
        self.came = ""
        self.asked = now
        self.socket.send(request)


class Phones:
    """Some connections from each of *sources*, half of which stay open.

    ``moment`` names the present: answers are counted by the moment at which they were
    asked for and that at which their first byte was read.
    """

    def __init__(
        self,
        address: tuple[str, int],
        path: str,
        sources: Sequence[str],
        each: int,
        *fields: str,
    ) -> None:
        """Ask nothing yet; *fields* stand in each request."""
        self.moment = "before"
        self.seen: list[Seen] = []
        self._address = address
        line = f"GET {path} HTTP/1.1\r\nHost: phones\r\nUser-Agent: proof\r\n"
        line += "".join(f"{field}\r\n" for field in fields)
        self._closing = f"{line}Connection: close\r\n\r\n".encode()
        self._staying = f"{line}\r\n".encode()
        self._epoll = select.epoll()
        self._all = [
            _Connection(source, bool(number % 2))
            for number in range(each)
            for source in sources
        ]
        self._by_number: dict[int, _Connection] = {}

    def __enter__(self) -> "Phones":
        """Have every phone ask."""
        for connection in self._all:
            self._begin(connection)
        return self

    def __exit__(self, *_: object) -> None:
        """Hang up."""
        for connection in self._all:
            if connection.open:
                connection.socket.close()
        self._epoll.close()

    def count(self, came: str, kind: str | None = None) -> int:
        """Return how many answers began to come at a moment."""
        return sum(
            seen.came == came and (kind is None or seen.kind == kind)
            for seen in self.seen
        )

    def waiting_since(self, moment: str) -> int:
        """Return how many requests of a moment have no answer yet."""
        return sum(connection.asked == moment for connection in self._all)

    def kinds(self, came: str) -> Counter[str]:
        """Return what came at a moment."""
        return Counter(seen.kind for seen in self.seen if seen.came == came)

    def go_on(self, until: Callable[[], bool]) -> None:
        """Go on asking until *until*; raises Wrong when that never happens."""
        deadline = time.monotonic() + PATIENCE
        while not until():
            self._turn(0.002, again=True)
            if time.monotonic() > deadline:
                raise Wrong("the phones wait for something that does not happen")

    def drain(self) -> None:
        """Read everything that has left the server, and ask nothing new."""
        while self._turn(QUIET_SECONDS, again=False):
            pass

    def renew(self) -> None:
        """Have those ask again whom ``drain`` let finish."""
        for connection in self._all:
            if not connection.asked:
                self._begin(connection)

    def _begin(self, connection: _Connection) -> None:
        was_open = connection.open
        request = self._staying if connection.stays else self._closing
        connection.begin(self._address, request, self.moment)
        if not was_open:
            self._by_number[connection.socket.fileno()] = connection
            self._epoll.register(connection.socket.fileno(), select.EPOLLIN)

    def _turn(self, seconds: float, *, again: bool) -> int:
        ready = self._epoll.poll(seconds)
        for number, _ in ready:
            connection = self._by_number[number]
            try:
                some = connection.socket.recv(1 << 16)
            except BlockingIOError:
                continue
            except ConnectionResetError:
                some = b""
            if some and not connection.came:
                connection.came = self.moment
            connection.received += some
            if not some:
                self._hang_up(connection)
            if self._is_whole(connection) or not some:
                if connection.asked:
                    self._record(connection)
                connection.asked = ""
                if again:
                    self._begin(connection)
        return len(ready)

    def _hang_up(self, connection: _Connection) -> None:
        number = connection.socket.fileno()
        del self._by_number[number]
        self._epoll.unregister(number)
        connection.socket.close()
        connection.open = False

    def _is_whole(self, connection: _Connection) -> bool:
        if not connection.stays:
            return False  # until the server closes
        head, blank, body = connection.received.partition(b"\r\n\r\n")
        if not blank:
            return False
        _, _, rest = head.partition(b"Content-Length: ")
        return len(body) >= int(rest.partition(b"\r\n")[0] or b"0")

    def _record(self, connection: _Connection) -> None:
        head, _, body = bytes(connection.received).partition(b"\r\n\r\n")
        kind = LOST if not connection.received else OTHER
        if head.startswith(b"HTTP/1.1 200 "):
            kind = GIVEN
        elif head.startswith(b"HTTP/1.1 401 "):
            kind = REFUSED
        came = connection.came or self.moment
        self.seen.append(Seen(kind, connection.source, connection.asked, came, body))
