"""The slow, obvious twin of bootwave.native.sip: regular expressions and lists.

``parse`` returns a plain dictionary with the same names as the attributes of Message,
and raises NotSip where the native code raises SipSyntaxError.
"""

import re
from typing import Any

MAX_BYTES, MAX_HEADERS, MAX_VIAS = 4096, 64, 8

TOKEN = rb"[A-Za-z0-9.!%*_+`'~-]+"
BLANKS = rb"[ \t\r\n]*"
COMPACT = {
    b"v": b"via",
    b"f": b"from",
    b"t": b"to",
    b"i": b"call-id",
    b"m": b"contact",
    b"o": b"event",
    b"l": b"content-length",
}
ONCE = (b"from", b"to", b"call-id", b"cseq", b"event", b"expires", b"content-length")


class NotSip(Exception):
    """The bytes are refused."""


def require(condition: object) -> None:
    if not condition:
        raise NotSip


def match(pattern: bytes, text: bytes) -> re.Match[bytes]:
    found = re.compile(pattern, re.DOTALL).match(text)
    if found is None:
        raise NotSip
    return found


def unfold(text: bytes) -> bytes:
    if b"\n" not in text:
        return text
    return b" ".join(line.strip(b" \t\r") for line in text.split(b"\n"))


def head_and_body(data: bytes) -> tuple[list[bytes], bytes]:
    """Lines up to the empty one, without their ends, and what follows it."""
    lines: list[bytes] = []
    rest = data.lstrip(b"\r\n")
    while True:
        line, end, rest = rest.partition(b"\n")
        require(end)
        line = line.removesuffix(b"\r")
        if not line:
            require(lines)
            return lines, rest
        for at, byte in enumerate(line):
            if (byte < 0x20 and byte != 9) or byte == 0x7F:
                require(byte != 13 and line[max(at - 1, 0)] == 0x5C)
        lines.append(line)


def headers_from_lines(lines: list[bytes]) -> list[tuple[bytes, bytes]]:
    headers: list[list[bytes]] = []
    for line in lines:
        if line[:1] in (b" ", b"\t") and headers:
            headers[-1][1] += b"\n" + line
            continue
        found = match(rb"(" + TOKEN + rb")[ \t]*:(.*)", line)
        headers.append([found[1], found[2]])
    require(len(headers) <= MAX_HEADERS)
    return [
        (COMPACT.get(name.lower(), name.lower()), value.strip(b" \t\r\n"))
        for name, value in headers
    ]


def scheme_length(uri: bytes) -> int:
    found = re.match(rb"[A-Za-z][A-Za-z0-9+.-]*:(?=.)", uri, re.DOTALL)
    return found.end() if found else 0


def read_address(value: bytes) -> tuple[bytes, bytes]:
    """URI, and what stands behind it."""
    if value.startswith(b'"'):
        found = match(rb'"(?:[^"\\]|\\.)*"' + BLANKS + rb"(?=<)", value)
        rest = value[found.end() :]
    else:
        found = match(rb"[A-Za-z0-9.!%*_+`'~ \t\r\n\x80-\xff-]*([<:])", value)
        rest = value[found.end() - 1 :] if found[1] == b"<" else value
    if rest.startswith(b"<"):
        found = match(rb'<([^ \t\r\n<>"]*)>', rest)
        uri = found[1]
    else:
        found = match(rb'[A-Za-z0-9+.-]+:[^ \t\r\n<>";,]*', rest)
        uri = found[0]
    require(scheme_length(uri))
    return uri, rest[found.end() :]


def next_parameter(text: bytes) -> tuple[bytes, bytes, bytes] | None:
    """Lower-case name, value, rest; None at the end or a comma."""
    text = text.lstrip(b" \t\r\n")
    if not text or text.startswith(b","):
        return None
    found = match(rb";" + BLANKS + rb"(" + TOKEN + rb")" + BLANKS, text)
    name, text = found[1].lower(), text[found.end() :]
    if not text.startswith(b"="):
        return name, b"", text
    text = text[1:].lstrip(b" \t\r\n")
    if text.startswith(b'"'):
        found = match(rb'"((?:[^"\\]|\\.)*)"', text)
    else:
        found = match(rb'([^ \t\r\n;,"]*)', text)
    return name, found[1], text[found.end() :]


def read_party(value: bytes) -> tuple[bytes, bytes]:
    """URI and tag."""
    uri, rest = read_address(value)
    tag = b""
    while (parameter := next_parameter(rest)) is not None:
        name, content, rest = parameter
        if name == b"tag":
            require(not tag and re.fullmatch(TOKEN, content))
            tag = content
    require(not rest.strip(b" \t\r\n"))
    return uri, tag


def split_vias(values: list[bytes]) -> list[bytes]:
    vias = []
    for value in values:
        parts = [b""]
        rest = value
        while b"," in value and rest:
            if rest.startswith(b'"'):
                quoted = match(rb'"(?:[^"\\]|\\.)*"', rest)[0]
                parts[-1] += quoted
                rest = rest[len(quoted) :]
                continue
            if rest.startswith(b","):
                parts.append(b"")
            else:
                parts[-1] += rest[:1]
            rest = rest[1:]
        if b"," not in value:
            parts = [value]
        vias += [part.strip(b" \t\r\n") for part in parts]
    require(vias and all(vias) and len(vias) <= MAX_VIAS)
    return vias


