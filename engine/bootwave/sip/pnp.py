"""The plug-and-play state machine: a phone asks where its settings are and is told.

A booting phone multicasts ``SUBSCRIBE sip:MAC%3a<mac>@...`` with ``Event: ua-profile``
and ``Expires: 0``: tell me once.  The answer is a 200, and a NOTIFY whose body is the
settings URL.  What happens to each SUBSCRIBE that is ours:

    not to be answered by pnp.rules: silence (PNP_IGNORED)
    too many of them from a source that never confirmed anything: silence (PNP_OVERLOAD)
    first seen       LookUp; waits for at most LOOKUP_SECONDS (then PNP_OVERLOAD)
    again, waiting   nothing: the answer is on its way
    answer(url)      200 and NOTIFY; remembered as answered until timer J
    answer(None)     silence, forgotten: a retransmission looks up again
    again, answered  the same 200, rebuilt; the NOTIFY has its own transaction.  Nothing
                     when it was received before that answer left: it waited here while
                     its original was answered, and needs no other

and to each NOTIFY:

    timer E          sent again, until timer F for a source that answered some NOTIFY
                     before, else a few times only: its address may be forged
    final response   over (PNP_CONFIRMED, PNP_REJECTED); repetitions absorbed (timer K)
    timer F          over (PNP_UNCONFIRMED)

Everything else on the group is met with silence.  RFC 6665 would have errors sent, but
the group is shared with phones and servers that have nothing to do with us.

This module is the authority on all of it.  What is common, ``native.pnp.PnpLane`` does
in the same table of transactions and with the same bytes; what it declines comes here.
"""

from dataclasses import dataclass
from hashlib import blake2b
from typing import cast

from bootwave.errors import SipSyntaxError
from bootwave.limits import (
    MAX_NOTIFY_SENDS_UNPROVEN,
    MAX_OFF_SUBNET_AMPLIFICATION,
    MAX_PENDING_LOOKUPS,
    MAX_PENDING_NOTIFIES,
    MAX_PENDING_NOTIFY_BYTES,
    MAX_PROVEN_SOURCES,
    MAX_SIGHTING_DETAIL_CHARACTERS,
    MAX_SIP_BURST_UNPROVEN,
    MAX_SIP_DUE_AT_ONCE,
    MAX_SIP_ECHOED_BYTES,
    MAX_SIP_TRANSACTIONS,
    MAX_SIP_UNPROVEN_SOURCES,
    SIP_UNPROVEN_PER_SECOND,
)
from bootwave.native.pnp import names_key
from bootwave.native.sip import Message, mac_from_pnp, parse
from bootwave.native.transactions import Transactions
from bootwave.phone.mac import is_snom, is_unicast
from bootwave.pnprules import Rules
from bootwave.sightings import Reason
from bootwave.sip.effects import Effect, Endpoint, Local, LookUp, SendDatagram, Sight
from bootwave.sip.event import asker_from_message, is_device_profile, plain
from bootwave.sip.message import echoed_bytes, notify, ok
from bootwave.sip.transaction import (
    TIMER_E_SECONDS,
    TIMER_F_SECONDS,
    TIMER_J_SECONDS,
    TIMER_K_SECONDS,
    Names,
    is_notify_answer,
    names_from_subscribe,
    reply_destination,
)

