"""SIP messages cut out of a stream, whatever pieces it comes in."""

import pytest

from bootwave.errors import LimitExceeded, SipSyntaxError
from bootwave.limits import MAX_SIP_DATAGRAM_BYTES
from bootwave.sip.framing import StreamFramer

EMPTY = b"SIP/2.0 200 OK\r\nCSeq: 1 NOTIFY\r\nContent-Length: 0\r\n\r\n"
COMPACT = b"SIP/2.0 489 Bad Event\r\nl : 4 \r\n\r\n\r\n\r\n"
BODY = b"OPTIONS sip:a SIP/2.0\r\ncontent-LENGTH:5\r\nTo: b\r\n\r\nhello"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1_000])
def test_messages_are_cut_where_their_content_length_says(size: int) -> None:
    stream = EMPTY + b"\r\n\r\n" + COMPACT + BODY + b"\r\n" + EMPTY
    framer = StreamFramer()
    cut: list[bytes] = []
    for at in range(0, len(stream), size):
        cut += framer.receive_data(stream[at : at + size])
    assert cut == [EMPTY, COMPACT, BODY, EMPTY]
    assert framer.receive_data(b"\r\n") == []


def test_a_message_that_is_not_complete_is_waited_for() -> None:
    framer = StreamFramer()
    assert framer.receive_data(BODY[:-1]) == []
    assert framer.receive_data(BODY[-1:]) == [BODY]


@pytest.mark.parametrize(
    "head",
    [
        b"SIP/2.0 200 OK\r\nCSeq: 1 NOTIFY\r\n\r\n",
        b"SIP/2.0 200 OK\r\nContent-Length: 0\r\nContent-Length: 1\r\n\r\n",
        b"SIP/2.0 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"SIP/2.0 200 OK\r\nContent-Length: 1x\r\n\r\n",
        b"SIP/2.0 200 OK\r\nX-Content-Length: 1\r\n\r\n",
    ],
)
def test_a_message_whose_end_nobody_knows_is_refused(head: bytes) -> None:
    with pytest.raises(SipSyntaxError, match="one Content-Length"):
        StreamFramer().receive_data(head)


@pytest.mark.parametrize(
    "data",
    [
        b"SIP/2.0 200 OK\r\n" + b"X: y\r\n" * MAX_SIP_DATAGRAM_BYTES,
        b"SIP/2.0 200 OK\r\nContent-Length: 999999999\r\n\r\n",
    ],
)
def test_a_message_that_is_too_long_is_not_held(data: bytes) -> None:
    with pytest.raises(LimitExceeded):
        StreamFramer().receive_data(data)


def test_the_longest_message_is_cut() -> None:
    head = b"SIP/2.0 200 OK\r\nContent-Length: %d\r\n\r\n"
    size = MAX_SIP_DATAGRAM_BYTES - len(head % 9_999)  # four digits, too
    whole = head % size + b"x" * size
    assert len(whole) <= MAX_SIP_DATAGRAM_BYTES
    assert StreamFramer().receive_data(whole) == [whole]
