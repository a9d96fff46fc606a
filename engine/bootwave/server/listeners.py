"""TCP listeners: one per address and worker slot, made before fork.

Each slot has sockets of its own on the same port (SO_REUSEPORT), so the kernel spreads
connections over the workers without a lock between them.  The sockets belong to the
supervisor and outlive every worker: closing one would reset what waits in its queue.
"""

import errno
import os
import socket
from collections.abc import Sequence

from bootwave.errors import OptionError
from bootwave.server.addresses import ListenAddress, listen_address

# A wave of some thousand phones in the same moment; the kernel cuts it to
# net.core.somaxconn, 4096 since Linux 5.4.
BACKLOG = 4096
DEFER_SECONDS = 1


def open_http_listeners(
    addresses: Sequence[str],
    slots: int,
    *,
    option: str = "http.listen",
    deferred: bool = False,
) -> list[list[socket.socket]]:
    """Return for each of *slots* worker slots its listeners, one for each address.

    They are listening, non-blocking and inheritable.  With port 0 the kernel chooses
    one, the same for all slots of that address.  IPv6 sockets take IPv6 only.  ``[::]``
    is left out on a machine without IPv6, so that the default addresses work there.
    *deferred* connections are accepted when the peer has sent something, or nothing
    for a second or so.
    Raises OptionError, in one sentence that says what to do, when an address cannot be
    had; nothing stays open then.
    """
    by_slot: list[list[socket.socket]] = [[] for _ in range(slots)]
    wanted = [
        listen_address(text, option=option, any_host="0.0.0.0") for text in addresses
    ]
    for number, address in enumerate(wanted):
        if address.port and address in wanted[:number]:
            raise OptionError(f"{option}: {address} is listed twice.")
    try:
        for address in wanted:
            port = address.port
            try:
                if port:
                    _check_free(address)
                for listeners in by_slot:
                    listener = _listening(address, port, deferred=deferred)
                    listeners.append(listener)
                    port = listener.getsockname()[1]
            except OSError as error:
                if _is_missing_ipv6(address, error) and len(wanted) > 1:
                    continue
                raise OptionError(_why(option, address, error)) from None
    except BaseException:
        close_listeners(by_slot)
        raise
    return by_slot


def close_listeners(by_slot: Sequence[Sequence[socket.socket]]) -> None:
    """Close every listener; connections that wait in their queues are reset."""
    for listeners in by_slot:
        for listener in listeners:
            listener.close()


def listening_addresses(listeners: Sequence[socket.socket]) -> list[ListenAddress]:
    """Return where one slot's *listeners* listen, with the ports the kernel chose."""
    return [ListenAddress(*listener.getsockname()[:2]) for listener in listeners]


def _bound(address: ListenAddress, port: int, *, shared: bool) -> socket.socket:
    family = socket.AF_INET6 if address.is_ipv6 else socket.AF_INET
    new = socket.socket(family, socket.SOCK_STREAM)
    try:
        new.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            new.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if address.is_ipv6:
            new.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        # getaddrinfo turns the zone of fe80::1%eth0 into the number bind wants.
        where = socket.getaddrinfo(
            address.host, port, family, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST
        )[0][4]
        new.bind(where)
    except BaseException:
        new.close()
        raise
    return new


def _check_free(address: ListenAddress) -> None:
    """Raise OSError when another socket listens on *address*.

    SO_REUSEPORT would let a second server of the same user in silently, to take every
    second connection.
    """
    _bound(address, address.port, shared=False).close()


def _listening(address: ListenAddress, port: int, *, deferred: bool) -> socket.socket:
    new = _bound(address, port, shared=True)
    try:
        if deferred and hasattr(socket, "TCP_DEFER_ACCEPT"):
            new.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, DEFER_SECONDS)
        new.listen(BACKLOG)
        if hasattr(socket, "TCP_QUICKACK"):
            # Connections inherit it: the answer, which follows at once, acknowledges
            # the request, and a packet of its own is saved.  Where only part of a
            # request came, server.tcp acknowledges that.
            new.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
        new.setblocking(False)
        os.set_inheritable(new.fileno(), True)
    except BaseException:
        new.close()
        raise
    return new


def _is_missing_ipv6(address: ListenAddress, error: OSError) -> bool:
    return address.host == "::" and error.errno in (
        errno.EAFNOSUPPORT,
        errno.EADDRNOTAVAIL,
    )


def _why(option: str, address: ListenAddress, error: OSError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return (
                f"{option}: another program listens on {address} already, or another "
                "option names it: stop it or choose another port."
            )
        case errno.EACCES:
            return (
                f"{option}: port {address.port} needs root or CAP_NET_BIND_SERVICE: "
                "choose a port above 1023 or run the engine with that right."
            )
        case errno.EADDRNOTAVAIL:
            return f"{option}: no interface of this machine has {address.host}."
        case errno.EAFNOSUPPORT:
            return f"{option}: this machine has no IPv6 to listen on {address}."
    reason = error.strerror or str(error)
    return f"{option}: cannot listen on {address}: {reason}."
