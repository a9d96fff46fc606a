"""The UDP sockets of plug and play: opened before fork, read by one process.

Each socket that joined a multicast group gets its own copy of every datagram, so a
second reader would mean duplicates, not speed.

=================== ======================= ======================================
``pnp.bind``        hears                   answers
=================== ======================= ======================================
any, 0.0.0.0:5060   one socket, everything  from the same socket
any, 10.0.0.1:5060  one socket on the       responses from the socket that heard
                    group, one on the       the request, NOTIFYs from the one on
                    address, both on 5060   the address: either way port 5060
group, any:5060     one socket on the       the 200 from port 5060 of the
                    group, one on a port    interface's address (RFC 3581 section
                    the kernel chose        4), the NOTIFY from the chosen port,
                                            which its Via and Contact name: the
                                            phone's 200 would else reach the PBX
=================== ======================= ======================================
"""

import errno
import socket
import struct
from dataclasses import dataclass
from ipaddress import IPv4Address

from bootwave.errors import OperatorError, OptionError
from bootwave.options import PnpOptions
from bootwave.server.addresses import ListenAddress, listen_address
from bootwave.server.interfaces import Interface, list_interfaces
from bootwave.server.memberships import Memberships, require_named
from bootwave.server.portholders import PortHolder, udp_port_holders

# ip(7) and socket(7); this version of Python does not name them.
_IP_PKTINFO = 8
_IP_MULTICAST_ALL = 49
_SO_SNDBUFFORCE = 32
_SO_RCVBUFFORCE = 33
_SO_TIMESTAMPNS = 35
_SO_RXQ_OVFL = 40
_SO_MEMINFO = 55
_SK_MEMINFO_DROPS = 8

RECEIVE_BUFFER_BYTES = 16 * 1024 * 1024  # a wave of 20,000 phones in one second fits
SEND_BUFFER_BYTES = 4 * 1024 * 1024
# What the datagram of a phone takes of the size that getsockopt tells.
_BUFFER_BYTES_PER_DATAGRAM = 1280
_ANY = "0.0.0.0"
_PORT_TRIES = 16


@dataclass(frozen=True, slots=True)
class PnpSockets:
    """What ``open_pnp_sockets`` opened; survives fork, is closed by its owner.

    ``group`` hears multicast and ``unicast`` the rest; they are the same where one
    socket does both.  ``port`` is the one that Contact and Via must name,
    ``group_port`` the one phones send multicast to.  ``warnings`` are sentences for
    the log.
    """

    group: socket.socket
    unicast: socket.socket
    group_address: str
    port: int
    group_port: int
    memberships: Memberships
    warnings: list[str]

    @property
    def distinct(self) -> tuple[socket.socket, ...]:
        """The one or two sockets, ``group`` first."""
        if self.group is self.unicast:
            return (self.group,)
        return self.group, self.unicast

    def close(self) -> None:
        """Close the sockets, which leaves the group; twice is harmless."""
        for each in self.distinct:
            each.close()


def open_pnp_sockets(options: PnpOptions) -> PnpSockets:
    """Return the sockets that *options* ask for, with the group joined.

    Port 0 lets the kernel choose.  Raises OptionError, in one sentence that says what
    to do, when an option is wrong or somebody else holds the port; OperatorError when
    the system keeps the interfaces secret.
    """
    listen = listen_address(options.listen, option="pnp.listen", any_host=_ANY)
    group = options.group
    try:
        interfaces = list_interfaces()
    except OSError as error:
        raise OperatorError(
            f"The network interfaces cannot be listed ({error.strerror}): allow this "
            "program AF_NETLINK sockets, or set pnp.enabled = false."
        ) from None
    require_named(interfaces, options.interfaces)
    if options.bind == "group":
        member, unicast = _bound_beside_a_pbx(group, listen, interfaces)
    elif listen.host == _ANY:
        member = unicast = _bound(listen, interfaces)
    else:
        member, unicast = _bound_to_one_address(group, listen, interfaces)
    try:
        warnings = _prepare(member)
        if unicast is not member:
            warnings += _prepare(unicast)
        memberships = Memberships(member, group, options.interfaces, listen.host)
        warnings += memberships.update(interfaces)
    except BaseException:
        member.close()
        unicast.close()
        raise
    return PnpSockets(
        group=member,
        unicast=unicast,
        group_address=group,
        port=unicast.getsockname()[1],
        group_port=member.getsockname()[1],
        memberships=memberships,
        warnings=list(dict.fromkeys(warnings)),
    )


def datagrams_dropped(of: socket.socket) -> int:
    """Return how many datagrams the kernel dropped at the socket, modulo 2**32."""
    # An array of 32-bit counters (SO_MEMINFO), nine of which every kernel has.
    sizes = of.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 36)
    return int(struct.unpack_from("=9I", sizes)[_SK_MEMINFO_DROPS])


def _udp_socket() -> socket.socket:
    return socket.socket(
        socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
    )


