"""Who is between the last look at a grant and the send: for whoever ends grants.

A worker looks at a grant right before it sends.  It may be stopped between the two, and
would send afterwards what was closed meanwhile.  So each worker counts up when it
begins to look and again when it has sent: an odd count says that it is in between.
Whoever revokes counts up the revocations first and then waits for every odd count to
move.  A worker whose count does not move stands still with a document in its hand, and
is killed: its supervisor starts another.

Both sides write before they read (sequentially consistent atomics), so either the
worker sees the revocation or the revoker sees the worker.

Whose a row is says a lock on its byte of a file without a name: the kernel takes it
from a worker that dies (POSIX record locks, fcntl(2)), two that start at once cannot
have the same, and nobody is killed who happens to have the number of a worker long
gone.
"""

import asyncio
import contextlib
import fcntl
import mmap
import os
import signal
import struct
import time

from bootwave.native.counters import Counters

# Workers of one slot at a time: one, and those before it that finish their answers.
ROWS = 16
# What is in between takes microseconds; a worker on a starved core may take longer.
STANDSTILL_SECONDS = 2.0
_GONE_SECONDS = 1.0
_POLL_SECONDS = 0.0002
# What a pause counts at most: whoever revokes may have been stopped together with the
# workers (a paused machine, a frozen container), and they need time to go on.
_MOST_SECONDS = 0.1

_LINE = 8  # counters in one cache line of 64 bytes
# struct flock: type, whence, start, length, pid; with what the compiler puts behind it.
_LOCK = struct.Struct("@hhqqi0q")


class Answering:
    """The row of one worker: *counters* from *index* on; for one loop's thread."""

    __slots__ = ("_page", "counters", "index", "inside")

    def __init__(self, page: "AnsweringPage", counters: Counters, index: int) -> None:
        """Begin outside."""
        self._page = page
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
        self._page.give_back(self.index)


class AnsweringPage:
    """The rows of all workers, shared by all processes; make it before fork."""

    def __init__(self, slots: int) -> None:
        """Map rows for *slots* worker slots."""
        self._slots = slots
        self._counters = Counters(mmap.mmap(-1, slots * ROWS * _LINE * 8))
        self._locks = os.memfd_create("bootwave-answering")
        self._own: set[int] = set()  # for the kernel a process is never in its own way

    def close(self) -> None:
        """Close the file, which gives this process's rows back; twice is harmless."""
        locks, self._locks = self._locks, -1
        if locks >= 0:
            os.close(locks)

    def take(self, slot: int) -> Answering:
        """Return a row for this process, a worker of *slot*.

        Raises RuntimeError when all rows are of workers that live.
        """
        for row in self._rows(slot):
            if row in self._own:
                continue
            try:
                fcntl.lockf(self._locks, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, row)
            except OSError:
                continue
            if self._counters.load(row) & 1:  # it died in between
                self._counters.add(row, 1)
            self._own.add(row)
            return Answering(self, self._counters, row)
        raise RuntimeError("too many workers of one slot are still finishing")

    def give_back(self, row: int) -> None:
        """Let others have *row*, which this process took."""
        self._own.discard(row)
        if self._locks >= 0:
            fcntl.lockf(self._locks, fcntl.LOCK_UN, 1, row)

    def holders(self) -> set[int]:
        """Return the pids of the workers that live, this process's too if it is one."""
        found = {os.getpid()} if self._own else set()
        for slot in range(self._slots):
            found |= {self._holder(row) for row in self._rows(slot)}
        return found - {0}

    def settle(self, standstill: float = STANDSTILL_SECONDS) -> list[int]:
        """Return when no worker has anything in hand that was granted before the call.

        Blocks for microseconds.  Workers that do not move for *standstill* seconds are
        killed; their pids are returned.
        """
        waiting = []
        for slot in range(self._slots):
            for row in self._rows(slot):
                count = self._counters.load(row)
                if count & 1:
                    waiting.append((row, count))
        stood, last = 0.0, time.monotonic()
        while waiting := [one for one in waiting if self._stands(*one)]:
            if stood >= standstill:
                return [pid for one in waiting if (pid := self._killed(*one))]
            time.sleep(_POLL_SECONDS)
            now = time.monotonic()
            stood += min(now - last, _MOST_SECONDS)
            last = now
        return []

    def _stands(self, row: int, count: int) -> bool:
        return self._counters.load(row) == count and (
            row in self._own or self._holder(row) != 0
        )

    def _holder(self, row: int) -> int:
        """Return the pid of the other process that has *row*; 0 when none has it."""
        asked = _LOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, row, 1, 0)
        kind, _, _, _, pid = _LOCK.unpack(
            fcntl.fcntl(self._locks, fcntl.F_GETLK, asked)
        )
        return 0 if kind == fcntl.F_UNLCK else int(pid)

    def _killed(self, row: int, count: int) -> int:
        """Kill who has *row* and wait until it is gone; return its pid.

        0 when it moved or was gone before, and when it is this process, whose loop
        cannot go on while it has its turn.
        """
        if row in self._own or not self._stands(row, count):
            return 0
        pid = self._holder(row)
        if not pid:
            return 0
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        gone = time.monotonic() + _GONE_SECONDS
        while self._holder(row) == pid and time.monotonic() < gone:
            time.sleep(_POLL_SECONDS)
        return pid

    def _rows(self, slot: int) -> range:
        first = slot * ROWS * _LINE
        return range(first, first + ROWS * _LINE, _LINE)
