"""The lane behind load balancers: whose address counts, what is left to others."""

import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootwave.limits import MAX_PROXY_HEADER_BYTES, MAX_PROXY_NETWORKS
from bootwave.native.http import read_proxy_header
from tests.native.test_http import (
    BODY,
    CLOSE,
    GET,
    HERE,
    MAC,
    PATIENCE,
    REQUESTS,
    Bench,
)
from tests.oracle.proxies import LOCAL, PROXY, TCP4, addition, framed, header

ROOT = Path(__file__).parents[2]
PHONE = "198.51.100.7"
REACHED = ("192.0.2.80", 80)
URL = "http://192.0.2.80"
FROM_PHONE = header(PHONE, REACHED)
BALANCERS = ((4, 32, bytes([127, 0, 0, 1])), (6, 128, bytes(15) + b"\x01"))
ASKED = GET + CLOSE


def behind(**changed: object) -> Bench:
    return Bench(changed={"balancers": BALANCERS, **changed})


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = behind()
    yield made
    made.listener.close()
    made.lane.abort()


def keep(bench: Bench, source: str = PHONE, url: str = URL) -> None:
    bench.keep(source=source, base_url=url)


@pytest.mark.parametrize(
    "additions", [b"", addition(0xEA, b"vpce-1") + addition(4, bytes(29))]
)
@pytest.mark.parametrize("checked", [False, True])
def test_a_phone_behind_a_balancer_is_answered_as_itself(
    bench: Bench, additions: bytes, checked: bool
) -> None:
    keep(bench)
    head = header(PHONE, REACHED, additions=additions, checked=checked)
    answer = bench.ask(head + ASKED)
    assert answer is not None
    assert answer.endswith(BODY)
    (seen,) = bench.sightings.drain(10)
    assert seen[1:4] == (MAC, PHONE, 51)


@pytest.mark.parametrize(
    ("source", "pinned"),
    [
        ("2001:db8:1:2::7", "2001:db8:1:2::/64"),
        ("::ffff:198.51.100.7", PHONE),
        ("fe80::7", "fe80::7"),
        ("::1", "::1"),
    ],
)
def test_a_phone_over_ipv6_is_who_its_header_says(
    bench: Bench, source: str, pinned: str
) -> None:
    keep(bench, pinned, "http://2001:db8::80")
    answer = bench.ask(header(source, ("2001:db8::80", 80)) + ASKED)
    assert answer is not None
    assert answer.endswith(BODY)


@pytest.mark.parametrize("url", ["", "http://settings.example.com"])
def test_documents_name_where_the_phone_connected_to(url: str) -> None:
    bench = behind(url=url)
    keep(bench, url=url or URL)
    assert bench.ask(FROM_PHONE + ASKED) is not None
    there = handed(bench, header(PHONE, ("192.0.2.81", 80)) + ASKED)
    assert there is None if url else there is not None
    bench.listener.close()


def handed(bench: Bench, data: bytes) -> list[object] | None:
    """What is handed over of a connection that brings *data*; None when answered."""
    with bench.connect() as client:
        client.sendall(data)
        found = bench.accept()
        if not found:
            return None
        ((number, *how),) = found
        os.close(number)
        return how


def test_the_grant_of_one_phone_is_not_that_of_another_behind_the_same_balancer(
    bench: Bench,
) -> None:
    keep(bench)
    other = ("198.51.100.8", REACHED)
    assert handed(bench, header(*other) + ASKED) == [ASKED, False, False, other]
    # Nor is what was granted to the balancer's own address.
    keep(bench, HERE)
    ends = (PHONE, REACHED)
    assert handed(bench, FROM_PHONE + ASKED) == [ASKED, False, False, ends]
    assert bench.counters.load(REQUESTS) == 0


