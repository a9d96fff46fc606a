"""The SIP side of a phone, byte for byte, and what it gets."""

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.end_to_end.program import PATIENCE, Program
from tests.peers.peer import missing

CAPTURES = Path(__file__).parents[1] / "captures"
SNOM370 = CAPTURES / "snom370-8.7.5.48.txt"
PHONE = "0004132E08B4"  # whose capture it is


class Mailbox:
    """The UDP socket of a phone, and what comes to it."""

    def __init__(self, end: socket.socket, program: Program) -> None:
        self._end = end
        self._asked = ""  # the Call-ID of the latest SUBSCRIBE
        self._confirmed: set[str] = set()
        self._port = program.pnp
        host, _, number = program.group.partition(":")
        self._group = (host, int(number))

    def send(self, data: bytes, *, multicast: bool = False) -> None:
        if data.startswith(b"SUBSCRIBE "):
            self._asked = call_id(data.decode())
        self._end.sendto(data, self._group if multicast else self._port)

    def receive(self) -> str:
        return self._end.recv(65536).decode()

    def answers(self) -> tuple[str, str]:
        """Return the 200 and the NOTIFY to what was asked last, whichever came first.

        The NOTIFY is confirmed, and so are those that were confirmed so late that they
        are repeated.
        """
        found: dict[str, str] = {}
        while len(found) < 2:
            message = self.receive()
            if message not in self._confirmed or call_id(message) == self._asked:
                found[message[:7]] = message
            if message.startswith("NOTIFY "):
                self._confirm(message)
        accepted, notify = found["SIP/2.0"], found["NOTIFY "]
        assert accepted.startswith("SIP/2.0 200 "), accepted
        return accepted, notify

    def _confirm(self, notify: str) -> None:
        self._confirmed.add(notify)
        kept = re.findall(
            r"^(?:Via|From|To|Call-ID|CSeq): .*\r$",
            notify,
            re.MULTILINE | re.IGNORECASE,
        )
        self.send("\n".join(["SIP/2.0 200 OK\r", *kept, "\r\n"]).encode())


@contextmanager
def mailbox(
    program: Program, address: tuple[str, int] = ("127.0.0.1", 0)
) -> Iterator[Mailbox]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
        try:
            end.bind(address)
        except OSError as error:
            missing(f"{address} cannot be bound: {error.strerror}")
        end.settimeout(PATIENCE)
        loopback = socket.inet_aton("127.0.0.1")
        end.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, loopback)
        yield Mailbox(end, program)


def call_id(message: str) -> str:
    found = re.search(r"^Call-ID: *(\S+)", message, re.MULTILINE | re.IGNORECASE)
    assert found is not None
    return found[1]


def subscribe(mac: str, number: int) -> bytes:
    """Return the snom370's capture as the phone *mac* would send it."""
    data = SNOM370.read_bytes().replace(PHONE.encode(), mac.encode())
    return data.replace(b"949137397", str(number).encode())
