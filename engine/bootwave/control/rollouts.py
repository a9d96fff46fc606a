"""Whoever carries roll-outs out: the control process, while there are any.

Several times a second it takes a step in the thread of operations, which stores who is
told, and then tells them (control.telling).  What they answer goes into the next step.
"""

import asyncio
import os
import time
from functools import partial

from bootwave import log
from bootwave.control.server import ControlServer
from bootwave.control.telling import Telling
from bootwave.errors import BootwaveError
from bootwave.options import WavesOptions
from bootwave.rollout.notifier import Answered, Credentials
from bootwave.store.administration import Administration

STEP_SECONDS = 0.2
IDLE_SECONDS = 1.0
# Between two looks at the sightings, of which each is a pass over their file; it takes
# at most a twentieth of the time.
LOOK_SECONDS = 1.0
LOOK_SHARE = 20


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
            options, self._answers.append, self._credentials, chance=os.urandom
        )
        self._running: asyncio.Task[None] | None = None
        self._look_at = 0.0

    def start(self) -> None:
        """Go on with what is stored."""
        self._running = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Tell nobody more; what is under way is judged by whoever goes on."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        await self._telling.close()

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
            room=self._telling.room,
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
            self._telling.tell(errand)
        return False

    async def _credentials(self, mac: int) -> list[Credentials]:
        try:
            return await self._server.in_thread(
                partial(self._administration.rollout_credentials, mac)
            )
        except BootwaveError as error:
            log.note(log.CONTROL_ROLLOUTS_HELD_UP, error=str(error))
            return []
