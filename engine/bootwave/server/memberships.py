"""Membership of a multicast group on every interface phones may be behind.

The kernel keeps a membership per socket and interface.  It survives an interface that
goes down, but not one that is removed: the socket's entry then points at an index
that nobody has (and counts against the limit) until it is dropped, and blocks a new
membership when the index is used again.
"""

import errno
import socket
import struct
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress

from bootwave.errors import OptionError
from bootwave.server.interfaces import Interface


def selected(
    interfaces: Iterable[Interface], named: Sequence[str], listen: str
) -> list[Interface]:
    """Return the interfaces on which to join now.

    With *named* (names or IPv4 addresses) those, else with a *listen* address that is
    not 0.0.0.0 the one that has it (any 127.x is loopback's), else all that can do
    multicast.  What is down or has no IPv4 address cannot answer phones yet and is
    left out.
    """
    return [
        each
        for each in interfaces
        if each.is_up and each.ipv4 and _is_meant(each, named, listen)
    ]


def _is_meant(interface: Interface, named: Sequence[str], listen: str) -> bool:
    if named:
        return any(_is_named(interface, text) for text in named)
    if listen.startswith("127."):
        return interface.is_loopback
    if listen != "0.0.0.0":
        return listen in interface.ipv4
    return interface.is_multicast and not interface.is_loopback


def _is_named(interface: Interface, text: str) -> bool:
    if text.startswith("127."):
        return interface.is_loopback
    return text == interface.name or text in interface.ipv4


def require_named(interfaces: Sequence[Interface], named: Sequence[str]) -> None:
    """Raise OptionError when one of *named* is neither an interface nor an address."""
    for text in named:
        if not any(_is_named(each, text) for each in interfaces):
            there = ", ".join(
                f"{each.name} ({', '.join(each.ipv4) or 'no IPv4 address'})"
                for each in interfaces
            )
            raise OptionError(
                f"pnp.interfaces names {text!r}, which this machine does not have: "
                f"there are {there}."
            )


class Memberships:
    """The memberships of one socket in one group.

    ``joined`` maps interface index to name.
    """

    def __init__(
        self, member: socket.socket, group: str, named: Sequence[str], listen: str
    ) -> None:
        """Keep what decides about joining; see ``selected`` for *named*, *listen*."""
        self.joined: dict[int, str] = {}
        self._member = member
        self._group = group
        self._named = tuple(named)
        self._listen = listen
        self._warned: set[str] = set()

    def update(
        self,
        interfaces: Sequence[Interface],
        removed: frozenset[int] | None = frozenset(),
    ) -> list[str]:
        """Join and leave so that the memberships fit *interfaces*.

        *removed* are indexes of interfaces that ceased to exist since the last call;
        None when that is unknown, which joins everything anew.  Returns warnings that
        the last call did not give already.
        """
        wanted = {
            each.index: each for each in selected(interfaces, self._named, self._listen)
        }
        for index in list(self.joined):
            if removed is None or index in removed or index not in wanted:
                self._leave(index)
        warnings = self._join_all(wanted.values())
        if not wanted:
            which = f" of {', '.join(self._named)}" if self._named else ""
            warnings.append(
                f"No interface{which} is up and has an IPv4 address: phones are heard "
                "once one is."
            )
        new = [text for text in warnings if text not in self._warned]
        self._warned = set(warnings)
        return new

    def _join_all(self, wanted: Collection[Interface]) -> list[str]:
        warnings: list[str] = []
        crowded: list[str] = []
        for interface in wanted:
            if interface.index in self.joined:
                continue
            try:
                self._join(interface)
            except OSError as error:
                if error.errno == errno.ENOBUFS:
                    crowded.append(interface.name)
                elif error.errno != errno.ENODEV:  # gone again: the watcher will say
                    warnings.append(
                        f"The multicast group {self._group} cannot be joined on "
                        f"{interface.name}: {error.strerror}."
                    )
            else:
                self.joined[interface.index] = interface.name
        if crowded:
            more = f" and {len(crowded) - 3} others" if len(crowded) > 3 else ""
            which = ", ".join(crowded[:3]) + more
            warnings.append(
                f"The kernel allows too few memberships to hear phones on {which}: "
                "name the interfaces that matter in pnp.interfaces, or run `sysctl -w "
                f"net.ipv4.igmp_max_memberships={len(wanted)}` and restart."
            )
        return warnings

    def _join(self, interface: Interface) -> None:
        try:
            self._member.setsockopt(
                socket.IPPROTO_IP,
                socket.IP_ADD_MEMBERSHIP,
                self._request(interface.index, interface.ipv4[0]),
            )
        except OSError as error:
            # A reader before this one joined already.
            if error.errno != errno.EADDRINUSE:
                raise

    def _leave(self, index: int) -> None:
        del self.joined[index]
        # A reader before this one may have left already; whatever else the kernel
        # says, there is nothing more to leave.
        with suppress(OSError):
            self._member.setsockopt(
                socket.IPPROTO_IP,
                socket.IP_DROP_MEMBERSHIP,
                self._request(index, "0.0.0.0"),
            )

    def _request(self, index: int, address: str) -> bytes:
        """Return a struct ip_mreqn."""
        return struct.pack(
            "=4s4si",
            socket.inet_aton(self._group),
            socket.inet_aton(address),
            index,
        )
