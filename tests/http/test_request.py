"""The strict layer: each thing h11 lets pass and this server does not."""

import h11
import pytest

from bootwave.errors import HttpSyntaxError
from bootwave.http.request import (
    MAX_REQUEST_LINE_BYTES,
    Request,
    head_size,
    request_from_head,
)
from bootwave.limits import (
    MAX_HTTP_HEAD_BYTES,
    MAX_HTTP_HEADERS,
    MAX_HTTP_TARGET_BYTES,
)

SNOM = (
    b"GET /snom370-0004132E08B4.htm HTTP/1.1\r\n"
    b"Host: 192.168.12.1:8080\r\n"
    b"User-Agent: Mozilla/4.0 (compatible; snom370-SIP 8.7.5.48 1.1.3-u "
    b"0004132E08B4)\r\n"
    b"Accept-Language: de\r\n"
    b"Connection: close\r\n\r\n"
)


def head(line: str = "GET / HTTP/1.1", *fields: str) -> bytes:
    """A head with a Host, unless it is HTTP/1.0 or *fields* bring their own."""
    lines = [line, *fields]
    if "HTTP/1.1" in line and not any(f.lower().startswith("host") for f in fields):
        lines.insert(1, "Host: pbx")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def passes_h11(data: bytes) -> bool:
    parser = h11.Connection(h11.SERVER)
    parser.receive_data(data)
    try:
        return isinstance(parser.next_event(), h11.Request)
    except h11.RemoteProtocolError:
        return False


def refused(data: bytes) -> int:
    with pytest.raises(HttpSyntaxError) as caught:
        request_from_head(data)
    return caught.value.status


def test_a_phones_request_is_taken_apart() -> None:
    assert head_size(SNOM) == len(SNOM)
    request = request_from_head(SNOM)
    assert request == Request(
        method=b"GET",
        path="/snom370-0004132E08B4.htm",
        query="",
        version=b"1.1",
        host="192.168.12.1:8080",
        user_agent="Mozilla/4.0 (compatible; snom370-SIP 8.7.5.48 1.1.3-u "
        "0004132E08B4)",
        keep_alive=False,
    )


@pytest.mark.parametrize(
    "field",
    [
        "Host: two words",
        "Host: pbx/path",
        "Host: user@pbx",
        "Host: pbx:port",
        "Host: pbx:123456",
        "Host: pbx:65536",
        "Host: [::1",
        "Host: [::1]x",
        "Host: [1.2.3.4]",
        "Host: [:::]",
        "Host: ::1",
        "Host: pbx,pbx",
        "Host: p\u00e4x",
        "Host:",
        "Host: <script>",
        "Host: " + "a" * 256,
    ],
)
def test_a_bad_host_is_refused_although_h11_takes_it(field: str) -> None:
    data = head("GET / HTTP/1.1", field)
    assert passes_h11(data)
    assert refused(data) == 400


@pytest.mark.parametrize(
    "host",
    [
        "pbx",
        "pbx.example.com.",
        "pbx:8080",
        "192.0.2.1:80",
        "[::1]",
        "[2001:db8::1]:80",
    ],
)
def test_a_good_host_is_kept(host: str) -> None:
    assert request_from_head(head("GET / HTTP/1.1", f"Host: {host}")).host == host


def test_more_than_one_host_is_refused_even_if_they_agree() -> None:
    assert refused(head("GET / HTTP/1.1", "Host: a", "Host: a")) == 400
    assert refused(head("GET / HTTP/1.0", "Host: a", "hOST: a")) == 400


def test_http_1_1_needs_a_host_and_http_1_0_does_not() -> None:
    assert refused(b"GET / HTTP/1.1\r\n\r\n") == 400
    assert request_from_head(b"GET / HTTP/1.0\r\n\r\n").host == ""


@pytest.mark.parametrize("target", ["abc", "!", "*", "host:80", "\\..", "ftp://a/"])
def test_other_target_forms_are_refused_although_h11_takes_them(target: str) -> None:
    data = head(f"GET {target} HTTP/1.1")
    assert passes_h11(data)
    assert refused(data) == 400


@pytest.mark.parametrize(
    ("target", "path", "query", "host"),
    [
        ("http://phone.example/a.htm?mac=1", "/a.htm", "mac=1", "phone.example"),
        ("HTTP://phone.example", "/", "", "phone.example"),
        ("https://phone.example:443?x", "/", "x", "phone.example:443"),
        ("http://[::1]:80/a", "/a", "", "[::1]:80"),
    ],
)
def test_absolute_form_is_reduced_and_its_host_wins(
    target: str, path: str, query: str, host: str
) -> None:
    request = request_from_head(head(f"GET {target} HTTP/1.1"))
    assert (request.path, request.query, request.host) == (path, query, host)


@pytest.mark.parametrize("target", ["http:///a", "http://u:p@h/a", "http://a b/"])
def test_absolute_form_with_a_bad_authority_is_refused(target: str) -> None:
    assert refused(head(f"GET {target} HTTP/1.1")) == 400


