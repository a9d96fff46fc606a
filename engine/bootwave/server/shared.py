"""What is made before fork and inherited by every process."""

import os
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bootwave import log
from bootwave.control.api.installed import missing
from bootwave.errors import OptionError
from bootwave.metrics import CounterPage
from bootwave.options import ControlOptions, HttpsOptions, Options
from bootwave.provision.answering import AnsweringPage
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

if TYPE_CHECKING:
    from bootwave.server.tls.shared import TlsShared

_SECRET_BYTES = 32


class Listeners:
    """What listens for one kind of connection: sockets by worker slot.

    ``addresses`` are those of each slot's sockets, with the ports the kernel chose.
    """

    def __init__(self, by_slot: list[list[socket.socket]]) -> None:
        """Keep them."""
        self.by_slot = by_slot
        self.addresses = listening_addresses(by_slot[0]) if by_slot else []

    def close(self) -> None:
        """Close all; what waits in their queues is lost."""
        close_listeners(self.by_slot)

    def keep(self, slot: int | None) -> None:
        """Close all but those of *slot*."""
        for number, listeners in enumerate(self.by_slot):
            if number != slot:
                close_listeners([listeners])

    @property
    def port(self) -> int:
        """Where phones heard by plug and play reach it over IPv4; 0: nowhere.

        A listener of all addresses comes before one of a single address.
        """
        found = [
            (host != "0.0.0.0", port)
            for host, port in self.addresses
            if ":" not in host
        ]
        return min(found, default=(True, 0))[1]


@dataclass(frozen=True, slots=True)
class Shared:
    """Listeners by worker slot, the PnP sockets, and the pages of shared memory.

    ``https`` and ``legacy`` are what listens for TLS, by the contexts of ``tls``, which
    is None where nothing does.  ``control`` is what listens for the API, for the
    control process alone.  The control process counts in the row after those of
    the worker slots.
    ``nonce_secret`` signs the nonces of challenges, which any worker may get back;
    ``pnp_secret`` makes the tags and branches that a worker which takes over the PnP
    sockets must make again.  ``started`` is the wall-clock time of the engine's start.
    """

    http: Listeners
    https: Listeners
    legacy: Listeners
    tls: "TlsShared | None"
    slots: int
    pnp: PnpSockets | None
    control: Listeners
    revocations: RevocationPage
    answering: AnsweringPage
    counters: CounterPage
    limits: LimitPages
    pnp_turn: Turn
    nonce_secret: bytes = field(repr=False)
    pnp_secret: bytes = field(repr=False)
    started: float = field(default_factory=time.time)

    @property
    def listeners(self) -> list[list[socket.socket]]:
        """What listens for clear HTTP, by slot."""
        return self.http.by_slot

    @property
    def addresses(self) -> list[ListenAddress]:
        """Where clear HTTP listens, with the ports the kernel chose."""
        return self.http.addresses

    @property
    def http_port(self) -> int:
        """Where phones heard by PnP reach clear HTTP over IPv4; 0: nowhere."""
        return self.http.port

    @property
    def https_port(self) -> int:
        """Where phones reach HTTPS over IPv4; 0: nowhere."""
        return self.https.port

    def lines(self) -> list[str]:
        """Return one line for each listener, for whoever starts the engine."""
        lines = [f"http {address}" for address in self.http.addresses]
        lines += [f"https {address}" for address in self.https.addresses]
        lines += [f"https legacy {address}" for address in self.legacy.addresses]
        lines += [f"control {address}" for address in self.control.addresses]
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
        """Close all sockets and files; what waits in the sockets' queues is lost."""
        for kind in (self.http, self.https, self.legacy, self.control):
            kind.close()
        if self.pnp is not None:
            self.pnp.close()
        self.pnp_turn.close()
        self.answering.close()

    def keep_slot(self, slot: int | None) -> None:
        """Close what belongs to others than worker *slot* (None: to any worker)."""
        for kind in (self.http, self.https, self.legacy):
            kind.keep(slot)
        if slot is not None:
            self.control.close()
        if slot != 0 and self.pnp is not None:
            self.pnp.close()


