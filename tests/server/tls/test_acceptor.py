"""Handshakes on real sockets: whole ones, broken ones, slow ones and many."""

import contextlib
import resource
import select
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from OpenSSL import SSL

from bootwave import log
from bootwave.http.connection import Deadlines
from bootwave.http.contact import Contact
from bootwave.http.request import Request
from bootwave.http.response import Response
from bootwave.metrics import Counter
from bootwave.options import HttpOptions, HttpsOptions
from bootwave.server.tls import shaking
from bootwave.sightings import Reason
from tests.certificates import factory
from tests.server.exhaustion import no_descriptors
from tests.server.tls.serving import (
    GET,
    STAY,
    Phone,
    Served,
    ask,
    client_context,
    https_options,
)

VERSIONS = pytest.mark.parametrize(
    "version", [SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION], ids=["1.2", "1.3"]
)
QUICK = Deadlines(head=0.4, idle=0.4, answer=0.4, write_stall=0.4, linger=0.4)
BIG = bytes(range(256)) * 32_768  # 8 MiB: more than the kernels' buffers


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> HttpsOptions:
    return https_options(tmp_path_factory.mktemp("acceptor"), handshakes=8)


@pytest.fixture(scope="module")
def served(options: HttpsOptions) -> Iterator[Served]:
    with Served(options) as served:
        yield served


@contextlib.contextmanager
def quick(
    options: HttpsOptions, monkeypatch: pytest.MonkeyPatch, **more: object
) -> Iterator[Served]:
    monkeypatch.setattr(shaking, "TLS_HANDSHAKE_SECONDS", 0.4)
    with Served(options, deadlines=QUICK, **more) as served:  # type: ignore[arg-type]
        yield served


def connected(served: Served) -> socket.socket:
    return socket.create_connection(served.address, 10)


def hello(version: int = SSL.TLS1_3_VERSION) -> tuple[SSL.Connection, bytes]:
    client = SSL.Connection(client_context(version=version), None)
    client.set_connect_state()
    with contextlib.suppress(SSL.WantReadError):
        client.do_handshake()
    return client, client.bio_read(1 << 16)


@VERSIONS
def test_a_connection_that_stays_open_is_asked_again(
    served: Served, version: int
) -> None:
    with Phone(served.address, client_context(version=version)) as phone:
        phone.shake()
        for _ in range(3):
            phone.send(STAY)
            assert phone.answer().startswith(b"000000000000|")
        phone.send(GET)
        assert phone.rest().startswith(b"HTTP/1.1 200 ")


@VERSIONS
def test_requests_in_one_record_are_answered_in_order(
    served: Served, version: int
) -> None:
    with Phone(served.address, client_context(version=version)) as phone:
        phone.shake()
        phone.send(STAY * 5 + GET)
        assert phone.rest().count(b"HTTP/1.1 200 OK\r\n") == 6


@VERSIONS
def test_a_request_in_many_records_is_put_together(
    served: Served, version: int
) -> None:
    with Phone(served.address, client_context(version=version)) as phone:
        phone.shake()
        for byte in GET:
            phone.tls.send(bytes([byte]))
        phone.flush()
        assert phone.rest().startswith(b"HTTP/1.1 200 ")


@VERSIONS
def test_more_than_one_read_takes_waits_and_is_answered(
    served: Served, version: int
) -> None:
    # 16 kB of requests, decrypted at once, of which the server reads a half at a time
    # while the kernel has nothing more to tell.
    count = 300
    with Phone(served.address, client_context(version=version)) as phone:
        phone.shake()
        phone.send(STAY * count + GET)
        assert phone.rest().count(b"HTTP/1.1 200 OK\r\n") == count + 1


@VERSIONS
def test_a_handshake_may_come_byte_by_byte(served: Served, version: int) -> None:
    chain, key = factory.phone()
    with Phone(served.address, client_context(chain, key, version)) as phone:
        phone.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        done = False
        while not done:
            try:
                phone.tls.do_handshake()
                done = True
            except SSL.WantReadError:
                pass
            with contextlib.suppress(SSL.WantReadError):
                for byte in phone.tls.bio_read(1 << 18):
                    phone.socket.send(bytes([byte]))
            if not done:
                phone.feed()
        phone.send(GET)
        assert factory.TEXT.encode() in phone.rest()


