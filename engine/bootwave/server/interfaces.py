"""Network interfaces and their addresses, by rtnetlink(7): listed, watched, asked.

Dumps are answered by the kernel at once, so listing does not wait for anybody.
"""

import asyncio
import errno
import socket
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

_HEADER = struct.Struct("=IHHII")  # nlmsghdr: length, type, flags, sequence, port id
_LINK = struct.Struct("=BxHiII")  # ifinfomsg: family, type, index, flags, change
_ADDRESS = struct.Struct("=BBBBI")  # ifaddrmsg: family, prefix, flags, scope, index
_ATTRIBUTE = struct.Struct("=HH")  # rtattr: length, type

_NLMSG_ERROR = 2
_NLMSG_DONE = 3
_NLM_F_REQUEST = 0x001
_NLM_F_DUMP_INTR = 0x010
_NLM_F_DUMP = 0x300
_RTM_NEWLINK = 16
_RTM_DELLINK = 17
_RTM_GETLINK = 18
_RTM_NEWADDR = 20
_RTM_GETADDR = 22
_RTMGRP_LINK = 0x001
_RTMGRP_IPV4_IFADDR = 0x010
_RTMGRP_IPV6_IFADDR = 0x100
_IFLA_IFNAME = 3
_IFA_ADDRESS = 1
_IFA_LOCAL = 2
_IFF_UP = 0x0001
_IFF_LOOPBACK = 0x0008
_IFF_MULTICAST = 0x1000

_RECEIVE_BYTES = 1 << 16  # the kernel never fills more than 32 KiB of a dump
_DUMP_TRIES = 10
# Changes come in bursts (a container start is a dozen): one listing serves them all.
SETTLE_SECONDS = 0.05
RETRY_SECONDS = 1.0


class InterfaceAddress(NamedTuple):
    """An address of ours and the subnet it is in.

    ``subnet`` is an address inside it: the other end on a point-to-point link, else
    the same as ``address``.
    """

    address: str
    prefix: int
    subnet: str

    @property
    def is_ipv6(self) -> bool:
        """Whether the address is an IPv6 one."""
        return ":" in self.address


@dataclass(frozen=True, slots=True)
class Interface:
    """One network interface as the kernel sees it now."""

    index: int
    name: str
    is_up: bool
    is_multicast: bool
    is_loopback: bool
    addresses: tuple[InterfaceAddress, ...]

    @property
    def ipv4(self) -> tuple[str, ...]:
        """The IPv4 addresses, the primary one first."""
        return tuple(each.address for each in self.addresses if not each.is_ipv6)


