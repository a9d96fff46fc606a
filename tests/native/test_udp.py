"""recvmmsg and sendmmsg with IP_PKTINFO, against the socket module as the oracle."""

import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootwave.native.pnp import BoundMacs, PnpLane
from bootwave.native.ring import SightingRing
from bootwave.native.transactions import Transactions
from bootwave.native.udp import BATCH_DATAGRAMS, Receiver, send

IP_PKTINFO = 8
SO_RXQ_OVFL = 40
LOOPBACK = socket.if_nametoindex("lo")
Datagram = tuple[bytes, str, int, str, int]


@pytest.fixture
def ears() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.setblocking(False)
        made.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        made.setsockopt(socket.SOL_SOCKET, SO_RXQ_OVFL, 1)
        made.bind(("0.0.0.0", 0))
        yield made


@pytest.fixture
def phone() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind(("127.0.0.2", 0))
        made.settimeout(10)
        yield made


def port_of(it: socket.socket) -> int:
    return int(it.getsockname()[1])


def test_a_datagram_comes_with_both_ends_of_its_way(
    ears: socket.socket, phone: socket.socket
) -> None:
    phone.sendto(b"hello", ("127.0.0.3", port_of(ears)))
    assert Receiver(100).receive(ears.fileno()) == [
        (b"hello", "127.0.0.2", port_of(phone), "127.0.0.3", LOOPBACK, False)
    ]


def test_the_ends_are_those_that_recvmsg_tells(
    ears: socket.socket, phone: socket.socket
) -> None:
    receiver = Receiver(8)
    for last in (1, 9, 254, 254, 3):
        phone.sendto(b"x" * last, (f"127.0.0.{last}", port_of(ears)))
        data, ancillary, flags, source = ears.recvmsg(8, 256, socket.MSG_PEEK)
        info = next(value for _, kind, value in ancillary if kind == IP_PKTINFO)
        index, local, _ = struct.unpack("=i4s4s", info)
        truncated = bool(flags & socket.MSG_TRUNC)
        assert receiver.receive(ears.fileno()) == [
            (data, *source, socket.inet_ntoa(local), index, truncated)
        ]


def test_nothing_waiting_is_an_empty_list(ears: socket.socket) -> None:
    receiver = Receiver(100)
    assert receiver.receive(ears.fileno()) == []
    assert receiver.receive(ears.fileno()) == []


def test_one_call_takes_a_batch_and_the_next_one_the_rest_in_order(
    ears: socket.socket, phone: socket.socket
) -> None:
    texts = [b"%d" % number for number in range(BATCH_DATAGRAMS + 6)]
    for text in texts:
        phone.sendto(text, ("127.0.0.1", port_of(ears)))
    receiver = Receiver(100)
    first = receiver.receive(ears.fileno())
    rest = receiver.receive(ears.fileno())
    assert (len(first), len(rest)) == (BATCH_DATAGRAMS, 6)
    assert [datagram[0] for datagram in first + rest] == texts


@pytest.mark.parametrize(
    ("size", "kept", "truncated"), [(0, 0, False), (8, 8, False), (9, 8, True)]
)
def test_what_is_longer_than_the_buffer_says_so(
    ears: socket.socket, phone: socket.socket, size: int, kept: int, truncated: bool
) -> None:
    receiver = Receiver(8)
    phone.sendto(b"a" * size, ("127.0.0.1", port_of(ears)))
    phone.sendto(b"next", ("127.0.0.1", port_of(ears)))
    long, after = receiver.receive(ears.fileno())
    assert (long[0], long[5]) == (b"a" * kept, truncated)
    assert (after[0], after[5]) == (b"next", False)


def test_data_outlives_the_buffers_it_came_through(
    ears: socket.socket, phone: socket.socket
) -> None:
    receiver = Receiver(100)
    phone.sendto(b"first", ("127.0.0.1", port_of(ears)))
    kept = receiver.receive(ears.fileno())
    phone.sendto(b"other", ("127.0.0.1", port_of(ears)))
    receiver.receive(ears.fileno())
    del receiver
    assert kept[0][0] == b"first"


def test_drops_are_counted_from_where_the_last_reader_stood(
    ears: socket.socket, phone: socket.socket
) -> None:
    ears.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    receiver = Receiver(100)
    for _ in range(500):
        phone.sendto(b"wave", ("127.0.0.1", port_of(ears)))
    heard = len(receiver.receive(ears.fileno()))
    # The kernel tells of drops with the next datagram that found room.
    phone.sendto(b"later", ("127.0.0.1", port_of(ears)))
    heard += len(receiver.receive(ears.fileno()))
    assert 0 < heard < 501
    assert receiver.drops == 501 - heard
    phone.sendto(b"again", ("127.0.0.1", port_of(ears)))
    second = Receiver(100, drops=501 - heard)
    assert len(second.receive(ears.fileno())) == 1
    assert second.drops == 0