# A look-up takes milliseconds.  One that was lost must not silence the phone for as
# long as timer J; the phones of other vendors wait 5 s for their NOTIFY.
LOOKUP_SECONDS = 5.0
# A flood must not fill the time-line: one line a second says all of it.
TELL_SECONDS = 1.0
_NO_RULES = Rules(())


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A SUBSCRIBE between its LookUp and the answer to it."""

    message: Message
    names: Names
    source: Endpoint
    mac: int
    detail: str
    size: int
    on_link: bool


class PnpCore:
    """Answers the SUBSCRIBEs of booting phones; without sockets, time is an argument.

    Instants are seconds on a clock that does not run backwards.  All tables are
    bounded; where one is full its oldest entry is forgotten.
    """

    def __init__(
        self,
        *,
        secret: bytes,
        port: int,
        off_subnet: bool = False,
        rules: Rules = _NO_RULES,
    ) -> None:
        """Speak from UDP *port*; *off_subnet* answers sources beyond our own links.

        *rules* say who is answered.

        *secret*, 16 to 64 bytes, keys tags and branches.  It must be the same in
        whichever process answers next, or retransmissions begin new dialogs.
        """
        self._key = names_key(secret)
        self._port = port
        self._off_subnet = off_subnet
        self._rules = rules
        self.table = Transactions(
            lookups=MAX_PENDING_LOOKUPS,
            answered=MAX_SIP_TRANSACTIONS,
            notifies=MAX_PENDING_NOTIFIES,
            proven=MAX_PROVEN_SOURCES,
            sources=MAX_SIP_UNPROVEN_SOURCES,
            notify_bytes=MAX_PENDING_NOTIFY_BYTES,
            burst=MAX_SIP_BURST_UNPROVEN,
            per_second=SIP_UNPROVEN_PER_SECOND,
            delays=(
                LOOKUP_SECONDS,
                TIMER_J_SECONDS,
                TIMER_F_SECONDS,
                TIMER_K_SECONDS,
                *TIMER_E_SECONDS,
            ),
            seed=int.from_bytes(blake2b(b"seed", digest_size=8, key=secret).digest()),
        )

    @property
    def waiting(self) -> int:
        """SUBSCRIBEs whose LookUp has no answer yet."""
        return self.table.waiting

    @property
    def answered(self) -> int:
        """Transactions whose retransmissions still get their 200."""
        return self.table.answered

    @property
    def pending(self) -> int:
        """NOTIFYs without a final response yet."""
        return self.table.pending

    @property
    def pending_bytes(self) -> int:
        """What these NOTIFYs take, in bytes of datagrams."""
        return self.table.pending_bytes

    def receive_datagram(
        self,
        data: bytes,
        source: Endpoint,
        local: Local,
        now: float,
        *,
        on_link: bool = True,
        received: float | None = None,
    ) -> list[Effect]:
        """Return what follows from *data*, heard at *local*.

        *on_link* says whether *source* is inside a subnet of one of our interfaces,
        *received* when the kernel took the datagram, *now* unless told.  Raises
        nothing, whatever the bytes.
        """
        if received is None:
            received = now
        try:
            message = parse(data)
        except SipSyntaxError as error:
            return [_sight(Reason.SIP_SYNTAX, 0, source, str(error))]
        if not message.is_request:
            return self._receive_response(message, source, now)
        if message.method != b"SUBSCRIBE":
            # REGISTER is common: 224.0.1.75 is also the registrars' group.
            return [_sight(Reason.SIP_METHOD, 0, source, plain(message.method))]
        return self._receive_subscribe(
            message, len(data), source, local, now, on_link, received
        )

    def _receive_subscribe(
        self,
        message: Message,
        size: int,
        source: Endpoint,
        local: Local,
        now: float,
        on_link: bool,
        received: float,
    ) -> list[Effect]:
        mac = mac_from_pnp(message)
        if not is_unicast(mac):
            mac = 0
        if not is_device_profile(message):
            event = plain(message.event_package)
            return [_sight(Reason.SIP_EVENT, mac, source, event)]
        if message.to_tag:
            return [_sight(Reason.SIP_IN_DIALOG, mac, source, "")]
        asker = asker_from_message(message)
        detail = f"{asker.model} {asker.firmware}".strip()
        if not mac:
            return [_sight(Reason.SIP_NO_MAC, 0, source, detail)]
        if not (on_link or self._off_subnet):
            return [_sight(Reason.PNP_OFF_SUBNET, mac, source, detail)]
        if self._rules and not self._rules.answer(mac, asker.vendor, source.host):
            return [_sight(Reason.PNP_IGNORED, mac, source, detail)]
        if not reply_destination(message, source).port:
            return [_sight(Reason.SIP_SYNTAX, mac, source, "the source port is 0")]
        if echoed_bytes(message) > MAX_SIP_ECHOED_BYTES:
            text = "Via, From, To and Call-ID are too long to be sent back"
            return [_sight(Reason.SIP_SYNTAX, mac, source, text)]
        if not self.table.lets_pass(source.host, now):
            refused = self.table.refused(source.host, now, TELL_SECONDS)
            text = f"{refused} from a source that never confirmed"
            overload = _sight(Reason.PNP_OVERLOAD, mac, source, text)
            return [overload] if refused else []

        names = names_from_subscribe(message, source, self._key)
        if self.table.is_answered(names.key):
            if self.table.answered_after(names.key, received):
                return []
            return [self._ok(message, names, source, local)]
        if self.table.waiting_for(names.key) is not None:
            return []
        waiting = _Waiting(message, names, source, mac, detail, size, on_link)
        if not self.table.wait(names.key, waiting, now):
            return [_sight(Reason.PNP_OVERLOAD, mac, source, detail)]
        return [
            LookUp(
                key=names.key,
                mac=mac,
                is_snom=asker.is_snom or is_snom(mac),
                local=local,
                source=source,
                model=asker.model,
                firmware=asker.firmware,
            )
        ]

    def answer(self, lookup: LookUp, url: str | None, now: float) -> list[Effect]:
        """Return what follows when *lookup* is settled; None as *url* means silence.

        The NOTIFY carries *url* as it is, ``{mac}`` included, which the phone replaces.
        An answer that comes too late, or twice, has no effect.  Raises ValueError, and
        leaves the phone waiting, when *url* is not a URL.
        """
        waiting = cast(_Waiting | None, self.table.waiting_for(lookup.key))
        if waiting is None:
            return []
        names, message, source = waiting.names, waiting.message, waiting.source
        local, mac, detail = lookup.local, waiting.mac, waiting.detail
        if url is None:
            self.table.settle(lookup.key)
            reason = Reason.PNP_NOT_BOUND if lookup.is_snom else Reason.PNP_NOT_OURS
            return [_sight(reason, mac, source, detail)]
        destination = reply_destination(message, source)
        data = notify(
            message,
            from_tag=names.to_tag,
            branch=names.branch,
            url=url,
            destination=destination,
            local=local,
            port=self._port,
        )
        accepted = self._ok(message, names, source, local)
        most_sends = MAX_NOTIFY_SENDS_UNPROVEN
        if not waiting.on_link:
            budget = MAX_OFF_SUBNET_AMPLIFICATION * waiting.size - len(accepted.data)
            most_sends = max(1, min(most_sends, budget // len(data)))
        ended = self.table.expect(
            names.branch,
            data,
            destination,
            local,
            message.call_id,
            mac,
            detail,
            most_sends,
            now,
        )
        self.table.settle(lookup.key)
        self.table.accept(names.key, now)
        return [
            accepted,
            SendDatagram(data, destination, local),
            _sight(Reason.PNP_ANSWERED, mac, source, detail),
            *(_unconfirmed(*one) for one in ended),
        ]

    def _ok(
        self, message: Message, names: Names, source: Endpoint, local: Local
    ) -> SendDatagram:
        return SendDatagram(
            ok(message, names.to_tag, source, local, self._port),
            reply_destination(message, source),
            local,
        )

    def _receive_response(
        self, message: Message, source: Endpoint, now: float
    ) -> list[Effect]:
        branch = message.top_via_branch
        told = self.table.told(branch)
        if told is None or not is_notify_answer(message, source, told[0], told[1]):
            if self.table.is_completed(branch):
                return []
            return [_sight(Reason.SIP_FOREIGN_RESPONSE, 0, source, "")]
        if message.status < 200:
            return []
        # Any final response proves that datagrams to this address reach whoever sent
        # the SUBSCRIBE: nobody else knows the branch.
        self.table.complete(branch, source.host, now)
        _, _, mac, detail = told
        if message.status < 300:
            return [_sight(Reason.PNP_CONFIRMED, mac, source, detail)]
        return [_sight(Reason.PNP_REJECTED, mac, source, f"{message.status} {detail}")]

    def next_timer(self) -> float | None:
        """Return when handle_timer() has something to do, or None."""
        return self.table.next_due()

    def handle_timer(self, now: float) -> list[Effect]:
        """Return what falls due at *now*: retransmissions, and what is given up.

        What a whole wave has in common falls due together; past a bound the rest is
        still due, and next_timer() says so.
        """
        most = MAX_SIP_DUE_AT_ONCE
        self.table.forget(now, most)
        effects: list[Effect] = [
            _sight(Reason.PNP_OVERLOAD, waiting.mac, waiting.source, waiting.detail)
            for waiting in cast(list[_Waiting], self.table.overdue(now, most))
        ]
        effects += (
            _unconfirmed(*given_up) for given_up in self.table.expire(now, most)
        )
        effects += (
            SendDatagram(data, Endpoint(host, port), Local(address, interface))
            for data, host, port, address, interface in self.table.resend(now, most)
        )
        return effects


def _unconfirmed(host: str, mac: int, detail: str) -> Sight:
    return _sight(Reason.PNP_UNCONFIRMED, mac, Endpoint(host, 0), detail)


def _sight(reason: Reason, mac: int, source: Endpoint, detail: str) -> Sight:
    return Sight(reason, mac, source.host, detail[:MAX_SIGHTING_DETAIL_CHARACTERS])
