"""A stream is cut into the same messages whatever pieces it comes in, or refused."""

from hypothesis import given
from hypothesis import strategies as st

from bootwave.errors import PeerError
from bootwave.limits import MAX_SIP_DATAGRAM_BYTES
from bootwave.sip.framing import StreamFramer

LINES = st.sampled_from(
    [
        b"SIP/2.0 200 OK\r\n",
        b"NOTIFY sip:a SIP/2.0\r\n",
        b"Content-Length: 0\r\n",
        b"Content-Length: 3\r\n",
        b"l:1\r\n",
        b"Content-Length: 5000\r\n",
        b"Via: SIP/2.0/TCP a;branch=b\r\n",
        b"\r\n",
        b"\n",
        b"abc",
        b"x" * 1_500,
    ]
)
STREAMS = st.one_of(st.lists(LINES, max_size=12).map(b"".join), st.binary(max_size=100))


def cut(pieces: list[bytes]) -> tuple[list[bytes], bool]:
    """Return the messages before the stream ended or was refused, and which it was."""
    framer = StreamFramer()
    messages: list[bytes] = []
    for piece in pieces:
        try:
            messages += framer.receive_data(piece)
        except PeerError:
            return messages, True
    return messages, False


@given(STREAMS, st.integers(1, 40))
def test_pieces_make_no_difference(stream: bytes, size: int) -> None:
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    by_bytes = cut([stream[at : at + 1] for at in range(len(stream))])
    messages, refused = cut(pieces)
    assert refused == by_bytes[1]
    # What was cut from the piece that is refused is not told.
    assert by_bytes[0][: len(messages)] == messages
    assert refused or messages == by_bytes[0]
    rest = stream
    for message in messages:
        assert len(message) <= MAX_SIP_DATAGRAM_BYTES
        _, _, rest = rest.partition(message)
