"""PROXY headers as load balancers write them, and what must come of them."""

import struct
from ipaddress import ip_address

SIGNATURE = bytes.fromhex("0d0a0d0a000d0a515549540a")
LOCAL, PROXY = 0x20, 0x21
TCP4, TCP6 = 0x11, 0x21


def header(
    source: str,
    local: tuple[str, int] = ("192.0.2.80", 80),
    *,
    port: int = 40_000,
    additions: bytes = b"",
    checked: bool = False,
) -> bytes:
    """Return the header for a phone at *source* that reached *local*."""
    ends = [ip_address(source), ip_address(local[0])]
    family = TCP4 if ends[0].version == 4 else TCP6
    ports = struct.pack("!HH", port, local[1])
    made = framed(
        PROXY, family, ends[0].packed + ends[1].packed + ports + additions, checked
    )
    return made


def framed(command: int, family: int, rest: bytes, checked: bool = False) -> bytes:
    """Return a header of any command and family; *checked* adds a checksum."""
    size = len(rest) + (7 if checked else 0)
    made = SIGNATURE + struct.pack("!BBH", command, family, size) + rest
    if not checked:
        return made
    made += addition(3, bytes(4))
    return made[:-4] + crc32c(made).to_bytes(4)


def addition(kind: int, value: bytes) -> bytes:
    """Return one TLV."""
    return struct.pack("!BH", kind, len(value)) + value


def crc32c(data: bytes) -> int:
    """Return the checksum, bit by bit: a division by the polynomial 0x1EDC6F41."""
    remainder = 0xFFFFFFFF
    for byte in data:
        for bit in range(8):
            carry = (remainder >> 31) ^ (byte >> bit & 1)
            remainder = remainder << 1 & 0xFFFFFFFF
            if carry:
                remainder ^= 0x1EDC6F41
    return int(f"{remainder ^ 0xFFFFFFFF:032b}"[::-1], 2)
