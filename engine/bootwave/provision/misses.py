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
from bootwave.provision.batch import MOST
from bootwave.provision.steps import (
    Look,
    Outcome,
    Result,
    Steps,
    Write,
    advanced,
)

if TYPE_CHECKING:
    from bootwave.native.http import Miss

# Is told the outcome for a miss, or None when it failed here.
Tell = Callable[["Miss", Outcome | None], None]


class _Case(NamedTuple):
    miss: "Miss"
    steps: Steps
    tell: Tell


class Misses:
    """Drives the steps of many requests; for one loop and its thread."""

    def __init__(
        self,
        look: Callable[[Sequence[int]], Mapping[int, Look]],
        submit: Callable[[Write], "Future[bool]"],
    ) -> None:
        """Read with *look*, one result for each MAC, and write with *submit*."""
        self._look = look
        self._submit = submit
        self._looking: list[tuple[int, _Case]] = []
        self._written: deque[tuple[_Case, Future[bool]]] = deque()
        self._woken = False
        self._loop: asyncio.AbstractEventLoop | None = None

    def begin(self, miss: "Miss", steps: Steps, tell: Tell) -> None:
        """Begin with *steps*; *tell* is called with their outcome, perhaps at once."""
        self._loop = asyncio.get_running_loop()
        self._go_on(_Case(miss, steps, tell), None)

    def _go_on(self, case: _Case, result: Result | None) -> None:
        """Let *case* go on until it waits or is done."""
        try:
            step = advanced(case.steps, result)
            if isinstance(step, Write):
                self._submit(step).add_done_callback(
                    lambda future: self._done(case, future)
                )
                return
        except Exception:
            self._fail(case)
            return
        if not isinstance(step, int):
            case.tell(case.miss, step)
            return
        if not self._looking:
            assert self._loop is not None
            self._loop.call_soon(self._look_up)
        self._looking.append((step, case))

    def _look_up(self) -> None:
        batch, self._looking = self._looking[:MOST], self._looking[MOST:]
        if self._looking:
            assert self._loop is not None
            self._loop.call_soon(self._look_up)
        found: Mapping[int, Look] | StoreError
        try:
            found = self._look(list(dict.fromkeys([mac for mac, _case in batch])))
        except StoreError as error:
            found = error
        except Exception:
            for _mac, case in batch:
                self._fail(case)
            return
        for mac, case in batch:
            self._go_on(case, found if isinstance(found, StoreError) else found[mac])

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
                self._fail(case)

    def _fail(self, case: _Case) -> None:
        case.steps.close()
        case.tell(case.miss, None)
