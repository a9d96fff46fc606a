"""Multicast on real interfaces that come and go, between two machines."""

import asyncio
import socket
import subprocess
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from pathlib import Path

from bootwave.metrics import Counter
from bootwave.native.udp import send
from bootwave.options import PnpOptions
from bootwave.server.pnpsockets import PnpSockets, open_pnp_sockets
from bootwave.server.udp import PnpServer
from bootwave.sightings import Reason, Sighting
from bootwave.sip.effects import LookUp
from bootwave.sip.pnp import PnpCore
from tests.namespaces import Machine, in_namespace, ip
from tests.server.datagrams import received

GROUP = ("224.0.1.75", 5060)
SUBSCRIBE = (
    "SUBSCRIBE sip:MAC%3a0004132E08B4@lan SIP/2.0\r\n"
    "Via: SIP/2.0/UDP {host}:{port};rport\r\n"
    "From: <sip:MAC%3a0004132E08B4@lan>;tag={tag}\r\n"
    "To: <sip:MAC%3a0004132E08B4@lan>\r\n"
    "Call-ID: {tag}@{host}\r\n"
    "CSeq: 1 SUBSCRIBE\r\n"
    'Event: ua-profile;profile-type="device";vendor="snom";model="snom370";'
    'version="8.7.5.48"\r\n'
    "Expires: 0\r\n"
    "Contact: <sip:{host}:{port}>\r\n"
    "Content-Length: 0\r\n\r\n"
)


class Counts:
    def add(self, counter: Counter, by: int = 1) -> None:
        pass


def urls(lookups: Sequence[LookUp]) -> list[str | None]:
    return [f"http://{lookup.local.address}/" for lookup in lookups]


class Phone:
    """A phone on *machine*; each SUBSCRIBE is a new transaction."""

    tag = 0

    def __init__(self, machine: Machine, host: str) -> None:
        self.host = host
        self.socket = machine.udp_socket(host)
        self.port = self.socket.getsockname()[1]

    def ask(self, to: tuple[str, int] = GROUP) -> None:
        Phone.tag += 1
        text = SUBSCRIBE.format(host=self.host, port=self.port, tag=Phone.tag)
        self.socket.sendto(text.encode(), to)

    async def told(self) -> tuple[str, tuple[str, int], tuple[str, int]]:
        """Return the URL, and where the 200 and the NOTIFY came from."""
        accepted, first = await self._receive()
        notify, second = await self._receive()
        assert accepted.startswith(b"SIP/2.0 200 ")
        assert notify.startswith(b"NOTIFY ")
        return notify.partition(b"\r\n\r\n")[2].decode(), first, second

    async def _receive(self) -> tuple[bytes, tuple[str, int]]:
        return await received(self.socket)

    async def hears_nothing(self) -> None:
        """Check that nothing comes while the loop has nothing else to do."""
        for _ in range(50):
            await asyncio.sleep(0)
        try:
            data = self.socket.recv(2000)
        except BlockingIOError:
            data = b""
        assert data == b""


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.005)


Scenario = Callable[[PnpSockets, list[Sighting]], Awaitable[None]]


def served(
    options: PnpOptions, scenario: Scenario, *, off_subnet: bool = False
) -> None:
    """Run *scenario* beside a server with *options*."""

    async def run(sockets: PnpSockets) -> None:
        seen: list[Sighting] = []
        core = PnpCore(secret=bytes(32), port=sockets.port, off_subnet=off_subnet)
        server = PnpServer(sockets, core, urls, seen.append, Counts())
        server.start(asyncio.get_running_loop())
        try:
            await scenario(sockets, seen)
        finally:
            server.stop()

    with closing(open_pnp_sockets(options)) as sockets:
        asyncio.run(run(sockets))


def up(name: str, address: str) -> None:
    """Give *name* its address and wait until the kernel sends by it.

    That is up to a second after its carrier came (Documentation/networking/operstates),
    and what is sent meanwhile is lost.
    """
    ip(f"addr add {address} dev {name}")
    ip(f"link set {name} up")
    until_then = time.monotonic() + 5
    while not operates(name) and time.monotonic() < until_then:
        time.sleep(0.01)


def operates(name: str) -> bool:
    shown = subprocess.run(
        ["ip", "-o", "link", "show", name], check=True, capture_output=True, text=True
    ).stdout
    return "state UP" in shown or "state UNKNOWN" in shown


def joined(name: str) -> bool:
    """Whether the kernel says that the group is joined on interface *name*."""
    where = ""
    for line in Path("/proc/net/igmp").read_text().splitlines():
        if line[:1].isdigit():
            where = line.split()[1]
        elif where == name and line.split()[0] == "4B0100E0":  # 224.0.1.75
            return True
    return False


