"""Who is between the last look at a grant and the send: for whoever ends grants.

A worker looks at a grant right before it sends.  It may be stopped between the two, and
would send afterwards what was closed meanwhile.  So each worker counts up when it
begins to look and again when it has sent: an odd count says that it is in between.
Whoever revokes counts up the revocations first and then waits for every odd count to
move.  A worker whose count does not move stands still with a document in its hand, and
is killed: its supervisor starts another.

Both sides write before they read (sequentially consistent atomics), so either the
worker sees the revocation or the revoker sees the worker.
"""

import asyncio
import contextlib
import mmap
import os
import select
import signal
import time

from bootwave.native.counters import Counters

# Workers of one slot at a time: one, and those before it that finish their answers.
ROWS = 16
# What is in between takes microseconds; a worker on a starved core may take longer.
STANDSTILL_SECONDS = 2.0
_GONE_SECONDS = 1.0
_POLL_SECONDS = 0.0002

_LINE = 8  # counters in one cache line of 64 bytes
_PID, _COUNT = 0, 1
_MASK = 2**64 - 1


class Answering:
    """The row of one worker: *counters* from *index* on; for one loop's thread."""

    __slots__ = ("counters", "index", "inside")

    def __init__(self, counters: Counters, index: int) -> None:
        """Begin outside."""
        self.counters = counters
        self.index = index
        self.inside = False

    def enter(self) -> None:
        """Be in between until this turn of the running loop is over.

        To be called before a grant is looked at; what is then sent without giving the
        loop its turn was covered.
        """
        if not self.inside:
            self.inside = True
            self.counters.add(self.index, 1)
            asyncio.get_running_loop().call_soon(self.leave)

    def leave(self) -> None:
        """Have nothing in hand any more."""
        if self.inside:
            self.inside = False
            self.counters.add(self.index, 1)

    def give_back(self) -> None:
        """Let others have the row: this worker answers nobody any more."""
        self.leave()
        self.counters.add(self.index - _COUNT + _PID, -os.getpid() & _MASK)


class AnsweringPage:
    """The rows of all workers, shared by all processes; make it before fork."""

    def __init__(self, slots: int) -> None:
        """Map rows for *slots* worker slots."""
        self._slots = slots
        self._counters = Counters(mmap.mmap(-1, slots * ROWS * _LINE * 8))

    def take(self, slot: int) -> Answering:
        """Return a row for this process, a worker of *slot*.

        Workers of a slot start one after the other, so no two take the same row.
        Raises RuntimeError when all rows are of workers that live.
        """
        own = os.getpid()
        for row in self._rows(slot):
            pid = self._counters.load(row + _PID)
            if pid and pid != own and _lives(pid):
                continue
            if self._counters.load(row + _COUNT) & 1:  # it died in between
                self._counters.add(row + _COUNT, 1)
            self._counters.add(row + _PID, (own - pid) & _MASK)
            return Answering(self._counters, row + _COUNT)
        raise RuntimeError("too many workers of one slot are still finishing")

    def settle(self, standstill: float = STANDSTILL_SECONDS) -> list[int]:
        """Return when no worker has anything in hand that was granted before the call.

        Blocks for microseconds.  Workers that do not move for *standstill* seconds are
        killed; their pids are returned.
        """
        waiting = []
        for slot in range(self._slots):
            for row in self._rows(slot):
                count = self._counters.load(row + _COUNT)
                pid = self._counters.load(row + _PID)
                if count & 1 and pid:
                    waiting.append((row, count, pid))
        deadline = time.monotonic() + standstill
        while waiting and time.monotonic() < deadline:
            waiting = [one for one in waiting if self._stands(*one)]
            if waiting:
                time.sleep(_POLL_SECONDS)
        return [pid for *_, pid in waiting if _killed(pid)]

    def _stands(self, row: int, count: int, pid: int) -> bool:
        return (
            self._counters.load(row + _COUNT) == count
            and self._counters.load(row + _PID) == pid
            and _lives(pid)
        )

    def _rows(self, slot: int) -> range:
        first = slot * ROWS * _LINE
        return range(first, first + ROWS * _LINE, _LINE)


def _lives(pid: int) -> bool:
    """Whether the process *pid* can still do something."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b") ")[2][:1] not in (b"Z", b"X")
    except FileNotFoundError:
        return False
    except OSError:
        return True


def _killed(pid: int) -> bool:
    """Kill *pid* and wait until it is gone; False when it was, or is this process."""
    if pid == os.getpid():
        return False
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        select.select([descriptor], [], [], _GONE_SECONDS)
    finally:
        os.close(descriptor)
    return True
