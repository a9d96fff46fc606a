"""The HTTP/1.1 of a phone: the bytes of a GET, and a strict reader of the answer.

Strict where old phones are fragile: exactly one Content-Length, no transfer coding,
CRLF everywhere, and not a byte behind the content (RFC 9112 sections 4 to 6).
"""

import re
from functools import lru_cache
from typing import NamedTuple

from bootwave.errors import ServerFault
from bootwave.limits import (
    MAX_WAVE_DOCUMENT_BYTES,
    MAX_WAVE_HEAD_BYTES,
    MAX_WAVE_IMAGE_BYTES,
)
from bootwave.wave.url import Url

_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9]{2}) [^\r\n]*")
_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\x20-\x7e\x80-\xff\t]*)")
_NO_CONTENT = frozenset({204, 304})


class Response(NamedTuple):
    """One whole answer; field names are lower-case.

    Several WWW-Authenticate fields are one, with line feeds between.
    """

    status: int
    fields: dict[bytes, bytes]
    content: bytes
    stays_open: bool


def request(
    url: Url, user_agent: str, *, keep_alive: bool, authorization: str = ""
) -> bytes:
    """Return the GET a phone sends for *url*."""
    connection = "keep-alive" if keep_alive else "close"
    proof = f"Authorization: {authorization}\r\n" if authorization else ""
    return (
        f"GET {url.target} HTTP/1.1\r\n"
        f"Host: {url.host_field}\r\n"
        f"User-Agent: {user_agent}\r\n{proof}"
        f"Connection: {connection}\r\n\r\n"
    ).encode("ascii")


class ResponseReader:
    """Reads the bytes of one answer; make a new one for each request."""

    __slots__ = ("_buffer", "_head", "_length")

    _most = MAX_WAVE_DOCUMENT_BYTES

    def __init__(self) -> None:
        """Start before the status line."""
        self._buffer = b""
        self._head: Response | None = None
        self._length = 0

    def receive_data(self, data: bytes) -> Response | None:
        """Take *data*; return the answer when it is whole, None while it is not.

        Raises ServerFault, as the end of a sentence that begins with the answer.
        """
        self._buffer = self._buffer + data if self._buffer else data
        if self._head is None:
            head, gap, rest = self._buffer.partition(b"\r\n\r\n")
            if len(head) > MAX_WAVE_HEAD_BYTES:
                raise ServerFault(f"its headers exceed {MAX_WAVE_HEAD_BYTES} bytes")
            if not gap:
                return None
            self._head, self._length = _head_from(head, self._most)
            self._buffer = rest
        missing = self._length - len(self._buffer)
        if missing > 0:
            return None
        if missing < 0:
            raise ServerFault(
                f"it has {-missing} bytes more than its Content-Length, {self._length}"
            )
        return self._head._replace(content=self._buffer)

    @property
    def status(self) -> int:
        """The status, 0 while the head of the answer is not there."""
        return 0 if self._head is None else self._head.status

    def missing(self) -> str:
        """Return what is not there yet, as the end of "the connection ended …"."""
        if self._head is not None:
            return f"after {len(self._buffer)} of {self._length} bytes"
        if self._buffer:
            return "inside the headers of the answer"
        return "without an answer"


class ImageReader(ResponseReader):
    """Reads the answer to a request for an image, of which only the size is kept.

    ``size`` is how many of its bytes have come.
    """

    __slots__ = ("size",)

    _most = MAX_WAVE_IMAGE_BYTES

    def __init__(self) -> None:
        """Start before the status line."""
        super().__init__()
        self.size = 0

    def receive_data(self, data: bytes) -> Response | None:
        """Take *data*; return the answer, without its content, when it is whole."""
        if self._head is None:
            whole = super().receive_data(data)
            self.size = len(self._buffer) if self._head is not None else 0
        else:
            self.size += len(data)
            whole = None
        if self._head is None:
            return None
        self._buffer = b""
        if self.size > self._length:
            raise ServerFault(
                f"it has {self.size - self._length} bytes more than its "
                f"Content-Length, {self._length}"
            )
        if whole is None and self.size < self._length:
            return None
        return self._head

    def missing(self) -> str:
        """Return what is not there yet."""
        if self._head is None:
            return super().missing()
        return f"after {self.size} of {self._length} bytes"


def _head_from(head: bytes, most: int) -> tuple[Response, int]:
    lines = head.split(b"\r\n")
    found = _STATUS_LINE.fullmatch(lines[0])
    if not found:
        raise ServerFault(f"its first line {_shown(lines[0])} is no HTTP/1 status line")
    status = int(found[2])
    fields: dict[bytes, bytes] = {}
    for line in lines[1:]:
        name, value = _field(line)
        if name == b"content-length" and name in fields:
            raise ServerFault("it has Content-Length twice")
        if name == b"www-authenticate" and name in fields:
            value = fields[name] + b"\n" + value  # a comma would end nothing
        fields[name] = value
    if b"transfer-encoding" in fields:
        raise ServerFault("it is sent in chunks, which old phones cannot read")
    if status < 200:
        raise ServerFault(f"it is an interim {status}, which nobody asked for")
    length = _length(status, fields, most)
    connection = fields.get(b"connection", b"").lower()
    stays_open = found[1] == b"1" and connection != b"close"
    if found[1] == b"0":
        stays_open = connection == b"keep-alive"
    return Response(status, fields, b"", stays_open), length


@lru_cache(maxsize=256)  # a server writes most lines the same way each time
def _field(line: bytes) -> tuple[bytes, bytes]:
    field = _FIELD.fullmatch(line)
    if not field:
        raise ServerFault(f"it has the line {_shown(line)}, which is no header")
    return field[1].lower(), field[2].rstrip(b" \t")


def _length(status: int, fields: dict[bytes, bytes], most: int) -> int:
    text = fields.get(b"content-length")
    if status in _NO_CONTENT:
        # RFC 9110 section 8.6: 304 may tell a length, but has no content.
        if status == 204 and text is not None:
            raise ServerFault("it is 204 and yet has a Content-Length")
        return 0
    if text is None:
        raise ServerFault("it has no Content-Length")
    if not text.isdigit() or len(text) > 10:
        raise ServerFault(f"its Content-Length is {_shown(text)}, not a number")
    length = int(text)
    if length > most:
        raise ServerFault(f"its {length} bytes are more than a phone can hold")
    return length


def _shown(text: bytes) -> str:
    return repr(text[:60].decode("latin-1"))