def _each_interface() -> None:
    machine = Machine()
    machine.plug("eth1", "lan1", "10.1.0.2/24")
    machine.plug("eth2", "lan2", "10.2.0.2/24")
    up("eth1", "10.1.0.1/24")
    up("eth2", "10.2.0.1/24")

    async def scenario(sockets: PnpSockets, seen: list[Sighting]) -> None:
        for net in ("10.1.0", "10.2.0"):
            phone = Phone(machine, f"{net}.2")
            phone.ask()
            us = (f"{net}.1", 5060)
            assert await phone.told() == (f"http://{net}.1/", us, us)
            phone.ask((f"{net}.1", 5060))
            assert await phone.told() == (f"http://{net}.1/", us, us)

    served(PnpOptions(), scenario)


def test_each_phone_is_answered_from_the_address_of_the_interface_it_is_behind() -> (
    None
):
    in_namespace(_each_interface)


def _only_the_named() -> None:
    machine = Machine()
    for number in (1, 2, 3):
        machine.plug(f"eth{number}", f"lan{number}", f"10.{number}.0.2/24")
        up(f"eth{number}", f"10.{number}.0.1/24")

    async def scenario(sockets: PnpSockets, seen: list[Sighting]) -> None:
        assert [joined(f"eth{number}") for number in (1, 2, 3)] == [True, False, True]
        deaf = Phone(machine, "10.2.0.2")
        deaf.ask()
        for number in (1, 3):
            phone = Phone(machine, f"10.{number}.0.2")
            phone.ask()
            assert (await phone.told())[0] == f"http://10.{number}.0.1/"
        await deaf.hears_nothing()

    served(PnpOptions(interfaces=("eth1", "10.3.0.1")), scenario)


def test_interfaces_that_are_not_named_are_not_heard() -> None:
    in_namespace(_only_the_named)


def _one_address() -> None:
    machine = Machine()
    for number in (1, 2):
        machine.plug(f"eth{number}", f"lan{number}", f"10.{number}.0.2/24")
        up(f"eth{number}", f"10.{number}.0.1/24")

    async def scenario(sockets: PnpSockets, seen: list[Sighting]) -> None:
        assert [joined("eth1"), joined("eth2")] == [False, True]
        phone = Phone(machine, "10.2.0.2")
        phone.ask()
        us = ("10.2.0.1", 5060)
        assert await phone.told() == ("http://10.2.0.1/", us, us)

    served(PnpOptions(listen="10.2.0.1:5060"), scenario)


def test_a_listen_address_is_heard_on_its_interface_only() -> None:
    in_namespace(_one_address)


def _come_and_go() -> None:
    machine = Machine()

    async def scenario(sockets: PnpSockets, seen: list[Sighting]) -> None:
        index = "77"
        for _ in range(3):
            machine.plug(f"late index {index}", "lan", "10.1.0.2/24")
            up("late", "10.1.0.1/24")
            await until(lambda: joined("late"))
            phone = Phone(machine, "10.1.0.2")
            phone.ask()
            assert (await phone.told())[0] == "http://10.1.0.1/"
            phone.socket.close()
            ip("link del late")
        await until(lambda: not sockets.memberships.joined)

    served(PnpOptions(), scenario)


def test_an_interface_is_joined_whenever_it_comes_even_with_its_old_index() -> None:
    in_namespace(_come_and_go)


def _down_and_up() -> None:
    machine = Machine()
    machine.plug("lan", "lan", "10.1.0.2/24")

    async def scenario(sockets: PnpSockets, seen: list[Sighting]) -> None:
        phone = Phone(machine, "10.1.0.2")
        ip("link set lan up")
        ip("addr add 10.1.0.1/24 dev lan")  # as by DHCP, long after the link
        await until(lambda: joined("lan"))
        phone.ask()
        assert (await phone.told())[0] == "http://10.1.0.1/"
        ip("link set lan down")
        await until(lambda: not joined("lan"))
        ip("link set lan up")
        await until(lambda: joined("lan"))
        phone.ask()
        assert (await phone.told())[0] == "http://10.1.0.1/"
        ip("addr del 10.1.0.1/24 dev lan")
        ip("addr add 10.1.0.9/24 dev lan")
        phone.ask()
        us = ("10.1.0.9", 5060)
        assert await phone.told() == ("http://10.1.0.9/", us, us)

    served(PnpOptions(interfaces=("lan",)), scenario)


def test_a_named_interface_may_lose_its_link_and_change_its_address() -> None:
    in_namespace(_down_and_up)