@VERSIONS
def test_each_flight_of_the_server_is_one_write(served: Served, version: int) -> None:
    with Phone(served.address, client_context(version=version)) as phone:
        with pytest.raises(SSL.WantReadError):
            phone.tls.do_handshake()
        phone.flush()
        phone.feed()  # once
        with contextlib.suppress(SSL.WantReadError):
            phone.tls.do_handshake()
        assert phone.tls.get_peer_certificate() is not None
        phone.shake()
        phone.send(GET)
        time.sleep(0.3)  # so that the kernel would put several together
        data = phone.socket.recv(1 << 16)
        phone.tls.bio_write(data)
        assert phone.rest().startswith(b"HTTP/1.1 200 ")  # the end is in it, too


def test_clear_http_is_told_so(served: Served) -> None:
    before = served.count(Counter.TLS_CLEAR)
    with connected(served) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = b""
        while part := sock.recv(4096):
            answer += part
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1") == 1
    assert len(answer) < 400
    assert served.count(Counter.TLS_CLEAR) == before + 1


@pytest.mark.parametrize(
    ("garbage", "alert"),
    [
        (bytes(64), b""),  # nobody knows what it would understand
        (b"\x16\x03\x01\xff\xff" + bytes(99), b"\x15"),
        (b"\x16\x03\x01\x00\x05abcde", b"\x15"),
    ],
    ids=["zeros", "a record too long", "no handshake message"],
)
def test_garbage_gets_an_alert_and_is_told(
    served: Served, garbage: bytes, alert: bytes
) -> None:
    before = served.count(Counter.TLS_FAILED)
    with connected(served) as sock:
        sock.sendall(garbage)
        answer = sock.recv(4096)
        assert answer[:1] in alert  # RFC 8446 section 5.1
        assert not answer or sock.recv(4096) == b""
    assert served.count(Counter.TLS_FAILED) == before + 1
    assert served.sightings[-1].reason is Reason.TLS_FAILED
    assert served.sightings[-1].source == "127.0.0.1"
    assert served.sightings[-1].detail


def test_a_client_without_a_common_version_gets_an_alert(served: Served) -> None:
    context = client_context(version=SSL.TLS1_1_VERSION)
    with Phone(served.address, context) as phone:
        with pytest.raises(SSL.Error, match="protocol version"):
            phone.shake()
    served.until(lambda: "unsupported protocol" in served.sightings[-1].detail)


def test_renegotiation_is_refused(served: Served) -> None:
    context = client_context(version=SSL.TLS1_2_VERSION)
    with Phone(served.address, context) as phone:
        phone.shake()
        phone.send(STAY)
        phone.answer()
        phone.tls.renegotiate()
        with pytest.raises((SSL.Error, AssertionError)):
            phone.shake()
    assert served.acceptor is not None
    assert ask(served.address, context)[0]


