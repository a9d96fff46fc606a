"""Interfaces by rtnetlink: listed, watched, and asked who is on link."""

import asyncio
import gc
import json
import os
import socket
import subprocess
from collections.abc import Callable, Sequence

import pytest

from bootwave.server import interfaces as interfaces_module
from bootwave.server.interfaces import (
    Interface,
    InterfaceAddress,
    InterfaceWatcher,
    Subnets,
    list_interfaces,
)
from tests.namespaces import in_namespace, ip

LOOPBACK = InterfaceAddress("127.0.0.1", 8, "127.0.0.1")


def made(
    index: int, *addresses: tuple[str, int] | tuple[str, int, str], name: str = "eth0"
) -> Interface:
    return Interface(
        index=index,
        name=name,
        is_up=True,
        is_multicast=True,
        is_loopback=False,
        addresses=tuple(
            InterfaceAddress(each[0], each[1], each[-1] if len(each) == 3 else each[0])
            for each in addresses
        ),
    )


def test_loopback_is_listed_with_its_address() -> None:
    loopback = next(each for each in list_interfaces() if each.is_loopback)
    assert loopback.name == "lo"
    assert loopback.index == socket.if_nametoindex("lo")
    assert loopback.is_up
    assert LOOPBACK in loopback.addresses
    assert loopback.ipv4[0] == "127.0.0.1"


def test_the_kernel_and_the_list_agree_on_names_and_indexes() -> None:
    listed = {(each.index, each.name) for each in list_interfaces()}
    assert listed == set(socket.if_nameindex())


def test_a_list_leaves_no_descriptor_open() -> None:
    gc.collect()  # what tests before left open would be closed meanwhile
    before = os.listdir("/proc/self/fd")
    list_interfaces()
    assert os.listdir("/proc/self/fd") == before


def _many_interfaces() -> None:
    ip("link add trunk type bridge")
    ip("addr add 10.1.0.1/16 dev trunk")
    ip("addr add 10.1.0.2/16 dev trunk")
    ip("addr add fd00:1::1/64 dev trunk nodad")
    ip("link set trunk up")
    ip("link add tunnel type bridge")
    ip("addr add 10.2.0.1 peer 10.2.9.9/32 dev tunnel")
    for number in range(75):
        ip(f"link add leaf{number} type veth peer name peer{number}")
    ip("link set leaf0 multicast off")
    told = subprocess.run(["ip", "-j", "addr"], check=True, capture_output=True).stdout
    expected = [
        (
            each["ifindex"],
            each["ifname"],
            "UP" in each["flags"],
            "MULTICAST" in each["flags"],
            "LOOPBACK" in each["flags"],
            [
                (a["local"], a["prefixlen"], a.get("address", a["local"]))
                for a in each["addr_info"]
            ],
        )
        for each in json.loads(told)
    ]
    listed = list_interfaces()
    assert [
        (
            each.index,
            each.name,
            each.is_up,
            each.is_multicast,
            each.is_loopback,
            [tuple(address) for address in each.addresses],
        )
        for each in listed
    ] == expected
    assert len(listed) == 153
    trunk = next(each for each in listed if each.name == "trunk")
    assert trunk.ipv4 == ("10.1.0.1", "10.1.0.2")
    tunnel = next(each for each in listed if each.name == "tunnel")
    assert tunnel.addresses == (InterfaceAddress("10.2.0.1", 32, "10.2.9.9"),)
    assert Subnets(listed).on_link("10.2.9.9", tunnel.index)


def test_the_list_is_that_of_ip_address() -> None:
    in_namespace(_many_interfaces)


@pytest.mark.parametrize(
    ("source", "interface", "expected"),
    [
        ("127.0.0.1", 1, True),
        ("127.200.3.4", 1, True),
        ("126.255.255.255", 1, False),
        ("128.0.0.0", 1, False),
        ("10.0.0.0", 2, True),
        ("10.0.0.255", 2, True),
        ("10.0.1.0", 2, False),
        ("10.0.0.9", 3, False),
        ("192.168.7.200", 2, True),
        ("192.168.7.200", 1, False),
        ("192.168.7.200", 99, False),
        # Our own addresses arrive over loopback.
        ("10.0.0.1", 1, True),
        ("10.0.0.2", 1, False),
        ("255.255.255.255", 2, False),
        ("0.0.0.0", 2, False),
    ],
)
def test_on_link_is_inside_a_subnet_of_the_interface(
    source: str, interface: int, expected: bool
) -> None:
    subnets = Subnets(
        [
            made(1, ("127.0.0.1", 8), ("::1", 128), name="lo"),
            made(2, ("10.0.0.1", 24), ("192.168.7.1", 24), ("fd00::1", 64)),
            made(3),
        ]
    )
    assert subnets.on_link(source, interface) is expected


