"""The C programs that do the least that can be done."""

import socket
from pathlib import Path

from perf.contenders.process import Served
from perf.machine import free_port
from perf.programs import program


def http(place: Path, document: bytes, *how: str) -> Served:
    """Return the C server that gives *document* to every request.

    *how* may be "merged": with the socket options that save the engine two packets.
    """
    file = place / "document.xml"
    file.write_bytes(document)
    port = free_port()
    served = Served(
        "C",
        [str(program("limits/http_epoll")), str(port), str(file), *how],
        port,
        place,
    )
    served.wait_until_listening()
    return served


def sip(place: Path) -> Served:
    """Return the C program that answers every SUBSCRIBE."""
    port = free_port(socket.SOCK_DGRAM)
    served = Served("C", [str(program("limits/sip_echo")), str(port)], port, place)
    served.wait_until_bound()
    return served
