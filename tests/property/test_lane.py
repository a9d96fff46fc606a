"""The lane may leave a request to others; it may never read one otherwise."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bootwave.native.http import recognise
from tests.oracle.lane import check, check_trickled

CORPUS = sorted((Path(__file__).parents[1] / "corpus" / "lane").iterdir())

MAC = b"0004132E08B4"
PIECES = [
    b"/",
    b"//",
    b"prov/",
    b"taaaaaaaaaaaaaaaaaaaaaaaaaa/",
    b"tabcdefghijklmnopqrstuvwxyz/",
    b"t234567abcdefghijklmnopqrst/",
    b"Tabcdefghijklmnopqrstuvwxyz/",
    b"tabcdefghijklmnopqrstuvwxy1/",
    b"tabcdefghijklmnopqrstuvwxyza/",
    b"general/",
    b"General/",
    b"general.xml",
    b"snom",
    b"snom370",
    b"SNOMD785",
    b"snom-m3",
    b"snomm9",
    b"snom" + b"x" * 29,
    b"-",
    MAC,
    MAC.lower(),
    MAC[:11],
    b"0004.132E.08B4",
    b"-firmware",
    b".htm",
    b".HTML",
    b".xml",
    b".cfg",
    b".txt",
    b".",
    b"?mac=" + MAC,
    b"?MAC=" + MAC,
    b"?mac={mac}",
    b"&mac=" + MAC,
    b"?a=1",
    b"%41",
    b"{mac}",
    b"~",
]
TARGETS = st.one_of(
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=6).map(
        lambda some: b"/" + b"".join(some)
    ),
    st.sampled_from(
        [
            b"/" + MAC + b".xml",
            b"/snom370-" + MAC + b".htm",
            b"/snom370.htm",
            b"/general/snom370.xml",
            b"/snom370-firmware.html",
            b"/?mac=" + MAC,
            b"/tabcdefghijklmnopqrstuvwxyz/" + MAC + b".xml",
            b"/tabcdefghijklmnopqrstuvwxyz/general/snom370.xml",
            b"/tabcdefghijklmnopqrstuvwxyz",
            b"/tabcdefghijklmnopqrstuvwxyz/?mac=" + MAC,
        ]
    ),
)
HOSTS = [
    b"a",
    b"192.0.2.1:8080",
    b"[::1]",
    b"[1:2:3:4:5:6:7::]:80",
    b"[::12345]",
    b"[]",
    b"[:::1]",
    b"a:",
    b"a:65535",
    b"a:65536",
    b"a:0",
    b"a b",
    b"a_b",
    b"",
    b"x" * 255,
    b"x" * 256,
]
FIELDS = st.one_of(
    st.sampled_from(HOSTS).map(lambda host: b"Host: " + host),
    st.sampled_from(
        [
            b"host:a",
            b"Host : a",
            b"Host:  a",
            b"Host: a ",
            b"Host: a\t",
            b" Host: a",
            b"Connection: close",
            b"Connection: Keep-Alive",
            b"connection: keep-alive, close",
            b"Connection: upgrade",
            b"Accept: */*",
            b"Accept-Language: de",
            b"Accept-Encoding: gzip",
            b"Cache-Control: no-cache",
            b"Pragma: no-cache",
            b"Expect: 100-continue",
            b"Content-Length: 0",
            b"Content-Length: 5",
            b"Transfer-Encoding: chunked",
            b"Authorization: Basic eA==",
            b"User-Agent: Mozilla/4.0 (compatible; snom370-SIP 8.4.35 1.1.3-s)",
            b"User-Agent: \xe9",
            b"User-Agent:",
            b"User-Agent: " + b"a" * 257,
            b'If-None-Match: "abc"',
            b'If-None-Match: W/"abc"',
            b'If-None-Match: "a", "b"',
            b"If-None-Match: *",
            b'If-None-Match: "a"b"',
            b'If-None-Match: ""',
            b"X-Other: 1",
            b"\x00",
        ]
    ),
)
LINES = st.sampled_from(
    [b"GET ", b"GET ", b"GET ", b"HEAD ", b"get ", b"POST ", b"\r\nGET ", b"GET  "]
)
VERSIONS = st.sampled_from(
    [
        b" HTTP/1.1",
        b" HTTP/1.1",
        b" HTTP/1.0",
        b" HTTP/2.0",
        b" http/1.1",
        b"  HTTP/1.1",
    ]
)
ENDS = st.sampled_from([b"\r\n"] * 30 + [b"\n", b"\r", b"\r\n ", b" \r\n"])


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Requests that are nearly what phones send, and often exactly that."""
    lines = [draw(LINES) + draw(TARGETS) + draw(VERSIONS)]
    if draw(st.booleans()):
        lines.append(b"Host: a")
    lines += draw(st.lists(FIELDS, max_size=4))
    head = b"".join(line + draw(ENDS) for line in lines)
    return head + draw(st.sampled_from([b"\r\n", b"\r\n", b"\n", b"", b"\r\nGET /"]))


@given(requests())
@settings(max_examples=1500, deadline=None)
def test_what_the_lane_accepts_its_judges_read_the_same(data: bytes) -> None:
    check(data)


@given(requests(), st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255))))
@settings(max_examples=700, deadline=None)
def test_a_request_with_bytes_changed_is_read_the_same_or_left(
    data: bytes, changes: list[tuple[int, int]]
) -> None:
    changed = bytearray(data)
    for at, byte in changes[:3]:
        changed[at % len(changed)] = byte
    check(bytes(changed))


@given(requests(), st.binary(max_size=20))
@settings(deadline=None)
def test_what_follows_a_request_changes_nothing(data: bytes, after: bytes) -> None:
    found = recognise(data)
    if found is not None:
        assert recognise(data[: found[0]] + after) == found
        for end in range(found[0]):
            assert recognise(data[:end]) is None


@given(st.binary(max_size=300))
def test_any_bytes_are_judged(data: bytes) -> None:
    check(data)


@given(requests())
@settings(max_examples=200, deadline=None)
def test_a_request_that_comes_byte_by_byte_is_no_other(data: bytes) -> None:
    check_trickled(data)


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name)
def test_the_corpus_is_read_the_same_whole_and_byte_by_byte(path: Path) -> None:
    data = path.read_bytes()
    accepted = check(data)
    assert check_trickled(data) == accepted
    if not path.name.startswith("found-"):
        assert path.name.startswith("accepted-" if accepted else "left-")


def test_the_corpus_holds_requests_of_both_kinds() -> None:
    names = {path.name.partition("-")[0] for path in CORPUS}
    assert names >= {"accepted", "left"}