def test_subnets_may_be_the_whole_internet_or_one_address() -> None:
    subnets = Subnets([made(1, ("10.0.0.1", 0)), made(2, ("10.0.0.2", 32))])
    assert subnets.on_link("8.8.8.8", 1)
    assert not subnets.on_link("10.0.0.3", 2)
    assert subnets.on_link("10.0.0.2", 2)


class Told:
    """Waits for what a watcher tells."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.addresses: set[str] = set()
        self.removed: set[int] = set()
        self._new = asyncio.Event()

    def changed(
        self, interfaces: Sequence[Interface], removed: frozenset[int] | None
    ) -> None:
        self.names = {each.name for each in interfaces}
        self.addresses = {a.address for each in interfaces for a in each.addresses}
        self.removed |= removed or set()
        self._new.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not holds():
                self._new.clear()
                await self._new.wait()


def _changes() -> None:
    async def watch() -> None:
        told = Told()
        watcher = InterfaceWatcher(told.changed)
        watcher.start(asyncio.get_running_loop())
        ip("link add here type bridge")
        await told.until(lambda: "here" in told.names)
        index = socket.if_nametoindex("here")
        ip("addr add 10.1.0.1/16 dev here")
        await told.until(lambda: "10.1.0.1" in told.addresses)
        ip("addr add fd00:1::1/64 dev here")
        await told.until(lambda: "fd00:1::1" in told.addresses)
        ip("addr del 10.1.0.1/16 dev here")
        await told.until(lambda: "10.1.0.1" not in told.addresses)
        assert not told.removed
        ip("link del here")
        ip(f"link add here index {index} type bridge")
        await told.until(lambda: index in told.removed)
        assert "here" in told.names
        watcher.stop()
        watcher.stop()

    asyncio.run(watch())


def test_every_change_is_told_and_a_removal_even_when_its_index_is_back() -> None:
    in_namespace(_changes)


def _bridge() -> None:
    async def watch() -> None:
        told = Told()
        watcher = InterfaceWatcher(told.changed)
        watcher.start(asyncio.get_running_loop())
        ip("link add bridge type bridge")
        ip("link add port type veth peer name other")
        ip("link set port master bridge")
        ip("link set port nomaster")
        ip("link add last type bridge")
        await told.until(lambda: "last" in told.names)
        assert not told.removed
        watcher.stop()

    asyncio.run(watch())


def test_a_port_that_leaves_its_bridge_was_not_removed() -> None:
    in_namespace(_bridge)


def _overrun() -> None:
    async def watch() -> None:
        lost: list[bool] = []
        new = asyncio.Event()

        def changed(
            interfaces: Sequence[Interface], removed: frozenset[int] | None
        ) -> None:
            lost.append(removed is None)
            new.set()

        watcher = InterfaceWatcher(changed)
        watcher.start(asyncio.get_running_loop())
        # More than a receive buffer holds, before the loop runs once.
        ip("link add here type bridge")
        subprocess.run(
            ["ip", "-batch", "-"],
            input="".join(
                f"link set here mtu {1000 + number % 2}\n" for number in range(1000)
            ).encode(),
            check=True,
        )
        async with asyncio.timeout(10):
            await new.wait()
        assert lost == [True]
        new.clear()
        ip("link del here")
        async with asyncio.timeout(10):
            await new.wait()
        assert lost == [True, False]
        watcher.stop()

    asyncio.run(watch())


def test_lost_changes_are_told_as_such_once() -> None:
    in_namespace(_overrun)


def _refused_once() -> None:
    async def watch() -> None:
        told = Told()
        listing = interfaces_module.list_interfaces
        refused: list[bool] = []

        def refuse() -> list[Interface]:
            if not refused:
                refused.append(True)
                raise OSError(11, "the interfaces do not stop changing")
            return listing()

        interfaces_module.list_interfaces = refuse
        interfaces_module.RETRY_SECONDS = 0.01
        watcher = InterfaceWatcher(told.changed)
        watcher.start(asyncio.get_running_loop())
        ip("link add here type bridge")
        await told.until(lambda: "here" in told.names)
        assert refused == [True]
        watcher.stop()

    asyncio.run(watch())


def test_a_list_that_the_kernel_refuses_is_asked_for_again() -> None:
    in_namespace(_refused_once)


def test_the_links_are_told_as_numbers_for_native_code() -> None:
    subnets = Subnets(
        [made(1, ("127.0.0.1", 8), ("::1", 128)), made(2, ("10.0.0.9", 24))]
    )
    links, own = subnets.links
    assert links == [(1, 0x7F000000, 0xFF000000), (2, 0x0A000000, 0xFFFFFF00)]
    assert sorted(own) == [0x0A000009, 0x7F000001]
