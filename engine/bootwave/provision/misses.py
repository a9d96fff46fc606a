"""Takes what the lane missed on its way, many requests at once.

Their looks join those of everybody else (``provision.batch``), whether a request just
came or comes back from a write; the results of a whole commit come with one wake-up.
No task, and no future of the loop, is made for a request: in a boot wave every phone's
first request is a miss.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from bootwave.errors import StoreError
from bootwave.http.response import Response
from bootwave.provision.asked import asked_by
from bootwave.provision.batch import Batch
from bootwave.provision.steps import (
    Course,
    Look,
    Outcome,
    Ready,
    Result,
    Slowed,
    Step,
    Write,
)

if TYPE_CHECKING:
    from bootwave.native.http import Miss

# Is told the outcome for a miss, or None when it failed here.
Tell = Callable[["Miss", Response | Ready | None], None]


class _Case(NamedTuple):
    course: Course
    miss: "Miss"
    tell: Tell


class Misses:
    """Takes many requests on their way; for one loop and its thread."""

    def __init__(
        self,
        begun: Callable[[Course], Step | Outcome],
        gone_on: Callable[[Course, Result], Step | Outcome],
        batch: Batch[Look],
        submit: Callable[[Write], "Future[bool]"],
    ) -> None:
        """Take the steps that *begun* and *gone_on* tell.

        Look things up in *batch* and write with *submit*.
        """
        self._begun = begun
        self._gone_on = gone_on
        self._ask = batch.ask
        self._submit = submit
        self._written: deque[tuple[_Case, Future[bool]]] = deque()
        self._woken = False
        self._loop: asyncio.AbstractEventLoop | None = None

    def begin(self, misses: "Sequence[Miss]", tell: Tell) -> None:
        """Call *tell* with the outcome for each of *misses*, perhaps at once."""
        self._loop = asyncio.get_running_loop()
        for miss in misses:
            try:
                case = _Case(Course(asked_by(miss)), miss, tell)
                step = self._begun(case.course)
            except Exception:
                tell(miss, None)
                continue
            self._take(case, step)

    def _take(self, case: _Case, step: Step | Outcome) -> None:
        """Let *case* wait for its next *step*, or tell its outcome."""
        if isinstance(step, int):
            self._ask(step, partial(self._go_on, case))
        elif isinstance(step, Write):
            try:
                writing = self._submit(step)
            except Exception:
                case.tell(case.miss, None)
                return
            writing.add_done_callback(lambda future: self._done(case, future))
        elif isinstance(step, Slowed):
            assert self._loop is not None
            self._loop.call_later(step.seconds, self._late, case, step)
        else:
            case.tell(case.miss, step)

    def _late(self, case: _Case, step: Slowed) -> None:
        """Give what was held back."""
        step.over()
        case.tell(case.miss, step.response)

    def _go_on(self, case: _Case, result: Result | Exception) -> None:
        if isinstance(result, Exception) and not isinstance(result, StoreError):
            case.tell(case.miss, None)
            return
        try:
            step = self._gone_on(case.course, result)
        except Exception:
            case.tell(case.miss, None)
            return
        self._take(case, step)

    def _done(self, case: _Case, future: "Future[bool]") -> None:
        """Take the word of the commit; in the writer's thread."""
        self._written.append((case, future))
        # Once for all of a commit: the loop clears the mark before it looks.
        if not self._woken:
            self._woken = True
            assert self._loop is not None
            with contextlib.suppress(RuntimeError):  # closed: nobody waits any more
                self._loop.call_soon_threadsafe(self._take_written)

    def _take_written(self) -> None:
        self._woken = False
        while self._written:
            case, future = self._written.popleft()
            error = future.exception()
            if error is None:
                self._go_on(case, future.result())
            elif isinstance(error, Exception):
                self._go_on(case, error)
            else:
                case.tell(case.miss, None)
