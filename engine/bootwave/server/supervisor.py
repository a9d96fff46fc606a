"""The supervisor: opens what outlives a worker, forks, and replaces what dies.

It has no event loop and no threads, so that it can fork at any time and has next to
nothing to go wrong.  It opens one listener per address and worker slot and the PnP
sockets, makes the pages that processes share, and forks the control process and the
workers, which inherit all of it.  A worker that dies is replaced at once: the
listeners stay open here, so the connections queued on its slot wait for the next one
(closing a SO_REUSEPORT socket would reset them).

Signals: TERM and INT stop everything; HUP reads the options again and replaces the
workers one after the other: the next one serves before the last one is told to finish
its answers and go, and where it cannot, the last one stays.  Both have the same
listeners, so nobody waits.  What takes long, as images do, a worker may finish for a
while: USR1 tells it so, and TERM ends it when its time is over or the next HUP comes.
A child whose supervisor dies is killed by the kernel (PR_SET_PDEATHSIG): what was
acknowledged is on disk, so nothing needs a clean exit.
"""

import contextlib
import ctypes
import os
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass

PR_SET_PDEATHSIG = 1
STOP_SECONDS = 10.0  # docker and systemd give at least this before they kill
READY_SECONDS = 30.0
LOOK_SECONDS = 0.1  # how often whoever waits for a child looks for a signal
# A child that ends this soon after its start, this often in a row, is crash-looping:
# it waits before the next start instead of burning a core.
CRASH_LOOP_SECONDS = 1.0
CRASH_LOOP_ENDS = 3
CRASH_LOOP_PAUSE = 1.0
LEAVE = signal.SIGUSR1  # to a worker: serve nobody new, finish what was begun, and go
WATCHED = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(slots=True)
class Child:
    """One process to keep alive.

    ``main`` runs in the child with a callable that it calls when it serves; what it
    returns is its exit status.  ``side_by_side`` says that it and its successor may run
    at the same time for a moment.
    """

    name: str
    main: Callable[[Callable[[], None]], int]
    pid: int = 0
    started: float = 0.0
    restart_at: float = 0.0
    quick_ends: int = 0
    side_by_side: bool = True


@dataclass(slots=True)
class _Leaving:
    """What was told to go: at *until* it is sent *then*."""

    child: Child
    until: float
    then: signal.Signals


