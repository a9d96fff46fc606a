"""The engine without sockets: datagrams, bytes and time in, what must be sent out.

For harnesses that replay what phones sent, and for programs with a network of their
own.  It decides as ``Engine`` does, with the same code, on the same kind of store; a
window is consumed in the store before the answer is returned.  Nothing here waits,
listens, or looks at a clock.
"""

import os
from collections import deque
from collections.abc import Callable
from email.utils import formatdate

from bootwave import log
from bootwave.errors import StoreError
from bootwave.http.connection import HttpConnection
from bootwave.http.contact import Contact
from bootwave.http.effects import (
    Close,
    Deliver,
    HalfClose,
    Introduce,
    Note,
    SendBytes,
    SendFile,
)
from bootwave.http.effects import Effect as HttpEffect
from bootwave.limits import MAX_SIGHTING_DETAIL_CHARACTERS
from bootwave.metrics import CounterPage
from bootwave.options import Options
from bootwave.pairing.instant import Instant
from bootwave.provision.cache import DocumentCache
from bootwave.provision.firmware import FirmwareAnswers
from bootwave.provision.revocations import RevocationPage
from bootwave.provision.service import Provisioner
from bootwave.provision.writes import StoreWrites
from bootwave.server.balancers import Balancers
from bootwave.settings.compiler import SettingsCompiler
from bootwave.settings.layers import engine_layer
from bootwave.sightings import Sighting
from bootwave.sip.effects import Effect as SipEffect
from bootwave.sip.effects import Endpoint, Local, LookUp, SendDatagram, Sight
from bootwave.sip.pnp import PnpCore
from bootwave.store.firmware.imagefolder import ImageFolder
from bootwave.store.proofs.credentials import drawn_from, random_number
from bootwave.store.secrets import KeyRing
from bootwave.store.serving.firmwarereader import FirmwareReader
from bootwave.store.serving.inline import InlineWriter
from bootwave.store.serving.reader import Reader
from bootwave.store.settings.fleet import fleet_pace

Outgoing = SendBytes | HalfClose | Close


def _unseen(_sighting: Sighting) -> None:
    """Remember nothing."""


class SocketlessEngine:
    """Answers phones on the store that *options* name, which must exist.

    *clock* gives the instant of each decision (``Instant``: boottime, boot_id, wall).
    *sight* is told every contact and why it ended as it did.  *port* and *http_port*
    are what SIP messages and the settings URL name.  One thread at a time.
    """

    def __init__(
        self,
        options: Options,
        *,
        clock: Callable[[], Instant],
        sight: Callable[[Sighting], None] = _unseen,
        port: int = 5060,
        http_port: int = 8080,
        secret: bytes | None = None,
    ) -> None:
        """Open the store; raises OptionError without its key, StoreError without it.

        *secret*, of 16 to 64 bytes, makes tags, branches, nonces and the credentials of
        phones; with the same one and the same clock the same bytes come out.
        """
        self._clock = clock
        self._sight = sight
        self._reader = Reader(options.store.database)
        self._writer = InlineWriter(options.store.database)
        draw = random_number if secret is None else drawn_from(secret)
        secret = os.urandom(32) if secret is None else secret
        keyring = KeyRing.load(options.store.key)
        self._pnp = PnpCore(
            secret=secret,
            port=port,
            off_subnet=options.pnp.off_subnet,
            rules=options.pnp.judging,
        )
        self.counters = CounterPage(1)
        revocations = RevocationPage()
        self._firmware = FirmwareAnswers(
            FirmwareReader(options.store.database),
            ImageFolder(options.store.images),
            revocations,
            options,
            http_port,
        )
        self._provisioner = Provisioner(
            self._reader,
            StoreWrites(self._writer, clock, keyring, draw),
            SettingsCompiler(
                engine_layer(options.waves.phone_port), pace=fleet_pace(options)
            ),
            keyring,
            DocumentCache(options.cache.bytes),
            revocations,
            options,
            clock,
            sight,
            self.counters.row(0),
            nonce_secret=secret,
            http_port=http_port,
            firmware=self._firmware,
        )
        self._balancers = Balancers(options.http.proxy_protocol)
        self._away = False
        # Opens it, so that a store that is not there is found out here.
        self._reader.changed()

    def close(self) -> None:
        """Close the store."""
        self._reader.close()
        self._firmware.close()
        self._writer.close()

    def receive_datagram(
        self,
        data: bytes,
        source: Endpoint,
        local: Local,
        now: float,
        *,
        on_link: bool = True,
    ) -> list[SendDatagram]:
        """Return the datagrams that answer *data*; *now* is monotonic seconds.

        *on_link* says whether *source* is in a subnet of the interface that heard it.
        """
        self._look()
        effects = self._pnp.receive_datagram(data, source, local, now, on_link=on_link)
        return self._carry_out(effects, now)

    def next_timer(self) -> float | None:
        """Return when ``handle_timer`` wants to be called, None for never."""
        return self._pnp.next_timer()

    def handle_timer(self, now: float) -> list[SendDatagram]:
        """Return the datagrams that are due, NOTIFYs that nobody confirmed."""
        return self._carry_out(self._pnp.handle_timer(now), now)

    def connect(self, contact: Contact, now: float) -> "SocketlessConnection":
        """Return the server's end of a connection that a phone opened at *now*.

        With a load balancer of ``http.proxy_protocol`` as *contact*, the bytes must
        begin with its header.
        """
        return SocketlessConnection(
            self._provisioner,
            self._look,
            self._clock,
            self._sight,
            contact,
            now,
            proxied=contact.source in self._balancers,
        )

    def _look(self) -> None:
        """Forget what another connection to the store changed.

        With the store away what is ready under a grant is still given.
        """
        try:
            changes = self._reader.changed()
        except StoreError as error:
            if not self._away:
                log.note(log.PROVISION_STORE_AWAY, error=str(error))
            self._away = True
            return
        self._away = False
        if changes:
            self._provisioner.apply(changes)

    def _carry_out(self, effects: list[SipEffect], now: float) -> list[SendDatagram]:
        sent: list[SendDatagram] = []
        waiting = deque(effects)
        while waiting:
            effect = waiting.popleft()
            if isinstance(effect, SendDatagram):
                sent.append(effect)
            elif isinstance(effect, LookUp):
                (url,) = self._provisioner.pnp_urls([effect])
                waiting.extend(self._pnp.answer(effect, url, now))
            else:
                self._tell(effect)
        return sent

    def _tell(self, sight: Sight) -> None:
        self._sight(
            Sighting(
                self._clock().wall, sight.mac, sight.source, sight.reason, sight.detail
            )
        )


