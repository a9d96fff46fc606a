"""Whoever carries roll-outs out: the control process, while there are any.

While phones are told it takes a step several times a second in the thread of
operations, which stores who is told, and then tells them (control.telling).  What they
answer goes into the next step.  Otherwise it rests for as long as the last step said,
or until there are answers or a command.
"""

import asyncio
import contextlib
import os
import time
from functools import partial

from bootwave import log
from bootwave.control.operations import OPERATIONS
from bootwave.control.server import ControlServer
from bootwave.control.telling import Telling
from bootwave.errors import BootwaveError
from bootwave.options import WavesOptions
from bootwave.rollout.notifier import Answered, Credentials
from bootwave.store.administration import Administration

# Between two steps at least, whatever comes.
STEP_SECONDS = 0.2
# After a step that failed, and while there are no roll-outs: commands wake it, and this
# is for what was stored past this process.
FAILED_SECONDS = 1.0
IDLE_SECONDS = 30.0
# Between two looks at the sightings, of which each is a pass over their file; it takes
# at most a twentieth of the time.
LOOK_SECONDS = 1.0
LOOK_SHARE = 20

_READING = frozenset({"rollout.list", "rollout.show"})
_COMMANDS = frozenset(
    {"bulk", *(op for op in OPERATIONS if op.startswith("rollout."))} - _READING
)


class RolloutRunner:
    """Carries roll-outs out from ``start`` to ``stop``, in the running loop."""

    def __init__(
        self,
        server: ControlServer,
        administration: Administration,
        options: WavesOptions,
    ) -> None:
        """Take steps of *administration* in the thread of *server*."""
        self._server = server
        self._administration = administration
        self._answers: list[Answered] = []
        self._telling = Telling(
            options, self._answered, self._credentials, chance=os.urandom
        )
        self._running: asyncio.Task[None] | None = None
        self._look_at = 0.0
        self._awake = asyncio.Event()

    def start(self) -> None:
        """Go on with what is stored."""
        self._running = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Tell nobody more; what is under way is judged by whoever goes on."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        await self._telling.close()

    def heard_of(self, operation: str) -> None:
        """Take the next step soon where *operation* may have changed what to do."""
        if operation in _COMMANDS:
            self._awake.set()

    def _answered(self, answer: Answered) -> None:
        self._answers.append(answer)
        self._awake.set()

    async def _run(self) -> None:
        while True:
            # What comes during the step may come too late for it.
            self._awake.clear()
            try:
                rest = await self._step()
            except (BootwaveError, OSError) as error:
                log.note(log.CONTROL_ROLLOUTS_HELD_UP, error=str(error))
                rest = FAILED_SECONDS
            except Exception as error:
                # The control process has more to do than this.
                log.note(
                    log.CONTROL_OPERATION_FAILED, op="rollout.step", exception=error
                )
                rest = FAILED_SECONDS
            await asyncio.sleep(STEP_SECONDS)
            if rest > STEP_SECONDS:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(rest - STEP_SECONDS):
                        await self._awake.wait()

    async def _step(self) -> float:
        """Take one step and tell whom it says; return the seconds until the next."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        look = began >= self._look_at
        local = time.localtime()
        answers = tuple(self._answers)
        step = partial(
            self._administration.rollout_step,
            answers,
            minute=60 * local.tm_hour + local.tm_min,
            room=self._telling.room,
            look=look,
        )
        done = await self._server.in_thread(step)
        # Kept until they are stored.
        del self._answers[: len(answers)]
        self._telling.go_on_with(done.going if done else ())
        if done is None:
            return IDLE_SECONDS
        if look:
            took = loop.time() - began
            self._look_at = loop.time() + max(LOOK_SECONDS, LOOK_SHARE * took)
        for errand in done.errands:
            self._telling.tell(errand)
        return done.rest_seconds

    async def _credentials(self, mac: int, domain: str) -> list[Credentials]:
        try:
            return await self._server.in_thread(
                partial(self._administration.rollout_credentials, mac, domain)
            )
        except BootwaveError as error:
            log.note(log.CONTROL_ROLLOUTS_HELD_UP, error=str(error))
            return []