def test_who_only_connects_and_goes_is_not_told(served: Served) -> None:
    before = len(served.sightings)
    connected(served).close()
    _, first = hello()
    with connected(served) as sock:
        sock.sendall(first[:100])
    with connected(served) as sock:
        sock.sendall(first)
        sock.recv(1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    served.until(lambda: not len(served.acceptor))
    assert len(served.sightings) == before
    assert ask(served.address, client_context())[0]


@VERSIONS
def test_a_handshake_without_a_request_needs_no_answer(
    served: Served, version: int
) -> None:
    before = len(served.sightings)
    with Phone(served.address, client_context(version=version)) as phone:
        phone.shake()
        phone.tls.shutdown()
        phone.flush()
        assert phone.receive() == b""
    assert len(served.sightings) == before


@VERSIONS
def test_a_peer_that_sends_no_more_still_gets_its_answer(
    served: Served, version: int
) -> None:
    for proper in (True, False):
        with Phone(served.address, client_context(version=version)) as phone:
            phone.shake()
            phone.tls.sendall(STAY)
            if proper:
                phone.tls.shutdown()
            phone.flush()
            phone.socket.shutdown(socket.SHUT_WR)
            assert phone.rest().startswith(b"HTTP/1.1 200 ")


def test_a_handshake_that_never_ends_is_ended(
    options: HttpsOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    with quick(options, monkeypatch) as served:
        _, first = hello()
        for begin in (b"", first[:10], first):
            with connected(served) as sock:
                sock.sendall(begin)
                began = time.monotonic()
                while sock.recv(4096):
                    pass
                assert time.monotonic() - began < 3
        # The kernel keeps who sends nothing for a second, so that one may be told last.
        served.until(lambda: served.reasons.count(Reason.TLS_TIMEOUT) == 3)
        assert served.count(Counter.HTTP_TIMEOUTS) == 3


def test_a_slow_sender_is_ended_however_often_it_sends(
    options: HttpsOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    with quick(options, monkeypatch) as served:
        _, first = hello()
        with connected(served) as sock:
            began = time.monotonic()
            with contextlib.suppress(OSError):
                for byte in first:
                    sock.send(bytes([byte]))
                    time.sleep(0.05)
            assert time.monotonic() - began < 3
        served.until(lambda: Reason.TLS_TIMEOUT in served.reasons)


@VERSIONS
def test_after_the_handshake_a_request_must_come(
    options: HttpsOptions, monkeypatch: pytest.MonkeyPatch, version: int
) -> None:
    with quick(options, monkeypatch) as served:
        with Phone(served.address, client_context(version=version)) as phone:
            phone.shake()
            assert phone.rest() == b""
        assert served.reasons == [Reason.HTTP_TIMEOUT]
        with Phone(served.address, client_context(version=version)) as phone:
            phone.shake()
            phone.send(GET[:20])
            assert phone.rest().startswith(b"HTTP/1.1 408 ")


def give(size: int) -> "object":
    def respond(request: Request, contact: Contact) -> Response:
        return Response(200, BIG[:size])

    return respond


@VERSIONS
def test_a_large_answer_arrives_whole_at_a_slow_reader(
    options: HttpsOptions, version: int
) -> None:
    with Served(options, respond=give(len(BIG))) as served:  # type: ignore[arg-type]
        with Phone(served.address, client_context(version=version)) as phone:
            phone.shake()
            phone.send(GET)
            got = bytearray()
            while part := phone.receive():
                got += part
                if len(got) < 1 << 20:
                    time.sleep(0.002)
            assert bytes(got).partition(b"\r\n\r\n")[2] == BIG


@VERSIONS
def test_who_reads_no_more_is_ended(
    options: HttpsOptions, monkeypatch: pytest.MonkeyPatch, version: int
) -> None:
    with quick(options, monkeypatch, respond=give(len(BIG))) as served:
        with Phone(served.address, client_context(version=version)) as phone:
            phone.shake()
            phone.send(GET)
            served.until(lambda: Reason.HTTP_STALLED in served.reasons)
            served.until(lambda: not len(served.server))


def header(source: str, port: int = 8443) -> bytes:
    ends = socket.inet_aton(source) + socket.inet_aton("10.0.0.1")
    ends += struct.pack("!HH", 4000, port)
    return b"\r\n\r\n\0\r\nQUIT\n\x21\x11" + struct.pack("!H", len(ends)) + ends


@VERSIONS
def test_a_load_balancer_says_first_who_it_is(
    options: HttpsOptions, version: int
) -> None:
    http = HttpOptions(proxy_protocol=("127.0.0.1",))
    with Served(options, http=http) as served:
        context = client_context(version=version)
        with Phone(served.address, context, first=header("10.9.8.7")) as phone:
            phone.shake()
            phone.send(GET)
            assert phone.rest().endswith(b"|10.9.8.7")
        assert served.contacts[-1].local == ("10.0.0.1", 8443)
        assert served.contacts[-1].secure
        _, first = hello(version)
        with connected(served) as sock:
            sock.sendall(first)
            with contextlib.suppress(ConnectionResetError):
                assert sock.recv(4096) == b""
        assert served.reasons == [Reason.PROXY_HEADER]
        with connected(served) as sock:  # in pieces, and a health check
            for byte in header("10.9.8.7"):
                sock.send(bytes([byte]))
            sock.shutdown(socket.SHUT_WR)
            assert sock.recv(4096) == b""
        assert served.reasons == [Reason.PROXY_HEADER]


def test_a_proxy_header_from_anybody_else_is_no_tls(served: Served) -> None:
    with connected(served) as sock:
        sock.sendall(header("10.9.8.7"))
        assert sock.recv(4096) == b""
    assert served.sightings[-1].reason is Reason.TLS_FAILED
    assert served.sightings[-1].source == "127.0.0.1"


def test_who_has_only_to_ask_makes_room_for_handshakes(
    options: HttpsOptions,
) -> None:
    with Served(options) as served, contextlib.ExitStack() as open_:
        idle = []
        for _ in range(options.handshakes + 4):
            phone = open_.enter_context(Phone(served.address, client_context()))
            phone.shake()
            idle.append(phone)
        assert len(served.acceptor) <= options.handshakes
        assert len(served.server) >= 4
        for phone in idle:
            phone.send(GET)
            assert phone.rest().startswith(b"HTTP/1.1 200 ")


def test_handshakes_left_alone_make_room_after_a_second(
    options: HttpsOptions,
) -> None:
    _, first = hello()
    with Served(options) as served, contextlib.ExitStack() as open_:
        for _ in range(options.handshakes):
            sock = open_.enter_context(connected(served))
            sock.sendall(first)
            sock.recv(1)
        assert len(served.acceptor) == options.handshakes
        began = time.monotonic()
        assert ask(served.address, client_context())[0]
        assert 0.5 < time.monotonic() - began < 4
        assert served.reasons == [Reason.HTTP_CROWDED_OUT]
        assert len(served.acceptor) == options.handshakes - 1


def test_who_leaves_many_handshakes_alone_makes_room_before_a_slow_phone(
    options: HttpsOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shaking, "TLS_HANDSHAKE_SECONDS", 60.0)
    client, first = hello()
    with Served(options) as served, contextlib.ExitStack() as open_:
        slow = socket.create_connection(served.address, 10, ("127.0.0.9", 0))
        open_.enter_context(slow)
        slow.sendall(first)
        for _ in range(options.handshakes - 1):
            sock = open_.enter_context(connected(served))
            sock.sendall(hello()[1])
            sock.recv(1)
        for _ in range(2):
            time.sleep(1.1)
            assert ask(served.address, client_context())[0]
            sock = open_.enter_context(connected(served))
            sock.sendall(hello()[1])
            sock.recv(1)
        assert served.reasons
        assert "127.0.0.9" not in {seen.source for seen in served.sightings}
        client.bio_write(slow.recv(1 << 16))
        client.do_handshake()
        slow.sendall(client.bio_read(1 << 16))


def test_running_out_of_descriptors_pauses_accepting_and_is_said(
    options: HttpsOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted: list[log.Event] = []
    monkeypatch.setattr(log, "note", lambda event, **values: noted.append(event))
    with Served(options) as served, socket.socket() as late:
        with no_descriptors():
            late.connect(served.address)
            served.until(lambda: served.count(Counter.HTTP_ACCEPT_PAUSES) >= 2)
        assert ask(served.address, client_context())[0]
    assert noted == [log.SERVER_OUT_OF_DESCRIPTORS]


def test_nothing_is_dropped_when_it_stops(options: HttpsOptions) -> None:
    with contextlib.ExitStack() as open_:
        with Served(options) as served:
            early = open_.enter_context(Phone(served.address, client_context()))
            with pytest.raises(SSL.WantReadError):
                early.tls.do_handshake()
            early.flush()
            asking = open_.enter_context(Phone(served.address, client_context()))
            asking.shake()
            idle = open_.enter_context(Phone(served.address, client_context()))
            idle.shake()
            idle.send(STAY)
            idle.answer()
            served.until(lambda: len(served.acceptor) == 2)
            served.loop.call_soon_threadsafe(served._stop.set)
            early.shake()
            early.send(GET)
            assert early.rest().startswith(b"HTTP/1.1 200 ")
            asking.send(GET)
            assert asking.rest().startswith(b"HTTP/1.1 200 ")
            assert idle.rest() == b""


@VERSIONS
def test_sessions_are_counted_by_how_they_began(
    options: HttpsOptions, tmp_path: Path, version: int
) -> None:
    context = client_context(version=version)
    with Served(options) as served:
        _, session, _ = ask(served.address, context)
        assert ask(served.address, context, session)[2]
        assert served.count(Counter.TLS_FULL) == 1
        assert served.count(Counter.TLS_RESUMED) == 1
        assert served.count(Counter.TLS_TICKETS_LOST) == 0
    with Served(options) as served:  # with other keys for tickets
        _, _, resumed = ask(served.address, context, session)
        assert not resumed
        assert served.count(Counter.TLS_TICKETS_LOST) == 1


def test_two_thousand_idle_connections_leave_room_for_more(
    options: HttpsOptions,
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 5000:
        pytest.skip("there are too few descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    context = client_context()
    try:
        with Served(options) as served, contextlib.ExitStack() as open_:
            for number in range(2000):
                phone = open_.enter_context(Phone(served.address, context))
                phone.shake()
                phone.send(STAY)
                phone.answer()
                if number % 200 == 0:
                    assert ask(served.address, context)[0]
            assert len(served.server) == 2000
            began = time.monotonic()
            assert ask(served.address, context)[0]
            assert time.monotonic() - began < 1
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_flood_of_handshakes_leaves_time_for_others(
    options: HttpsOptions,
) -> None:
    # What else the loop does must not wait for more than a turn's worth of them.
    _, first = hello()
    with Served(options) as served, contextlib.ExitStack() as open_:
        socks = [open_.enter_context(connected(served)) for _ in range(300)]
        for sock in socks:
            sock.sendall(first)
        longest = 0.0
        until = time.monotonic() + 0.5
        while time.monotonic() < until:
            began = time.monotonic()
            served.call(lambda: None)
            longest = max(longest, time.monotonic() - began)
        assert longest < 0.25
        assert select.select(socks, [], [], 0)[0]