def test_an_answer_leaves_from_the_address_it_names(
    ears: socket.socket, phone: socket.socket
) -> None:
    answers: list[Datagram] = [
        (b"1", "127.0.0.2", port_of(phone), "127.0.0.77", LOOPBACK),
        (b"", "127.0.0.2", port_of(phone), "127.0.0.78", 0),
        (b"3", "127.0.0.2", port_of(phone), "0.0.0.0", 0),
    ]
    assert send(ears.fileno(), answers) == (3, 0)
    got = [phone.recvfrom(100) for _ in answers]
    assert got == [
        (b"1", ("127.0.0.77", port_of(ears))),
        (b"", ("127.0.0.78", port_of(ears))),
        (b"3", ("127.0.0.1", port_of(ears))),
    ]


def test_any_number_of_answers_leaves_in_order(
    ears: socket.socket, phone: socket.socket
) -> None:
    phone.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    texts = [b"%d" % number for number in range(2 * BATCH_DATAGRAMS + 1)]
    where = ("127.0.0.2", port_of(phone), "127.0.0.1", LOOPBACK)
    assert send(ears.fileno(), [(text, *where) for text in texts]) == (len(texts), 0)
    assert [phone.recv(100) for _ in texts] == texts
    assert send(ears.fileno(), []) == (0, 0)


def test_what_the_kernel_refuses_costs_nobody_else_the_answer(
    ears: socket.socket, phone: socket.socket
) -> None:
    good = ("127.0.0.2", port_of(phone), "127.0.0.1", LOOPBACK)
    answers: list[Datagram] = [
        (b"no port", "127.0.0.2", 0, "127.0.0.1", LOOPBACK),
        (b"one", *good),
        (b"not our address", "127.0.0.2", port_of(phone), "192.0.2.77", LOOPBACK),
        (b"x" * 70_000, *good),
        (b"no such interface", "127.0.0.2", port_of(phone), "127.0.0.1", 2**31 - 1),
        (b"two", *good),
        (b"no port", "127.0.0.2", 0, "127.0.0.1", LOOPBACK),
    ]
    assert send(ears.fileno(), answers) == (7, 5)
    assert [phone.recv(100), phone.recv(100)] == [b"one", b"two"]


def test_a_peer_that_is_gone_is_no_error(ears: socket.socket) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
        gone.bind(("127.0.0.2", 0))
        port = port_of(gone)
    for _ in range(3):
        assert send(ears.fileno(), [(b"x", "127.0.0.2", port, "127.0.0.1", 0)]) == (
            1,
            0,
        )
        assert Receiver(100).receive(ears.fileno()) == []


def test_a_connected_socket_loses_a_pending_error_and_goes_on(
    phone: socket.socket,
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connected:
        port = port_of(phone)
        connected.connect(("127.0.0.2", port))
        phone.close()
        connected.send(b"into the void")
        answer = (b"y", "127.0.0.2", port, "127.0.0.1", 0)
        # The ICMP error of the first is told to the second, which is not sent.
        assert send(connected.fileno(), [answer, answer]) == (2, 1)
        assert Receiver(100).receive(connected.fileno()) == []


@pytest.mark.parametrize(
    ("datagram", "error"),
    [
        ((b"x", "localhost", 1, "127.0.0.1", 0), ValueError),
        ((b"x", "::1", 1, "127.0.0.1", 0), ValueError),
        ((b"x", "127.0.0.1", 1, "", 0), ValueError),
        ((b"x", "127.0.0.1", 65536, "127.0.0.1", 0), OverflowError),
        ((b"x", "127.0.0.1", -1, "127.0.0.1", 0), OverflowError),
        (("x", "127.0.0.1", 1, "127.0.0.1", 0), TypeError),
        ((None, "127.0.0.1", 1, "127.0.0.1", 0), TypeError),
        ((b"x", b"127.0.0.1", 1, "127.0.0.1", 0), TypeError),
        ((b"x", "127.0.0.1", 1), ValueError),
    ],
)
def test_wrong_use_is_an_error_and_sends_nothing(
    ears: socket.socket,
    phone: socket.socket,
    datagram: Datagram,
    error: type[Exception],
) -> None:
    good = (b"good", "127.0.0.2", port_of(phone), "127.0.0.1", LOOPBACK)
    with pytest.raises(error):
        send(ears.fileno(), [good, datagram])
    phone.setblocking(False)
    with pytest.raises(BlockingIOError):
        phone.recv(100)


def test_a_descriptor_that_is_no_socket_is_an_error() -> None:
    reading, writing = os.pipe()
    try:
        with pytest.raises(OSError, match="non-socket"):
            Receiver(100).receive(reading)
        with pytest.raises(OSError, match="non-socket"):
            send(writing, [(b"x", "127.0.0.1", 1, "127.0.0.1", 0)])
    finally:
        os.close(reading)
        os.close(writing)
    with pytest.raises(OSError, match="Bad file descriptor"):
        Receiver(100).receive(reading)


@pytest.mark.parametrize("size", [0, -1, 65536])
def test_a_buffer_no_datagram_fits_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="datagram_bytes"):
        Receiver(size)


