"""Finding another plug-and-play server, in a namespace with a second machine."""

import asyncio
import re
import socket
from collections.abc import Callable
from contextlib import closing

from bootwave.options import PnpOptions
from bootwave.phone.mac import PROBE_MAC, is_snom, is_unicast
from bootwave.server.pnpsockets import PnpSockets, open_pnp_sockets
from bootwave.server.rival import warn_of_rivals
from bootwave.server.udp import PnpServer
from bootwave.sightings import Sighting
from bootwave.sip.effects import LookUp
from bootwave.sip.pnp import PnpCore
from tests.namespaces import Machine, in_namespace, ip

GROUP = "224.0.1.75"


class Counts:
    def add(self, counter: object, by: int = 1) -> None:
        pass


class Rival:
    """A server on another machine that answers with what *replies* makes."""

    def __init__(
        self, machine: Machine, replies: Callable[[bytes], list[bytes]]
    ) -> None:
        self.heard: list[bytes] = []
        self._replies = replies
        self._ears = machine.udp_socket("0.0.0.0", 5060)
        self._mouth = machine.udp_socket("10.1.0.2", 5060 + 1)
        request = socket.inet_aton(GROUP) + socket.inet_aton("10.1.0.2")
        self._ears.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_reader(self._ears, self._hear, self._ears)
        loop.add_reader(self._mouth, self._hear, self._mouth)

    def _hear(self, at: socket.socket) -> None:
        data, source = at.recvfrom(4096)
        self.heard.append(data)
        if data.startswith(b"SUBSCRIBE"):
            for reply in self._replies(data):
                self._mouth.sendto(reply, source)


def fields(message: bytes) -> bytes:
    found = re.findall(rb"^(?:Via|From|To|Call-ID): [^\r]*\r\n", message, re.M)
    return b"".join(found)


def answers(url: bytes) -> Callable[[bytes], list[bytes]]:
    def both(question: bytes) -> list[bytes]:
        return [
            b"SIP/2.0 200 OK\r\n" + fields(question) + b"CSeq: 1 SUBSCRIBE\r\n\r\n",
            b"NOTIFY sip:phone SIP/2.0\r\n"
            + fields(question)
            + b"CSeq: 7 NOTIFY\r\n\r\n"
            + url,
        ]

    return both


def sockets_here() -> PnpSockets:
    ip("addr add 10.1.0.1/24 dev lan")
    ip("link set lan up")
    return open_pnp_sockets(PnpOptions())


async def warned(sockets: PnpSockets, *rivals: Rival, times: int = 1) -> list[str]:
    """Ask up to *times*: a cable plugged just now may lose the first question."""
    for rival in rivals:
        rival.start()
    warnings: list[str] = []
    for _ in range(times):
        await warn_of_rivals(sockets, warnings.append, seconds=1.0)
        if warnings:
            break
    return warnings


def test_the_question_is_of_a_mac_that_no_phone_has() -> None:
    assert is_unicast(PROBE_MAC)
    assert not is_snom(PROBE_MAC)
    assert PROBE_MAC >> 40 & 2  # locally administered


def _another_server() -> None:
    machine = Machine()
    machine.plug("lan", "eth0", "10.1.0.2/24")
    rival = Rival(machine, answers(b"http://10.1.0.2/\x1b[31m{mac}"))
    with closing(sockets_here()) as sockets:
        (warning,) = asyncio.run(warned(sockets, rival, times=5))
    assert "10.1.0.2 on lan" in warning
    assert "http://10.1.0.2/?[31m{mac}:" in warning
    begin = b"SUBSCRIBE sip:MAC%3a020413000000@10.1.0.1 SIP/2.0\r\n"
    # One that is answered too late is asked again.
    questions = {fields(heard) for heard in rival.heard if heard.startswith(begin)}
    confirmed = [heard for heard in rival.heard if heard.startswith(b"SIP/2.0 200")]
    assert confirmed
    assert all(b"CSeq: 7 NOTIFY\r\n" in each for each in confirmed)
    assert {fields(each) for each in confirmed} <= questions
    assert all(heard.startswith((begin, b"SIP/2.0 200")) for heard in rival.heard)


def test_another_server_is_named_with_its_url_and_its_notify_confirmed() -> None:
    in_namespace(_another_server)


def _refusing() -> None:
    machine = Machine()
    machine.plug("lan", "eth0", "10.1.0.2/24")

    def refusal(question: bytes) -> list[bytes]:
        return [b"SIP/2.0 404 Not Found\r\n" + fields(question) + b"\r\n"]

    with closing(sockets_here()) as sockets:
        (warning,) = asyncio.run(warned(sockets, Rival(machine, refusal), times=5))
    assert "10.1.0.2 on lan, answers" in warning


def test_a_server_that_refuses_is_one_too() -> None:
    in_namespace(_refusing)


def _noise() -> None:
    machine = Machine()
    machine.plug("lan", "eth0", "10.1.0.2/24")

    def noise(question: bytes) -> list[bytes]:
        return [
            b"",
            b"\xff" * 4000,
            b"SIP/2.0 200 OK\r\nCall-ID: somebody-elses\r\n\r\n",
            b"SIP/2.0 200 OK\r\n\r\n",
        ]

    with closing(sockets_here()) as sockets:
        assert asyncio.run(warned(sockets, Rival(machine, noise))) == []


def test_what_does_not_answer_the_question_is_no_server() -> None:
    in_namespace(_noise)


def _our_own() -> None:
    machine = Machine()
    machine.plug("lan", "eth0", "10.1.0.2/24")
    seen: list[Sighting] = []

    def urls(lookups: list[LookUp]) -> list[str | None]:
        return ["http://10.1.0.1/"] * len(lookups)

    async def scenario(sockets: PnpSockets) -> None:
        core = PnpCore(secret=bytes(32), port=sockets.port)
        server = PnpServer(sockets, core, urls, seen.append, Counts())
        server.start(asyncio.get_running_loop())
        assert await warned(sockets) == []
        server.stop()

    with closing(sockets_here()) as sockets:
        asyncio.run(scenario(sockets))
    assert seen == []


def test_the_own_engine_does_not_even_hear_the_question() -> None:
    in_namespace(_our_own)


def _loopback_only() -> None:
    options = PnpOptions(listen="127.0.0.1:5060")
    with closing(open_pnp_sockets(options)) as sockets:
        assert sockets.memberships.joined == {1: "lo"}
        assert asyncio.run(warned(sockets)) == []
        assert sockets.group.getsockname() == (GROUP, 5060)
        try:
            heard = sockets.group.recv(100)
        except BlockingIOError:
            heard = b""
        assert heard == b""


def test_nothing_is_asked_on_loopback() -> None:
    in_namespace(_loopback_only)
