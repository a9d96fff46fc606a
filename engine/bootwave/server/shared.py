"""What is made before fork and inherited by every process."""

import os
import socket
import time
from dataclasses import dataclass, field

from bootwave.metrics import CounterPage
from bootwave.options import Options
from bootwave.provision.limitpages import LimitPages
from bootwave.provision.revocations import RevocationPage
from bootwave.server.addresses import ListenAddress
from bootwave.server.listeners import (
    close_listeners,
    listening_addresses,
    open_http_listeners,
)
from bootwave.server.pnpsockets import PnpSockets, open_pnp_sockets
from bootwave.server.turn import Turn

_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Shared:
    """Listeners by worker slot, the PnP sockets, and the pages of shared memory.

    ``addresses`` are those of each slot's listeners, with the ports the kernel chose.
    The control process counts in the row after those of the worker slots.
    ``nonce_secret`` signs the nonces of challenges, which any worker may get back;
    ``pnp_secret`` makes the tags and branches that a worker which takes over the PnP
    sockets must make again.  ``started`` is the wall-clock time of the engine's start.
    """

    listeners: list[list[socket.socket]]
    addresses: list[ListenAddress]
    pnp: PnpSockets | None
    revocations: RevocationPage
    counters: CounterPage
    limits: LimitPages
    pnp_turn: Turn
    nonce_secret: bytes = field(repr=False)
    pnp_secret: bytes = field(repr=False)
    started: float = field(default_factory=time.time)

    @property
    def slots(self) -> int:
        """How many worker slots there are."""
        return len(self.listeners)

    @property
    def http_port(self) -> int:
        """Where phones heard by plug and play reach clear HTTP over IPv4; 0: nowhere.

        A listener of all addresses comes before one of a single address.
        """
        found = [
            (host != "0.0.0.0", port)
            for host, port in self.addresses
            if ":" not in host
        ]
        return min(found, default=(True, 0))[1]

    def lines(self) -> list[str]:
        """Return one line for each listener, for whoever starts the engine."""
        lines = [f"http {address}" for address in self.addresses]
        if self.pnp is not None:
            host, port = self.pnp.unicast.getsockname()[:2]
            lines.append(f"pnp udp {host}:{port}")
            names = (
                ", ".join(sorted(self.pnp.memberships.joined.values()))
                or "no interface"
            )
            lines.append(
                f"pnp group {self.pnp.group_address}:{self.pnp.group_port} on {names}"
            )
        return lines

    def close(self) -> None:
        """Close all sockets; what waits in their queues is lost."""
        close_listeners(self.listeners)
        if self.pnp is not None:
            self.pnp.close()
        self.pnp_turn.close()

    def keep_slot(self, slot: int | None) -> None:
        """Close what belongs to others than worker *slot* (None: to any worker)."""
        for number, listeners in enumerate(self.listeners):
            if number != slot:
                close_listeners([listeners])
        if slot != 0 and self.pnp is not None:
            self.pnp.close()


def open_shared(options: Options, slots: int) -> Shared:
    """Open everything *options* ask for, for *slots* workers.

    Every slot must be served: the kernel spreads connections over all of them.  Raises
    OptionError or OperatorError.
    """
    listeners = open_http_listeners(
        options.http.listen, slots, deferred=options.http.lane == "on"
    )
    try:
        pnp = open_pnp_sockets(options.pnp) if options.pnp.enabled else None
    except BaseException:
        close_listeners(listeners)
        raise
    return Shared(
        listeners,
        listening_addresses(listeners[0]),
        pnp,
        RevocationPage(),
        CounterPage(slots + 1),
        LimitPages(),
        Turn(),
        nonce_secret=os.urandom(_SECRET_BYTES),
        pnp_secret=os.urandom(_SECRET_BYTES),
    )
