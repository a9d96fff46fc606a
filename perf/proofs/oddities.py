"""What rude clients of the API send: bytes that are requests only nearly.

Values that stand for a member of a body, whole bodies, media types, chunks, lengths,
requests of other versions and protocols, and parts of URLs and header fields.
"""

from collections.abc import Sequence
from typing import Final

DEEP: Final = 50_000

ODD_VALUES: Final[Sequence[bytes]] = (
    *(b"null", b"NaN", b"-Infinity", b"1e999", b"-0", b"9" * 400, b"-1", b"1.5e-7"),
    *(b"true", b"[]", b"{}", b"[[]]", b'[{"a": []}]', b'""', b'" "', b'"\\u0000"'),
    *(b'"\\ud800"', b'"\\udfff\\ud800"', b'["\\ud800"]', b'{"\\ud800": 1}'),
    *(b'"\xff\xfe"', b'"\xed\xa0\x80"', b'"\\ufffe"', b'"\\u2028"', b'"\\u202e"'),
    *(b'"' + b"x" * 5_000 + b'"', b'"a\\nb"', b'"a\\r\\nX: y"', b'"\x7f"'),
    *(b'"<a>&amp;]]>"', b'"../../etc/passwd"', b'"\'; DROP TABLE domains;--"'),
    b"[" + b"1," * 20_000 + b"1]",
    *(str(2**63).encode(), str(-(2**63) - 1).encode()),
)
HARDLY_JSON: Final[Sequence[bytes]] = (
    *(b"", b" ", b"null", b"true", b"0", b'"x"', b"[]", b"{}", b"[{}]", b"NaN"),
    *(b"{", b"}", b"{]", b'{"a"}', b'{"a": }', b'{"a": 1,}', b"{'a': 1}", b"{a: 1}"),
    *(
        b'{"": 1}',
        b'{"\\u0000": 1}',
        b'{"a": 1, "a": 2}',
        b"\x00",
        b"\xff",
        b"\xfe\xff",
    ),
    *(b"[" * DEEP, b"[" * DEEP + b"]" * DEEP, b'{"a":' * DEEP + b"1" + b"}" * DEEP),
    '{"name": "x"}'.encode("utf-16"),
    '{"name": "x"}'.encode("utf-32"),
    b'{"name": "x"}' * 2,
    b'{"name": "x"}\x00',
    b"// a\n{}",
)
TYPES: Final[Sequence[str]] = (
    *("", "text/plain", "application/xml", "multipart/form-data", "*/*", "json"),
    *("application/x-www-form-urlencoded", "application/json; charset=utf-16"),
    *("application/jsonl", "text/csv", ";", "application/json;", "\x80", "a" * 5_000),
    "multipart/form-data; boundary=" + "b" * 300,
)
CHUNKS: Final[Sequence[bytes]] = (
    *(b"x\r\n{}\r\n0\r\n\r\n", b"-2\r\n{}\r\n0\r\n\r\n", b"0x2\r\n{}\r\n0\r\n\r\n"),
    *(b"2\n{}\n0\n\n", b"2\r\n{}0\r\n\r\n", b"2\r\n{}\r\n", b"2\r\n{", b"2"),
    *(b"2;a=b\r\n{}\r\n0\r\n\r\n", b"2 \r\n{}\r\n0\r\n\r\n", b" 2\r\n{}\r\n0\r\n\r\n"),
    *(
        b"f" * 40 + b"\r\n{}\r\n0\r\n\r\n",
        b"2;" + b"e" * 70_000 + b"\r\n{}\r\n0\r\n\r\n",
    ),
    *(b"0\r\n\r\n", b"0\r\nX: y\r\n\r\n", b"0\r\n" + b"X: y\r\n" * 5_000 + b"\r\n"),
    *(b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n", b"1\r\n{\r\n" * 2_000, b"\r\n", b"{}"),
    *(b"7fffffffffffffff\r\n{}", b"2\r\n{}\r\n0\r\nContent-Length: 5\r\n\r\n"),
)
TWO_LENGTHS: Final[Sequence[Sequence[str]]] = (
    ("Content-Length: 2", "Transfer-Encoding: chunked"),
    ("Content-Length: 2", "Content-Length: 3"),
    ("Content-Length: 2, 2",),
    ("Content-Length: +2",),
    ("Content-Length: -1",),
    ("Content-Length: 0x2",),
    ("Content-Length: ",),
    ("Transfer-Encoding: gzip, chunked",),
    ("Transfer-Encoding: chunked, chunked",),
    ("Transfer-Encoding: identity",),
    ("Transfer-Encoding: \x0bchunked",),
    ("Transfer-Encoding : chunked",),
    ("Content-Length: 2\r\n Content-Length: 5",),
)
_ASKED: Final = b"GET /api/v1/domains HTTP/"
OTHERWISE: Final[Sequence[bytes]] = (
    *(_ASKED + b"1.0\r\nAUTH\r\n\r\n", _ASKED + b"1.0\r\nHost: x\r\nAUTH\r\n\r\n"),
    _ASKED + b"1.0\r\nAUTH\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    _ASKED + b"1.0\r\nAUTH\r\nConnection: keep-alive\r\n\r\n",
    *(_ASKED + b"1.1\r\nAUTH\r\n\r\n", _ASKED + b"1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
    *(
        _ASKED + b"0.9\r\n\r\n",
        _ASKED + b"1.2\r\nHost: x\r\n\r\n",
        _ASKED + b"2.0\r\n\r\n",
    ),
    *(
        _ASKED + b"9\r\n\r\n",
        b"GET /api/v1/domains\r\n\r\n",
        b"GET\r\n\r\n",
        b"\r\n" * 50,
    ),
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9),
    bytes.fromhex("16030100ba010000b60303") + bytes(range(180)),  # a ClientHello of TLS
    *(
        bytes(1_000),
        b"\xff" * 1_000,
        b"SSH-2.0-x\r\n",
        b"\x05\x01\x00",
        b"*1\r\n$4\r\nPING\r\n",
    ),
    _ASKED + b"1.1\nHost: x\nAUTH\n\n",
    _ASKED + b"1.1\r\nHost: x\r\n folded\r\nAUTH\r\n\r\n",
    _ASKED + b"1.1\r\nHost: x\r\nNo colon\r\n\r\n",
    _ASKED + b"1.1\r\nHost: x\r\n: empty\r\n\r\n",
    _ASKED + b"1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n",
    _ASKED + b"1.1\r\nHost: x\r\nX\x80: a\r\n\r\n",
    _ASKED + b"1.1\r\nHost: x\r\nAUTH\r\nExpect: 100-continue\r\n\r\n",
    _ASKED + b"1.1\r\nHost: x\r\nAUTH\r\nExpect: tea\r\nContent-Length: 1\r\n\r\nx",
    _ASKED + b"1.1\r\nHost: x\r\nAUTH\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
    _ASKED + b"1.1\r\nHost: x\r\nAUTH\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
    _ASKED + b"1.1\r\nHost: x\r\nAUTH\r\nContent-Length: 5\r\n\r\nhello",
)
ODD_PARTS: Final[Sequence[str]] = (
    *(
        "%00",
        "%ff",
        "%ed%a0%80",
        "%c0%ae",
        "%",
        "%zz",
        "..",
        "%2e%2e",
        "%2f",
        "a%0d%0ab",
    ),
    *("", "//", ";", "*", "?", "-1", "9" * 30, "%F0%9F%98%80", "a" * 3_000, "NaN"),
    *("'", "%22", "%3Cscript%3E", "@", "a@b", "*@*", "%20", "\xe4", "\x80", "|"),
)
ODD_QUERIES: Final[Sequence[str]] = (
    *("limit=NaN", "limit=-1", "limit=0", "limit=1e3", "limit=" + "9" * 400, "limit="),
    *("limit=5&limit=6", "limit[]=5", "limit=%00", "cursor=x", "cursor=%ff%fe"),
    *("cursor=" + "A" * 2_000, "cursor=%ed%a0%80", "sort=%00", "sort=mac;--", "seen=2"),
    *("number_prefix=%25_", "name_prefix=%00", "name_prefix=%ed%a0%80", "mac=%ff"),
    *(
        "since=NaN",
        "since=1e999",
        "since=-1",
        "until=9999-99-99T99",
        "descending=maybe",
    ),
    *("index=99999999999999999999", "form=exe", "mac_prefix=%F0%9F%98%80", "a" * 2_000),
    *(
        "ended=%00",
        "source=%00",
        "source=::1%25lo",
        "model=%00",
        "actor=%00&action=%ff",
    ),
    *("=", "&&&&", "%", "%zz=%zz", ";", "\x80=\x80", "subject=" + "x" * 2_000),
)
ODD_FIELDS: Final[Sequence[str]] = (
    *("If-Match: ", "If-Match: *", 'If-Match: "', "If-Match: \x80", "If-Match: W/*"),
    "If-Match: " + ", ".join(f'"{number}"' for number in range(2_000)),
    *("If-None-Match: *", "If-None-Match: \xff", 'If-None-Match: """"'),
    *(
        "Idempotency-Key: ",
        "Idempotency-Key: \x80\xff",
        f"Idempotency-Key: {'k' * 9_000}",
    ),
    *("Cookie: bootwave=\xff", "Cookie: ;;;===", "Cookie: bootwave=bws_x; bootwave=y"),
    *("X-Bootwave-Csrf: \xff", "Origin: null", "Origin: http://[", "Referer: \x80"),
    *("Authorization: Basic \xff", "Authorization: ", "Authorization: Bearer"),
    *("Range: bytes=0-1", "Range: bytes=-", "Accept: \xff", "Accept-Encoding: br;q=9"),
    *("Content-Encoding: gzip", "Content-MD5: x", "TE: trailers", "Trailer: X"),
    *("X-HTTP-Method-Override: DELETE", "X-Forwarded-For: \xff", "Forwarded: for=\x80"),
    *(
        "Last-Event-ID: NaN",
        "Last-Event-ID: -1",
        "Date: never",
        "Via: \x80",
        "Max-Forwards: x",
    ),
)
TOO_MUCH: Final[Sequence[Sequence[str]]] = (
    (f"X-Long: {'y' * 100_000}",),
    tuple(f"X-{number}: z" for number in range(5_000)),
    (f"Cookie: bootwave={'c' * 20_000}",),
    (f"Authorization: Bearer bw_{'t' * 20_000}",),
)
