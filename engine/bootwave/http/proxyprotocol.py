"""What a load balancer says before the phone does: PROXY protocol, version 2.

The protocol is that of haproxy's ``doc/proxy-protocol.txt``.  A receiver must not guess
whether a header is there, so who calls this knows that one must be: what does not begin
with one is refused, and so is version 1, the line of text.

Addresses are all that is taken.  Additions (TLVs) are skipped, whatever they say of
certificates or names: the network between is not encrypted, and identity does not come
from a header.  Only the checksum is verified, where there is one.

``LOCAL`` is the balancer's own connection, a health check.  A connection on behalf of
somebody who has no TCP address (UNSPEC, UNIX, datagrams) is refused, which the protocol
leaves to the receiver: under the balancer's own address, which is private as a rule,
every phone would be taken for one inside.
"""

from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

from bootwave.errors import ProxySyntaxError
from bootwave.limits import MAX_PROXY_HEADER_BYTES

Bytes = bytes | bytearray

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
_TEXT_SIGNATURE = b"PROXY"
_FIXED = 16  # signature, version and command, family and transport, length
_LOCAL, _PROXY = 0x20, 0x21  # version 2 above
# Family and transport, and how many bytes one address takes.
_ADDRESS_BYTES = {0x11: 4, 0x21: 16}
_ELSEWHERE = frozenset({0x00, 0x01, 0x02, 0x10, 0x12, 0x20, 0x22, 0x30, 0x31, 0x32})
_TLV_HEAD = 3
_CRC32C = 0x03


class Proxied(NamedTuple):
    """Both ends of a phone's connection, as ``Contact`` has them.

    ``source`` is the phone's address, ``local`` the address and port it reached.
    """

    source: str
    local: tuple[str, int]


class ProxyHeader(NamedTuple):
    """One header of *size* bytes; *proxied* is None for the balancer's own."""

    size: int
    proxied: Proxied | None


def header_from_bytes(data: Bytes) -> ProxyHeader | None:
    """Return the header that *data* begins with, or None while it is not complete.

    Raises ProxySyntaxError as soon as it cannot become one that is accepted.
    """
    if data[: len(_TEXT_SIGNATURE)] == _TEXT_SIGNATURE:
        raise ProxySyntaxError("it is of version 1, the text, and must be of version 2")
    if len(data) < _FIXED:
        start = bytes(data[: len(SIGNATURE)])
        if SIGNATURE.startswith(start) or _TEXT_SIGNATURE.startswith(start):
            return None
    if data[: len(SIGNATURE)] != SIGNATURE:
        raise ProxySyntaxError("there is none")
    command, family = data[12], data[13]
    if command not in (_LOCAL, _PROXY):
        raise ProxySyntaxError("unknown version or command", offset=12)
    size = _FIXED + int.from_bytes(data[14:_FIXED])
    if size > MAX_PROXY_HEADER_BYTES:
        raise ProxySyntaxError("it is too long", offset=14)
    if command == _LOCAL:
        return ProxyHeader(size, None) if len(data) >= size else None
    width = _ADDRESS_BYTES.get(family, 0)
    if not width:
        known = "no TCP address" if family in _ELSEWHERE else "an unknown family"
        raise ProxySyntaxError(f"it names {known}", offset=13)
    end = _FIXED + 2 * width + 4
    if size < end:
        raise ProxySyntaxError("it is shorter than its addresses", offset=14)
    if len(data) < size:
        return None
    _check_additions(bytes(data[:size]), end)
    ends = data[_FIXED:end]
    source, local = ends[:width], ends[width : 2 * width]
    port = int.from_bytes(ends[-2:])
    return ProxyHeader(size, Proxied(_address(source), (_address(local), port)))


def _check_additions(header: bytes, at: int) -> None:
    """Raise ProxySyntaxError unless the TLVs from *at* on fill *header*, unharmed."""
    while at < len(header):
        value = at + _TLV_HEAD
        end = value + int.from_bytes(header[at + 1 : value])
        if value > len(header) or end > len(header):
            raise ProxySyntaxError("an addition does not fit", offset=at)
        if header[at] == _CRC32C:
            without = header[:value] + bytes(end - value) + header[end:]
            if header[value:end] != crc32c(without).to_bytes(4):
                raise ProxySyntaxError("the checksum is wrong", offset=at)
        at = end


def _address(raw: Bytes) -> str:
    """Return the plain address of 4 or 16 bytes, in the spelling of inet_ntop."""
    if len(raw) == 4:
        return str(IPv4Address(bytes(raw)))
    address = IPv6Address(bytes(raw))
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    if not any(raw[:12]) and any(raw[12:14]):
        return f"::{IPv4Address(bytes(raw[12:]))}"
    return str(address)


def _table_entry(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
    return byte


_TABLE = tuple(map(_table_entry, range(256)))


def crc32c(data: bytes) -> int:
    """Return the CRC32c of *data* (RFC 4960 appendix B)."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[crc & 0xFF ^ byte]
    return crc ^ 0xFFFFFFFF
