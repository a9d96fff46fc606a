"""Telling phones: from errands to what became of them, by whatever way answers.

An errand has ways: the phone's own address, a proxy, or first the one and then the
other.  A proxy has targets, as DNS says.  Each target is tried until one says something
(``Answered.may_go_on``); one that gave no sign of life is tried last for a while, so
that not every phone waits for it.  Errands that wait for DNS hold nobody up.  When a
roll-out halts, its phones are told by no further way.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from bootwave import log
from bootwave.control.notifysocket import NotifySockets, numeric_zone
from bootwave.control.resolver import Resolved, Resolver
from bootwave.control.sipstreams import SipStreams
from bootwave.limits import MAX_PENDING_CHECK_SYNCS
from bootwave.options import WavesOptions, address_from_text
from bootwave.rollout.course import Result
from bootwave.rollout.notifier import (
    Answered,
    Credentials,
    Effect,
    NeedCredentials,
    Notifier,
    SendNotify,
)
from bootwave.rollout.notify import Addressee
from bootwave.rollout.resolving import Proxy, Target
from bootwave.sip.effects import Endpoint
from bootwave.store.rollouts.addresses import Way
from bootwave.store.rollouts.errands import Errand

# A target that gave no sign of life is tried last for so long.
SHUNNED_SECONDS = 60.0
MAX_SHUNNED = 1_024
HALTED = "its roll-out halted before another way was tried"

FindCredentials: TypeAlias = Callable[[int, str], Awaitable[Sequence[Credentials]]]


@dataclass(slots=True, eq=False)
class _Journey:
    """An errand under way: where it goes next, and why it got nowhere so far."""

    errand: Errand
    ways: deque[Way]
    targets: deque[Target] = field(default_factory=deque)
    target: Target | None = None
    is_by_proxy: bool = False
    whys: list[str] = field(default_factory=list)


class Telling:
    """Carries errands out in the running loop, which they end in by ``answered``."""

    def __init__(
        self,
        options: WavesOptions,
        answered: Callable[[Answered], None],
        find_credentials: FindCredentials,
        *,
        chance: Callable[[int], bytes],
    ) -> None:
        """Call *answered* for every phone of an errand, and *find_credentials* for one.

        That with the domain whose phone it was when it was told.  *chance* returns so
        many random bytes.
        """
        self._answered = answered
        self._find_credentials = find_credentials
        self._notifier = Notifier(chance=chance)
        self._sockets = NotifySockets(self._receive)
        self._streams = SipStreams(self._receive, self._lose, cas=options.proxy_cas)
        self._resolver = Resolver(tuple(map(address_from_text, options.name_servers)))
        self._journeys: dict[int, _Journey] = {}
        self._resolving: dict[Proxy, list[_Journey]] = {}
        self._shunned: dict[Target, float] = {}
        self._going: Collection[int] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0

    @property
    def room(self) -> int:
        """How many errands more there is room for."""
        return MAX_PENDING_CHECK_SYNCS - len(self._journeys)

    def go_on_with(self, rollouts: Collection[int]) -> None:
        """Try no other way or target but for *rollouts*: the others have halted.

        Until it is called it is for all.
        """
        self._going = rollouts

    async def close(self) -> None:
        """Tell nobody more, and nobody what became of it."""
        self._journeys.clear()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        await self._streams.close()
        self._sockets.close()

    def tell(self, errand: Errand) -> None:
        """Begin *errand*; one for the same phone that is under way ends unanswered."""
        journey = _Journey(errand, deque(errand.ways))
        self._journeys[errand.mac] = journey
        self._go_on(journey)

    # Where a journey goes

    def _go_on(self, journey: _Journey) -> None:
        """Try the next target, or the next way; without any it is over."""
        errand = journey.errand
        while self._journeys.get(errand.mac) is journey:
            if self._going is not None and errand.attempt.rollout not in self._going:
                self._over(journey, Result.UNREACHABLE, HALTED)
            elif journey.targets:
                if self._begin(journey, journey.targets.popleft()):
                    return
            elif not journey.ways:
                self._over(journey, Result.UNREACHABLE, "")
            elif isinstance(way := journey.ways.popleft(), Proxy):
                journey.is_by_proxy = True
                known = self._resolver.known(way)
                if known is None:
                    self._resolve(way, journey)
                    return
                self._arrive(journey, known)
            else:
                try:
                    host = numeric_zone(way.host)
                except OSError as error:
                    why = f"there is no way to {way.host}: {error.strerror}"
                    journey.whys.append(why)
                    continue
                journey.targets.append(Target("udp", host, way.port))

    def _begin(self, journey: _Journey, target: Target) -> bool:
        """Whether the NOTIFY is on its way to *target*."""
        errand = journey.errand
        try:
            sent_by = self._sockets.sent_by(target.host)
        except OSError as error:
            why = f"there is no way to {target.host}: {error.strerror}"
            journey.whys.append(why)
            return False
        journey.target = target
        to = Addressee(
            *(errand.mac, errand.action, errand.number, errand.domain),
            *(target, journey.is_by_proxy, errand.attempt),
        )
        now = asyncio.get_running_loop().time()
        self._carry_out(self._notifier.begin(to, sent_by, now))
        return True

    def _resolve(self, proxy: Proxy, journey: _Journey) -> None:
        waiting = self._resolving.setdefault(proxy, [])
        waiting.append(journey)
        if len(waiting) == 1:
            self._start(self._resolved(proxy))

    async def _resolved(self, proxy: Proxy) -> None:
        try:
            found = await self._resolver.resolve(proxy)
        except Exception as error:
            # Whoever waits for it must not wait for ever.
            op = "rollout.resolve"
            log.note(log.CONTROL_OPERATION_FAILED, op=op, exception=error)
            found = Resolved((), f"the name {proxy.host} could not be resolved", 0.0)
        for journey in self._resolving.pop(proxy):
            self._arrive(journey, found)
            self._go_on(journey)

    def _arrive(self, journey: _Journey, found: Resolved) -> None:
        if found.why:
            journey.whys.append(found.why)
        now = time.monotonic()
        shunned = self._shunned
        targets = found.targets()
        targets.sort(key=lambda each: shunned.get(each, 0.0) > now)
        journey.targets.extend(targets)

    # What comes of it

    def _receive(self, data: bytes, source: Endpoint) -> None:
        now = asyncio.get_running_loop().time()
        self._carry_out(self._notifier.receive_datagram(data, source, now))

    def _lose(self, target: Target, why: str) -> None:
        self._carry_out(self._notifier.lost(target, why))

    def _carry_out(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, SendNotify):
                self._send(effect)
            elif isinstance(effect, NeedCredentials):
                self._start(self._authorize(effect.mac, effect.domain))
            else:
                self._settle(effect)
        self._arm()

    def _send(self, effect: SendNotify) -> None:
        to = effect.destination
        if to.transport == "udp":
            self._sockets.send(effect.data, Endpoint(to.host, to.port))
        else:
            self._streams.send(effect.data, to)

    def _settle(self, answered: Answered) -> None:
        journey = self._journeys.get(answered.mac)
        if journey is None or journey.errand.attempt != answered.attempt:
            return
        if answered.may_go_on:
            journey.whys.append(answered.detail)
            self._shun(journey)
            self._go_on(journey)
        else:
            if journey.target is not None:
                self._shunned.pop(journey.target, None)
            self._over(journey, answered.result, answered.detail)

    def _shun(self, journey: _Journey) -> None:
        if journey.target is None or not journey.is_by_proxy:
            return
        now = time.monotonic()
        if len(self._shunned) >= MAX_SHUNNED:
            self._shunned.pop(next(iter(self._shunned)))
        self._shunned[journey.target] = now + SHUNNED_SECONDS

    def _over(self, journey: _Journey, result: Result, detail: str) -> None:
        errand = journey.errand
        del self._journeys[errand.mac]
        if result is Result.UNREACHABLE:
            # Each way and target, and what two of them have in common once.
            detail = "; ".join(filter(None, dict.fromkeys([*journey.whys, detail])))
        if errand.riders and result is Result.ACCEPTED:
            phones = 1 + len(errand.riders)
            detail = f"one of the {phones} phones of {errand.number} answered for all"
        answer = Answered(errand.mac, errand.attempt, result, detail)
        self._answered(answer)
        for mac in errand.riders:
            self._answered(replace(answer, mac=mac))

    # Tasks and timers

    def _start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _authorize(self, mac: int, domain: str) -> None:
        found = await self._find_credentials(mac, domain)
        now = asyncio.get_running_loop().time()
        self._carry_out(self._notifier.authorize(mac, found, now))

    def _arm(self) -> None:
        due = self._notifier.next_timer()
        if due is None or (self._timer is not None and self._timer_at <= due):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = due
        self._timer = asyncio.get_running_loop().call_at(due, self._handle_timer)

    def _handle_timer(self) -> None:
        self._timer = None
        # The loop counts in milliseconds and may call up to half of one early.
        now = max(asyncio.get_running_loop().time(), self._timer_at)
        self._carry_out(self._notifier.handle_timer(now))
