"""Answers what the lane missed, many at once.

All looks of a turn of the loop are one query, whether a request just came or comes back
from a write; the results of a whole commit come with one wake-up.  No task, and no
future of the loop, is made for a request: in a boot wave every phone's first request
is a miss.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, NamedTuple

from bootwave.errors import StoreError
from bootwave.http.response import Response
from bootwave.provision.asked import asked_by
from bootwave.provision.batch import MOST
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
        look: Callable[[Sequence[int]], Mapping[int, Look]],
        submit: Callable[[Write], "Future[bool]"],
    ) -> None:
        """Take the steps that *begun* and *gone_on* tell.

        Read with *look*, one result for each MAC, and write with *submit*.
        """
        self._begun = begun
        self._gone_on = gone_on
        self._look = look
        self._submit = submit
        self._looking: list[tuple[int, _Case]] = []
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
            if not self._looking:
                assert self._loop is not None
                self._loop.call_soon(self._look_up)
            self._looking.append((step, case))
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

    def _go_on(self, case: _Case, result: Result) -> None:
        try:
            step = self._gone_on(case.course, result)
        except Exception:
            case.tell(case.miss, None)
            return
        self._take(case, step)

    def _look_up(self) -> None:
        batch, self._looking = self._looking[:MOST], self._looking[MOST:]
        if self._looking:
            assert self._loop is not None
            self._loop.call_soon(self._look_up)
        try:
            found = self._look(list(dict.fromkeys([mac for mac, _case in batch])))
        except StoreError as error:
            for _mac, case in batch:
                self._go_on(case, error)
        except Exception:
            for _mac, case in batch:
                case.tell(case.miss, None)
        else:
            for mac, case in batch:
                self._go_on(case, found[mac])

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
            elif isinstance(error, StoreError):
                self._go_on(case, error)
            else:
                case.tell(case.miss, None)
