"""The lane may leave a PROXY header to the pure core, never read one otherwise."""

from hypothesis import given, settings
from hypothesis import strategies as st

from bootwave.errors import ProxySyntaxError
from bootwave.http.proxyprotocol import ProxyHeader, header_from_bytes
from bootwave.native.http import read_proxy_header
from tests.oracle.proxies import LOCAL, PROXY, TCP4, TCP6, addition, framed

ADDITIONS = st.lists(
    st.one_of(
        st.binary(max_size=6),
        st.builds(addition, st.integers(0, 255), st.binary(max_size=20)),
        st.just(addition(3, bytes(4))),
        st.just(addition(4, bytes(300))),
        st.just(addition(4, bytes(4020))),
    ),
    max_size=3,
).map(b"".join)
ENDS = st.one_of(
    st.binary(min_size=12, max_size=12),
    st.binary(min_size=36, max_size=36),
    st.binary(min_size=4, max_size=4).map(
        lambda end: (bytes(10) + b"\xff\xff" + end) * 2 + bytes(4)
    ),
    st.binary(min_size=4, max_size=4).map(lambda end: (bytes(12) + end) * 2 + bytes(4)),
    st.binary(max_size=40),
)
HEADERS = st.builds(
    framed,
    st.sampled_from([PROXY] * 8 + [LOCAL, 0x11, 0x2F]),
    st.sampled_from([TCP4, TCP6] * 4 + [0x00, 0x12, 0x31, 0x41]),
    st.builds(bytes.__add__, ENDS, ADDITIONS),
    st.booleans(),
)
REST = st.sampled_from([b"", b"G", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"])


def judged(data: bytes) -> ProxyHeader | None:
    try:
        return header_from_bytes(data)
    except ProxySyntaxError:
        return None


def check(data: bytes) -> bool:
    """The lane reads exactly the complete headers that name somebody."""
    found, judge = read_proxy_header(data), judged(data)
    if judge is None or judge.proxied is None:
        assert found is None, data
        return False
    assert found == (judge.size, *judge.proxied), data
    return True


@given(HEADERS, REST)
@settings(max_examples=1500, deadline=None)
def test_the_lane_reads_headers_as_the_core_does(data: bytes, rest: bytes) -> None:
    check(data + rest)


@given(HEADERS, st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255))))
@settings(max_examples=1500, deadline=None)
def test_a_header_with_bytes_changed_is_read_the_same_or_left(
    data: bytes, changes: list[tuple[int, int]]
) -> None:
    changed = bytearray(data)
    for at, byte in changes[:3]:
        changed[at % len(changed)] = byte
    check(bytes(changed))


@given(HEADERS, REST)
@settings(deadline=None)
def test_a_header_in_pieces_says_what_it_says_in_one(data: bytes, rest: bytes) -> None:
    try:
        whole = header_from_bytes(data + rest)
    except ProxySyntaxError:
        whole = None
        refused = True
    else:
        refused = False
    for end in range(len(data + rest) + 1):
        try:
            part = header_from_bytes((data + rest)[:end])
        except ProxySyntaxError:
            assert refused
            return
        if part is not None:
            assert part == whole
            return
        check(data[:end])
    assert whole is None


@given(st.binary(max_size=100))
def test_any_bytes_are_judged(data: bytes) -> None:
    check(data)
    check(b"\r\n\r\n\x00\r\nQUIT\n\x21" + data)


def test_most_headers_of_these_tests_are_accepted_ones_too() -> None:
    good = framed(PROXY, TCP4, bytes(12) + addition(4, b""), True)
    assert check(good)
    assert check(framed(PROXY, TCP6, bytes(36)))