@pytest.mark.parametrize("version", ["0.9", "1.2", "2.0", "9.9"])
def test_other_versions_are_refused_although_h11_takes_them(version: str) -> None:
    data = head(f"GET / HTTP/{version}", "Host: pbx")
    assert passes_h11(data)
    assert refused(data) == 505


def test_the_preface_of_http_2_is_told_the_version_is_wrong() -> None:
    assert refused(b"PRI * HTTP/2.0\r\n\r\n") == 505


@pytest.mark.parametrize(
    "method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT"]
)
def test_known_methods_are_not_allowed(method: str) -> None:
    data = head(f"{method} / HTTP/1.1")
    assert passes_h11(data)
    assert refused(data) == 405


@pytest.mark.parametrize("method", ["get", "Get", "PROPFIND", "G" * 900, "SUBSCRIBE"])
def test_unknown_methods_are_not_implemented(method: str) -> None:
    data = head(f"{method} / HTTP/1.1")
    assert passes_h11(data)
    assert refused(data) == 501


def test_both_framings_together_are_refused_although_h11_takes_them() -> None:
    data = head("GET / HTTP/1.1", "Transfer-Encoding: chunked", "Content-Length: 3")
    assert passes_h11(data)
    assert refused(data) == 400


def test_transfer_encoding_in_http_1_0_is_refused_although_h11_takes_it() -> None:
    data = head("GET / HTTP/1.0", "Transfer-Encoding: chunked")
    assert passes_h11(data)
    assert refused(data) == 400


@pytest.mark.parametrize(
    ("field", "status"),
    [
        ("Content-Length: 1", 413),
        ("Content-Length: 00012", 413),
        ("Content-Length: 5, 5", 413),
        ("Transfer-Encoding: chunked", 400),
        ("Content-Length: +0", 400),
        ("Content-Length: 0_0", 400),
        ("Content-Length: 0, 1", 400),
        ("Content-Length: ", 400),
        ("Transfer-Encoding: gzip", 501),
        ("Transfer-Encoding: chunked, chunked", 501),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_body_is_refused(method: str, field: str, status: int) -> None:
    assert refused(head(f"{method} / HTTP/1.1", field)) == status


@pytest.mark.parametrize("length", ["0", "000", "0, 0"])
def test_a_body_of_no_bytes_is_none(length: str) -> None:
    request_from_head(head("GET / HTTP/1.1", f"Content-Length: {length}"))


def test_too_many_fields_are_refused_in_one_piece() -> None:
    fields = [f"X-{number}: 1" for number in range(MAX_HTTP_HEADERS - 1)]
    request_from_head(head("GET / HTTP/1.1", *fields))
    data = head("GET / HTTP/1.1", *fields, "X-More: 1")
    assert passes_h11(data)
    assert refused(data) == 431


def test_a_long_target_is_refused_in_one_piece() -> None:
    longest = "/" + "a" * (MAX_HTTP_TARGET_BYTES - 1)
    assert request_from_head(head(f"GET {longest} HTTP/1.1")).path == longest
    data = head(f"GET {longest}a HTTP/1.1")
    assert passes_h11(data)
    assert refused(data) == 414


@pytest.mark.parametrize("byte", ["\x01", "\x1b", "\x1f", "\x7f", "\x08"])
def test_control_bytes_in_a_value_are_refused_although_h11_takes_them(
    byte: str,
) -> None:
    data = head("GET / HTTP/1.1", f"X: a{byte}b")
    assert passes_h11(data)
    assert refused(data) == 400


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: a\x00b\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
        b"GET / HTTP/1.1\rHost: a\r\n\r\n",
    ],
)
def test_a_nul_or_a_lone_carriage_return_is_refused(data: bytes) -> None:
    assert refused(data) == 400


def test_a_folded_field_is_refused_although_h11_takes_it() -> None:
    data = b"GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n"
    assert passes_h11(data)
    assert refused(data) == 400


@pytest.mark.parametrize("target", ["/%", "/%0", "/%zz", "/a%2", "/?mac=%", "/?%g0"])
def test_a_broken_escape_is_refused_although_h11_takes_it(target: str) -> None:
    data = head(f"GET {target} HTTP/1.1")
    assert passes_h11(data)
    assert refused(data) == 400


@pytest.mark.parametrize(
    "target", ["/%00", "/a%0d%0ab", "/%1f", "/%7F", "/%ff", "/%c3"]
)
def test_an_escaped_control_or_half_a_character_is_refused(target: str) -> None:
    assert refused(head(f"GET {target} HTTP/1.1")) == 400


@pytest.mark.parametrize("target", ["/a#b", '/"', "/a\\b", "/a^b", "/`"])
def test_what_no_url_may_hold_is_refused(target: str) -> None:
    assert refused(head(f"GET {target} HTTP/1.1")) == 400


def test_an_unreplaced_placeholder_is_taken() -> None:
    request = request_from_head(head("GET /prov/{mac}.xml?mac={mac} HTTP/1.1"))
    assert (request.path, request.query) == ("/prov/{mac}.xml", "mac={mac}")