def test_a_miss_is_handed_over_with_whom_the_header_named(bench: Bench) -> None:
    for rest in (b"G", ASKED, FROM_PHONE, ASKED + b"more"):
        how = handed(bench, FROM_PHONE + rest)
        assert how == [rest, False, False, (PHONE, REACHED)]


@pytest.mark.parametrize(
    "data",
    [
        ASKED,
        b"PROXY TCP4 198.51.100.7 192.0.2.80 40000 80\r\n" + ASKED,
        FROM_PHONE[:-1],
        framed(LOCAL, 0, b"") + ASKED,
        framed(PROXY, 0, b"") + ASKED,
        framed(0x22, TCP4, FROM_PHONE[16:]) + ASKED,
        header(PHONE, additions=b"\x04\x00\x01") + ASKED,
        header(PHONE, additions=addition(3, bytes(4))) + ASKED,
        header(PHONE, additions=addition(4, bytes(4096))) + ASKED,
    ],
)
def test_what_is_no_whole_header_is_left_to_others_with_every_byte(
    bench: Bench, data: bytes
) -> None:
    keep(bench, HERE, "http://127.0.0.1")
    assert handed(bench, data) == [data, False, False, None]


def test_who_is_no_balancer_introduces_nobody() -> None:
    bench = behind(balancers=((4, 32, bytes([127, 0, 0, 2])), BALANCERS[1]))
    keep(bench)
    data = FROM_PHONE + ASKED
    assert handed(bench, data) == [data, False, False, None]
    keep(bench, HERE, "http://127.0.0.1")
    assert bench.ask(ASKED) is not None
    bench.listener.close()


def test_without_balancers_a_header_is_no_request() -> None:
    bench = Bench()
    keep(bench)
    data = FROM_PHONE + ASKED
    assert handed(bench, data) == [data, False, False, None]
    bench.listener.close()


@pytest.mark.parametrize(
    ("length", "address", "within"),
    [
        (8, [127, 0, 0, 0], True),
        (9, [127, 0, 0, 0], True),
        (9, [127, 128, 0, 0], False),
        (31, [127, 0, 0, 0], True),
        (31, [127, 0, 0, 2], False),
        (30, [126, 0, 0, 0], False),
        (0, [0, 0, 0, 0], True),
    ],
)
def test_a_network_of_balancers_is_as_long_as_it_says(
    length: int, address: list[int], within: bool
) -> None:
    bench = behind(balancers=((4, length, bytes(address)),))
    keep(bench)
    assert (bench.ask(FROM_PHONE + ASKED) is not None) == within
    bench.listener.close()


def test_on_an_open_connection_the_phone_stays_who_it_is(bench: Bench) -> None:
    keep(bench)
    with bench.connect() as client:
        client.sendall(FROM_PHONE + GET + b"\r\n")
        assert bench.accept() == []
        assert client.recv(65536).endswith(BODY)
        for _ in range(2):
            client.sendall(GET + b"\r\n")
            assert bench.turn() == []
            assert client.recv(65536).endswith(BODY)
        # A second header is bytes like others.
        client.sendall(FROM_PHONE + GET + b"\r\n")
        ((number, *how),) = bench.turn()
        os.close(number)
        assert how == [FROM_PHONE + GET + b"\r\n", True, True, (PHONE, REACHED)]
    assert {seen[2] for seen in bench.sightings.drain(10)} == {PHONE}


def test_whatever_moves_to_others_takes_its_ends_along(bench: Bench) -> None:
    keep(bench)
    ends = (PHONE, REACHED)
    with bench.connect() as late:
        late.sendall(FROM_PHONE + GET + b"\r\n")
        ((number, *how),) = bench.accept(held=100)
        os.close(number)
        assert how == [b"", True, True, ends]
    with bench.connect() as client:
        client.sendall(FROM_PHONE + GET + b"\r\n")
        assert bench.accept() == []
        ((number, *how),) = bench.lane.finish() or []
        os.close(number)
        assert how == [b"", True, True, ends]


