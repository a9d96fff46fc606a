"""Answers, and the bytes they become: always one head, its length, and the content."""

import re
from dataclasses import dataclass
from http import HTTPStatus

# Said with everything: a settings document is one phone's alone, and must be asked
# for again each time because a window may have closed (RFC 9111 section 5.2.2).
_CACHE_CONTROL = b"Cache-Control: private, no-cache"

_REASON_PHRASES = {status.value: status.phrase.encode() for status in HTTPStatus}
_UNSAFE = re.compile(rb"[^\t\n\x20-\x7e\x80-\xff]")


@dataclass(frozen=True, slots=True)
class Response:
    """What a request is answered with.

    ``etag`` is a whole entity tag, with its quotes.  ``headers`` are sent as given; a
    Cache-Control among them replaces the usual one.  With status 304 the content is
    what a 200 would have carried: its length is told, it is not sent.  ``close`` ends
    the connection after the answer.  ``proven`` marks a document given on a grant: the
    connection then stands last in line when connections must go.
    """

    status: int
    body: bytes = b""
    content_type: str = "application/xml"
    etag: bytes | None = None
    headers: tuple[tuple[bytes, bytes], ...] = ()
    close: bool = False
    proven: bool = False


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
    lines = [b"HTTP/1.1 %d %s" % (status, _REASON_PHRASES[status])]
    if date:
        lines.append(b"Date: " + date)
    lines.append(b"Server: bootwave")
    bodiless = status in (204, 304)
    if not bodiless:
        lines.append(b"Content-Type: " + response.content_type.encode("ascii"))
    if not bodiless or (status == 304 and response.body):
        lines.append(b"Content-Length: %d" % len(response.body))
    if response.etag is not None:
        lines.append(b"ETag: " + response.etag)
    if not any(name.lower() == b"cache-control" for name, _ in response.headers):
        lines.append(_CACHE_CONTROL)
    lines += [name + b": " + value for name, value in response.headers]
    if connection:
        lines.append(b"Connection: " + connection)
    head = b"\n".join(lines)
    if head.count(b"\n") >= len(lines) or _UNSAFE.search(head):
        raise ValueError("a header field holds a control character")
    head = head.replace(b"\n", b"\r\n") + b"\r\n\r\n"
    return head + response.body if with_body and not bodiless else head
