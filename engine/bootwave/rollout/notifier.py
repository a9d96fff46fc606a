"""The client transactions of check-sync NOTIFYs (RFC 3261 section 17.1.2), pure.

========= ==================================================== ==================
state     what happens                                         next
========= ==================================================== ==================
trying    timer E: sent again after 0.5, 1, 2, 4, 4 … s; in a  proceeding, over
          stream, which loses nothing, once
proceed.  a 1xx came: sent again every 4 s                     over
asked     401 or 407: waits for ``authorize``, which begins a  trying, over
          new transaction of the same call (section 22.2)
over      a final answer, timer F after 32 s, or ``lost``      forgotten
========= ==================================================== ==================

A phone that does not know the event (489) is told by the next of ``notify.EVENTS``.

Final answers of a transaction that is over are nobody's and are dropped, and so is
whatever does not answer a NOTIFY that is under way, comes from another host than it
went to, or is no SIP: anybody may send to this socket.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from heapq import heappop, heappush
from typing import NamedTuple, TypeAlias

from bootwave.errors import SipSyntaxError
from bootwave.http.clientdigest import (
    DigestChallenge,
    authorization_for,
    challenge_from,
)
from bootwave.limits import MAX_PENDING_CHECK_SYNCS
from bootwave.native.sip import Message, parse
from bootwave.rollout.course import Result
from bootwave.rollout.notify import EVENTS, METHOD, Addressee, Attempt, Names, notify
from bootwave.rollout.resolving import Target
from bootwave.sip.effects import Endpoint
from bootwave.sip.event import plain
from bootwave.sip.transaction import T2_SECONDS, TIMER_E_SECONDS, TIMER_F_SECONDS

# The phone's own pair and its accounts'; each may be asked for twice, when a nonce was
# too old.
MAX_ANSWERS = 6
# A look into the store takes milliseconds; one that was lost must not leave it asked.
_ASKED_SECONDS = TIMER_F_SECONDS
# RFC 3261 section 21.4: of a proxy they say that the phone is not there.
_NOT_THERE = frozenset({404, 408, 410, 430, 480, 502, 503, 504})
_UNAVAILABLE = 503  # and another server may not be (RFC 3263 section 4.3)
_BAD_EVENT = 489  # RFC 6665 section 8.3.2
_FIELDS = {
    401: (
        b"Authorization",
        re.compile(rb"\r\nWWW-Authenticate[ \t]*:([^\r\n]*)", re.I),
    ),
    407: (
        b"Proxy-Authorization",
        re.compile(rb"\r\nProxy-Authenticate[ \t]*:([^\r\n]*)", re.I),
    ),
}


class Credentials(NamedTuple):
    """A user name and password to answer a challenge with.

    A phone that asks for itself is shown any, and so is nobody else: a proxy, or who is
    behind one, is shown only what is for its realm, one of ``realms`` in small letters.
    """

    user: str
    password: str
    realms: frozenset[str] = frozenset()

    def may_be_shown(self, realm: bytes) -> bool:
        """Whether it is for *realm*, as others than the phone itself say it.

        An empty realm leaves the choice, but not to what is for no realm at all.
        """
        if not realm:
            return bool(self.realms)
        return realm.decode("utf-8", "replace").lower() in self.realms

    def __repr__(self) -> str:
        """Return no secret."""
        return "Credentials()"


@dataclass(frozen=True, slots=True)
class SendNotify:
    """Send *data* to *destination* from the socket that answers come to."""

    data: bytes
    destination: Target


@dataclass(frozen=True, slots=True)
class Answered:
    """The NOTIFY to *mac* is over; *detail* is a clause for people.

    It *may_go_on* elsewhere when nobody said anything of the phone: there was no sign
    of life from the target, or it is out of service.
    """

    mac: int
    attempt: Attempt
    result: Result
    detail: str = ""
    may_go_on: bool = False


@dataclass(frozen=True, slots=True)
class NeedCredentials:
    """The phone *mac* of *domain* wants proof; ``Notifier.authorize`` goes on."""

    mac: int
    domain: str


Effect: TypeAlias = SendNotify | Answered | NeedCredentials


@dataclass(slots=True)
class _Pending:
    to: Addressee
    sent_by: Endpoint
    names: Names
    data: bytes
    resend_at: float
    deadline: float
    events: tuple[str, ...]
    cseq: int = 1
    sends: int = 1
    proceeding: bool = False
    heard: bool = False
    challenge: tuple[bytes, DigestChallenge] | None = None
    credentials: list[Credentials] | None = field(default=None, repr=False)
    answers: int = 0


class Notifier:
    """Tells phones; one NOTIFY at a time for each MAC, the newest.

    Instants are seconds on a clock that does not run backwards.
    """

    def __init__(self, *, chance: Callable[[int], bytes]) -> None:
        """Begin with none; *chance* returns so many random bytes."""
        self._chance = chance
        self._key = chance(32)
        self._count = 0
        self._by_branch: dict[bytes, _Pending] = {}
        self._by_mac: dict[int, _Pending] = {}
        self._timers: list[tuple[float, bytes]] = []

    @property
    def room(self) -> int:
        """How many more may be begun now."""
        return MAX_PENDING_CHECK_SYNCS - len(self._by_mac)

    def begin(self, to: Addressee, sent_by: Endpoint, now: float) -> list[Effect]:
        """Return what tells *to*; nothing when there is no room.

        What it is being told already is over without an answer.
        """
        older = self._by_mac.pop(to.mac, None)
        if older is not None:
            self._by_branch.pop(older.names.branch.encode(), None)
        if self.room <= 0:
            return []
        events = EVENTS[to.action]
        pending = _Pending(to, sent_by, self._names(), b"", 0.0, 0.0, events)
        self._by_mac[to.mac] = pending
        return self._send(pending, now)

    def receive_datagram(
        self, data: bytes, source: Endpoint, now: float
    ) -> list[Effect]:
        """Return what follows from *data*; raises nothing, whatever the bytes.

        It may have come in a stream as well, whose other end is *source*.
        """
        try:
            message = parse(data)
        except SipSyntaxError:
            return []
        pending = self._by_branch.get(message.top_via_branch)
        if (
            pending is None
            or message.is_request
            or message.cseq_method != METHOD
            or message.cseq_number != pending.cseq
            or message.call_id != pending.names.call_id.encode()
            or source.host != pending.to.target.host
            or len(message.vias) != 1
        ):
            return []
        if pending.challenge is not None:
            return []  # the same answer once more
        return self._answer(pending, message, data, now)

    def authorize(
        self, mac: int, credentials: Sequence[Credentials], now: float
    ) -> list[Effect]:
        """Return what follows when *mac* may be shown *credentials*, the best first."""
        pending = self._by_mac.get(mac)
        if pending is None or pending.challenge is None:
            return []
        pending.credentials = list(credentials)
        return self._prove(pending, now)

    def lost(self, target: Target, why: str) -> list[Effect]:
        """Return what follows when nothing can be sent to *target*, a clause says why.

        Whoever was told by it and has not answered is told nothing more there (RFC 3261
        section 18.4).
        """
        gone = [each for each in self._by_mac.values() if each.to.target == target]
        return [self._lost(pending, why) for pending in gone]

    def next_timer(self) -> float | None:
        """Return when ``handle_timer`` wants to be called, None while none waits."""
        return self._timers[0][0] if self._timers else None

    def handle_timer(self, now: float) -> list[Effect]:
        """Return what is sent again, and who did not answer in time."""
        effects: list[Effect] = []
        while self._timers and self._timers[0][0] <= now:
            _, branch = heappop(self._timers)
            pending = self._by_branch.get(branch)
            if pending is None:
                continue
            if now >= pending.deadline:
                effects.append(self._silent(pending))
                continue
            if pending.challenge is None:
                effects.append(SendNotify(pending.data, pending.to.target))
                last = len(TIMER_E_SECONDS) - 1
                pending.resend_at = now + (
                    T2_SECONDS
                    if pending.proceeding
                    else TIMER_E_SECONDS[min(pending.sends, last)]
                )
                pending.sends += 1
            self._arm(pending)
        return effects

    def _answer(
        self, pending: _Pending, message: Message, data: bytes, now: float
    ) -> list[Effect]:
        pending.heard = True
        status = message.status
        if status < 200:
            pending.proceeding = True
            return []
        if status < 300:
            return [self._over(pending, Result.ACCEPTED)]
        if status in _FIELDS:
            name, pattern = _FIELDS[status]
            found = map(challenge_from, pattern.findall(data.partition(b"\r\n\r\n")[0]))
            challenge = next((each for each in found if each is not None), None)
            if challenge is None:
                why = f"it asks for credentials ({status}) in no way that is known"
                return [self._over(pending, Result.CHALLENGED, why)]
            return self._challenged(pending, name, challenge, now)
        if status == _BAD_EVENT and len(pending.events) > 1:
            self._by_branch.pop(pending.names.branch.encode(), None)
            pending.events = pending.events[1:]
            pending.names, pending.cseq = self._names(), 1
            pending.credentials = None
            return self._send(pending, now)
        if pending.to.is_proxy and status == _UNAVAILABLE:
            return [self._lost(pending, f"its proxy says {status}")]
        if pending.to.is_proxy and status in _NOT_THERE:
            why = f"its proxy says {status}: it is not registered there"
            return [self._over(pending, Result.UNREACHABLE, why)]
        return [self._over(pending, Result.REFUSED, f"it says {status}")]

    def _challenged(
        self, pending: _Pending, name: bytes, challenge: DigestChallenge, now: float
    ) -> list[Effect]:
        first = pending.credentials is None
        if not first and not challenge.stale and pending.credentials:
            # What was shown is wrong (section 22.1).
            pending.credentials.pop(0)
        pending.challenge = (name, challenge)
        if not first:
            return self._prove(pending, now)
        pending.deadline = now + _ASKED_SECONDS
        return [NeedCredentials(pending.to.mac, pending.to.domain)]

    def _prove(self, pending: _Pending, now: float) -> list[Effect]:
        assert pending.challenge is not None
        name, challenge = pending.challenge
        if pending.to.is_proxy or name == _FIELDS[407][0]:
            found = pending.credentials or []
            may = [each for each in found if each.may_be_shown(challenge.realm)]
            pending.credentials = may
        if not pending.credentials or pending.answers >= MAX_ANSWERS:
            realm = plain(challenge.realm)
            shown = "refuses those it has" if pending.answers else "has none"
            why = f"it asks for credentials of the realm {realm!r} and {shown}"
            return [self._over(pending, Result.CHALLENGED, why)]
        pending.answers += 1
        user, password, _realms = pending.credentials[0]
        value = authorization_for(
            challenge,
            method=METHOD,
            uri=pending.to.request_uri.encode("ascii"),
            user=user,
            password=password,
            cnonce=self._fresh().hex().encode(),
        )
        # Section 22.2: another transaction of the same call, its CSeq one higher.
        self._by_branch.pop(pending.names.branch.encode(), None)
        pending.names = Names(self._branch(), pending.names.tag, pending.names.call_id)
        pending.cseq += 1
        pending.challenge = None
        return self._send(pending, now, (name, value))

    def _send(
        self,
        pending: _Pending,
        now: float,
        authorization: tuple[bytes, bytes] | None = None,
    ) -> list[Effect]:
        pending.data = notify(
            *(pending.to, pending.names, pending.cseq, pending.sent_by),
            event=pending.events[0],
            authorization=authorization,
        )
        pending.sends, pending.proceeding = 1, False
        pending.deadline = now + TIMER_F_SECONDS
        pending.resend_at = pending.deadline
        if pending.to.target.transport == "udp":
            pending.resend_at = now + TIMER_E_SECONDS[0]
        self._by_branch[pending.names.branch.encode()] = pending
        self._arm(pending)
        return [SendNotify(pending.data, pending.to.target)]

    def _silent(self, pending: _Pending) -> Answered:
        where = "its proxy" if pending.to.is_proxy else "it"
        why = f"{where} did not answer"
        if pending.heard:
            return self._over(pending, Result.UNREACHABLE, why)
        return self._lost(pending, why)

    def _lost(self, pending: _Pending, why: str) -> Answered:
        return self._over(pending, Result.UNREACHABLE, why, may_go_on=True)

    def _over(
        self,
        pending: _Pending,
        result: Result,
        detail: str = "",
        *,
        may_go_on: bool = False,
    ) -> Answered:
        self._by_branch.pop(pending.names.branch.encode(), None)
        self._by_mac.pop(pending.to.mac, None)
        to = pending.to
        return Answered(to.mac, to.attempt, result, detail, may_go_on)

    def _arm(self, pending: _Pending) -> None:
        due = min(pending.resend_at, pending.deadline)
        if pending.challenge is not None:
            due = pending.deadline
        heappush(self._timers, (due, pending.names.branch.encode()))

    def _names(self) -> Names:
        tag, call_id = self._fresh().hex(), self._fresh().hex()
        return Names(self._branch(), tag, f"{call_id}@bootwave")

    def _branch(self) -> str:
        # Section 8.1.1.7: the cookie says that the branch is unique.
        return f"z9hG4bK{self._fresh().hex()}"

    def _fresh(self) -> bytes:
        """Return twelve bytes that nobody can guess and that never come twice."""
        self._count += 1
        return blake2b(
            self._count.to_bytes(8, "big"), key=self._key, digest_size=12
        ).digest()
