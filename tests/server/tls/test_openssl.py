"""OpenSSL's own functions on pyOpenSSL's connections."""

from hashlib import sha256
from pathlib import Path

import pytest
from OpenSSL import SSL

from bootwave.limits import MAX_HTTP_HEAD_BYTES
from bootwave.server.tls import openssl
from bootwave.server.tls.contexts import Contexts, make_contexts
from bootwave.server.tls.identity import verified
from tests.certificates import factory
from tests.server.tls.serving import client_context, https_options

VERSIONS = pytest.mark.parametrize(
    "version", [SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION], ids=["1.2", "1.3"]
)


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> Contexts:
    return make_contexts(https_options(tmp_path_factory.mktemp("openssl")), verified)


class Pair:
    """A client and a server, joined by memory."""

    def __init__(
        self,
        contexts: Contexts,
        context: SSL.Context,
        session: SSL.Session | None = None,
    ) -> None:
        self.client = SSL.Connection(context, None)
        if session is not None:
            self.client.set_session(session)
        self.client.set_connect_state()
        assert contexts.modern is not None
        self.server = SSL.Connection(contexts.modern, None)
        self.server.set_accept_state()

    def shake(self) -> "Pair":
        done = False
        while not done:
            self.step()
            done = openssl.shake(self.server, self.client.bio_read(1 << 18))
            if out := bytes(openssl.outgoing(self.server)):
                self.client.bio_write(out)
        self.step()
        return self

    def step(self) -> None:
        try:
            self.client.do_handshake()
        except SSL.WantReadError:
            pass

    def send(self, data: bytes) -> None:
        self.client.sendall(data)
        openssl.feed(self.server, self.client.bio_read(1 << 18))


@VERSIONS
def test_a_handshake_is_told_from_one_that_resumed(
    contexts: Contexts, version: int
) -> None:
    context = client_context(version=version)
    pair = Pair(contexts, context).shake()
    assert not openssl.is_resumed(pair.server)
    with pytest.raises(SSL.WantReadError):
        pair.client.recv(1)  # takes the tickets of TLS 1.3
    session = pair.client.get_session()
    pair.client.shutdown()
    assert openssl.is_resumed(Pair(contexts, context, session).shake().server)


@VERSIONS
def test_what_is_said_comes_whole_and_in_order(
    contexts: Contexts, version: int
) -> None:
    pair = Pair(contexts, client_context(version=version)).shake()
    assert openssl.read(pair.server) is None
    pair.send(b"a request")
    assert openssl.read(pair.server) == b"a request"
    assert openssl.read(pair.server) is None
    pair.send(bytes(3 * MAX_HTTP_HEAD_BYTES))
    sizes = []
    while part := openssl.read(pair.server):
        sizes.append(len(part))
    assert sum(sizes) == 3 * MAX_HTTP_HEAD_BYTES
    assert max(sizes) <= MAX_HTTP_HEAD_BYTES
    answer = bytes(range(256)) * 160  # 40 kB: three records
    openssl.write(pair.server, answer)
    openssl.end(pair.server)
    pair.client.bio_write(bytes(openssl.outgoing(pair.server)))
    assert not openssl.outgoing(pair.server)
    got = b""
    while len(got) < len(answer):
        got += pair.client.recv(1 << 16)
    assert got == answer
    with pytest.raises(SSL.ZeroReturnError):
        pair.client.recv(1)


@VERSIONS
def test_the_end_of_the_stream_is_an_end(contexts: Contexts, version: int) -> None:
    for proper in (True, False):
        pair = Pair(contexts, client_context(version=version)).shake()
        if proper:
            pair.client.shutdown()
            openssl.feed(pair.server, pair.client.bio_read(1 << 16))
        else:
            openssl.feed(pair.server, b"")
        assert openssl.read(pair.server) == b""


def test_what_breaks_tls_is_an_error_and_leaves_nothing_behind(
    contexts: Contexts,
) -> None:
    pair = Pair(contexts, client_context())
    with pytest.raises(SSL.Error):
        openssl.shake(pair.server, b"\x16\x03\x01\x00\x05abcde")
    assert openssl.outgoing(pair.server)[:1] == b"\x15"
    pair = Pair(contexts, client_context()).shake()
    pair.client.send(b"a request")
    record = bytearray(pair.client.bio_read(1 << 16))
    record[-1] ^= 1
    openssl.feed(pair.server, bytes(record))
    with pytest.raises(SSL.Error):
        openssl.read(pair.server)
    # What failed there is not taken for a failure elsewhere.
    pair = Pair(contexts, client_context()).shake()
    assert openssl.read(pair.server) is None


def test_the_digest_is_of_the_leaf(contexts: Contexts, tmp_path: Path) -> None:
    chain, key = factory.phone()
    pair = Pair(contexts, client_context(chain, key)).shake()
    assert openssl.leaf_digest(pair.server) == sha256(chain[0]).digest()
    bare = Pair(contexts, client_context()).shake()
    assert openssl.leaf_digest(bare.server) is None
