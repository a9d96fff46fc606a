"""recvmmsg and sendmmsg with IP_PKTINFO, against the socket module as the oracle."""

import os
import random
import re
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootwave import limits
from bootwave.native.pnp import BoundMacs, PnpLane
from bootwave.native.ring import SightingRing
from bootwave.native.transactions import Transactions
from bootwave.native.udp import (
    BATCH_DATAGRAMS,
    MAX_BACKLOG_BYTES,
    MAX_BACKLOG_DATAGRAMS,
    Receiver,
    send,
)

IP_PKTINFO = 8
SO_TIMESTAMPNS = 35
SO_RXQ_OVFL = 40
LOOPBACK = socket.if_nametoindex("lo")
Datagram = tuple[bytes, str, int, str, int]


@pytest.fixture
def ears() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.setblocking(False)
        made.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        made.setsockopt(socket.SOL_SOCKET, SO_RXQ_OVFL, 1)
        made.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
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
    assert counts == [4, 2, 2, 0, 0, False, [], []]
    # Each phone gets both at once; tests/faults kills who sends them.
    starts = [phone.recv(4096)[:7] for _ in range(4)]
    assert starts == [b"SIP/2.0", b"NOTIFY "] * 2


@pytest.mark.parametrize("sockets", [1, 2])
def test_what_must_wait_is_returned_as_send_takes_it(
    ears: socket.socket, phone: socket.socket, sockets: int
) -> None:
    phone.sendto(CAPTURE.read_bytes(), ("127.0.0.1", port_of(ears)))
    receiver, fd = Receiver(4096), ears.fileno()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        asking = fd if sockets == 1 else other.fileno()
        *_, unsent, unasked = receiver.serve(
            fd, asking, made_lane(), 0.0, 0.0, waits=True
        )
    assert (len(unsent), len(unasked)) == ((2, 0) if sockets == 1 else (1, 1))
    response, request = unsent + unasked
    for waiting, start in ((response, b"SIP/2.0 "), (request, b"NOTIFY ")):
        assert waiting[0].startswith(start)
        # The capture's rport asks for the source's port.
        assert waiting[1:] == ("127.0.0.2", port_of(phone), "127.0.0.1", LOOPBACK)
    assert send(fd, [response, request]) == (2, 0)
    assert phone.recv(4096).startswith(b"SIP/2.0 200 ")


def test_a_response_does_not_leave_in_another_call_than_what_follows_it(
    ears: socket.socket, phone: socket.socket
) -> None:
    there = ("127.0.0.2", port_of(phone), "127.0.0.1", LOOPBACK)
    others = [(b"%d" % number, *there) for number in range(2 * BATCH_DATAGRAMS - 1)]
    last = [(b"SIP/2.0 200 OK", *there), (b"NOTIFY ", "nowhere", *there[1:])]
    # What is wrong with the request keeps from leaving what would leave with it.
    with pytest.raises(ValueError, match="nowhere"):
        send(ears.fileno(), others + last)
    assert [phone.recv(100) for _ in others] == [data for data, *_ in others]
    phone.setblocking(False)
    with pytest.raises(BlockingIOError):
        phone.recv(100)


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
        assert counts == ([], expected, expected, expected, 0, 0, False, [], [])


def test_without_a_lane_all_is_declined_with_when_it_was_received(
    ears: socket.socket, phone: socket.socket
) -> None:
    stamped(ears, phone)
    began = time.time()
    phone.sendto(b"one", ("127.0.0.1", port_of(ears)))
    ended = time.time()
    wall = ended + 10
    declined, *_ = Receiver(4096).serve(ears.fileno(), -1, None, 1000.0, wall)
    (heard,) = declined
    assert heard[:3] == (b"one", "127.0.0.2", port_of(phone))
    assert began - 1e-3 <= heard[6] - 1000 + wall <= ended + 1e-3