def read_via(via: bytes) -> dict[str, Any]:
    found = match(
        rb"SIP@/@2\.0@/@(?P<transport>T)[ \t\r\n]+"
        rb"(?P<host>\[[A-Za-z0-9.!%*_+`'~:-]{2,}\]|T)@(?::@(?P<port>[0-9]+))?".replace(
            b"@", BLANKS
        )
        .replace(b"T", TOKEN)
        .replace(b"SIP", b"[Ss][Ii][Pp]"),
        via,
    )
    port = int(found["port"] or b"0")
    require(port <= 65535 and (port or not found["port"]))
    rest = via[found.end() :]
    require(not rest.lstrip(b" \t\r\n").startswith(b":"))
    seen: dict[bytes, bytes] = {}
    while (parameter := next_parameter(rest)) is not None:
        name, content, rest = parameter
        if name in (b"branch", b"rport", b"received"):
            require(name not in seen)
            seen[name] = content
    return {
        "transport": found["transport"],
        "sent_by_host": found["host"],
        "sent_by_port": port,
        "has_rport": b"rport" in seen,
        "top_via_branch": seen.get(b"branch", b""),
    }


def read_event(value: bytes) -> dict[bytes, bytes]:
    package = re.match(rb"[A-Za-z0-9.!%*_+`'~-]*", value)
    assert package is not None
    event = {b"": package[0]}
    rest = value[package.end() :]
    try:
        while (parameter := next_parameter(rest)) is not None:
            event[parameter[0]] = parameter[1]
            rest = parameter[2]
    except NotSip:
        pass
    return event


def number(value: bytes) -> int | None:
    return int(value) if re.fullmatch(rb"[0-9]+", value) else None


def mac_from_uri(uri: bytes) -> int:
    found = re.match(
        rb"sips?:mac(?:%3a|:|=|)([0-9a-f]{12})@", uri, re.IGNORECASE | re.DOTALL
    )
    return int(found[1], 16) if found else 0


def parse(data: bytes) -> dict[str, Any]:
    require(len(data) <= MAX_BYTES)
    lines, rest = head_and_body(data)
    status = 0
    method = request_uri = b""
    if lines[0][:4].lower() == b"sip/":
        found = match(rb"[Ss][Ii][Pp]/2\.0 ([0-9]{3})(?: .*)?\Z", lines[0])
        status = int(found[1])
        require(100 <= status <= 699)
    else:
        pattern = rb"(" + TOKEN + rb') ([^ \t<>"]+) [Ss][Ii][Pp]/2\.0\Z'
        found = match(pattern, lines[0])
        method, request_uri = found[1], found[2]
        require(scheme_length(request_uri))

    headers = headers_from_lines(lines[1:])
    first: dict[bytes, bytes] = {}
    for name, value in headers:
        require(name not in ONCE or name not in first)
        first.setdefault(name, value)
    require(all(name in first for name in (b"from", b"to", b"call-id", b"cseq")))
    vias = split_vias([value for name, value in headers if name == b"via"])

    from_uri, from_tag = read_party(first[b"from"])
    to_uri, to_tag = read_party(first[b"to"])
    require(re.fullmatch(rb"[^ \t\r\n]+", first[b"call-id"]))
    found = match(rb"([0-9]+)[ \t\r\n]+(" + TOKEN + rb")\Z", first[b"cseq"])
    require(int(found[1]) < 2**31)
    require(status or found[2] == method)
    try:
        contact_uri = read_address(first.get(b"contact", b""))[0]
    except NotSip:
        contact_uri = b""
    event = read_event(first.get(b"event", b""))
    expires = number(first.get(b"expires", b""))
    body = rest
    content_length = None
    if b"content-length" in first:
        content_length = number(first[b"content-length"])
        require(content_length is not None and content_length <= len(rest))
        body = rest[:content_length]

    fields: dict[str, Any] = {
        "is_request": not status,
        "status": status,
        "method": method,
        "request_uri": request_uri,
        "vias": vias,
        **read_via(vias[0]),
        "from_": first[b"from"],
        "from_uri": from_uri,
        "from_tag": from_tag,
        "to": first[b"to"],
        "to_uri": to_uri,
        "to_tag": to_tag,
        "call_id": first[b"call-id"],
        "cseq_number": int(found[1]),
        "cseq_method": found[2],
        "contact": first.get(b"contact", b""),
        "contact_uri": contact_uri,
        "event": first.get(b"event", b""),
        "event_package": event[b""],
        "event_id": event.get(b"id", b""),
        "profile_type": event.get(b"profile-type", b""),
        "vendor": event.get(b"vendor", b""),
        "model": event.get(b"model", b""),
        "version": event.get(b"version", b""),
        "expires": None if expires is None else min(expires, 2**32 - 1),
        "user_agent": first.get(b"user-agent", b""),
        "content_length": content_length,
    }
    for name, value in fields.items():
        if isinstance(value, bytes):
            fields[name] = unfold(value)
    fields["vias"] = [unfold(via) for via in vias]
    fields["body"] = body
    fields["mac"] = (
        mac_from_uri(request_uri) or mac_from_uri(to_uri) or mac_from_uri(from_uri)
    )
    return fields