def test_a_connection_after_one_behind_a_balancer_is_not_taken_for_it() -> None:
    bench = behind(balancers=((4, 32, bytes([127, 0, 0, 1])),))
    keep(bench)
    assert bench.ask(FROM_PHONE + ASKED) is not None
    with socket.socket() as direct:
        direct.bind(("127.0.0.2", 0))
        direct.settimeout(PATIENCE)
        direct.connect(bench.listener.getsockname())
        direct.sendall(ASKED)
        ((number, *how),) = bench.accept()
        os.close(number)
        assert how == [ASKED, False, False, None]
    bench.listener.close()


def test_a_phone_that_stops_reading_is_told_by_its_own_address() -> None:
    bench = behind()
    bench.keep(source=PHONE, base_url=URL, plan=None, packed=bytes(250_000))
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(bench.listener.getsockname())
        client.sendall(FROM_PHONE + ASKED)
        assert bench.accept() == []
        if len(bench.lane):  # unless the kernel took all of it
            assert bench.lane.tick(float("1e12"), 100)[0] == [(PHONE, True)]
    bench.listener.close()


def test_a_header_may_come_a_while_before_the_request(bench: Bench) -> None:
    keep(bench)
    with bench.connect() as client:
        client.sendall(FROM_PHONE)
        assert bench.accept() == []
        assert len(bench.lane) == 1
        for _ in range(2):
            client.sendall(GET + b"\r\n")
            assert bench.turn() == []
            assert client.recv(65536).endswith(BODY)
        client.sendall(ASKED)
        assert bench.turn() == []
        assert client.recv(65536).endswith(BODY)
        assert client.recv(1) == b""
    assert len(bench.lane) == 0
    assert {seen[2] for seen in bench.sightings.drain(10)} == {PHONE}


def test_a_late_request_that_is_not_ready_is_the_first_one_of_others(
    bench: Bench,
) -> None:
    with bench.connect() as client:
        client.sendall(FROM_PHONE)
        assert bench.accept() == []
        client.sendall(ASKED)
        ((number, *how),) = bench.turn()
        os.close(number)
        assert how == [ASKED, False, False, (PHONE, REACHED)]


@pytest.mark.parametrize("late", [False, True], ids=["together", "apart"])
def test_a_miss_behind_a_balancer_is_the_phones(bench: Bench, late: bool) -> None:
    with bench.connect() as client:
        asked = GET + b"\r\n"
        client.sendall(FROM_PHONE if late else FROM_PHONE + asked)
        select.select([bench.listener], [], [], PATIENCE)
        assert bench.lane.accept(bench.listener.fileno(), 64, 0) == (0, None)
        if late:
            client.sendall(asked)
            select.select([bench.lane.fileno()], [], [], PATIENCE)
            assert bench.lane.turn(0) is None
        (miss,) = bench.lane.take_missed() or []
        assert (miss.source, miss.base_url) == (PHONE, URL)
        keep(bench, PHONE, "http://127.0.0.1")
        assert not bench.lane.answer(miss)
        keep(bench, HERE)
        assert not bench.lane.answer(miss)
        keep(bench)
        assert bench.lane.answer(miss)
        assert client.recv(65536).endswith(BODY)
        ((_, *seen),) = bench.sightings.drain(10)
        assert seen[:3] == [MAC, PHONE, 51]
        # It is an open connection like any other from here on.
        assert bench.lane.tick(time.monotonic() + 60.0, 10) == ([], [], None)
        assert client.recv(1) == b""
        assert len(bench.lane) == 0


def test_who_was_introduced_and_says_nothing_is_given_up_and_told() -> None:
    bench = behind(head=0.5)
    keep(bench)
    with bench.connect() as silent, bench.connect() as asked:
        silent.sendall(FROM_PHONE)
        asked.sendall(FROM_PHONE + GET + b"\r\n")
        while len(bench.lane) < 2:
            assert bench.accept() == []
        assert bench.lane.tick(time.monotonic() + 1, 100)[0] == [(PHONE, False)]
        assert silent.recv(1) == b""
        assert len(bench.lane) == 1
        # Between two requests nobody owes one.
        assert bench.lane.tick(time.monotonic() + 60, 100)[0] == []
        assert asked.recv(65536).endswith(BODY)
        assert asked.recv(1) == b""
    bench.listener.close()