def stamped(ears: socket.socket, phone: socket.socket) -> None:
    """Wait until the kernel stamps what it receives, and empty the socket.

    It begins to soon after the first socket asks for it; before, a datagram gets the
    time at which it is read.
    """
    for _ in range(1000):
        phone.sendto(b"x", ("127.0.0.1", port_of(ears)))
        time.sleep(0.002)
        before = time.time() - 0.001
        _, ancillary, _, _ = ears.recvmsg(8, 256)
        (stamp,) = (value for _, kind, value in ancillary if kind == SO_TIMESTAMPNS)
        seconds, nanoseconds = struct.unpack("=qq", stamp)
        if seconds + nanoseconds / 1e9 < before:
            return
    raise AssertionError("the kernel stamps nothing")


def subscribe(ears: socket.socket, phone: socket.socket, *numbers: int) -> None:
    text = CAPTURE.read_bytes()
    for number in numbers:
        numbered = text.replace(b"949137397@", b"%d@" % number)
        phone.sendto(numbered, ("127.0.0.1", port_of(ears)))


def accepted(phone: socket.socket) -> list[int]:
    """Return the numbers of the 200s that came, in their order."""
    found = []
    phone.setblocking(False)
    while True:
        try:
            text = phone.recv(4096)
        except BlockingIOError:
            return found
        if text.startswith(b"SIP/2.0 200"):
            (number,) = re.findall(rb"Call-ID: (\d+)@", text)
            found.append(int(number))


def test_once_the_oldest_waited_too_long_all_is_read_and_the_newest_answered_first(
    ears: socket.socket, phone: socket.socket
) -> None:
    stamped(ears, phone)
    phone.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    subscribe(ears, phone, *range(150))
    receiver = Receiver(4096, late_seconds=0.5, stale_seconds=4.0)
    lane, fd = made_lane(), ears.fileno()
    answered = []
    for taken, expected, more in ((150, 64, True), (0, 64, True), (0, 22, False)):
        wall = time.time() + 0.6  # none waited for longer than a second
        counts = receiver.serve(fd, fd, lane, 100.0, wall)
        assert counts == ([], taken, expected, expected, 0, 0, more, [], [])
        answered += accepted(phone)
    assert answered == list(reversed(range(150)))
    assert receiver.serve(fd, fd, lane, 100.0, wall)[1] == 0


def test_what_came_in_the_meantime_goes_before_what_waits(
    ears: socket.socket, phone: socket.socket
) -> None:
    stamped(ears, phone)
    phone.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    receiver = Receiver(4096, late_seconds=0.5, stale_seconds=4.0)
    lane, fd = made_lane(), ears.fileno()
    subscribe(ears, phone, *range(80))
    receiver.serve(fd, fd, lane, 100.0, time.time() + 1)
    accepted(phone)
    subscribe(ears, phone, 80, 81)
    receiver.serve(fd, fd, lane, 100.0, time.time() + 1)
    assert accepted(phone) == [81, 80, *reversed(range(16))]


def test_what_waited_for_longer_than_a_phone_waits_is_dropped_and_counted(
    ears: socket.socket, phone: socket.socket
) -> None:
    stamped(ears, phone)
    receiver = Receiver(4096, late_seconds=0.1, stale_seconds=0.5)
    lane, fd = made_lane(), ears.fileno()
    # Nobody reads meanwhile, as when the process is stopped.
    subscribe(ears, phone, *range(10))
    time.sleep(0.6)
    subscribe(ears, phone, *range(10, 15))
    counts = receiver.serve(fd, fd, lane, time.monotonic(), time.time())
    assert counts == ([], 15, 5, 5, 0, 10, False, [], [])
    assert accepted(phone) == [14, 13, 12, 11, 10]


def test_what_is_younger_than_phones_wait_is_answered_whole_and_in_order(
    ears: socket.socket, phone: socket.socket
) -> None:
    stamped(ears, phone)
    phone.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    receiver = Receiver(4096, late_seconds=1e3, stale_seconds=4e3)
    lane, fd = made_lane(), ears.fileno()
    subscribe(ears, phone, *range(130))
    counts = receiver.serve(fd, fd, lane, 9.0, time.time() + 990, batches=9)
    assert counts == ([], 130, 130, 130, 0, 0, False, [], [])
    assert accepted(phone) == list(range(130))