def _bound(address: ListenAddress, interfaces: list[Interface]) -> socket.socket:
    """Return a socket that has *address* alone; raises OptionError.

    Without SO_REUSEADDR, which would hide a second server on the port from both.
    """
    new = _udp_socket()
    try:
        new.bind(address)
    except OSError as error:
        new.close()
        raise _refusal(address, error, interfaces) from None
    return new


def _bound_to_one_address(
    group: str, listen: ListenAddress, interfaces: list[Interface]
) -> tuple[socket.socket, socket.socket]:
    """Return a socket for *group* and one for *listen*, both on one port.

    A socket bound to a unicast address hears no multicast, so that takes its own.
    """
    for last in range(_PORT_TRIES):
        unicast = _bound(listen, interfaces)
        port = unicast.getsockname()[1]
        try:
            return _bound(ListenAddress(group, port), interfaces), unicast
        except BaseException as error:
            unicast.close()
            # A port the kernel chose for the address may be taken on the group.
            if listen.port or last == _PORT_TRIES - 1 or type(error) is not OptionError:
                raise
    raise AssertionError


def _bound_beside_a_pbx(
    group: str, listen: ListenAddress, interfaces: list[Interface]
) -> tuple[socket.socket, socket.socket]:
    """Return a socket for *group* on the port and one for unicast on another port.

    The port is first tried alone.  When that fails and nobody else has the group
    itself, the port is shared with SO_REUSEADDR, which works with a PBX on 0.0.0.0
    that sets it too; one on its own addresses never conflicts.
    """
    member = _udp_socket()
    address = ListenAddress(group, listen.port)
    try:
        try:
            member.bind(address)
            # A PBX that starts later may share the port.
            member.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        except OSError as error:
            holders = udp_port_holders(listen.port)
            if error.errno != errno.EADDRINUSE or any(
                holder.address == group for holder in holders
            ):
                raise
            member.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            member.bind(address)
    except OSError as error:
        member.close()
        raise _refusal(address, error, interfaces) from None
    try:
        return member, _bound(ListenAddress(listen.host, 0), interfaces)
    except BaseException:
        member.close()
        raise


def _refusal(
    address: ListenAddress, error: OSError, interfaces: list[Interface]
) -> OptionError:
    """Return why *address* cannot be bound and what to do, as one sentence."""
    if error.errno == errno.EADDRINUSE:
        return OptionError(_taken(address, udp_port_holders(address.port)))
    if error.errno == errno.EACCES:
        return OptionError(
            f"pnp.listen: only root may open UDP port {address.port}: start as root, "
            "give the program CAP_NET_BIND_SERVICE, or choose a port above 1023."
        )
    if error.errno == errno.EADDRNOTAVAIL:
        known = ", ".join(text for each in interfaces for text in each.ipv4)
        return OptionError(
            f"pnp.listen: {address.host} is not an address of this machine, which has "
            f"{known or 'none'}."
        )
    return OptionError(f"pnp.listen: {address} cannot be opened: {error.strerror}.")


def _taken(address: ListenAddress, holders: list[PortHolder]) -> str:
    in_way = [
        holder
        for holder in holders
        if address.host == _ANY or holder.address in (address.host, _ANY, "::")
    ]
    by = " and ".join(dict.fromkeys(str(holder) for holder in in_way))
    start = f"UDP port {address.port} is held by {by or 'another program'}"
    if not IPv4Address(address.host).is_multicast:
        return (
            f'{start}: stop it, set pnp.bind = "group" so that a PBX keeps the port '
            "for its own calls, or choose another address or port by pnp.listen."
        )
    if any(holder.address == address.host for holder in in_way):
        return (
            f"{start}, which listens to the phones' multicast group already: stop one "
            "of the two plug-and-play servers."
        )
    return (
        f"{start} on all addresses and not shared: let it listen on one address of "
        f"this machine only (the group {address.host} is then free), stop it, or "
        "choose another port by pnp.listen."
    )


def _prepare(new: socket.socket) -> list[str]:
    """Set the options of one socket; return warnings."""
    new.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
    # Else a membership of any other program makes this socket hear that interface.
    new.setsockopt(socket.IPPROTO_IP, _IP_MULTICAST_ALL, 0)
    new.setsockopt(socket.SOL_SOCKET, _SO_RXQ_OVFL, 1)
    new.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    for forced, polite, size in (
        (_SO_SNDBUFFORCE, socket.SO_SNDBUF, SEND_BUFFER_BYTES),
        (_SO_RCVBUFFORCE, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES),
    ):
        try:
            new.setsockopt(socket.SOL_SOCKET, forced, size)
        except PermissionError:
            new.setsockopt(socket.SOL_SOCKET, polite, size)
    granted = new.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    # The kernel doubles what it grants, for its own book-keeping.
    if granted >= 2 * RECEIVE_BUFFER_BYTES:
        return []
    return [
        f"The kernel keeps no more than {granted // _BUFFER_BYTES_PER_DATAGRAM} "
        "phones waiting and drops what others ask at once: run `sysctl -w "
        f"net.core.rmem_max={RECEIVE_BUFFER_BYTES}` and restart, or give the program "
        "CAP_NET_ADMIN."
    ]
