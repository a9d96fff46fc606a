"""A strict reader of the SIP messages a phone receives (RFC 3261 sections 7 and 25).

Stricter than the RFC asks a phone to be: lines end with CRLF, no line is folded,
Content-Length is there and counts exactly the bytes after the empty line.  A server
that passes here passes in front of sloppier phones.
"""

import re

from bootwave.errors import ServerFault

# The short forms of RFC 3261 section 7.3.3 and RFC 6665 section 8.4.
_COMPACT = {
    "v": "via",
    "f": "from",
    "t": "to",
    "i": "call-id",
    "l": "content-length",
    "m": "contact",
    "c": "content-type",
    "o": "event",
    "u": "allow-events",
    "s": "subject",
    "k": "supported",
}
# The names as they are usually written, so that most need no closer look.
_USUAL = {
    name: name.lower()
    for name in (
        "Via",
        "From",
        "To",
        "Call-ID",
        "CSeq",
        "Contact",
        "Expires",
        "Event",
        "Max-Forwards",
        "Subscription-State",
        "Content-Type",
        "Content-Length",
        "Server",
        "User-Agent",
    )
}
_TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+")
_DIGITS = re.compile(r"[0-9]{1,10}")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_STATUS_LINE = re.compile(r"SIP/2\.0 ([1-6][0-9]{2}) [^\r\n]*")
# Call-ID as the first look at a datagram finds it, to know which phone it is for.
_CALL_ID = re.compile(rb"\r?\n(?:call-id|i)[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE)


class Message:
    """One SIP message: its start line, its header fields by lower-case name, its body.

    ``status`` is 0 for a request and ``method`` is empty for a response.
    """

    __slots__ = ("_fields", "body", "method", "request_uri", "status")

    def __init__(
        self,
        status: int,
        method: str,
        request_uri: str,
        fields: dict[str, list[str]],
        body: bytes,
    ) -> None:
        """Hold what ``read`` found."""
        self.status = status
        self.method = method
        self.request_uri = request_uri
        self.body = body
        self._fields = fields

    def all(self, name: str) -> list[str]:
        """Return the values of every *name* field, in order; none is an empty list."""
        return self._fields.get(name, [])

    def one(self, name: str) -> str:
        """Return the value of the only *name* field.

        Raises ServerFault when the field is missing, repeated or empty.
        """
        values = self._fields.get(name)
        if values is None:
            raise ServerFault(f"it has no {_shown(name)} header")
        if len(values) != 1:
            raise ServerFault(f"it has {len(values)} {_shown(name)} headers")
        if not values[0]:
            raise ServerFault(f"its {_shown(name)} header is empty")
        return values[0]


def read(data: bytes) -> Message:
    """Return the message in *data*, one whole datagram.

    Raises ServerFault with the first thing that is wrong, as the end of a sentence
    that begins with the message ("the 200 …").
    """
    head_bytes, gap, body = data.partition(b"\r\n\r\n")
    if not gap:
        raise ServerFault("it does not end its headers with an empty line (CRLF CRLF)")
    try:
        head = head_bytes.decode("utf-8")
    except UnicodeDecodeError:
        raise ServerFault("its headers are not UTF-8") from None
    lines = head.split("\r\n")
    ends = len(lines) - 1
    if head.count("\n") != ends or head.count("\r") != ends:
        raise ServerFault("it has a line that does not end with CRLF")
    if not "".join(lines).isprintable() and _CONTROL.search(head):
        raise ServerFault("it has a control character in its headers")
    status, method, request_uri = _start_line(lines[0])
    fields: dict[str, list[str]] = {}
    for line in lines[1:]:
        written, colon, value = line.partition(":")
        name = _USUAL.get(written)
        if name is None or not colon:
            if not colon or not _TOKEN.fullmatch(written):
                raise ServerFault(f"it has the line {line[:60]!r}, which is no header")
            name = written.lower()
            name = _COMPACT.get(name, name)
        if name in fields:
            fields[name].append(value.strip(" \t"))
        else:
            fields[name] = [value.strip(" \t")]
    message = Message(status, method, request_uri, fields, body)
    length = message.one("content-length")
    if not _DIGITS.fullmatch(length):
        raise ServerFault(f"its Content-Length is {length[:40]!r}, not a number")
    if int(length) != len(body):
        raise ServerFault(f"its Content-Length is {length}, its body {len(body)} bytes")
    return message


def call_id_of(data: bytes) -> bytes:
    """Return the Call-ID that *data* seems to carry, b"" when it carries none."""
    found = _CALL_ID.search(data)
    return found[1].rstrip(b" \t") if found else b""


def address_of(value: str) -> tuple[str, dict[str, str]]:
    """Return the URI and the header parameters of a From, To or Contact *value*.

    Only the form with angle brackets is taken, with or without a display name: the
    phone itself writes no other.  Raises ServerFault.
    """
    before, bracket, rest = value.partition("<")
    uri, closing, tail = rest.partition(">")
    if not bracket or not closing or not uri:
        raise ServerFault(f"its address {value[:80]!r} has no URI in angle brackets")
    if before.strip() and not before.endswith((" ", '"')):
        raise ServerFault(f"its address {value[:80]!r} has an unreadable display name")
    return uri, parameters_of(tail)


def parameters_of(tail: str) -> dict[str, str]:
    """Return the ``;name=value`` parameters of *tail* by lower-case name.

    A parameter without a value is the empty string.  Raises ServerFault for text that
    is no parameter and for one that is given twice.
    """
    parameters: dict[str, str] = {}
    if not tail:
        return parameters
    first, *parts = tail.split(";")
    if first.strip(" \t"):
        raise ServerFault(f"it has {first[:40]!r} where a parameter should begin")
    for part in parts:
        name, _equals, value = part.strip(" \t").partition("=")
        name = name.lower()
        if not _TOKEN.fullmatch(name):
            raise ServerFault(f"it has the unreadable parameter {part[:40]!r}")
        if name in parameters:
            raise ServerFault(f"it has the parameter {name} twice")
        parameters[name] = value
    return parameters


def cseq_of(value: str) -> tuple[int, str]:
    """Return number and method of a CSeq *value* (RFC 3261 section 8.1.1.5).

    Raises ServerFault when it is not a number below 2**31 and a method.
    """
    number, _space, method = value.partition(" ")
    method = method.strip(" \t")
    if not _DIGITS.fullmatch(number) or int(number) >= 1 << 31:
        raise ServerFault(f"its CSeq {value[:40]!r} does not begin with a number")
    if not _TOKEN.fullmatch(method):
        raise ServerFault(f"its CSeq {value[:40]!r} names no method")
    return int(number), method


def is_token(text: str) -> bool:
    """Whether *text* is a token of RFC 3261 section 25.1."""
    return _TOKEN.fullmatch(text) is not None


def number_of(value: str, what: str) -> int:
    """Return the decimal number *value*; raises ServerFault naming *what*."""
    if not _DIGITS.fullmatch(value):
        raise ServerFault(f"its {what} is {value[:40]!r}, not a number")
    return int(value)


def _start_line(line: str) -> tuple[int, str, str]:
    if line.startswith("SIP/"):
        found = _STATUS_LINE.fullmatch(line)
        if not found:
            raise ServerFault(f"its first line {line[:60]!r} is no SIP/2.0 status line")
        return int(found[1]), "", ""
    parts = line.split(" ")
    if len(parts) != 3 or parts[2] != "SIP/2.0" or not is_token(parts[0]):
        raise ServerFault(f"its first line {line[:60]!r} is no SIP/2.0 request line")
    if not parts[1]:
        raise ServerFault("its request line has no Request-URI")
    return 0, parts[0], parts[1]


def _shown(name: str) -> str:
    if name == "cseq":
        return "CSeq"
    if name == "call-id":
        return "Call-ID"
    return name.title()
