"""Asking who answers phones, in a namespace with a second machine."""

import asyncio
import socket
from contextlib import closing

import pytest

from bootwave.native.sip import mac_from_pnp, parse
from bootwave.server.interfaces import Interface, list_interfaces
from bootwave.server.probe import Answer, Probe
from bootwave.server.udp import PnpServer
from bootwave.sightings import Reason, Sighting
from bootwave.sip.effects import LookUp
from bootwave.sip.event import asker_from_message, is_device_profile
from bootwave.sip.pnp import PnpCore
from tests.namespaces import Machine, in_namespace
from tests.server.test_rival import GROUP, Counts, Rival, answers, sockets_here

URL = b"http://10.1.0.2/{mac}.xml"


def lan() -> list[Interface]:
    return [each for each in list_interfaces() if each.name == "lan"]


async def probed(*rivals: Rival, times: int = 5, own: bool = True) -> list[Answer]:
    """Ask up to *times*: a cable plugged just now may lose the first question."""
    for rival in rivals:
        rival.start()
    for _ in range(times):
        found = await Probe((GROUP, 5060), lan(), mac=0x0004132E08B4, own=own).run(1.0)
        if found:
            return found
    return []


def _another_server() -> None:
    machine = Machine()
    machine.plug("lan", "eth0", "10.1.0.2/24")
    rival = Rival(machine, answers(URL))
    with closing(sockets_here()):
        (answer,) = asyncio.run(probed(rival))
    assert answer == Answer("lan", "10.1.0.2", URL.decode())
    question = parse(rival.heard[0])
    assert mac_from_pnp(question) == 0x0004132E08B4
    assert is_device_profile(question)
    assert asker_from_message(question).is_snom


def test_another_server_is_told_apart_by_interface_and_address() -> None:
    in_namespace(_another_server)


@pytest.mark.parametrize("own", [True, False])
def test_programs_of_this_machine_answer_only_when_they_are_asked(own: bool) -> None:
    def run() -> None:
        Machine().plug("lan", "eth0", "10.1.0.2/24")
        seen: list[Sighting] = []

        def urls(lookups: list[LookUp]) -> list[str | None]:
            return ["http://10.1.0.1/{mac}.xml"] * len(lookups)

        async def scenario() -> list[Answer]:
            core = PnpCore(secret=bytes(32), port=sockets.port)
            server = PnpServer(sockets, core, urls, seen.append, Counts())
            server.start(asyncio.get_running_loop())
            try:
                return await probed(own=own, times=5 if own else 1)
            finally:
                server.stop()

        with closing(sockets_here()) as sockets:
            found = asyncio.run(scenario())
        expected = [Answer("lan", "10.1.0.1", "http://10.1.0.1/{mac}.xml")]
        assert found == (expected if own else [])
        confirmed = Reason.PNP_CONFIRMED in {each.reason for each in seen}
        assert confirmed is own

    in_namespace(run)


def test_without_interfaces_nobody_is_asked() -> None:
    assert asyncio.run(Probe((GROUP, 5060), []).run(60.0)) == []


def test_answers_are_bounded() -> None:
    """Datagrams that name the question come from as many addresses as loopback has."""

    async def flooded() -> list[Answer]:
        loopback = [each for each in list_interfaces() if each.is_loopback]
        probe = Probe(("127.0.0.1", 9), loopback, own=True)
        (call_id,) = probe._asked
        end = probe._socket.getsockname()[1]
        data = b"SIP/2.0 200 OK\r\nCall-ID: " + call_id + b"\r\n\r\n"
        for number in range(1, 101):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as forged:
                forged.bind((f"127.0.1.{number}", 0))
                forged.sendto(data, ("127.0.0.1", end))
        return await probe.run(0.2)

    assert len(asyncio.run(flooded())) == 64
