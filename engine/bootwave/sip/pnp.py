"""The plug-and-play state machine: a phone asks where its settings are and is told.

A booting phone multicasts ``SUBSCRIBE sip:MAC%3a<mac>@...`` with ``Event: ua-profile``
and ``Expires: 0``: tell me once.  The answer is a 200, and a NOTIFY whose body is the
settings URL.  What happens to each SUBSCRIBE that is ours:

    too many of them from a source that never confirmed anything: silence (PNP_OVERLOAD)
    first seen       LookUp; waits for at most LOOKUP_SECONDS (then PNP_OVERLOAD)
    again, waiting   nothing: the answer is on its way
    answer(url)      200 and NOTIFY; remembered as answered until timer J
    answer(None)     silence, forgotten: a retransmission looks up again
    again, answered  the same 200, rebuilt; the NOTIFY has its own transaction

and to each NOTIFY:

    timer E          sent again, until timer F for a source that answered some NOTIFY
                     before, else a few times only: its address may be forged
    final response   over (PNP_CONFIRMED, PNP_REJECTED); repetitions absorbed (timer K)
    timer F          over (PNP_UNCONFIRMED)

Everything else on the group is met with silence.  RFC 6665 would have errors sent, but
the group is shared with phones and servers that have nothing to do with us.
"""

from collections import OrderedDict
from dataclasses import dataclass

from bootwave.errors import SipSyntaxError
from bootwave.limits import (
    MAX_NOTIFY_SENDS_UNPROVEN,
    MAX_OFF_SUBNET_AMPLIFICATION,
    MAX_PENDING_LOOKUPS,
    MAX_PENDING_NOTIFIES,
    MAX_PENDING_NOTIFY_BYTES,
    MAX_PROVEN_SOURCES,
    MAX_SIGHTING_DETAIL_CHARACTERS,
    MAX_SIP_ECHOED_BYTES,
    MAX_SIP_TRANSACTIONS,
)
from bootwave.native.sip import Message, mac_from_pnp, parse
from bootwave.phone.mac import is_snom, is_unicast
from bootwave.sightings import Reason
from bootwave.sip.delays import DelayQueue
from bootwave.sip.effects import Effect, Endpoint, Local, LookUp, SendDatagram, Sight
from bootwave.sip.event import asker_from_message, is_device_profile, plain
from bootwave.sip.message import echoed_bytes, notify, ok
from bootwave.sip.sources import UnprovenSources
from bootwave.sip.transaction import (
    TIMER_E_SECONDS,
    TIMER_F_SECONDS,
    TIMER_J_SECONDS,
    TIMER_K_SECONDS,
    Names,
    Notify,
    names_from_subscribe,
    reply_destination,
)

