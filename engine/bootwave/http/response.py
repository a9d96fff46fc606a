"""Answers, and the bytes they become: always one head, its length, and the content."""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from http import HTTPStatus
from typing import NamedTuple

# Said with everything: a settings document is one phone's alone, and must be asked
# for again each time because a window may have closed (RFC 9111 section 5.2.2).
_CACHE_CONTROL = b"Cache-Control: private, no-cache"

_REASON_PHRASES = {status.value: status.phrase.encode() for status in HTTPStatus}
_UNSAFE = re.compile(rb"[^\t\x20-\x7e\x80-\xff]")


class FileContent(NamedTuple):
    """Content that is sent from a file: *size* bytes of *name* from *start* on.

    Whoever sends it knows what the name stands for.
    """

    name: str
    start: int
    size: int


@dataclass(frozen=True, slots=True)
class Response:
    """What a request is answered with.

    ``etag`` is a whole entity tag, with its quotes.  ``headers`` are sent as given; a
    Cache-Control among them replaces the usual one.  With status 304 the content is
    what a 200 would have carried: its length is told, it is not sent.  ``close`` ends
    the connection after the answer.  ``proven`` marks a document given on a grant: the
    connection then stands last in line when connections must go.  With ``file`` that is
    the content, and others send it, behind a head that closes.  What it says, and so
    the passwords in it, stays out of the repr.
    """

    status: int
    body: bytes = field(default=b"", repr=False)
    content_type: str = "application/xml"
    etag: bytes | None = None
    headers: tuple[tuple[bytes, bytes], ...] = ()
    close: bool = False
    proven: bool = False
    file: FileContent | None = None


def plain_response(
    status: int, *, headers: tuple[tuple[bytes, bytes], ...] = (), close: bool = False
) -> Response:
    """Return the answer that says *status* in words and nothing else."""
    return Response(
        status,
        _REASON_PHRASES[status] + b"\n",
        "text/plain",
        headers=headers,
        close=close,
    )


def refusal(status: int) -> Response:
    """Return the answer to a request that broke a rule; the connection ends with it."""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    if status == 405:
        headers = ((b"Allow", b"GET, HEAD"),)  # RFC 9110 section 15.5.6
    return plain_response(status, headers=headers, close=True)


def overloaded(seconds: int) -> Response:
    """Return the 503 that asks the peer to come back after *seconds*."""
    return plain_response(503, headers=((b"Retry-After", b"%d" % seconds),), close=True)


def response_bytes(
    response: Response,
    *,
    date: bytes = b"",
    with_body: bool = True,
    connection: bytes = b"",
) -> bytes:
    """Return head and content of *response* (RFC 9112 section 4).

    *date* is an IMF-fixdate, or empty for a server without a clock (RFC 9110 section
    6.6.1).  *with_body* is False for HEAD: the same head, no content.  *connection* is
    the value of the Connection field; empty leaves the field out.  Content-Length is
    always there, except where RFC 9110 section 8.6 forbids or misreads it: 204, and 304
    without content to measure.  Raises ValueError for a header field that would break
    the head, since that is a mistake of this program.
    """
    status = response.status
    before, behind = _lines(
        status, response.content_type, response.headers, date, connection
    )
    bodiless = status in (204, 304)
    head = before
    size = len(response.body) if response.file is None else response.file.size
    if not bodiless or (status == 304 and size):
        head += b"Content-Length: %d\r\n" % size
    if response.etag is not None:
        head += b"ETag: %b\r\n" % _checked(response.etag)
    head += behind
    return head + response.body if with_body and not bodiless else head


@lru_cache(64)
def _lines(
    status: int,
    content_type: str,
    headers: tuple[tuple[bytes, bytes], ...],
    date: bytes,
    connection: bytes,
) -> tuple[bytes, bytes]:
    """Return what stands before and behind the fields that each answer has its own of.

    A second has few different ones, and a wave asks for them thousands of times.
    """
    before = [b"HTTP/1.1 %d %s" % (status, _REASON_PHRASES[status])]
    if date:
        before.append(b"Date: " + date)
    before.append(b"Server: bootwave")
    if status not in (204, 304):
        before.append(b"Content-Type: " + content_type.encode("ascii"))
    behind = []
    if not any(name.lower() == b"cache-control" for name, _ in headers):
        behind.append(_CACHE_CONTROL)
    behind += [name + b": " + value for name, value in headers]
    if connection:
        behind.append(b"Connection: " + connection)
    return (
        b"".join(_checked(line) + b"\r\n" for line in before),
        b"".join(_checked(line) + b"\r\n" for line in behind) + b"\r\n",
    )


def _checked(line: bytes) -> bytes:
    if _UNSAFE.search(line):
        raise ValueError("a header field holds a control character")
    return line