def test_who_was_introduced_and_goes_away_is_forgotten(bench: Bench) -> None:
    with bench.connect() as client:
        client.sendall(FROM_PHONE)
        assert bench.accept() == []
    assert bench.turn() == []
    assert len(bench.lane) == 0
    assert bench.lane.tick(time.monotonic() + 60, 100)[0] == []


def test_who_has_not_asked_yet_goes_to_others_when_places_are_short_or_at_the_end(
    bench: Bench,
) -> None:
    unasked = [b"", False, False, (PHONE, REACHED)]
    assert handed(bench, FROM_PHONE) is None
    assert bench.turn() == []
    with bench.connect() as crowded:
        crowded.sendall(FROM_PHONE)
        ((number, *how),) = bench.accept(held=80)
        os.close(number)
        assert how == unasked
    for give in (lambda: bench.lane.shed(10), bench.lane.finish):
        with bench.connect() as client:
            client.sendall(FROM_PHONE)
            assert bench.accept() == []
            ((number, *how),) = give() or []
            os.close(number)
            assert how == unasked


@pytest.mark.parametrize(
    "networks",
    [
        ((5, 8, bytes(4)),),
        ((4, 33, bytes(4)),),
        ((4, -1, bytes(4)),),
        ((6, 64, bytes(4)),),
        ((4, 32, bytes(4)),) * (MAX_PROXY_NETWORKS + 1),
    ],
)
def test_what_is_no_network_is_refused(networks: tuple[object, ...]) -> None:
    with pytest.raises(ValueError, match="network"):
        behind(balancers=networks)


def test_as_many_networks_fit_as_may_be_named() -> None:
    bench = behind(
        balancers=((4, 32, bytes(4)),) * (MAX_PROXY_NETWORKS - 1) + BALANCERS[:1]
    )
    keep(bench)
    assert bench.ask(FROM_PHONE + ASKED) is not None
    bench.listener.close()


def test_the_longest_header_and_no_longer_one_is_read() -> None:
    most = MAX_PROXY_HEADER_BYTES - 28 - 3
    longest = header(PHONE, additions=addition(4, bytes(most)))
    assert read_proxy_header(longest) == (MAX_PROXY_HEADER_BYTES, PHONE, REACHED)
    assert (
        read_proxy_header(header(PHONE, additions=addition(4, bytes(most + 1)))) is None
    )


GUARDED = """
import os
from bootwave.native.http import read_proxy_header
from tests.guard import flush_right
from tests.oracle.proxies import addition, header

wholes = [
    header(source, local, additions=additions, checked=checked)
    for source, local in (("198.51.100.7", ("192.0.2.80", 80)), ("::1", ("::2", 80)))
    for additions in (b"", addition(4, bytes(9)), addition(3, bytes(4)))
    for checked in (False, True)
]
read = 0
for whole in wholes:
    read += read_proxy_header(flush_right(whole)) is not None
    for end in range(len(whole)):
        assert read_proxy_header(flush_right(whole[:end])) is None
        for byte in (0, 1, 3, 255):
            changed = whole[:end] + bytes([byte]) + whole[end + 1 :]
            read_proxy_header(flush_right(changed))
assert read == 8
os.write(1, b"survived")
os._exit(0)
"""


def test_reading_a_header_reads_nothing_beyond_the_bytes() -> None:
    child = subprocess.run(
        [sys.executable, "-c", GUARDED], cwd=ROOT, capture_output=True, timeout=60
    )
    assert child.stdout == b"survived", child.stderr.decode()
