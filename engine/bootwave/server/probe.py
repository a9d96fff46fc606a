"""Asking on the LAN as a booting phone does, to learn who answers.

One question goes out on each interface; whoever answers it is told apart by interface
and address.  A NOTIFY is confirmed, or its sender would repeat it for half a minute.
"""

import asyncio
import re
import secrets
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from bootwave.limits import MAX_SIP_DATAGRAM_BYTES
from bootwave.native.udp import send
from bootwave.phone.mac import PROBE_MAC, text_from_mac
from bootwave.server.interfaces import Interface

# The phones that are least patient wait this long for their NOTIFY.
PROBE_SECONDS = 5.0
_REPEAT_SECONDS = 1.0
_IP_PKTINFO = 8
_MAX_ANSWERS = 64  # more are forged
_MAX_URL_CHARACTERS = 255

_CALL_ID = re.compile(rb"^(?:Call-ID|i)[ \t]*:[ \t]*(\S+)[ \t]*\r?$", re.I | re.M)
_ECHOED = re.compile(
    rb"^(?:Via|v|From|f|To|t|Call-ID|i|CSeq)[ \t]*:[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*",
    re.I | re.M,
)


@dataclass(slots=True)
class Answer:
    """Who answered on which interface, and the URL told, "" as long as there is none.

    The URL is printable ASCII, whatever was sent.
    """

    interface: str
    host: str
    url: str = ""


class Probe:
    """The questions, one on each interface, and who answered them."""

    def __init__(
        self,
        group: tuple[str, int],
        interfaces: Sequence[Interface],
        *,
        mac: int = PROBE_MAC,
        own: bool = False,
    ) -> None:
        """Ask for *mac* on *interfaces*, which have IPv4 addresses, to *group*.

        With *own* programs of this machine hear the question, too, and may answer.
        """
        self.answers: dict[tuple[str, str], Answer] = {}
        self._ignored = (
            frozenset()
            if own
            else frozenset(address for each in interfaces for address in each.ipv4)
        )
        self._asked: dict[bytes, str] = {}
        self._questions: list[tuple[bytes, str, int, str, int]] = []
        self._socket = socket.socket(
            socket.AF_INET,
            socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC,
        )
        self._socket.bind(("0.0.0.0", 0))
        self._socket.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
        self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, own)
        self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
        port = self._socket.getsockname()[1]
        for each in interfaces:
            address = each.ipv4[0]
            call_id = f"{secrets.token_hex(8)}@{address}".encode()
            self._asked[call_id] = each.name
            question = _subscribe(mac, call_id, address, port)
            self._questions.append((question, *group, address, each.index))

    async def run(self, seconds: float = PROBE_SECONDS) -> list[Answer]:
        """Ask, once more a second later; return who answered within *seconds*."""
        loop = asyncio.get_running_loop()
        pause = min(_REPEAT_SECONDS, seconds / 2)
        with self._socket:
            if not self._questions:
                return []
            loop.add_reader(self._socket, self._hear)
            try:
                # What cannot be sent now is not worth a second try.
                send(self._socket.fileno(), self._questions)
                await asyncio.sleep(pause)
                send(self._socket.fileno(), self._questions)
                await asyncio.sleep(seconds - pause)
            finally:
                loop.remove_reader(self._socket)
        return [*self.answers.values()]

    def _hear(self) -> None:
        """Take one datagram."""
        try:
            data, (host, port) = self._socket.recvfrom(MAX_SIP_DATAGRAM_BYTES)
        except OSError:
            return
        call_id = _CALL_ID.search(data)
        interface = self._asked.get(call_id[1]) if call_id else None
        if interface is None or host in self._ignored:
            return
        key = interface, host
        if key not in self.answers and len(self.answers) >= _MAX_ANSWERS:
            return
        answer = self.answers.setdefault(key, Answer(interface, host))
        if data.startswith(b"NOTIFY "):
            body = data.replace(b"\r\n", b"\n").partition(b"\n\n")[2]
            url = body.strip()[:_MAX_URL_CHARACTERS].decode("ascii", "replace")
            answer.url = re.sub(r"[^!-~]", "?", url)
            self._confirm(data, (host, port))

    def _confirm(self, notify: bytes, to: tuple[str, int]) -> None:
        fields = b"\r\n".join(_ECHOED.findall(notify))
        response = b"SIP/2.0 200 OK\r\n" + fields + b"\r\nContent-Length: 0\r\n\r\n"
        try:
            self._socket.sendto(response, to)
        except OSError:
            return


def _subscribe(mac: int, call_id: bytes, address: str, port: int) -> bytes:
    """Return the SUBSCRIBE of a snom phone with *mac*."""
    who = f"<sip:MAC%3a{text_from_mac(mac)}@{address}>"
    lines = (
        f"SUBSCRIBE {who[1:-1]} SIP/2.0",
        f"Via: SIP/2.0/UDP {address}:{port};branch=z9hG4bK{secrets.token_hex(8)};rport",
        "Max-Forwards: 70",
        f"From: {who};tag={secrets.token_hex(4)}",
        f"To: {who}",
        f"Call-ID: {call_id.decode()}",
        "CSeq: 1 SUBSCRIBE",
        'Event: ua-profile;profile-type="device";vendor="snom";model="snom370";'
        'version="8.7.5.48"',
        "Expires: 0",
        "Accept: application/url",
        f"Contact: <sip:{address}:{port}>",
        "User-Agent: snom370/8.7.5.48",
        "Content-Length: 0",
    )
    return "\r\n".join((*lines, "", "")).encode()