def test_a_wall_clock_that_steps_makes_nothing_old(
    ears: socket.socket, phone: socket.socket
) -> None:
    stamped(ears, phone)
    receiver = Receiver(4096, late_seconds=0.5, stale_seconds=4.0)
    fd = ears.fileno()
    assert receiver.serve(fd, fd, None, 100.0, time.time())[1] == 0
    for step in (3600, -3600):
        phone.sendto(b"one", ("127.0.0.1", port_of(ears)))
        phone.sendto(b"two", ("127.0.0.1", port_of(ears)))
        declined, *_ = receiver.serve(fd, fd, None, 100.25, time.time() + step)
        assert [heard[0] for heard in declined] == [b"one", b"two"]
        for heard in declined:
            assert 100.0 <= heard[6] <= 100.25


def test_two_declined_batches_end_a_wake(
    ears: socket.socket, phone: socket.socket
) -> None:
    for _ in range(3 * BATCH_DATAGRAMS):
        phone.sendto(b"noise", ("127.0.0.1", port_of(ears)))
    receiver, fd = Receiver(100), ears.fileno()
    for expected in (2 * BATCH_DATAGRAMS, BATCH_DATAGRAMS):
        declined, count, *_ = receiver.serve(fd, fd, None, 0.0, 0.0, batches=9)
        assert len(declined) == count == expected


def test_the_backlog_keeps_what_it_holds_whole_and_is_bounded(
    ears: socket.socket, phone: socket.socket
) -> None:
    stamped(ears, phone)
    receiver = Receiver(4096, late_seconds=0.0, stale_seconds=1e9)
    fd, to = ears.fileno(), ("127.0.0.1", port_of(ears))
    for _ in range(65):
        phone.sendto(b"first", to)
    receiver.serve(fd, fd, None, 1.0, time.time() + 1)
    sent = 0
    while True:
        for _ in range(16):
            phone.sendto(b"%07d" % sent * 585, to)
            sent += 1
        taken = receiver.serve(fd, fd, None, 1.0, time.time() + 1, batches=0)[1]
        if not taken:
            break
    assert (sent - 16) * 4096 <= MAX_BACKLOG_BYTES < (sent + 2 * 64) * 4096
    found, more = [], True
    while more:
        declined, _, _, _, _, stale, more, _, _ = receiver.serve(
            fd, fd, None, 1.0, time.time() + 1
        )
        assert stale == 0
        found += [heard[0] for heard in declined]
    assert found.pop() == b"first"
    assert sorted(found) == [b"%07d" % number * 585 for number in range(sent)]


def test_the_backlog_does_what_a_list_does(
    ears: socket.socket, phone: socket.socket
) -> None:
    """Filled at the end and taken from there, while what is stale leaves the front."""
    stamped(ears, phone)
    chance = random.Random(1)
    receiver = Receiver(4096, late_seconds=0.0, stale_seconds=25.0)
    fd, port = ears.fileno(), port_of(ears)
    model: list[tuple[bytes, int]] = []
    sent, step = 0, 0
    for _ in range(4000):
        # An empty backlog is begun only by a batch that is to be answered.
        batches = int(chance.random() < 0.05) if model else 1
        fresh = [
            b"%d;" % (sent + number) + b"x" * chance.choice((0, 400, 4000, 4000))
            for number in range(chance.choice((0, 3, 10, 20)))
        ]
        sent += len(fresh)
        for data in fresh:
            phone.sendto(data, ("127.0.0.1", port))
        model += [(data, step) for data in fresh]
        if chance.random() < 0.1:
            step += 1  # ten seconds pass
        now, wall = (clock() + 10.0 * step for clock in (time.monotonic, time.time))
        declined, count, _, _, _, stale, more, _, _ = receiver.serve(
            fd, fd, None, now, wall, batches=batches
        )
        assert count == len(fresh)
        kept = [(data, when) for data, when in model if step - when < 3]
        assert stale == len(model) - len(kept)
        model = kept
        taken = [model.pop()[0] for _ in range(min(len(model), 64 * batches))]
        assert [heard[0] for heard in declined] == taken
        assert more == bool(model)
    assert sent > 20_000


def test_the_bounds_are_those_of_the_engine() -> None:
    assert MAX_BACKLOG_DATAGRAMS == limits.MAX_SIP_BACKLOG_DATAGRAMS
    assert MAX_BACKLOG_BYTES == limits.MAX_SIP_BACKLOG_BYTES
