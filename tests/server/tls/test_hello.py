"""The first bytes of a connection, as real clients write them."""

import struct

import pytest
from OpenSSL import SSL

from bootwave.server.tls.hello import is_clear_http, offers_session
from tests.server.tls.serving import client_context


def hello(version: int, session: SSL.Session | None = None) -> bytes:
    """The ClientHello of OpenSSL."""
    connection = SSL.Connection(client_context(version=version), None)
    if session is not None:
        connection.set_session(session)
    connection.set_connect_state()
    with pytest.raises(SSL.WantReadError):
        connection.do_handshake()
    return connection.bio_read(1 << 16)


@pytest.mark.parametrize("version", [SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION])
def test_a_client_without_a_session_offers_none(version: int) -> None:
    assert not offers_session(hello(version))


def extension(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value


def made(*extensions: bytes, session_id: bytes = b"") -> bytes:
    """A ClientHello with *extensions* (RFC 8446 section 4.1.2)."""
    all_ = b"".join(extensions)
    body = (
        b"\x03\x03"
        + bytes(32)
        + bytes([len(session_id)])
        + session_id
        + b"\x00\x02\x13\x01\x01\x00"
        + struct.pack("!H", len(all_))
        + all_
    )
    message = b"\x01" + len(body).to_bytes(3) + body
    return b"\x16\x03\x01" + struct.pack("!H", len(message)) + message


def test_a_ticket_and_a_pre_shared_key_are_sessions() -> None:
    other = extension(0, b"\x00\x0b\x00\x00\x08pbx.test")
    assert offers_session(made(other, extension(35, b"a ticket")))
    assert offers_session(made(other, extension(41, b"a key"), session_id=bytes(32)))
    assert not offers_session(made(other, extension(35, b"")))  # asks for a ticket
    assert not offers_session(made(other))
    assert not offers_session(made())


def test_nothing_is_known_of_what_is_cut_short_or_no_hello() -> None:
    whole = made(extension(0, b"name"), extension(41, b"a key"))
    assert offers_session(whole)
    for size in range(len(whole) - len(extension(41, b"a key")) + 4):
        assert not offers_session(whole[:size])
    assert not offers_session(b"\x17" + whole[1:])
    assert not offers_session(whole[:5] + b"\x02" + whole[6:])
    assert not offers_session(bytes(1000))
    assert not offers_session(b"\x16" * 1000)


@pytest.mark.parametrize("first", [b"GET / HTTP/1.1\r\n", b"P", b"HEAD"])
def test_a_request_is_told_from_tls(first: bytes) -> None:
    assert is_clear_http(first)


@pytest.mark.parametrize("first", [b"", b"\x16\x03\x01", b"get", b"\r\n", b"\xc4"])
def test_what_is_no_request_is_left_to_tls(first: bytes) -> None:
    assert not is_clear_http(first)
