"""One HTTP connection: bytes and time in, effects out.

The state says whom the connection waits for.

| state     | waits for                          | deadline    | when it passes       |
| --------- | ---------------------------------- | ----------- | -------------------- |
| UNNAMED   | a load balancer's PROXY header     | head        | aborted              |
| READING   | the peer's first head              | head        | 408, or just closed  |
| READING   | the next head: no byte of it yet   | idle        | closed               |
| READING   | the next head: begun               | head        | 408                  |
| ANSWERING | ``respond``                        | answer      | 503                  |
| SENDING   | the peer, to read the answer       | write stall | aborted              |
| LINGERING | the peer, to close after a refusal | linger      | closed               |
| CLOSED    | nobody                             | none        |                      |

Requests are answered one at a time, in order: what a peer pipelines stays unread in
the buffer until the answer before it is gone, and ``wants_data`` is False meanwhile, so
one connection holds at most one head and one read.  A head deadline runs from the
head's first byte and is not moved by more bytes, which is what ends a slow sender.

A connection is closed in one of two ways.  When the peer expects it, at once.  After a
refusal, or when closing is our own idea, the peer may still be sending, and closing a
socket with unread bytes makes the kernel reset it, which can destroy the answer on its
way: then it is half-closed, and what comes is dropped until the peer closes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from bootwave.errors import HttpSyntaxError, ProxySyntaxError
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
from bootwave.http.proxyprotocol import header_from_bytes
from bootwave.http.request import Request, head_size, request_from_head
from bootwave.http.response import Response, overloaded, refusal, response_bytes
from bootwave.limits import (
    HTTP_ANSWER_SECONDS,
    HTTP_HEAD_SECONDS,
    HTTP_IDLE_SECONDS,
    HTTP_LINGER_SECONDS,
    HTTP_WRITE_STALL_SECONDS,
    MAX_HTTP_LINGER_BYTES,
)
from bootwave.sightings import Reason

RETRY_AFTER_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long a connection waits for what, in seconds."""

    head: float = HTTP_HEAD_SECONDS
    idle: float = HTTP_IDLE_SECONDS
    answer: float = HTTP_ANSWER_SECONDS
    write_stall: float = HTTP_WRITE_STALL_SECONDS
    linger: float = HTTP_LINGER_SECONDS


class _State(Enum):
    UNNAMED = auto()
    READING = auto()
    ANSWERING = auto()
    SENDING = auto()
    LINGERING = auto()
    CLOSED = auto()


_DEADLINES = Deadlines()


