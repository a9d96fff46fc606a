"""On which interfaces the group is joined, and that the kernel agrees."""

import socket
import struct
from pathlib import Path

import pytest

from bootwave.errors import OptionError
from bootwave.server.interfaces import Interface, InterfaceAddress, list_interfaces
from bootwave.server.memberships import Memberships, require_named, selected
from tests.namespaces import in_namespace, ip

GROUP = "224.0.1.75"


def interface(
    index: int,
    name: str,
    *addresses: str,
    up: bool = True,
    multicast: bool = True,
    loopback: bool = False,
) -> Interface:
    return Interface(
        index=index,
        name=name,
        is_up=up,
        is_multicast=multicast,
        is_loopback=loopback,
        addresses=tuple(InterfaceAddress(each, 24, each) for each in addresses),
    )


HERE = [
    interface(1, "lo", "127.0.0.1", "::1", multicast=False, loopback=True),
    interface(2, "eth0", "192.0.2.1", "192.0.2.9"),
    interface(3, "eth1", "10.0.0.1"),
    interface(4, "down0", "10.0.4.1", up=False),
    interface(5, "bare0", "fd00::5"),
    interface(6, "ppp0", "10.0.6.1", multicast=False),
]


@pytest.mark.parametrize(
    ("named", "listen", "expected"),
    [
        ((), "0.0.0.0", ["eth0", "eth1"]),
        ((), "127.0.0.1", ["lo"]),
        ((), "127.0.0.53", ["lo"]),
        ((), "192.0.2.9", ["eth0"]),
        ((), "198.51.100.1", []),
        (("eth1",), "0.0.0.0", ["eth1"]),
        (("10.0.0.1", "eth0"), "0.0.0.0", ["eth0", "eth1"]),
        (("192.0.2.9",), "0.0.0.0", ["eth0"]),
        (("eth1",), "192.0.2.1", ["eth1"]),
        (("lo",), "0.0.0.0", ["lo"]),
        (("127.0.0.1",), "0.0.0.0", ["lo"]),
        (("127.0.0.9",), "0.0.0.0", ["lo"]),
        (("ppp0",), "0.0.0.0", ["ppp0"]),
        (("down0",), "0.0.0.0", []),
        (("bare0",), "0.0.0.0", []),
    ],
)
def test_the_named_interfaces_else_the_fitting_ones_are_selected(
    named: tuple[str, ...], listen: str, expected: list[str]
) -> None:
    assert [each.name for each in selected(HERE, named, listen)] == expected


def test_a_name_that_is_not_there_is_refused_with_those_that_are() -> None:
    require_named(HERE, ("eth0", "10.0.0.1", "down0", "127.0.0.1", "bare0"))
    with pytest.raises(OptionError) as refused:
        require_named(HERE, ("eth0", "eth7"))
    text = str(refused.value)
    assert "'eth7'" in text
    assert "eth0 (192.0.2.1, 192.0.2.9)" in text
    assert "bare0 (no IPv4 address)" in text


def heard_on_loopback(member: socket.socket) -> bool:
    """Whether *member* hears what is multicast on loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.setsockopt(
            socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1")
        )
        phone.sendto(b"?", (GROUP, member.getsockname()[1]))
    try:
        return member.recv(10) == b"?"
    except BlockingIOError:
        return False


@pytest.fixture
def member() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    made.setsockopt(socket.IPPROTO_IP, 49, 0)  # IP_MULTICAST_ALL
    made.bind(("0.0.0.0", 0))
    return made


def test_loopback_is_joined_and_left(member: socket.socket) -> None:
    with member:
        memberships = Memberships(member, GROUP, (), "127.0.0.1")
        assert not heard_on_loopback(member)
        assert memberships.update(list_interfaces()) == []
        assert memberships.joined == {socket.if_nametoindex("lo"): "lo"}
        assert heard_on_loopback(member)
        memberships.update([])
        assert memberships.joined == {}
        assert not heard_on_loopback(member)


def test_a_second_reader_finds_the_memberships_of_the_first(
    member: socket.socket,
) -> None:
    with member:
        first = Memberships(member, GROUP, ("lo",), "0.0.0.0")
        first.update(list_interfaces())
        second = Memberships(member, GROUP, ("lo",), "0.0.0.0")
        assert second.update(list_interfaces()) == []
        assert second.joined == first.joined
        second.update([])
        first.update([])
        assert not heard_on_loopback(member)


def test_losing_track_joins_everything_anew(member: socket.socket) -> None:
    with member:
        memberships = Memberships(member, GROUP, (), "127.0.0.1")
        memberships.update(list_interfaces())
        # Somebody took the membership away, as the kernel does with an interface.
        index = socket.if_nametoindex("lo")
        request = struct.pack("=4s4si", socket.inet_aton(GROUP), bytes(4), index)
        member.setsockopt(socket.IPPROTO_IP, socket.IP_DROP_MEMBERSHIP, request)
        memberships.update(list_interfaces())
        assert not heard_on_loopback(member)
        memberships.update(list_interfaces(), None)
        assert heard_on_loopback(member)


def test_no_interface_is_a_warning_given_once_until_it_changes(
    member: socket.socket,
) -> None:
    with member:
        memberships = Memberships(member, GROUP, ("down0",), "0.0.0.0")
        (warning,) = memberships.update(HERE)
        assert "down0" in warning
        assert memberships.update(HERE) == []
        loopback = [each for each in list_interfaces() if each.is_loopback]
        named = [interface(loopback[0].index, "down0", "127.0.0.1")]
        assert memberships.update(named) == []
        assert memberships.update([]) == [warning]


def _limit() -> None:
    for number in range(5):
        ip(f"link add port{number} type bridge")
        ip(f"addr add 10.0.{number}.1/24 dev port{number}")
        ip(f"link set port{number} up")
    Path("/proc/sys/net/ipv4/igmp_max_memberships").write_text("3")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as member:
        memberships = Memberships(member, GROUP, (), "0.0.0.0")
        (warning,) = memberships.update(list_interfaces())
        assert list(memberships.joined.values()) == ["port0", "port1", "port2"]
        assert "port3, port4" in warning
        assert "sysctl -w net.ipv4.igmp_max_memberships=5" in warning
        assert memberships.update(list_interfaces()) == []
        # What is removed gives its place to another.
        index = socket.if_nametoindex("port1")
        ip("link del port1")
        memberships.update(list_interfaces(), frozenset({index}))
        assert list(memberships.joined.values()) == ["port0", "port2", "port3"]


def test_the_kernels_limit_is_told_with_the_line_that_raises_it() -> None:
    in_namespace(_limit)