def _messages(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield (type, flags, payload) of each netlink message in one datagram."""
    at = 0
    while at + _HEADER.size <= len(data):
        length, kind, flags, _, _ = _HEADER.unpack_from(data, at)
        if not _HEADER.size <= length <= len(data) - at:
            return
        yield kind, flags, data[at + _HEADER.size : at + length]
        at += length + 3 & ~3


def _attributes(payload: bytes, at: int) -> dict[int, bytes]:
    """Return the attributes that begin at *at*, by their type."""
    found: dict[int, bytes] = {}
    while at + _ATTRIBUTE.size <= len(payload):
        length, kind = _ATTRIBUTE.unpack_from(payload, at)
        if not _ATTRIBUTE.size <= length <= len(payload) - at:
            break
        found[kind] = payload[at + _ATTRIBUTE.size : at + length]
        at += length + 3 & ~3
    return found


def _dump(connection: socket.socket, request: int) -> list[bytes] | None:
    """Return the payloads of one dump; None when the kernel's list changed meanwhile.

    Raises OSError when the kernel refuses.
    """
    body = bytes(_LINK.size if request == _RTM_GETLINK else _ADDRESS.size)
    flags = _NLM_F_REQUEST | _NLM_F_DUMP
    size = _HEADER.size + len(body)
    connection.send(_HEADER.pack(size, request, flags, 0, 0) + body)
    payloads: list[bytes] = []
    interrupted = False
    while True:
        for kind, flags, payload in _messages(connection.recv(_RECEIVE_BYTES)):
            interrupted |= bool(flags & _NLM_F_DUMP_INTR)
            if kind == _NLMSG_DONE:
                return None if interrupted else payloads
            if kind == _NLMSG_ERROR:
                number = -struct.unpack_from("=i", payload)[0]
                raise OSError(number, f"rtnetlink: {errno.errorcode.get(number)}")
            if kind in (_RTM_NEWLINK, _RTM_NEWADDR):
                payloads.append(payload)


def _dumped(connection: socket.socket, request: int) -> list[bytes]:
    for _ in range(_DUMP_TRIES):
        payloads = _dump(connection, request)
        if payloads is not None:
            return payloads
    raise OSError(errno.EAGAIN, "rtnetlink: the interfaces do not stop changing")


def list_interfaces() -> list[Interface]:
    """Return all interfaces of this network namespace, by ascending index.

    Raises OSError when the kernel refuses, for example inside a sandbox.
    """
    with socket.socket(
        socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE
    ) as connection:
        connection.bind((0, 0))
        links = _dumped(connection, _RTM_GETLINK)
        addresses = _dumped(connection, _RTM_GETADDR)
    by_index: dict[int, list[InterfaceAddress]] = {}
    for payload in addresses:
        index, address = _address_from(payload)
        if address is not None:
            by_index.setdefault(index, []).append(address)
    found = []
    for payload in links:
        _, _, index, flags, _ = _LINK.unpack_from(payload)
        name = _attributes(payload, _LINK.size).get(_IFLA_IFNAME, b"")
        found.append(
            Interface(
                index=index,
                name=name.rstrip(b"\0").decode("utf-8", "replace"),
                is_up=bool(flags & _IFF_UP),
                is_multicast=bool(flags & _IFF_MULTICAST),
                is_loopback=bool(flags & _IFF_LOOPBACK),
                addresses=tuple(by_index.get(index, ())),
            )
        )
    return sorted(found, key=lambda interface: interface.index)


def _address_from(payload: bytes) -> tuple[int, InterfaceAddress | None]:
    family, prefix, _, _, index = _ADDRESS.unpack_from(payload)
    attributes = _attributes(payload, _ADDRESS.size)
    # IFA_ADDRESS is the other end of a point-to-point link; ours is IFA_LOCAL, which
    # IPv6 leaves out where both are the same.
    subnet = attributes.get(_IFA_ADDRESS, b"")
    ours = attributes.get(_IFA_LOCAL, subnet)
    if len(ours) != {socket.AF_INET: 4, socket.AF_INET6: 16}.get(family):
        return index, None
    return index, InterfaceAddress(
        socket.inet_ntop(family, ours),
        prefix,
        socket.inet_ntop(family, subnet or ours),
    )


class InterfaceWatcher:
    """Tells when interfaces or addresses come, change or go.

    *changed* is called in the loop with all interfaces of now and the indexes of
    those that were removed since the last call, also when the same index is there
    again.  ``None`` instead of indexes says that changes were lost: any of them may
    have been removed in between.
    """

    def __init__(
        self, changed: Callable[[Sequence[Interface], frozenset[int] | None], None]
    ) -> None:
        """Keep *changed*; nothing is watched before ``start``."""
        self._changed = changed
        self._socket: socket.socket | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._refresh: asyncio.TimerHandle | None = None
        self._removed: set[int] = set()
        self._lost = False

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Watch from now on; raises OSError when the kernel refuses."""
        connection = socket.socket(
            socket.AF_NETLINK,
            socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK,
            socket.NETLINK_ROUTE,
        )
        try:
            connection.bind(
                (0, _RTMGRP_LINK | _RTMGRP_IPV4_IFADDR | _RTMGRP_IPV6_IFADDR)
            )
            loop.add_reader(connection, self._read)
        except BaseException:
            connection.close()
            raise
        self._socket, self._loop = connection, loop

    def stop(self) -> None:
        """Watch no longer; harmless when nothing is watched."""
        if self._refresh is not None:
            self._refresh.cancel()
            self._refresh = None
        if self._socket is not None and self._loop is not None:
            self._loop.remove_reader(self._socket)
            self._socket.close()
            self._socket = None

    def _read(self) -> None:
        assert self._socket is not None
        assert self._loop is not None
        while True:
            try:
                data = self._socket.recv(_RECEIVE_BYTES)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                self._lost = True
                continue
            for kind, _, payload in _messages(data):
                if kind != _RTM_DELLINK or len(payload) < _LINK.size:
                    continue
                family, _, index, _, _ = _LINK.unpack_from(payload)
                # With family AF_BRIDGE a port merely left its bridge.
                if family == socket.AF_UNSPEC:
                    self._removed.add(index)
        if self._refresh is None:
            self._refresh = self._loop.call_later(SETTLE_SECONDS, self._tell)

    def _tell(self) -> None:
        assert self._loop is not None
        self._refresh = None
        removed = None if self._lost else frozenset(self._removed)
        try:
            interfaces = list_interfaces()
        except OSError:  # too much change, or no memory: nothing but time helps
            self._refresh = self._loop.call_later(RETRY_SECONDS, self._tell)
            return
        self._removed, self._lost = set(), False
        self._changed(interfaces, removed)


class Subnets:
    """The IPv4 subnets behind each interface, for ``on_link``."""

    def __init__(self, interfaces: Iterable[Interface]) -> None:
        """Take the subnets and own addresses of *interfaces*."""
        self._own: set[int] = set()
        self._by_index: dict[int, list[tuple[int, int]]] = {}
        for interface in interfaces:
            for each in interface.addresses:
                if each.is_ipv6:
                    continue
                mask = 0xFFFFFFFF << 32 - each.prefix & 0xFFFFFFFF
                subnet = _number(each.subnet) & mask
                self._by_index.setdefault(interface.index, []).append((subnet, mask))
                self._own.add(_number(each.address))

    @property
    def links(self) -> tuple[list[tuple[int, int, int]], list[int]]:
        """(index, subnet, mask) of each subnet, and our own addresses, as numbers."""
        subnets = [
            (index, subnet, mask)
            for index, found in self._by_index.items()
            for subnet, mask in found
        ]
        return subnets, list(self._own)

    def on_link(self, source: str, interface: int) -> bool:
        """Whether the IPv4 address *source* needs no router on *interface* (an index).

        127.0.0.0/8 is the subnet of the loopback interface.  Our own addresses are on
        link everywhere, since the kernel delivers them over loopback.
        """
        number = _number(source)
        for subnet, mask in self._by_index.get(interface, ()):
            if number & mask == subnet:
                return True
        return number in self._own


def _number(address: str) -> int:
    return int.from_bytes(socket.inet_aton(address), "big")