# A look-up takes milliseconds.  One that was lost must not silence the phone for as
# long as timer J; the phones of other vendors wait 5 s for their NOTIFY.
LOOKUP_SECONDS = 5.0


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

    def __init__(self, *, secret: bytes, port: int, off_subnet: bool = False) -> None:
        """Speak from UDP *port*; *off_subnet* answers sources beyond our own links.

        *secret*, 16 to 64 bytes, keys tags and branches.  It must be the same in
        whichever process answers next, or retransmissions begin new dialogs.
        """
        if not 16 <= len(secret) <= 64:
            raise ValueError("the secret has 16 to 64 bytes")
        self._secret = secret
        self._port = port
        self._off_subnet = off_subnet
        self._waiting: DelayQueue[bytes, _Waiting] = DelayQueue(
            LOOKUP_SECONDS, MAX_PENDING_LOOKUPS
        )
        self._answered: DelayQueue[bytes, None] = DelayQueue(
            TIMER_J_SECONDS, MAX_SIP_TRANSACTIONS
        )
        self._notifies: DelayQueue[bytes, Notify] = DelayQueue(
            TIMER_F_SECONDS, MAX_PENDING_NOTIFIES
        )
        self._resends: tuple[DelayQueue[bytes, Notify], ...] = tuple(
            DelayQueue(seconds, MAX_PENDING_NOTIFIES) for seconds in TIMER_E_SECONDS
        )
        self._completed: DelayQueue[bytes, None] = DelayQueue(
            TIMER_K_SECONDS, MAX_PENDING_NOTIFIES
        )
        self._notify_bytes = 0
        self._proven: OrderedDict[str, None] = OrderedDict()
        self._unproven = UnprovenSources()

    @property
    def waiting(self) -> int:
        """SUBSCRIBEs whose LookUp has no answer yet."""
        return len(self._waiting)

    @property
    def answered(self) -> int:
        """Transactions whose retransmissions still get their 200."""
        return len(self._answered)

    @property
    def pending(self) -> int:
        """NOTIFYs without a final response yet."""
        return len(self._notifies)

    @property
    def pending_bytes(self) -> int:
        """What these NOTIFYs take, in bytes of datagrams."""
        return self._notify_bytes

    def receive_datagram(
        self,
        data: bytes,
        source: Endpoint,
        local: Local,
        now: float,
        *,
        on_link: bool = True,
    ) -> list[Effect]:
        """Return what follows from *data*, heard at *local*.

        *on_link* says whether *source* is inside a subnet of one of our interfaces.
        Raises nothing, whatever the bytes.
        """
        try:
            message = parse(data)
        except SipSyntaxError as error:
            return [_sight(Reason.SIP_SYNTAX, 0, source, str(error))]
        if not message.is_request:
            return self._receive_response(message, source, now)
        if message.method != b"SUBSCRIBE":
            # REGISTER is common: 224.0.1.75 is also the registrars' group.
            return [_sight(Reason.SIP_METHOD, 0, source, plain(message.method))]
        return self._receive_subscribe(message, len(data), source, local, now, on_link)

    def _receive_subscribe(
        self,
        message: Message,
        size: int,
        source: Endpoint,
        local: Local,
        now: float,
        on_link: bool,
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
        if not reply_destination(message, source).port:
            return [_sight(Reason.SIP_SYNTAX, mac, source, "the source port is 0")]
        if echoed_bytes(message) > MAX_SIP_ECHOED_BYTES:
            text = "Via, From, To and Call-ID are too long to be sent back"
            return [_sight(Reason.SIP_SYNTAX, mac, source, text)]
        if source.host not in self._proven:
            if not self._unproven.lets_pass(source.host, now):
                refused = self._unproven.refused(source.host, now)
                text = f"{refused} from a source that never confirmed"
                overload = _sight(Reason.PNP_OVERLOAD, mac, source, text)
                return [overload] if refused else []

        names = names_from_subscribe(message, source, self._secret)
        if names.key in self._answered:
            return [self._ok(message, names, source, local)]
        if names.key in self._waiting:
            return []
        if self._waiting.is_full:
            return [_sight(Reason.PNP_OVERLOAD, mac, source, detail)]
        waiting = _Waiting(message, names, source, mac, detail, size, on_link)
        self._waiting.put(names.key, waiting, now)
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
        waiting = self._waiting.get(lookup.key)
        if waiting is None:
            return []
        names, message, source = waiting.names, waiting.message, waiting.source
        local, mac, detail = lookup.local, waiting.mac, waiting.detail
        if url is None:
            self._waiting.pop(lookup.key)
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
        self._waiting.pop(lookup.key)
        self._answered.put(names.key, None, now)
        most_sends = MAX_NOTIFY_SENDS_UNPROVEN
        if not waiting.on_link:
            budget = MAX_OFF_SUBNET_AMPLIFICATION * waiting.size - len(accepted.data)
            most_sends = max(1, min(most_sends, budget // len(data)))
        pending = Notify(
            data, destination, local, message.call_id, mac, detail, most_sends
        )
        effects: list[Effect] = [
            accepted,
            SendDatagram(data, destination, local),
            _sight(Reason.PNP_ANSWERED, mac, source, detail),
        ]
        # In a flood the transaction may have been forgotten before its NOTIFY was.
        before = self._notifies.pop(names.branch)
        if before is not None:
            self._give_up(names.branch, before)
        pushed = self._notifies.put(names.branch, pending, now)
        if pushed is not None:
            effects.append(self._give_up(*pushed))
        self._notify_bytes += len(data)
        while self._notify_bytes > MAX_PENDING_NOTIFY_BYTES:
            effects.append(self._give_up(*self._notifies.take_oldest()))
        self._schedule(names.branch, pending, now)
        return effects

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
        pending = self._notifies.get(branch)
        if pending is None or not pending.is_answered_by(message, source):
            if branch in self._completed:
                return []
            return [_sight(Reason.SIP_FOREIGN_RESPONSE, 0, source, "")]
        if message.status < 200:
            return []
        self._notifies.pop(branch)
        self._notify_bytes -= len(pending.data)
        self._resends[pending.timer_e].pop(branch)
        self._completed.put(branch, None, now)
        # Any final response proves that datagrams to this address reach whoever sent
        # the SUBSCRIBE: nobody else knows the branch.
        self._proven[source.host] = None
        self._proven.move_to_end(source.host)
        self._unproven.forget(source.host)
        if len(self._proven) > MAX_PROVEN_SOURCES:
            self._proven.popitem(last=False)
        if message.status < 300:
            return [_sight(Reason.PNP_CONFIRMED, pending.mac, source, pending.detail)]
        detail = f"{message.status} {pending.detail}"
        return [_sight(Reason.PNP_REJECTED, pending.mac, source, detail)]

    def next_timer(self) -> float | None:
        """Return when handle_timer() has something to do, or None."""
        dues = [resends.next_due() for resends in self._resends]
        dues += (
            self._waiting.next_due(),
            self._answered.next_due(),
            self._notifies.next_due(),
            self._completed.next_due(),
        )
        return min((due for due in dues if due is not None), default=None)

    def handle_timer(self, now: float) -> list[Effect]:
        """Return what falls due at *now*: retransmissions, and what is given up."""
        self._answered.drop_due(now)
        self._completed.drop_due(now)
        effects: list[Effect] = [
            _sight(Reason.PNP_OVERLOAD, waiting.mac, waiting.source, waiting.detail)
            for _, waiting in self._waiting.take_due(now)
        ]
        effects += (
            self._give_up(branch, pending)
            for branch, pending in self._notifies.take_due(now)
        )
        for resends in self._resends:
            for branch, pending in resends.take_due(now):
                pending.sends += 1
                effects.append(
                    SendDatagram(pending.data, pending.destination, pending.local)
                )
                self._schedule(branch, pending, now)
        return effects

    def _schedule(self, branch: bytes, pending: Notify, now: float) -> None:
        """Start timer E for the next send, if there may be one."""
        proven = pending.destination.host in self._proven
        if proven or pending.sends < pending.most_sends:
            self._resends[pending.timer_e].put(branch, pending, now)

    def _give_up(self, branch: bytes, pending: Notify) -> Sight:
        """Return the end of *pending*, taken out of the table already."""
        self._notify_bytes -= len(pending.data)
        self._resends[pending.timer_e].pop(branch)
        return _sight(
            Reason.PNP_UNCONFIRMED, pending.mac, pending.destination, pending.detail
        )


def _sight(reason: Reason, mac: int, source: Endpoint, detail: str) -> Sight:
    return Sight(reason, mac, source.host, detail[:MAX_SIGHTING_DETAIL_CHARACTERS])
