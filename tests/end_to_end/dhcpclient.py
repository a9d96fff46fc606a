"""A DHCP client (RFC 2131), as far as a booting phone is one.

It builds and reads the messages itself, knowing nothing of the package under test.
"""

import socket
import struct
import time
from collections.abc import Iterator
from typing import NamedTuple

PATIENCE = 30.0
AGAIN_SECONDS = 0.5
COOKIE = b"\x63\x82\x53\x63"
# What a snom 720 with firmware 8.7.3.17 asks for (dhcp_options_on_ip_aquire).
WANTED = bytes((1, 3, 4, 6, 12, 15, 42, 43, 51, 66, 67, 120, 125, 132, 133))
DISCOVER, OFFER, REQUEST, ACK = 1, 2, 3, 5


class Lease(NamedTuple):
    """An address, and the options that came with it by their numbers."""

    address: str
    options: dict[int, bytes]

    @property
    def encapsulated(self) -> dict[int, bytes]:
        """The options within option 43."""
        return dict(read(self.options.get(43, b"")))

    @property
    def url(self) -> str:
        """Where the settings are, as firmware from 7.3.17 on understands it.

        Option 43 beats 66 and 67; what 67 holds stands below what 66 does.
        """
        told = self.encapsulated or self.options
        server, file = text(told[66]), text(told.get(67, b""))
        return f"{server.rstrip('/')}/{file}" if file else server


def text(value: bytes) -> str:
    """Return *value* without the NULs that may end it (RFC 2132 section 2)."""
    return value.rstrip(b"\0").decode()


def read(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield number and value of each option in *data*."""
    at = 0
    while at < len(data) and data[at] != 255:
        if data[at] == 0:
            at += 1
            continue
        size = data[at + 1]
        assert at + 2 + size <= len(data), "an option ends behind its message"
        yield data[at], data[at + 2 : at + 2 + size]
        at += 2 + size


def leased(
    end: socket.socket, mac: str, *, vendor_class: str = "", host_name: str = ""
) -> Lease:
    """Return the lease that a phone with *mac* gets over the broadcast socket *end*."""
    own = [(55, WANTED)]
    if vendor_class:
        own.append((60, vendor_class.encode()))
    if host_name:
        own.append((12, host_name.encode()))
    offer = _asked(end, mac, DISCOVER, own, OFFER)
    taken = [*own, (50, socket.inet_aton(offer.address)), (54, offer.options[54])]
    return _asked(end, mac, REQUEST, taken, ACK)


def _asked(
    end: socket.socket, mac: str, kind: int, own: list[tuple[int, bytes]], wanted: int
) -> Lease:
    transaction = struct.pack("!HI", kind, int(mac, 16) & 0xFFFFFFFF)[2:]
    options = b"".join(
        bytes((code, len(value))) + value
        for code, value in [(53, bytes((kind,))), *own]
    )
    message = (
        # request, Ethernet, 6 bytes of address, no relay; no time; broadcast the answer
        b"\1\1\6\0"
        + transaction
        + b"\0\0\x80\0"
        + bytes(16)
        + bytes.fromhex(mac).ljust(16, b"\0")
        + bytes(192)
        + COOKIE
        + options
        + b"\xff"
    )
    deadline = time.monotonic() + PATIENCE
    end.settimeout(AGAIN_SECONDS)
    while time.monotonic() < deadline:
        end.sendto(message, ("255.255.255.255", 67))
        try:
            while True:
                found = _answer(end.recv(1500), transaction, wanted)
                if found is not None:
                    return found
        except TimeoutError:
            continue  # the server is not up yet
    raise AssertionError(f"no DHCP server answered {mac}")


def _answer(data: bytes, transaction: bytes, wanted: int) -> Lease | None:
    if data[:1] != b"\2" or data[4:8] != transaction or data[236:240] != COOKIE:
        return None
    options: dict[int, bytes] = {}
    for code, value in read(data[240:]):
        options[code] = options.get(code, b"") + value  # RFC 3396
    assert 52 not in options, "an option stands where server and file names do"
    if options[53] != bytes((wanted,)):
        return None
    return Lease(socket.inet_ntoa(data[16:20]), options)
