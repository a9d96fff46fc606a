"""The sockets that NOTIFYs of roll-outs leave from, and answers to them come to.

Not the one of plug and play, which a worker reads: roll-outs are carried out by the
control process, and go on when workers are replaced.  The port is the kernel's choice;
phones answer where the request came from (RFC 3581).
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Any

from bootwave.limits import MAX_SIP_DATAGRAM_BYTES
from bootwave.sip.effects import Endpoint

DATAGRAMS_PER_WAKE = 64  # so that commands come in between
_BUFFER_BYTES = 4 * 1024 * 1024

Received = Callable[[bytes, Endpoint], None]


class NotifySockets:
    """One UDP socket per address family, made when it is needed first."""

    def __init__(self, received: Received) -> None:
        """Call *received* with each datagram, in the running loop."""
        self._received = received
        self._sockets: dict[int, socket.socket] = {}

    def sent_by(self, host: str) -> Endpoint:
        """Return from which address and port datagrams to *host* leave.

        *host* is a numeric address, with a zone if it is link-local.  Raises OSError
        when there is no way to it.
        """
        family = _family(host)
        port = self._socket(family).getsockname()[1]
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            # Sends nothing, and asks for the route.
            probe.connect(_sockaddr(Endpoint(host, port)))
            return Endpoint(probe.getsockname()[0], port)

    def send(self, data: bytes, to: Endpoint) -> None:
        """Send *data*, or lose it: whoever sends repeats what is not answered."""
        with contextlib.suppress(OSError):
            self._socket(_family(to.host)).sendto(data, _sockaddr(to))

    def close(self) -> None:
        """Close them."""
        loop = asyncio.get_running_loop()
        for each in self._sockets.values():
            loop.remove_reader(each)
            each.close()
        self._sockets.clear()

    def _socket(self, family: int) -> socket.socket:
        found = self._sockets.get(family)
        if found is None:
            found = socket.socket(family, socket.SOCK_DGRAM)
            try:
                found.setblocking(False)
                if family == socket.AF_INET6:
                    found.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
                found.bind(("", 0))
                loop = asyncio.get_running_loop()
                loop.add_reader(found, self._readable, found)
            except BaseException:
                found.close()
                raise
            self._sockets[family] = found
        return found

    def _readable(self, end: socket.socket) -> None:
        for _ in range(DATAGRAMS_PER_WAKE):
            try:
                data, source = end.recvfrom(MAX_SIP_DATAGRAM_BYTES + 1)
            except BlockingIOError:
                return
            except OSError:  # what ICMP said of a datagram before
                continue
            if len(data) <= MAX_SIP_DATAGRAM_BYTES:
                self._received(data, _endpoint(source))


def _family(host: str) -> int:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def numeric_zone(host: str) -> str:
    """Return the numeric address *host* with its zone, if any, as a number.

    So are zones of sightings and of what the kernel tells.  Raises OSError when there
    is no such interface.
    """
    address, percent, zone = host.partition("%")
    if not percent or zone.isdecimal():
        return host
    return f"{address}%{socket.if_nametoindex(zone)}"


def _sockaddr(end: Endpoint) -> tuple[str, int] | tuple[str, int, int, int]:
    # Python would take the zone out of the text and put 0 in its place.
    address, percent, zone = numeric_zone(end.host).partition("%")
    return (address, end.port, 0, int(zone)) if percent else (address, end.port)


def _endpoint(source: tuple[Any, ...]) -> Endpoint:
    address = str(source[0]).partition("%")[0]
    zone = source[3] if len(source) == 4 else 0
    return Endpoint(f"{address}%{zone}" if zone else address, source[1])