def open_shared(options: Options, slots: int, *, embedded: bool = False) -> Shared:
    """Open everything *options* ask for, for *slots* workers.

    Every slot must be served: the kernel spreads connections over all of them.  Raises
    OptionError or OperatorError.
    """
    opened: list[Listeners] = []

    def listen(
        addresses: Sequence[str], option: str, *, deferred: bool, slots: int = slots
    ) -> Listeners:
        opened.append(
            Listeners(
                open_http_listeners(addresses, slots, option=option, deferred=deferred)
            )
        )
        return opened[-1]

    https = options.https
    tls = _tls(https, embedded=embedded)
    try:
        http = listen(
            options.http.listen, "http.listen", deferred=options.http.lane == "on"
        )
        secure = listen(https.listen if tls else (), "https.listen", deferred=True)
        legacy = listen(
            https.legacy.listen if tls else (), "https.legacy.listen", deferred=True
        )
        api = _listen_for_api(options.control, listen, embedded=embedded)
        pnp = open_pnp_sockets(options.pnp) if options.pnp.enabled else None
    except BaseException:
        for kind in opened:
            kind.close()
        raise
    return Shared(
        http,
        secure,
        legacy,
        tls,
        slots,
        pnp,
        api,
        RevocationPage(),
        AnsweringPage(slots),
        CounterPage(slots + 1),
        LimitPages(),
        Turn(),
        nonce_secret=os.urandom(_SECRET_BYTES),
        pnp_secret=os.urandom(_SECRET_BYTES),
    )


def _listen_for_api(
    control: ControlOptions, listen: Callable[..., Listeners], *, embedded: bool
) -> Listeners:
    """Return what listens for the API, by *listen*; nothing where there is none."""
    addresses = control_addresses(control, embedded=embedded)
    try:
        return listen(addresses, "control.listen", deferred=False, slots=1)
    except OptionError as error:
        if "listen" in control.model_fields_set:
            raise
        # Nobody asked for it: who has another program there is served all the same.
        log.note(log.START_WARNING, warning=f"there is no API: {error}")
        return listen((), "control.listen", deferred=False, slots=1)


def control_addresses(control: ControlOptions, *, embedded: bool) -> list[str]:
    """Return where the API listens: one address, or none.

    Nobody asked for the default one, so it is left out where the libraries are not
    installed, and where the engine is *embedded* in a program.  Raises OptionError when
    what was asked for cannot be, and for certificates that cannot be used.
    """
    asked = "listen" in control.model_fields_set
    if not control.listen or (embedded and not asked):
        return []
    if missing():
        if not asked:
            return []
        raise OptionError(
            "control.listen asks for the API, whose libraries are not installed: "
            "install bootwave[control], or leave it empty."
        )
    if control.certificates:
        from bootwave.control.api.tls import tls_context

        tls_context(control.certificates)
    return [control.listen]


def _tls(https: HttpsOptions, *, embedded: bool) -> "TlsShared | None":
    """Return what TLS needs, or None where nothing listens for it.

    A place that was made before there was TLS has no certificate and is served as it
    was.  It is not said where it is *embedded* in a program that asked for no TLS.
    """
    if not (https.listen or https.legacy.listen):
        return None
    from bootwave.server.tls.shared import TlsShared

    if not _has_certificates(https):
        missing = https.certificates[0]
        if https.model_fields_set or not embedded:
            log.note(log.START_WARNING, warning=_NO_CERTIFICATE.format(missing))
        return None
    return TlsShared(https)


def _has_certificates(https: HttpsOptions) -> bool:
    """Whether there are the files that it takes to serve over TLS, or they must be."""
    from bootwave.server.tls.shared import present

    return bool(present(https).certificates or not https.certificates)


def refused_files(options: Options) -> list[str]:
    """Return why an engine would not start, as far as files are it that options name.

    It looks as ``open_shared`` does, and opens nothing; each is one sentence.
    """
    found = []
    for look in (_look_at_api_files, _look_at_tls_files):
        try:
            look(options)
        except OptionError as error:
            found.append(str(error))
    return found


def _look_at_api_files(options: Options) -> None:
    control_addresses(options.control, embedded=False)


def _look_at_tls_files(options: Options) -> None:
    https = options.https
    if not (https.listen or https.legacy.listen) or not _has_certificates(https):
        return
    from bootwave.server.tls.shared import policy_and_contexts

    policy_and_contexts(https)


_NO_CERTIFICATE = (
    "nothing is served over TLS, because there is no {}: put certificate and key "
    "there, or name others with https.certificates"
)