def test_the_path_is_decoded_once_and_the_query_not() -> None:
    request = request_from_head(head("GET /%2541%7Bmac%7D?a=%41 HTTP/1.1"))
    assert (request.path, request.query) == ("/%41{mac}", "a=%41")
    request = request_from_head(head("GET /b%C3%BCro/a HTTP/1.1"))
    assert request.path == "/b\u00fcro/a"


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\nHost: a\n\n",
        b"GET / HTTP/1.1\r\nHost: a\n\r\n",
    ],
)
def test_bare_line_feeds_end_lines_as_h11_has_it(data: bytes) -> None:
    assert head_size(data) == len(data)
    assert request_from_head(data).host == "a"


@pytest.mark.parametrize(
    "data",
    [
        b"GET /\r\n\r\n",
        b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
        b"GET / http/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost\r\n\r\n",
        b"GET / HTTP/1.1\r\n: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET",
    ],
)
def test_what_h11_refuses_stays_refused(data: bytes) -> None:
    assert refused(data) == 400


def test_the_message_repeats_nothing_the_peer_wrote() -> None:
    with pytest.raises(HttpSyntaxError) as caught:
        request_from_head(
            b"GET /?key=SECRET HTTP/1.1\r\nAuthorization\x0cSECRET\r\n\r\n"
        )
    assert "SECRET" not in str(caught.value)
    with pytest.raises(HttpSyntaxError) as caught:
        request_from_head(b"GET /?key=SECRET HTTP/1.1\r\nSECRET\r\n\r\n")
    assert "SECRET" not in str(caught.value)


def test_a_request_shows_neither_path_nor_query_nor_credentials() -> None:
    request = request_from_head(
        head("GET /SECRET/a?key=SECRET HTTP/1.1", "Authorization: Basic SECRET")
    )
    assert request.authorization == b"Basic SECRET"
    assert "SECRET" not in repr(request)


def test_two_authorizations_are_refused() -> None:
    assert (
        refused(head("GET / HTTP/1.1", "Authorization: a", "Authorization: b")) == 400
    )


def test_lines_of_if_none_match_are_joined() -> None:
    request = request_from_head(
        head("GET / HTTP/1.1", 'If-None-Match: "a"', 'if-none-match: W/"b"')
    )
    assert request.if_none_match == b'"a", W/"b"'


@pytest.mark.parametrize(
    ("version", "connection", "kept"),
    [
        ("1.1", None, True),
        ("1.1", "close", False),
        ("1.1", "Keep-Alive, Close", False),
        ("1.1", "TE", True),
        ("1.0", None, False),
        ("1.0", "Keep-Alive", True),
        ("1.0", "close, keep-alive", False),
    ],
)
def test_whether_the_connection_goes_on(
    version: str, connection: str | None, kept: bool
) -> None:
    fields = [] if connection is None else [f"Connection: {connection}"]
    request = request_from_head(head(f"GET / HTTP/{version}", "Host: a", *fields))
    assert request.keep_alive is kept


def test_a_head_that_has_not_ended_needs_more_bytes() -> None:
    for size in range(len(SNOM)):
        assert head_size(SNOM[:size]) is None
    assert head_size(SNOM + SNOM) == len(SNOM)


@pytest.mark.parametrize(
    "data", [b"\x16\x03\x01\x02", b"\r\n", b"\n", b" GET", b"\x00"]
)
def test_what_begins_no_request_line_is_refused_at_its_first_byte(data: bytes) -> None:
    with pytest.raises(HttpSyntaxError) as caught:
        head_size(data[:1])
    assert caught.value.status == 400


def test_an_endless_request_line_is_refused_before_its_end() -> None:
    assert head_size(b"G" * (MAX_REQUEST_LINE_BYTES - 1)) is None
    with pytest.raises(HttpSyntaxError) as caught:
        head_size(b"G" * MAX_REQUEST_LINE_BYTES)
    assert caught.value.status == 414


def test_the_largest_head_fits_and_one_byte_more_does_not() -> None:
    start = b"GET / HTTP/1.1\r\nHost: a\r\nX: "
    fits = start + b"a" * (MAX_HTTP_HEAD_BYTES - len(start) - 4) + b"\r\n\r\n"
    assert head_size(fits) == MAX_HTTP_HEAD_BYTES
    request_from_head(fits)
    for whole in (fits[:-4] + b"a\r\n\r\n", fits[:-4] + b"aaaa"):
        with pytest.raises(HttpSyntaxError) as caught:
            head_size(whole)
        assert caught.value.status == 431


def test_a_range_is_read_when_it_stands_there_once() -> None:
    request = request_from_head(
        b'GET / HTTP/1.1\r\nHost: a\r\nRange: bytes=1-2\r\nIf-Range: "a"\r\n\r\n'
    )
    assert (request.range, request.if_range) == (b"bytes=1-2", b'"a"')
    twice = request_from_head(
        b"GET / HTTP/1.1\r\nHost: a\r\nRange: bytes=1-2\r\nrange: bytes=3-4\r\n\r\n"
    )
    assert (twice.range, twice.if_range) == (None, None)
