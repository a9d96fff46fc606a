"""The PROXY header: what is taken of it, and what is refused."""

import pytest

from bootwave.errors import ProxySyntaxError
from bootwave.http.proxyprotocol import (
    SIGNATURE,
    Proxied,
    ProxyHeader,
    crc32c,
    header_from_bytes,
)
from bootwave.limits import MAX_PROXY_HEADER_BYTES
from tests.oracle import proxies
from tests.oracle.proxies import LOCAL, PROXY, TCP4, TCP6, addition, framed, header

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
ENDS4 = bytes([198, 51, 100, 7, 192, 0, 2, 80, 0x9C, 0x40, 0, 80])
PHONE = Proxied("198.51.100.7", ("192.0.2.80", 80))


@pytest.mark.parametrize("rest", [b"", b"G", GET])
def test_both_ends_are_told_over_ipv4(rest: bytes) -> None:
    whole = header("198.51.100.7")
    assert len(whole) == 28
    assert header_from_bytes(whole + rest) == ProxyHeader(28, PHONE)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("2001:db8::7", "2001:db8::7"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("::1", "::1"),
        ("::198.51.100.7", "::198.51.100.7"),
        ("fe80::1", "fe80::1"),
    ],
)
def test_both_ends_are_told_over_ipv6(source: str, told: str) -> None:
    found = header_from_bytes(header(source, ("2001:db8::80", 8080)))
    assert found == ProxyHeader(52, Proxied(told, ("2001:db8::80", 8080)))


def test_every_part_is_waited_for_and_no_more() -> None:
    for whole in (header("198.51.100.7"), header("fd00::7", ("fd00::1", 80))):
        for end in range(len(whole)):
            assert header_from_bytes(whole[:end]) is None
            assert header_from_bytes(bytearray(whole[:end])) is None
        assert header_from_bytes(bytearray(whole)) is not None


@pytest.mark.parametrize("family", [0x00, TCP4, TCP6, 0x31, 0xFF])
@pytest.mark.parametrize("rest", [b"", ENDS4, b"\x03\x00", bytes(300)])
def test_a_connection_of_the_balancer_itself_names_nobody(
    family: int, rest: bytes
) -> None:
    whole = framed(LOCAL, family, rest)
    assert header_from_bytes(whole + GET) == ProxyHeader(len(whole), None)
    if rest:
        assert header_from_bytes(whole[:-1]) is None


# What AWS adds to each header: a checksum, its own, and padding.
AWS = addition(0xEA, b"\x01vpce-08d2bf15fac5001c9") + addition(4, bytes(29))


@pytest.mark.parametrize(
    "additions",
    [
        addition(4, b""),
        addition(1, b"http/1.1") + addition(5, bytes(128)),
        addition(0x20, bytes(5) + addition(0x21, b"TLSv1.3")),
        AWS,
    ],
)
@pytest.mark.parametrize("checked", [False, True])
def test_additions_are_skipped(additions: bytes, checked: bool) -> None:
    whole = header("198.51.100.7", additions=additions, checked=checked)
    assert header_from_bytes(whole + GET) == ProxyHeader(len(whole), PHONE)


def test_a_checksum_covers_what_comes_after_it_too() -> None:
    checked = addition(3, bytes(4)) + AWS
    whole = header("198.51.100.7", additions=checked)
    at = 28 + 3
    right = proxies.crc32c(whole).to_bytes(4)
    good = whole[:at] + right + whole[at + 4 :]
    assert header_from_bytes(good) == ProxyHeader(len(whole), PHONE)
    for place in (17, at, len(whole) - 1):
        bad = good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :]
        with pytest.raises(ProxySyntaxError, match="checksum"):
            header_from_bytes(bad)


def test_the_checksum_is_crc32c() -> None:
    assert crc32c(b"123456789") == 0xE3069283
    assert proxies.crc32c(b"123456789") == 0xE3069283
    assert crc32c(b"") == 0


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (GET, "there is none"),
        (b"G", "there is none"),
        (b"PROXZ", "there is none"),
        (b"\r\n\r\nGET / HTTP/1.1\r\n", "there is none"),
        (b"\x16\x03\x01", "there is none"),
        (b"PROXY", "version 1"),
        (b"PROXY TCP4 198.51.100.7 192.0.2.80 40000 80\r\n" + GET, "version 1"),
        (framed(0x11, TCP4, ENDS4), "version or command"),
        (framed(0x31, TCP4, ENDS4), "version or command"),
        (framed(0x22, TCP4, ENDS4), "version or command"),
        (framed(PROXY, 0x00, b""), "no TCP address"),
        (framed(PROXY, 0x12, ENDS4), "no TCP address"),
        (framed(PROXY, 0x22, bytes(36)), "no TCP address"),
        (framed(PROXY, 0x31, bytes(216)), "no TCP address"),
        (framed(PROXY, 0x41, ENDS4), "unknown family"),
        (framed(PROXY, 0x13, ENDS4), "unknown family"),
        (framed(PROXY, TCP4, ENDS4[:-1]), "shorter"),
        (framed(PROXY, TCP6, bytes(35)), "shorter"),
        (framed(PROXY, TCP4, ENDS4 + b"\x04"), "does not fit"),
        (framed(PROXY, TCP4, ENDS4 + b"\x04\x00"), "does not fit"),
        (framed(PROXY, TCP4, ENDS4 + b"\x04\x00\x01"), "does not fit"),
        (framed(PROXY, TCP4, ENDS4 + addition(3, bytes(4))), "checksum"),
        (framed(PROXY, TCP4, ENDS4 + addition(3, b"")), "checksum"),
        (framed(PROXY, TCP4, ENDS4 + addition(3, bytes(5))), "checksum"),
    ],
)
def test_what_is_no_header_of_a_phone_is_refused(data: bytes, what: str) -> None:
    with pytest.raises(ProxySyntaxError, match=what):
        header_from_bytes(data)


def test_a_header_is_bounded_and_what_is_too_long_is_not_waited_for() -> None:
    most = MAX_PROXY_HEADER_BYTES - 28 - 3
    whole = header("198.51.100.7", additions=addition(4, bytes(most)))
    assert header_from_bytes(whole) == ProxyHeader(MAX_PROXY_HEADER_BYTES, PHONE)
    for longer in (
        header("198.51.100.7", additions=addition(4, bytes(most + 1))),
        framed(LOCAL, 0, bytes(MAX_PROXY_HEADER_BYTES - 15)),
    ):
        with pytest.raises(ProxySyntaxError, match="too long"):
            header_from_bytes(longer[:16])


def test_the_signature_is_that_of_the_standard() -> None:
    assert SIGNATURE == proxies.SIGNATURE