class HttpConnection:
    """The server's side of one HTTP/1.x connection.

    *now* is when it was accepted, or with *answered*, when a request on it was answered
    last.  With *proxied* a load balancer has to say first whose connection it is.
    *date* returns the current IMF-fixdate for the Date
    field, or empty bytes to leave the field out.

    After each SendBytes the caller reports through ``sent`` how much the kernel has not
    taken yet, and again whenever that changes.
    """

    __slots__ = (
        "_buffer",
        "_closing",
        "_date",
        "_deadline",
        "_deadlines",
        "_dropped",
        "_eof",
        "_finishing",
        "_fresh",
        "_linger",
        "_may_skip",
        "_request",
        "_searched",
        "_state",
        "_unsent",
    )

    def __init__(
        self,
        *,
        now: float,
        deadlines: Deadlines = _DEADLINES,
        date: Callable[[], bytes] = bytes,
        answered: bool = False,
        proxied: bool = False,
    ) -> None:
        """Begin to wait for the first head, or the next."""
        self._deadlines = deadlines
        self._date = date
        self._state = _State.UNNAMED if proxied else _State.READING
        self._buffer = bytearray()
        self._searched = 0  # bytes of the buffer known to hold no end of a head
        self._may_skip = True  # an empty line before the next request
        self._request: Request | None = None
        first = deadlines.idle if answered else deadlines.head
        self._deadline: float | None = now + first
        self._unsent = 0
        self._dropped = 0
        self._fresh = not answered  # no request has been complete yet
        self._eof = False
        self._finishing = False
        self._closing = False  # after the answer on its way
        self._linger = False

    @property
    def closed(self) -> bool:
        """Whether everything is over."""
        return self._state is _State.CLOSED

    @property
    def is_answering(self) -> bool:
        """Whether the peer waits for ``respond``; otherwise it is the other way."""
        return self._state is _State.ANSWERING

    @property
    def is_lingering(self) -> bool:
        """Whether the last answer is gone and only the peer's end is awaited."""
        return self._state is _State.LINGERING

    @property
    def is_within_head(self) -> bool:
        """Whether a head has begun and its rest is awaited."""
        reading = self._state in (_State.UNNAMED, _State.READING)
        return reading and bool(self._buffer)

    @property
    def wants_data(self) -> bool:
        """Whether to read from the peer now.

        While a request is being answered that is only until the peer sends more: so its
        going away is noticed, and nothing piles up.
        """
        if self._eof:
            return False
        if self._state is _State.ANSWERING:
            return not self._buffer
        return self._state in (_State.UNNAMED, _State.READING, _State.LINGERING)

    @property
    def awaits_request(self) -> bool:
        """Whether the next bytes, if there are any, begin a request."""
        return self._state is _State.READING and not self._buffer

    @property
    def stays_open(self) -> bool:
        """Whether the connection goes on after the answer on its way."""
        return not self._closing

    def receive_data(self, data: bytes | memoryview, now: float) -> list[Effect]:
        """Take bytes from the peer; *data* is copied."""
        if self._state is _State.LINGERING:
            self._dropped += len(data)
            if self._dropped > MAX_HTTP_LINGER_BYTES:
                return self._close()
            return []
        if self._state is _State.CLOSED or self._closing:
            return []
        if self._state is _State.UNNAMED:
            self._buffer += data
            return self._introduced(now)
        if self._state is not _State.READING:
            self._buffer += data
            return []
        begins = not self._buffer and not self._fresh
        self._buffer += data
        self._skip_empty_line()
        if begins and self._buffer:
            self._deadline = now + self._deadlines.head
        return self._next_request(now)

    def receive_eof(self, now: float) -> list[Effect]:
        """Learn that the peer sends no more; it may still read."""
        self._eof = True
        match self._state:
            case _State.UNNAMED if self._buffer:
                return self._unnamed("the connection ended within it")
            case _State.UNNAMED:  # a health check that only connects
                return self._close()
            case _State.READING:
                return self._end_of_input()
            case _State.LINGERING:
                return self._close()
        return []

    def respond(self, response: Response, now: float) -> list[Effect]:
        """Answer the delivered request.

        Nothing happens when no request waits any more: the deadline answered it.
        Raises ValueError for a header field that cannot be sent; the request then
        waits for another answer.  What a file is the content of others send: the
        connection is over here.
        """
        if self._state is not _State.ANSWERING:
            return []
        assert self._request is not None
        request = self._request
        if response.file is not None and request.method != b"HEAD":
            head = response_bytes(response, date=self._date(), connection=b"close")
            self._close()
            return [SendFile(head, response.file)]
        by_us = response.close or self._finishing
        self._closing = by_us or not request.keep_alive
        self._linger = by_us and request.keep_alive
        return self._send(response, now, with_body=request.method != b"HEAD")

    def say(self, data: bytes, *, keep_alive: bool, now: float) -> list[Effect]:
        """Answer a request with *data* that others read and answered.

        Only while a request is awaited.  *keep_alive* is what the answer says: when it
        is False the peer expects the end.
        """
        assert self.awaits_request
        self._fresh = False
        self._may_skip = True
        self._closing = self._finishing or not keep_alive
        self._linger = self._finishing and keep_alive
        return self._sending(data, now)

    def sent(self, unsent: int, now: float) -> list[Effect]:
        """Learn how many bytes of the answer the kernel has not taken yet."""
        if self._state is not _State.SENDING:
            return []
        if unsent:
            if unsent < self._unsent:
                self._deadline = now + self._deadlines.write_stall
            self._unsent = unsent
            return []
        self._unsent = 0
        if self._closing:
            if (self._linger or self._buffer) and not self._eof:
                self._state = _State.LINGERING
                self._deadline = now + self._deadlines.linger
                self._buffer.clear()
                return [HalfClose()]
            return self._close()
        self._state = _State.READING
        self._skip_empty_line()
        if not self._buffer:
            self._deadline = now + self._deadlines.idle
            return self._close() if self._eof or self._finishing else []
        self._deadline = now + self._deadlines.head
        return self._next_request(now)

    def finish(self, now: float) -> list[Effect]:
        """Close as soon as that harms nobody.

        At once when the peer has had its answers and asks nothing; else after the
        request that is being answered, has begun, or is the connection's first.
        """
        self._finishing = True
        if self._state is _State.READING and not self._fresh and not self._buffer:
            return self._close()
        return []

    def next_timer(self) -> float | None:
        """Return when ``handle_timer`` is due, or None."""
        return self._deadline

    def handle_timer(self, now: float) -> list[Effect]:
        """Let deadlines pass; nothing happens before ``next_timer``."""
        if self._deadline is None or now < self._deadline:
            return []
        match self._state:
            case _State.UNNAMED:
                return self._unnamed("it was not complete in time")
            case _State.READING if self._buffer:
                return self._refuse(
                    408, Reason.HTTP_TIMEOUT, "the head was not complete in time", now
                )
            case _State.READING if self._fresh:
                return [Note(Reason.HTTP_TIMEOUT, "no request came"), *self._close()]
            case _State.ANSWERING:
                late = overloaded(RETRY_AFTER_SECONDS)
                return self.respond(late, now)
            case _State.SENDING:
                note = Note(Reason.HTTP_STALLED, "the answer was not read in time")
                return [note, *self._close(abort=True)]
        return self._close()

    def _introduced(self, now: float) -> list[Effect]:
        """Take the PROXY header that the buffer begins with, if it is complete."""
        try:
            header = header_from_bytes(self._buffer)
        except ProxySyntaxError as error:
            return self._unnamed(str(error))
        if header is None:
            return []
        del self._buffer[: header.size]
        self._state = _State.READING
        self._deadline = now + self._deadlines.head
        effects: list[Effect] = []
        if header.proxied is not None:
            effects.append(Introduce(header.proxied))
        self._skip_empty_line()
        return effects + self._next_request(now)

    def _unnamed(self, detail: str) -> list[Effect]:
        """End what is nobody's: an answer would reach a load balancer, not a phone."""
        return [Note(Reason.PROXY_HEADER, detail), *self._close(abort=True)]

    def _skip_empty_line(self) -> None:
        """Drop one CRLF before a request line (RFC 9112 section 2.2).

        Old clients end a request with one too many.  A second one is refused.
        """
        if self._may_skip and self._buffer.startswith(b"\r\n"):
            del self._buffer[:2]
            self._may_skip = False

    def _next_request(self, now: float) -> list[Effect]:
        """Deliver the head that the buffer begins with, if it is complete."""
        if self._may_skip and self._buffer == b"\r":
            return self._end_of_input() if self._eof else []
        try:
            size = head_size(self._buffer, self._searched)
            if size is None:
                self._searched = len(self._buffer)
                return self._end_of_input() if self._eof else []
            request = request_from_head(bytes(self._buffer[:size]))
        except HttpSyntaxError as error:
            return self._refuse(error.status, Reason.HTTP_SYNTAX, str(error), now)
        del self._buffer[:size]
        self._searched = 0
        self._may_skip = True
        self._request = request
        self._fresh = False
        self._state = _State.ANSWERING
        self._deadline = now + self._deadlines.answer
        return [Deliver(request)]

    def _end_of_input(self) -> list[Effect]:
        if self._buffer:
            note = Note(Reason.HTTP_SYNTAX, "the connection ended within a head")
            return [note, *self._close()]
        return self._close()

    def _refuse(
        self, status: int, reason: Reason, detail: str, now: float
    ) -> list[Effect]:
        with_body = not self._buffer.startswith(b"HEAD ")
        self._buffer.clear()
        self._closing = self._linger = True
        return [
            Note(reason, f"{status}: {detail}"),
            *self._send(refusal(status), now, with_body=with_body),
        ]

    def _send(self, response: Response, now: float, *, with_body: bool) -> list[Effect]:
        connection = b""
        if self._closing:
            connection = b"close"
        elif self._request is not None and self._request.version == b"1.0":
            connection = b"keep-alive"
        data = response_bytes(
            response, date=self._date(), with_body=with_body, connection=connection
        )
        self._request = None
        return self._sending(data, now)

    def _sending(self, data: bytes, now: float) -> list[Effect]:
        self._state = _State.SENDING
        self._unsent = len(data)
        self._deadline = now + self._deadlines.write_stall
        return [SendBytes(data)]

    def _close(self, *, abort: bool = False) -> list[Effect]:
        self._state = _State.CLOSED
        self._deadline = None
        self._buffer.clear()
        return [Close(abort)]
