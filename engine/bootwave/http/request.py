"""Requests: h11 parses the head, a strict layer refuses what h11 lets pass.

h11 is the authority on the grammar of RFC 9112.  By design it leaves to its user:
versions other than 1.0 and 1.1, the syntax of Host, the form of the target, methods,
bodies nobody asked for, Transfer-Encoding with Content-Length or in HTTP/1.0, sizes
when a head arrives in one piece, and control bytes in field values.  All of them end
here, in one HttpSyntaxError whose ``status`` is the answer; whoever catches it answers
and closes, because after a broken head nobody knows where the next one begins.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import AddressValueError, IPv6Address
from urllib.parse import unquote_to_bytes

import h11

from bootwave.errors import HttpSyntaxError
from bootwave.limits import (
    MAX_HTTP_HEAD_BYTES,
    MAX_HTTP_HEADERS,
    MAX_HTTP_TARGET_BYTES,
)

# What a request line holds beside its target: a method this server knows or nearly
# knows, two blanks and the version.
MAX_REQUEST_LINE_BYTES = MAX_HTTP_TARGET_BYTES + 64

SERVED_METHODS = frozenset({b"GET", b"HEAD"})
# RFC 9110 section 9 and RFC 5789: known, so 405; anything else is 501.
_OTHER_METHODS = frozenset(
    {b"POST", b"PUT", b"DELETE", b"CONNECT", b"OPTIONS", b"TRACE", b"PATCH"}
)

_END_OF_HEAD = re.compile(rb"\n\r?\n")  # h11 ends a head at a bare line feed, too
# Control bytes, a carriage return that ends no line, a folded line (RFC 9112 section
# 5.2 allows 400): each reads differently in different servers.
_ILLEGAL_BYTE = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)|\n[ \t]")
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r") | {127})
# The characters of RFC 3986, and the braces and angle brackets of a placeholder that
# the phone left as it was: {mac}, <mac>.
_TARGET = re.compile(rb"(?:[A-Za-z0-9\-._~:/?@!$&'()*+,;={}<>]|%[0-9A-Fa-f]{2})+")
_ABSOLUTE = re.compile(rb"(?i:https?)://([^/?]*)(/[^?]*)?(\?.*)?", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# RFC 9112 section 3.2 with RFC 3986 section 3.2.2: a name, an IPv4 address or a
# bracketed IPv6 address, and perhaps a port.
_HOST = re.compile(
    rb"(?:[A-Za-z0-9\-._~]{1,255}|\[([0-9A-Fa-f:.]{2,45})\])(?::([0-9]{1,5}))?"
)


@dataclass(frozen=True, slots=True)
class Request:
    """One GET or HEAD that kept every rule.

    ``path`` is percent-decoded once and begins with a slash; ``query`` is raw, without
    its question mark.  ``version`` is ``b"1.0"`` or ``b"1.1"``.  ``host`` is the
    authority the peer wrote, "" when an HTTP/1.0 request has none; URLs are built from
    options, never from it.  ``if_none_match`` holds all lines of that field, joined.
    ``keep_alive`` says whether the peer wants to go on after the answer; ``range`` and
    ``if_range`` are these fields, each None unless it stands there once.  Path (it may
    hold a token), query and credentials stay out of the repr, and so out of logs and
    tracebacks.
    """

    method: bytes
    path: str = field(repr=False)
    query: str = field(repr=False)
    version: bytes
    host: str
    user_agent: str
    if_none_match: bytes | None = None
    authorization: bytes | None = field(default=None, repr=False)
    keep_alive: bool = True
    range: bytes | None = None
    if_range: bytes | None = None


def head_size(received: bytes | bytearray, searched: int = 0) -> int | None:
    """Return how many bytes the head at the start of *received* takes, or None.

    None means that more bytes are needed.  The size includes the blank line.
    *searched* bytes are known to hold no end, so that a head that trickles in is
    searched once.  The answer is the same whether the head came whole or byte by byte.
    Raises HttpSyntaxError as soon as no continuation could be accepted: 400 for a first
    byte that begins no request line, as in a TLS handshake; 414 for a request line and
    431 for a head that is too long.
    """
    if not received:
        return None
    if received[0] < 0x21:
        raise HttpSyntaxError("no request line", offset=0)
    if (
        len(received) >= MAX_REQUEST_LINE_BYTES
        and received.find(b"\n", 0, MAX_REQUEST_LINE_BYTES) < 0
    ):
        raise _refused(414, "the request line is too long", MAX_REQUEST_LINE_BYTES)
    found = _END_OF_HEAD.search(received, max(0, searched - 2), MAX_HTTP_HEAD_BYTES)
    if found is not None:
        return found.end()
    if len(received) >= MAX_HTTP_HEAD_BYTES:
        raise _refused(431, "the head is too long", MAX_HTTP_HEAD_BYTES)
    return None


def request_from_head(head: bytes) -> Request:
    """Return the request that *head*, up to and with its blank line, spells.

    Raises HttpSyntaxError; its ``status`` is what to answer (RFC 9110 section 15.5,
    RFC 9112 section 3) and its message is free of what the peer wrote.
    """
    if _holds_illegal_byte(head):
        illegal = _ILLEGAL_BYTE.search(head)
        offset = 0 if illegal is None else illegal.start()
        raise HttpSyntaxError("a byte that no head may hold", offset=offset)
    if head.count(b"\n") - 2 > MAX_HTTP_HEADERS:
        raise _refused(431, "too many header fields")
    parsed = _parsed_by_h11(head)
    if parsed.http_version not in (b"1.0", b"1.1"):
        raise _refused(505, "the version is neither HTTP/1.0 nor HTTP/1.1")
    _check_method(parsed.method)
    fields = _fields(parsed)
    _check_framing(fields, parsed.http_version)
    authority, path, query = _split_target(parsed.target)
    host = fields.get(b"host")
    if host is not None:
        _check_host(host)
    if authority is not None:
        # RFC 9112 section 3.2.2: the target's authority replaces Host.
        _check_host(authority)
        host = authority
    return Request(
        method=parsed.method,
        path=path,
        query=query,
        version=parsed.http_version,
        host="" if host is None else host.decode("ascii"),
        user_agent=fields.get(b"user-agent", b"").decode("latin-1"),
        if_none_match=fields.get(b"if-none-match"),
        authorization=fields.get(b"authorization"),
        keep_alive=_keep_alive(fields, parsed.http_version),
        range=_if_once(parsed, fields, b"range"),
        if_range=_if_once(parsed, fields, b"if-range"),
    )


def _holds_illegal_byte(head: bytes) -> bool:
    """Whether ``_ILLEGAL_BYTE`` finds anything, in a tenth of its time."""
    return (
        len(head.translate(None, _CONTROLS)) != len(head)
        or head.count(b"\r") != head.count(b"\r\n")
        or b"\n " in head
        or b"\n\t" in head
    )


def is_target_of(uri: bytes, request: Request) -> bool:
    """Whether *uri* names the resource that *request* asks for.

    As the ``uri`` of Digest must (RFC 7616 section 3.4.6): as path or as URL, in any
    spelling of the same.
    """
    try:
        _authority, path, query = _split_target(uri)
    except HttpSyntaxError:
        return False
    return path == request.path and query == request.query


def _refused(status: int, message: str, offset: int = 0) -> HttpSyntaxError:
    return HttpSyntaxError(message, offset=offset, status=status)


def _parsed_by_h11(head: bytes) -> h11.Request:
    # A parser of its own for each request: h11 keeps no HTTP/1.0 connection open, and
    # answers are not written by it, so there is no cycle to go round.
    parser = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HTTP_HEAD_BYTES)
    parser.receive_data(head)
    try:
        event = parser.next_event()
    except h11.RemoteProtocolError as error:
        # h11's message quotes the offending line: it must not leave this function.
        hint = error.error_status_hint
        sentence = _H11_SENTENCES.get(hint, "the head breaks the grammar of HTTP/1.1")
        raise _refused(hint, sentence) from None
    if not isinstance(event, h11.Request) or parser.trailing_data[0]:
        raise _refused(400, "the head does not end where it seems to")
    return event


_H11_SENTENCES = {
    431: "the head is too long",
    501: "the transfer coding is not implemented",
}


def _check_method(method: bytes) -> None:
    if method in SERVED_METHODS:
        return
    if method in _OTHER_METHODS:
        raise _refused(405, "the method is neither GET nor HEAD")
    raise _refused(501, "the method is unknown")


# Fields that RFC 9110 gives one value: a second line would make two readers disagree.
_SINGLE = frozenset({b"host", b"authorization", b"content-length"})
_READ = _SINGLE | {
    b"connection",
    b"if-none-match",
    b"if-range",
    b"range",
    b"transfer-encoding",
    b"user-agent",
}


def _fields(parsed: h11.Request) -> dict[bytes, bytes]:
    """Return the fields this server reads, lines of one name joined by commas."""
    fields: dict[bytes, bytes] = {}
    for name, value in parsed.headers:
        if name not in _READ:
            continue
        if name not in fields:
            fields[name] = value
        elif name in _SINGLE:
            raise _refused(400, "a header field that may stand once stands twice")
        elif name != b"user-agent":
            fields[name] += b", " + value
    return fields


def _if_once(
    parsed: h11.Request, fields: dict[bytes, bytes], name: bytes
) -> bytes | None:
    """Return the value of a field that a server may pass over, None unless it is one.

    RFC 9110 section 14.2: a Range that is not understood is ignored.
    """
    if name not in fields:
        return None
    lines = sum(given == name for given, _value in parsed.headers)
    return fields[name] if lines == 1 else None


def _check_framing(fields: dict[bytes, bytes], version: bytes) -> None:
    """Refuse every body: GET and HEAD give it no meaning (RFC 9110 section 9.3.1).

    A body is also how one request is smuggled behind another.
    """
    if b"transfer-encoding" in fields:
        if b"content-length" in fields:
            raise _refused(400, "Transfer-Encoding stands beside Content-Length")
        if version == b"1.0":
            raise _refused(400, "Transfer-Encoding stands in an HTTP/1.0 request")
        raise _refused(400, "a GET or HEAD has a body")
    length = fields.get(b"content-length", b"0")
    if length.strip(b"0"):
        raise _refused(413, "a GET or HEAD has a body")


def _split_target(target: bytes) -> tuple[bytes | None, str, str]:
    """Return authority (None in origin-form), decoded path and raw query.

    RFC 9112 section 3.2: origin-form and absolute-form.  authority-form belongs to
    CONNECT and asterisk-form to OPTIONS.
    """
    if len(target) > MAX_HTTP_TARGET_BYTES:
        raise _refused(414, "the request target is too long")
    authority = None
    if not target.startswith(b"/"):
        absolute = _ABSOLUTE.fullmatch(target)
        if absolute is None:
            raise _refused(400, "the request target is neither a path nor a URL")
        authority = absolute[1]
        target = (absolute[2] or b"/") + (absolute[3] or b"")
    if _TARGET.fullmatch(target) is None:
        raise _refused(400, "the request target holds what no URL may hold")
    path, _, query = target.partition(b"?")
    return authority, _decoded(path), query.decode("ascii")


def _decoded(path: bytes) -> str:
    if b"%" not in path:
        return path.decode("ascii")
    try:
        text = unquote_to_bytes(path).decode("utf-8")
    except UnicodeDecodeError:
        raise _refused(400, "the path is not UTF-8") from None
    if _CONTROL.search(text):
        raise _refused(400, "the path holds an escaped control character")
    return text


@lru_cache(256)
def _is_ipv6(literal: bytes) -> bool:
    try:
        IPv6Address(literal.decode("ascii"))
    except AddressValueError:
        return False
    return True


def _check_host(value: bytes) -> None:
    host = _HOST.fullmatch(value)
    if (
        host is None
        or (host[1] is not None and not _is_ipv6(host[1]))
        or (host[2] is not None and int(host[2]) > 65535)
    ):
        raise _refused(400, "the host is not one")


def _keep_alive(fields: dict[bytes, bytes], version: bytes) -> bool:
    """Return whether the connection persists (RFC 9112 section 9.3)."""
    connection = fields.get(b"connection")
    if connection is None:
        return version == b"1.1"
    wishes = {wish.strip() for wish in connection.lower().split(b",")}
    if b"close" in wishes:
        return False
    return version == b"1.1" or b"keep-alive" in wishes