def _off_subnet() -> None:
    machine = Machine()
    machine.plug("lan", "lan", "10.1.0.2/24")
    up("lan", "10.1.0.1/24")
    with machine.entered():
        ip("addr add 172.16.0.2/24 dev lan")

    async def silent(sockets: PnpSockets, seen: list[Sighting]) -> None:
        phone = Phone(machine, "172.16.0.2")
        phone.ask()
        await until(lambda: bool(seen))
        assert seen[0].reason is Reason.PNP_OFF_SUBNET
        await phone.hears_nothing()

    async def answered(sockets: PnpSockets, seen: list[Sighting]) -> None:
        phone = Phone(machine, "172.16.0.2")
        phone.ask()
        await phone.told()

    # Without a reverse path filter and with a way back, as behind a router.
    for name in ("all", "lan"):
        Path(f"/proc/sys/net/ipv4/conf/{name}/rp_filter").write_text("0")
    ip("route add 172.16.0.0/24 dev lan")
    served(PnpOptions(), silent)
    served(PnpOptions(off_subnet=True), answered, off_subnet=True)


def test_a_phone_of_another_subnet_is_answered_only_on_request() -> None:
    in_namespace(_off_subnet)


def _way_back() -> None:
    machine = Machine()
    for number in (1, 2):
        machine.plug(f"eth{number}", f"lan{number}", f"10.{number}.0.2/24")
        up(f"eth{number}", f"10.{number}.0.1/24")
        with machine.entered():
            # Its ARP tells of no address but those of the cable.
            for name, value in (("arp_ignore", "1"), ("arp_announce", "2")):
                Path(f"/proc/sys/net/ipv4/conf/lan{number}/{name}").write_text(value)
    with machine.entered():
        ip("addr add 172.16.0.2/24 dev lo")
    for name in ("all", "eth1", "eth2"):
        Path(f"/proc/sys/net/ipv4/conf/{name}/rp_filter").write_text("0")
    ip("route add 172.16.0.0/24 via 10.2.0.2")

    async def scenario(sockets: PnpSockets, seen: list[Sighting]) -> None:
        phone = Phone(machine, "172.16.0.2")
        phone.ask(("10.1.0.1", 5060))
        us = ("10.1.0.1", 5060)
        assert await phone.told() == ("http://10.1.0.1/", us, us)

    served(PnpOptions(off_subnet=True), scenario, off_subnet=True)


def test_the_way_back_to_another_subnet_is_that_of_the_routing_table() -> None:
    in_namespace(_way_back)


def _same_machine() -> None:
    machine = Machine()
    machine.plug("lan", "lan", "10.1.0.2/24")
    up("lan", "10.1.0.1/24")

    async def scenario(sockets: PnpSockets, seen: list[Sighting]) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here:
            here.bind(("10.1.0.1", 0))
            here.setblocking(False)
            phone = Phone.__new__(Phone)
            phone.host, phone.socket = "10.1.0.1", here
            phone.port = here.getsockname()[1]
            phone.ask(("10.1.0.1", 5060))
            assert (await phone.told())[0] == "http://10.1.0.1/"

    served(PnpOptions(), scenario)


def test_a_phone_on_this_machine_is_on_link() -> None:
    in_namespace(_same_machine)


def _beside_a_pbx() -> None:
    machine = Machine()
    machine.plug("lan", "lan", "10.1.0.2/24")
    up("lan", "10.1.0.1/24")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as pbx:
        pbx.bind(("10.1.0.1", 5060))
        pbx.setblocking(False)

        async def scenario(sockets: PnpSockets, seen: list[Sighting]) -> None:
            phone = Phone(machine, "10.1.0.2")
            phone.ask()
            url, accepted_from, notify_from = await phone.told()
            assert url == "http://10.1.0.1/"
            assert accepted_from == ("10.1.0.1", 5060)
            assert notify_from == ("10.1.0.1", sockets.port)
            phone.socket.sendto(b"REGISTER", ("10.1.0.1", 5060))
            async with asyncio.timeout(10):
                await asyncio.get_running_loop().sock_recv(pbx, 100)

        served(PnpOptions(bind="group"), scenario)


def test_a_pbx_keeps_its_calls_and_phones_get_a_200_from_the_sip_port() -> None:
    in_namespace(_beside_a_pbx)


def _no_neighbour() -> None:
    ip("link add lan type bridge")
    up("lan", "10.1.0.1/24")
    with closing(open_pnp_sockets(PnpOptions())) as sockets:
        sockets.unicast.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4608)
        # Nobody answers ARP, so the datagrams wait for it in the send buffer.
        all_ = [(b"x" * 500, "10.1.0.2", 5060, "10.1.0.1", 0)] * 100
        done, refused = send(sockets.unicast.fileno(), all_)
        assert 0 < done < 100
        assert refused == 0
        assert send(sockets.unicast.fileno(), all_) == (0, 0)


def test_a_full_send_buffer_says_how_many_have_left() -> None:
    in_namespace(_no_neighbour)
