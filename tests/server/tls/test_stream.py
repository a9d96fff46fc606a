"""A TLS connection with the methods of a socket."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from OpenSSL import SSL

from bootwave.server.tls.contexts import Contexts, make_contexts
from bootwave.server.tls.identity import verified
from bootwave.server.tls.stream import TlsStream
from tests.server.tls.serving import client_context, https_options
from tests.server.tls.test_openssl import Pair

ROOM = 4096


class Joined:
    """A stream, and the client at the other end of a socket pair."""

    def __init__(self, contexts: Contexts, version: int) -> None:
        pair = Pair(contexts, client_context(version=version)).shake()
        self.client = pair.client
        self.near, self.far = socket.socketpair()
        self.stream = TlsStream(pair.server, self.near)
        self.buffer = bytearray(ROOM)

    def say(self, data: bytes) -> None:
        self.client.sendall(data)
        self.far.sendall(self.client.bio_read(1 << 20))

    def read(self) -> bytes:
        return bytes(self.buffer[: self.stream.recv_into(self.buffer)])

    def heard(self) -> bytes:
        """All that the client has by now."""
        self.far.setblocking(False)
        got = b""
        try:
            while data := self.far.recv(1 << 16):
                self.client.bio_write(data)
        except BlockingIOError:
            pass
        try:
            while True:
                got += self.client.recv(1 << 16)
        except (SSL.WantReadError, SSL.ZeroReturnError):
            return got

    def close(self) -> None:
        self.near.close()
        self.far.close()


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> Contexts:
    return make_contexts(https_options(tmp_path_factory.mktemp("stream")), verified)


@pytest.fixture(params=[SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION], ids=["1.2", "1.3"])
def joined(contexts: Contexts, request: pytest.FixtureRequest) -> Iterator[Joined]:
    joined = Joined(contexts, request.param)
    yield joined
    joined.close()


def test_nothing_there_is_no_end(joined: Joined) -> None:
    with pytest.raises(BlockingIOError):
        joined.read()
    assert not joined.stream.has_input


def test_more_than_the_buffer_waits_in_the_stream(joined: Joined) -> None:
    joined.say(b"x" * (3 * ROOM))
    assert joined.read() == b"x" * ROOM
    assert joined.stream.has_input  # while the kernel has nothing more
    assert joined.read() == joined.read() == b"x" * ROOM
    with pytest.raises(BlockingIOError):
        joined.read()


def test_half_a_record_is_nothing_yet(joined: Joined) -> None:
    joined.client.sendall(b"a request")
    record = joined.client.bio_read(1 << 16)
    joined.far.sendall(record[:10])
    with pytest.raises(BlockingIOError):
        joined.read()
    joined.far.sendall(record[10:])
    assert joined.read() == b"a request"


def test_both_kinds_of_end_are_an_end(joined: Joined) -> None:
    joined.client.shutdown()
    joined.far.sendall(joined.client.bio_read(1 << 16))
    assert joined.read() == b""
    joined.far.shutdown(socket.SHUT_WR)
    assert joined.read() == b""


def test_a_broken_record_ends_the_connection_and_is_told(joined: Joined) -> None:
    joined.client.sendall(b"a request")
    record = bytearray(joined.client.bio_read(1 << 16))
    record[-1] ^= 1
    joined.far.sendall(record)
    with pytest.raises(ConnectionAbortedError):
        joined.read()
    assert joined.far.recv(1 << 16)  # an alert


def test_what_the_kernel_does_not_take_is_unsent(joined: Joined) -> None:
    answer = bytes(range(256)) * 16_384  # 4 MiB
    view = memoryview(answer)
    sent = joined.stream.send(view)
    assert 0 < sent < len(answer)
    assert joined.stream.unsent
    with pytest.raises(BlockingIOError):
        joined.stream.send(view[sent:])
    got = b""
    while len(got) < len(answer):
        got += joined.heard()
        if sent < len(answer) or joined.stream.unsent:
            try:
                sent += joined.stream.send(view[sent:])
            except BlockingIOError:
                continue
    assert got == answer
    assert not joined.stream.unsent


def test_the_last_answer_takes_the_end_with_it(joined: Joined) -> None:
    joined.stream.ending = True
    assert joined.stream.send(b"the answer") == 10
    assert joined.heard() == b"the answer"
    with pytest.raises(SSL.ZeroReturnError):
        joined.client.recv(1)


def test_no_more_is_said_before_more_is_read(joined: Joined) -> None:
    joined.stream.send(b"the answer")
    joined.stream.shutdown(socket.SHUT_WR)
    assert joined.heard() == b"the answer"
    with pytest.raises(SSL.ZeroReturnError):
        joined.client.recv(1)
    joined.say(b"more")
    assert joined.read() == b"more"


def test_closing_says_so(joined: Joined) -> None:
    joined.stream.close()
    assert joined.heard() == b""
    with pytest.raises(SSL.ZeroReturnError):
        joined.client.recv(1)


def test_a_peer_that_is_gone_is_an_error(joined: Joined, tmp_path: Path) -> None:
    joined.far.close()
    with pytest.raises(OSError, match="pipe"):
        joined.stream.send(b"the answer")