CAPTURE = Path(__file__).parents[1] / "captures/snom370-8.7.5.48.txt"


def made_lane() -> PnpLane:
    """A lane that answers the phone of the capture on loopback."""
    delays = (5.0, 32.0, 32.0, 5.0, 0.5, 1.0, 2.0, 4.0)
    table = Transactions(
        lookups=1,
        answered=200,
        notifies=200,
        proven=1,
        sources=1,
        notify_bytes=1 << 20,
        burst=200,
        per_second=1.0,
        delays=delays,
    )
    macs = BoundMacs(bytes(24), 1)
    macs.keep(0x0004132E08B4, 0, 1, 2, 0)
    ring = SightingRing(200)
    lane = PnpLane(table, macs, ring, secret=bytes(16), port=5060, most_sends=4)
    lane.set_links([(LOOPBACK, 0x7F000000, 0xFF000000)], [])
    lane.tell("127.0.0.1", "http://h/{mac}.xml")
    return lane


def test_a_batch_is_answered_by_the_lane_and_the_rest_is_returned(
    ears: socket.socket, phone: socket.socket
) -> None:
    lane, to = made_lane(), ("127.0.0.1", port_of(ears))
    text = CAPTURE.read_bytes()
    for number in (1, 2):
        phone.sendto(text.replace(b"949137397@", b"%d@" % number), to)
        phone.sendto(b"noise", to)
    receiver = Receiver(4096)
    declined, *counts = receiver.serve(ears.fileno(), ears.fileno(), lane, 0.0, 0.0)
    assert [heard[0] for heard in declined] == [b"noise", b"noise"]
    assert counts == [4, 2, 2, 0, [], []]
    starts = [phone.recv(4096)[:7] for _ in range(4)]
    assert sorted(starts) == [b"NOTIFY ", b"NOTIFY ", b"SIP/2.0", b"SIP/2.0"]


def test_what_must_wait_is_returned_as_send_takes_it(
    ears: socket.socket, phone: socket.socket
) -> None:
    phone.sendto(CAPTURE.read_bytes(), ("127.0.0.1", port_of(ears)))
    receiver, fd = Receiver(4096), ears.fileno()
    *_, responses, requests = receiver.serve(fd, fd, made_lane(), 0.0, 0.0, waits=True)
    for (unsent,), start in ((responses, b"SIP/2.0 "), (requests, b"NOTIFY ")):
        assert unsent[0].startswith(start)
        # The capture's rport asks for the source's port.
        assert unsent[1:] == ("127.0.0.2", port_of(phone), "127.0.0.1", LOOPBACK)
    assert send(fd, responses + requests) == (2, 0)
    assert phone.recv(4096).startswith(b"SIP/2.0 200 ")


def test_a_datagram_that_is_too_long_for_the_buffer_is_declined(
    ears: socket.socket, phone: socket.socket
) -> None:
    phone.sendto(CAPTURE.read_bytes(), ("127.0.0.1", port_of(ears)))
    fd = ears.fileno()
    declined, *_ = Receiver(441).serve(fd, fd, made_lane(), 0.0, 0.0)
    assert declined[0][5]


def test_a_batch_larger_than_one_call_is_served_whole(
    ears: socket.socket, phone: socket.socket
) -> None:
    lane, fd = made_lane(), ears.fileno()
    phone.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    text = CAPTURE.read_bytes()
    for number in range(BATCH_DATAGRAMS + 3):
        numbered = text.replace(b"949137397@", b"%d@" % number)
        phone.sendto(numbered, ("127.0.0.1", port_of(ears)))
    receiver = Receiver(4096)
    for expected in (BATCH_DATAGRAMS, 3, 0):
        counts = receiver.serve(fd, fd, lane, 0.0, 0.0)
        assert counts == ([], expected, expected, expected, 0, [], [])
