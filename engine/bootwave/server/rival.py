"""Finding another plug-and-play server on the LAN.

Two servers answer every phone both, and nobody knows which answer wins.  So the engine
asks once, at its start, as a phone that nobody has would: whoever answers is a rival.
Our own engine never hears the question, since it is not looped back to this machine.
"""

import asyncio
import re
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass

from bootwave.limits import MAX_SIP_DATAGRAM_BYTES
from bootwave.native.udp import send
from bootwave.phone.mac import text_from_mac
from bootwave.server.interfaces import Interface, list_interfaces
from bootwave.server.pnpsockets import PnpSockets

# Locally administered, so that it is no phone's; always the same, so that a server
# which keeps a record of each MAC that asks keeps one.
PROBE_MAC = 0x020413000000
# The phones that are least patient wait this long for their NOTIFY.
PROBE_SECONDS = 5.0
_REPEAT_SECONDS = 1.0
_IP_PKTINFO = 8
_MAX_RIVALS = 8  # more are forged
_MAX_URL_CHARACTERS = 100

_CALL_ID = re.compile(rb"^(?:Call-ID|i)[ \t]*:[ \t]*(\S+)[ \t]*\r?$", re.I | re.M)
_ECHOED = re.compile(
    rb"^(?:Via|v|From|f|To|t|Call-ID|i|CSeq)[ \t]*:[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*",
    re.I | re.M,
)


@dataclass(slots=True)
class _Rival:
    interface: str
    url: str = ""


class _Probe:
    """The questions, one on each interface, and who answered them."""

    def __init__(self, sockets: PnpSockets, interfaces: list[Interface]) -> None:
        self.rivals: dict[str, _Rival] = {}
        self._own = {address for each in interfaces for address in each.ipv4}
        self._asked: dict[bytes, str] = {}
        self._questions: list[tuple[bytes, str, int, str, int]] = []
        self.socket = socket.socket(
            socket.AF_INET,
            socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC,
        )
        self.socket.bind(("0.0.0.0", 0))
        self.socket.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
        self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
        self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
        port = self.socket.getsockname()[1]
        group = sockets.group_address, sockets.group_port
        for each in interfaces:
            # Loopback would loop it back all the same, and has no other machines.
            if each.index in sockets.memberships.joined and not each.is_loopback:
                call_id = f"{secrets.token_hex(8)}@{each.ipv4[0]}".encode()
                self._asked[call_id] = each.name
                question = _subscribe(call_id, each.ipv4[0], port)
                self._questions.append((question, *group, each.ipv4[0], each.index))

    @property
    def is_empty(self) -> bool:
        """Whether there is no interface to ask on."""
        return not self._questions

    def ask(self) -> None:
        """Send all questions; what cannot be sent now is not worth a second try."""
        send(self.socket.fileno(), self._questions)

    def hear(self) -> None:
        """Take one datagram."""
        try:
            data, (host, port) = self.socket.recvfrom(MAX_SIP_DATAGRAM_BYTES)
        except OSError:
            return
        call_id = _CALL_ID.search(data)
        interface = self._asked.get(call_id[1]) if call_id else None
        if interface is None or host in self._own:
            return
        if host not in self.rivals and len(self.rivals) >= _MAX_RIVALS:
            return
        rival = self.rivals.setdefault(host, _Rival(interface))
        if data.startswith(b"NOTIFY "):
            body = data.replace(b"\r\n", b"\n").partition(b"\n\n")[2]
            url = body.strip()[:_MAX_URL_CHARACTERS].decode("ascii", "replace")
            rival.url = re.sub(r"[^!-~]", "?", url)
            # Or it would repeat its NOTIFY for half a minute.
            self._confirm(data, (host, port))

    def _confirm(self, notify: bytes, to: tuple[str, int]) -> None:
        fields = b"\r\n".join(_ECHOED.findall(notify))
        response = b"SIP/2.0 200 OK\r\n" + fields + b"\r\nContent-Length: 0\r\n\r\n"
        try:
            self.socket.sendto(response, to)
        except OSError:
            return


def _subscribe(call_id: bytes, address: str, port: int) -> bytes:
    """Return the SUBSCRIBE of a snom phone with PROBE_MAC."""
    who = f"<sip:MAC%3a{text_from_mac(PROBE_MAC)}@{address}>"
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


async def warn_of_rivals(
    sockets: PnpSockets,
    warn: Callable[[str], None],
    *,
    seconds: float = PROBE_SECONDS,
) -> None:
    """Ask on every joined interface; *warn* of each other server after *seconds*.

    Raises OSError when the interfaces cannot be listed.
    """
    loop = asyncio.get_running_loop()
    probe = _Probe(sockets, list_interfaces())
    with probe.socket:
        if probe.is_empty:
            return
        loop.add_reader(probe.socket, probe.hear)
        try:
            probe.ask()
            await asyncio.sleep(min(_REPEAT_SECONDS, seconds / 2))
            probe.ask()
            await asyncio.sleep(seconds - min(_REPEAT_SECONDS, seconds / 2))
        finally:
            loop.remove_reader(probe.socket)
    for address, rival in probe.rivals.items():
        told = f" and sends them to {rival.url}" if rival.url else ""
        warn(
            f"Another plug-and-play server, {address} on {rival.interface}, answers "
            f"the same phones{told}: switch one of the two off."
        )
