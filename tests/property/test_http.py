"""HTTP properties: pieces do not matter, h11 agrees, and nothing else is raised."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from bootwave.errors import HttpSyntaxError
from bootwave.http.challenge import NonceState, nonce_state
from bootwave.http.conditional import is_current
from bootwave.http.connection import HttpConnection
from bootwave.http.effects import Close, Deliver, HalfClose, Note, SendBytes
from bootwave.http.request import Request, head_size, request_from_head
from bootwave.http.response import Response
from bootwave.http.target import target_from
from tests.oracle.lane import served_by_h11

LINES = st.sampled_from(
    [
        b"GET / HTTP/1.1",
        b"GET /snom370-0004132E08B4.htm HTTP/1.1",
        b"HEAD /a%20b?mac={mac} HTTP/1.0",
        b"GET http://h:80/a?b HTTP/1.1",
        b"POST / HTTP/1.1",
        b"GET * HTTP/1.1",
        b"GET / HTTP/2.0",
        b"GET /" + b"a" * 1100 + b" HTTP/1.1",
        b"Host: a",
        b"Host: [::1]:80",
        b"Host: a b",
        b"Connection: close",
        b"Connection: keep-alive",
        b"Content-Length: 0",
        b"Content-Length: 5",
        b"Transfer-Encoding: chunked",
        b"X: " + b"x" * 3000,
        b"X: \x01",
        b" folded",
        b"",
        b"",
    ]
)
ENDS = st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b"\r\n\r\n"])
GOOD = st.sampled_from(
    [
        b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n",
        b"HEAD /%d HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /%d HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        b"GET /%d HTTP/1.1\nHost: a\n\n",
        b"\r\nGET /%d HTTP/1.1\r\nHost: a\r\n\r\n",
    ]
).flatmap(lambda text: st.integers(0, 99).map(lambda number: text % number))
STREAMS = st.lists(
    st.one_of(st.tuples(LINES, ENDS).map(b"".join), GOOD, st.binary(max_size=4)),
    max_size=12,
).map(b"".join)


def transcript(pieces: list[bytes]) -> list[object]:
    """What a whole stream leads to: requests, answers, notes, closes.

    Without half closes: whether one comes before the close depends on whether input was
    still unread then, and so on how it arrived.
    """
    connection = HttpConnection(now=0)
    seen: list[object] = []

    def follow(effects: list[object]) -> None:
        while effects:
            effect = effects.pop(0)
            if not isinstance(effect, HalfClose):
                seen.append(effect)
            match effect:
                case Deliver(request):
                    body = request.path.encode("utf-8", "replace")
                    effects += connection.respond(Response(200, body), 0)
                case SendBytes():
                    effects += connection.sent(0, 0)
                case Close() | HalfClose() | Note():
                    pass

    for piece in pieces:
        follow(list(connection.receive_data(piece, 0)))
    follow(list(connection.receive_eof(0)))
    return seen


@settings(deadline=None)  # some streams are long, byte by byte
@given(STREAMS, st.lists(st.integers(0, 9000), max_size=6))
def test_a_stream_means_the_same_whole_in_pieces_and_byte_by_byte(
    stream: bytes, cuts: list[int]
) -> None:
    whole = transcript([stream])
    assert transcript([stream[at : at + 1] for at in range(len(stream))]) == whole
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    pieces = [stream[a:b] for a, b in pairwise(edges)]
    assert transcript(pieces) == whole


@settings(deadline=None)
@given(STREAMS)
def test_an_empty_line_in_front_changes_nothing(stream: bytes) -> None:
    if not stream.startswith((b"\r", b"\n")):
        assert transcript([b"\r\n" + stream]) == transcript([stream])


def accepted(stream: bytes) -> tuple[int, Request] | int | None:
    """What the strict layer makes of *stream*: a request, a status, or more bytes."""
    try:
        size = head_size(stream)
        return None if size is None else (size, request_from_head(stream[:size]))
    except HttpSyntaxError as error:
        return error.status


@given(STREAMS)
def test_whatever_is_accepted_h11_accepts_with_the_same_bytes(stream: bytes) -> None:
    verdict = accepted(stream)
    if not isinstance(verdict, tuple):
        assert verdict in {None, 400, 405, 413, 414, 431, 501, 505}
        return
    size, request = verdict
    found = served_by_h11(stream)
    assert found is not None
    theirs, taken = found
    assert taken == size
    assert theirs.method == request.method
    assert theirs.http_version == request.version
    if theirs.target.startswith(b"/"):
        assert dict(theirs.headers).get(b"host", b"") == request.host.encode()


@given(st.binary(max_size=200))
def test_any_bytes_are_judged(data: bytes) -> None:
    accepted(data)


PARTS = (
    "/ snom370 - 0004132E08B4 {mac} .htm .xml general firmware % & mac= "
    "\x00 \ud800 \u0660"
).split(" ")
TEXTS = st.one_of(
    st.text(st.characters(), max_size=40),
    st.lists(st.sampled_from(PARTS), max_size=8).map("".join),
)


@given(TEXTS, TEXTS)
@settings(max_examples=300)
def test_any_text_is_a_target_or_none(path: str, query: str) -> None:
    target = target_from(path, query)
    assert target is None or 0 <= target.mac < 1 << 48


@given(TEXTS.filter(str.isascii), TEXTS.filter(str.isascii))
def test_letter_case_never_counts(path: str, query: str) -> None:
    target = target_from(path, query)
    other = target_from(path.swapcase(), query.swapcase())
    assert (target is None) == (other is None)
    if target is not None and other is not None:
        assert (target.kind, target.mac) == (other.kind, other.mac)


@given(st.binary(max_size=60), st.binary(max_size=8))
def test_any_if_none_match_is_judged(value: bytes, tag: bytes) -> None:
    assert is_current(value, b'"%b"' % tag) in (True, False)


@given(st.binary(max_size=40) | st.text(max_size=40).map(str.encode))
def test_no_text_is_a_nonce_by_chance(text: bytes) -> None:
    state = nonce_state(text, 1_700_000_000.0, b"s" * 32, "192.168.4.4", 0x0004132E08B4)
    assert state is NonceState.FOREIGN
