"""Whoever carries roll-outs out: the control process, while there are any.

Several times a second it takes a step in the thread of operations, which stores who is
told, and then tells them (rollout.notifier).  What they answer goes into the next step.
"""

import asyncio
import os
import time
from functools import partial
from typing import NamedTuple

from bootwave import log
from bootwave.control.notifysocket import NotifySockets
from bootwave.control.server import ControlServer
from bootwave.errors import BootwaveError
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
from bootwave.sip.effects import Endpoint
from bootwave.store.administration import Administration
from bootwave.store.rolloutsteps import Errand

STEP_SECONDS = 0.2
IDLE_SECONDS = 1.0
# Between two looks at the sightings, of which each is a pass over their file; it takes
# at most a twentieth of the time.
LOOK_SECONDS = 1.0
LOOK_SHARE = 20
RESOLVE_SECONDS = 5.0
RESOLVED_SECONDS = 60.0  # for which the address of a proxy is remembered


class _Resolved(NamedTuple):
    address: str  # "" when the name has none
    until: float


class RolloutRunner:
    """Carries roll-outs out from ``start`` to ``stop``, in the running loop."""

    def __init__(self, server: ControlServer, administration: Administration) -> None:
        """Take steps of *administration* in the thread of *server*."""
        self._server = server
        self._administration = administration
        self._notifier = Notifier(chance=os.urandom)
        self._sockets = NotifySockets(self._receive)
        self._answers: list[Answered] = []
        self._resolved: dict[str, _Resolved] = {}
        self._asking: set[asyncio.Task[None]] = set()
        self._running: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._look_at = 0.0

    def start(self) -> None:
        """Go on with what is stored."""
        self._running = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Tell nobody more; what is under way is judged by whoever goes on."""
        tasks = [*self._asking, *filter(None, [self._running])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._sockets.close()

    async def _run(self) -> None:
        while True:
            try:
                is_idle = await self._step()
            except (BootwaveError, OSError) as error:
                log.note(log.CONTROL_ROLLOUTS_HELD_UP, error=str(error))
                is_idle = True
            except Exception as error:
                # The control process has more to do than this.
                log.note(
                    log.CONTROL_OPERATION_FAILED, op="rollout.step", exception=error
                )
                is_idle = True
            await asyncio.sleep(IDLE_SECONDS if is_idle else STEP_SECONDS)

    async def _step(self) -> bool:
        """Take one step and tell whom it says; whether there is nothing to do."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        look = began >= self._look_at
        local = time.localtime()
        answers = tuple(self._answers)
        step = partial(
            self._administration.rollout_step,
            answers,
            minute=60 * local.tm_hour + local.tm_min,
            room=self._notifier.room,
            look=look,
        )
        errands = await self._server.in_thread(step)
        # Kept until they are stored.
        del self._answers[: len(answers)]
        if errands is None:
            return True
        if look:
            took = loop.time() - began
            self._look_at = loop.time() + max(LOOK_SECONDS, LOOK_SHARE * took)
        for errand in errands:
            await self._tell(errand)
        return False

    async def _tell(self, errand: Errand) -> None:
        address = errand.host
        if errand.is_proxy:
            address = await self._resolve(errand.host, errand.port)
            if not address:
                why = f"the name {errand.host} of its proxy has no address"
                self._unreachable(errand, why)
                return
        loop = asyncio.get_running_loop()
        to = Addressee(
            errand.mac,
            errand.action,
            errand.number,
            errand.domain,
            Endpoint(address, errand.port),
            errand.is_proxy,
            errand.attempt,
        )
        try:
            sent_by = self._sockets.sent_by(address)
        except OSError as error:
            why = f"there is no way to {address}: {error.strerror}"
            self._unreachable(errand, why)
            return
        self._carry_out(self._notifier.begin(to, sent_by, loop.time()))

    def _unreachable(self, errand: Errand, why: str) -> None:
        answer = Answered(errand.mac, errand.attempt, Result.UNREACHABLE, why)
        self._answers.append(answer)

    async def _resolve(self, host: str, port: int) -> str:
        loop = asyncio.get_running_loop()
        known = self._resolved.get(host)
        if known is not None and loop.time() < known.until:
            return known.address
        address = ""
        try:
            async with asyncio.timeout(RESOLVE_SECONDS):
                found = await loop.getaddrinfo(host, port)
            address = str(found[0][4][0])
        except (OSError, TimeoutError):
            pass
        self._resolved[host] = _Resolved(address, loop.time() + RESOLVED_SECONDS)
        return address

    def _receive(self, data: bytes, source: Endpoint) -> None:
        now = asyncio.get_running_loop().time()
        self._carry_out(self._notifier.receive_datagram(data, source, now))

    def _carry_out(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, SendNotify):
                self._sockets.send(effect.data, effect.destination)
            elif isinstance(effect, NeedCredentials):
                task = asyncio.create_task(self._authorize(effect.mac))
                self._asking.add(task)
                task.add_done_callback(self._asking.discard)
            else:
                self._answers.append(effect)
        self._arm()

    async def _authorize(self, mac: int) -> None:
        found: list[Credentials] = []
        try:
            found = await self._server.in_thread(
                partial(self._administration.rollout_credentials, mac)
            )
        except BootwaveError as error:
            log.note(log.CONTROL_ROLLOUTS_HELD_UP, error=str(error))
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