class Supervisor:
    """Keeps *children* alive until TERM or INT; ``run`` returns the exit status.

    *say* is told what happens, one line each.  *reload* is called on HUP, before the
    children are replaced one by one, and *reloaded* after it; when *reload* returns
    False nothing is replaced.  *finish_seconds* says for how long a child that was
    replaced by one at its side may finish what it does.
    """

    def __init__(
        self,
        children: list[Child],
        *,
        say: Callable[[str], None],
        ready: Callable[[], None],
        reload: Callable[[], bool] = lambda: True,
        reloaded: Callable[[], None] = lambda: None,
        finish_seconds: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """Keep the children; nothing is started before ``run``."""
        self._children = children
        self._say = say
        self._ready = ready
        self._reload = reload
        self._reloaded = reloaded
        self._finish_seconds = finish_seconds
        self._leaving: dict[int, _Leaving] = {}  # by pid

    def run(self) -> int:
        """Start the children and keep them alive; return 0 after a clean stop."""
        previous = signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
        try:
            for child in self._children:
                if not self._start(child, wait=True):
                    self._stop()
                    return 1
            self._ready()
            return self._watch()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, previous)

    def _watch(self) -> int:
        while True:
            times = [c.restart_at for c in self._children if c.pid == 0]
            times += [each.until for each in self._leaving.values()]
            wait = max(0.0, min(times) - time.monotonic()) if times else 3600.0
            got = signal.sigtimedwait(WATCHED, wait)
            number = got.si_signo if got else 0
            if number in (signal.SIGTERM, signal.SIGINT):
                return 0 if self._stop() else 1
            if number == signal.SIGHUP:
                self._roll()
            # Signals of one kind merge, so every exit is looked for each time.
            self._reap()
            self._hurry()
            for child in self._children:
                if child.pid == 0 and child.restart_at <= time.monotonic():
                    self._start(child, wait=False)

    def _start(self, child: Child, *, wait: bool) -> bool:
        reading, writing = os.pipe()
        supervisor = os.getpid()
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            _become_child(child, writing, supervisor)
        os.close(writing)
        child.pid = pid
        child.started = time.monotonic()
        try:
            return not wait or self._became_ready(child, reading)
        finally:
            os.close(reading)

    def _became_ready(self, child: Child, reading: int) -> bool:
        deadline = time.monotonic() + READY_SECONDS
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                self._say(f"{child.name} was not ready within {READY_SECONDS:.0f} s")
                return False
            if select.select([reading], [], [], min(left, LOOK_SECONDS))[0]:
                break
            if signal.sigpending() & {signal.SIGTERM, signal.SIGINT}:
                return False  # whoever wants the end does not wait for a beginning
        if os.read(reading, 1):
            return True
        self._say(f"{child.name} could not start")
        return False

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._leaving.pop(pid, None)
            for child in self._children:
                if child.pid == pid:
                    self._ended(child, status)

    def _ended(self, child: Child, status: int) -> None:
        now = time.monotonic()
        child.pid = 0
        quick = now - child.started < CRASH_LOOP_SECONDS
        child.quick_ends = child.quick_ends + 1 if quick else 0
        looping = child.quick_ends >= CRASH_LOOP_ENDS
        child.restart_at = now + (CRASH_LOOP_PAUSE if looping else 0.0)
        self._say(f"{child.name} {_how_it_ended(status)}; starting it again")

    def _hurry(self) -> None:
        """End what was told to go and takes too long."""
        now = time.monotonic()
        for pid, leaving in self._leaving.items():
            if leaving.until <= now:
                _signal(pid, leaving.then)
                leaving.until = now + STOP_SECONDS
                leaving.then = signal.SIGKILL

    def _roll(self) -> None:
        if not self._reload():
            return
        for child in self._children:
            if child.pid == 0:
                continue  # about to be started, with the new options
            if not (self._replace if child.side_by_side else self._restart)(child):
                return
        self._reloaded()

    def _replace(self, child: Child) -> bool:
        """Start the successor, then let *child* go: nobody waits in between.

        A successor that cannot start leaves *child* as it is; then False.
        """
        last = child.pid
        if self._start(child, wait=True):
            now = time.monotonic()
            for leaving in self._leaving.values():
                # One at a time finishes; who was told to end has time for that.
                if leaving.child is child and leaving.then == signal.SIGTERM:
                    leaving.until = now
            seconds = self._finish_seconds()
            _signal(last, LEAVE if seconds else signal.SIGTERM)
            then = signal.SIGTERM if seconds else signal.SIGKILL
            self._leaving[last] = _Leaving(child, now + (seconds or STOP_SECONDS), then)
            return True
        _signal(child.pid, signal.SIGKILL)
        os.waitpid(child.pid, 0)
        child.pid = last
        self._say(f"{child.name} stays as it is")
        return False

    def _restart(self, child: Child) -> bool:
        """Let *child* go, then start the successor; False when that failed."""
        _signal(child.pid, signal.SIGTERM)
        _wait_for(child.pid, STOP_SECONDS)
        return self._start(child, wait=True)

    def _stop(self) -> bool:
        """Stop all children, the workers before the control process."""
        clean = True
        for child in reversed(self._children):
            if child.pid:
                _signal(child.pid, signal.SIGTERM)
        for pid in self._leaving:
            _signal(pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        for child in reversed(self._children):
            if child.pid:
                clean &= _wait_for(child.pid, deadline - time.monotonic())
                child.pid = 0
        for pid in self._leaving:
            clean &= _wait_for(pid, deadline - time.monotonic())
        self._leaving.clear()
        return clean


def _become_child(child: Child, ready: int, supervisor: int) -> None:
    """Run *child* in the process just forked; never returns."""
    status = 1
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != supervisor:  # it died before the request was made
            os._exit(1)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED)
        # The terminal sends INT to the whole group; the supervisor decides.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

        def tell_ready() -> None:
            with contextlib.suppress(BrokenPipeError):  # a restart waits for nobody
                os.write(ready, b"1")
            os.close(ready)

        status = child.main(tell_ready)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _wait_for(pid: int, seconds: float) -> bool:
    """Wait for *pid* to end; kill it when *seconds* have passed and return False."""
    deadline = time.monotonic() + max(seconds, 0.0)
    while True:
        ended, _ = os.waitpid(pid, os.WNOHANG)
        if ended:
            return True
        left = deadline - time.monotonic()
        if left <= 0:
            _signal(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return False
        signal.sigtimedwait([signal.SIGCHLD], min(left, 0.5))


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _how_it_ended(status: int) -> str:
    if os.WIFSIGNALED(status):
        return f"was killed by {signal.Signals(os.WTERMSIG(status)).name}"
    return f"ended with status {os.WEXITSTATUS(status)}"


def notify_service_manager(state: str) -> None:
    """Tell systemd *state* (sd_notify, for example ``READY=1``); else do nothing."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path:
        return
    address = "\0" + path[1:] if path.startswith("@") else path
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        with contextlib.suppress(OSError):  # nothing here depends on the manager
            end.sendto(state.encode(), address)