class SocketlessConnection:
    """The server's end of one HTTP connection; made by ``SocketlessEngine.connect``.

    Whoever owns the real connection does what is returned, in order: send, send no
    more, close.
    """

    def __init__(
        self,
        provisioner: Provisioner,
        look: Callable[[], None],
        clock: Callable[[], Instant],
        sight: Callable[[Sighting], None],
        contact: Contact,
        now: float,
        *,
        proxied: bool,
    ) -> None:
        """Begin at *now*, monotonic seconds."""
        self._provisioner = provisioner
        self._look = look
        self._clock = clock
        self._sight = sight
        self._contact = contact
        self._connection = HttpConnection(now=now, date=self._date, proxied=proxied)

    def receive_data(self, data: bytes, now: float) -> list[Outgoing]:
        """Return what *data* leads to; ``b""`` says that the phone sends no more."""
        self._look()
        if data:
            return self._carry_out(self._connection.receive_data(data, now), now)
        return self._carry_out(self._connection.receive_eof(now), now)

    def next_timer(self) -> float | None:
        """Return when ``handle_timer`` wants to be called, None for never."""
        return self._connection.next_timer()

    def handle_timer(self, now: float) -> list[Outgoing]:
        """Return what a deadline that passed leads to."""
        return self._carry_out(self._connection.handle_timer(now), now)

    def _carry_out(self, effects: list[HttpEffect], now: float) -> list[Outgoing]:
        done: list[Outgoing] = []
        waiting = deque(effects)
        while waiting:
            effect = waiting.popleft()
            if isinstance(effect, Deliver):
                response = self._provisioner.respond_now(effect.request, self._contact)
                waiting.extend(self._connection.respond(response, now))
            elif isinstance(effect, Note):
                at, source = self._clock().wall, self._contact.source
                detail = effect.detail[:MAX_SIGHTING_DETAIL_CHARACTERS]
                self._sight(Sighting(at, 0, source, effect.reason, detail))
            elif isinstance(effect, Introduce):
                self._contact = Contact(*effect.proxied)
            elif isinstance(effect, SendFile):
                # Images are of the engine with sockets: nothing here answers with one.
                done.append(Close(abort=True))
            else:
                done.append(effect)
                if isinstance(effect, SendBytes):
                    waiting.extend(self._connection.sent(0, now))
        return done

    def _date(self) -> bytes:
        return formatdate(int(self._clock().wall), usegmt=True).encode("ascii")
