import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

# Two children that write their pid into a file and then do nothing.  A file "broken"
# makes the next workers fail at their start, "hanging" has them start for ever, and
# "busy" makes TERM end none of them.  USR1 only leaves a file "leaving" with the pid; a
# file "finish" holds for how many seconds a worker may go on after it.
PROGRAM = """
import os, signal, sys, time
from bootwave.server.supervisor import Child, Supervisor

def main_of(name):
    def main(ready):
        def marked(mark):
            there = os.path.exists(os.path.join(sys.argv[1], mark))
            return there and name != "control"

        def term(*_):
            if not marked("busy"):
                sys.exit(0)

        def leave(*_):
            with open(os.path.join(sys.argv[1], "leaving"), "w") as file:
                file.write(str(os.getpid()))

        signal.signal(signal.SIGTERM, term)
        signal.signal(signal.SIGUSR1, leave)
        if marked("broken"):
            return 4
        if marked("hanging"):
            open(os.path.join(sys.argv[1], "hangs"), "w").close()
            while True:
                time.sleep(60)
        with open(os.path.join(sys.argv[1], name), "w") as file:
            file.write(str(os.getpid()))
        ready()
        if name in sys.argv[2:]:
            return 3
        while True:
            time.sleep(60)
    return main

names = ["control", "worker 0"]
children = [
    Child(name, main_of(name), side_by_side=name != "control") for name in names
]
say = lambda line: print(line, flush=True)

def finish():
    try:
        return float(open(os.path.join(sys.argv[1], "finish")).read())
    except FileNotFoundError:
        return 0.0

ready = lambda: say("ready")
sys.exit(Supervisor(children, say=say, ready=ready, finish_seconds=finish).run())
"""


class Running:
    """The program above in a process of its own."""

    def __init__(self, directory: Path, *crashing: str) -> None:
        self.directory = directory
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(directory), *crashing],
            stdout=subprocess.PIPE,
            text=True,
        )

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def pid(self, name: str) -> int:
        return int((self.directory / name).read_text() or 0)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    program = Running(tmp_path)
    assert program.line() == "ready"
    yield program
    program.process.kill()
    program.process.communicate()


def wait_until(condition: object, seconds: float = 10.0) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def test_a_killed_child_is_started_again(running: Running) -> None:
    before = running.pid("worker 0")
    os.kill(before, signal.SIGKILL)
    assert running.line() == "worker 0 was killed by SIGKILL; starting it again"
    wait_until(lambda: running.pid("worker 0") not in (0, before))
    assert is_alive(running.pid("worker 0"))


def test_a_killed_supervisor_leaves_no_orphan(running: Running) -> None:
    pids = [running.pid("control"), running.pid("worker 0")]
    running.process.kill()
    wait_until(lambda: not any(is_alive(pid) for pid in pids))


def test_term_stops_all_children_and_exits_with_zero(running: Running) -> None:
    pids = [running.pid("control"), running.pid("worker 0")]
    running.process.terminate()
    assert running.process.wait(timeout=20) == 0
    assert not any(is_alive(pid) for pid in pids)


def test_hup_replaces_every_child(running: Running) -> None:
    control, worker = running.pid("control"), running.pid("worker 0")
    running.process.send_signal(signal.SIGHUP)
    wait_until(lambda: running.pid("worker 0") not in (0, worker))
    wait_until(lambda: not is_alive(worker))
    assert running.pid("control") != control
    assert not is_alive(control)
    assert is_alive(running.pid("control"))


def test_hup_has_the_next_worker_serve_before_the_last_one_ends(
    running: Running,
) -> None:
    worker = running.pid("worker 0")
    busy = running.directory / "busy"
    busy.touch()
    running.process.send_signal(signal.SIGHUP)
    wait_until(lambda: running.pid("worker 0") not in (0, worker))
    assert is_alive(worker)
    # Nor is anything else kept waiting by it.
    control = running.pid("control")
    os.kill(control, signal.SIGKILL)
    assert running.line() == "control was killed by SIGKILL; starting it again"
    wait_until(lambda: running.pid("control") not in (0, control))
    assert is_alive(worker)
    busy.unlink()
    os.kill(worker, signal.SIGTERM)
    wait_until(lambda: not is_alive(worker))
    running.process.terminate()
    assert running.process.wait(timeout=20) == 0


def test_term_waits_for_no_worker_that_is_starting(running: Running) -> None:
    (running.directory / "hanging").touch()
    running.process.send_signal(signal.SIGHUP)
    wait_until((running.directory / "hangs").exists)
    running.process.terminate()
    assert running.process.wait(timeout=8) == 0


def test_a_worker_that_is_leaving_is_stopped_with_the_rest(running: Running) -> None:
    worker = running.pid("worker 0")
    busy = running.directory / "busy"
    busy.touch()
    running.process.send_signal(signal.SIGHUP)
    wait_until(lambda: running.pid("worker 0") not in (0, worker))
    busy.unlink()
    running.process.terminate()
    assert running.process.wait(timeout=20) == 0
    assert not is_alive(worker)


def rolled(running: Running, finish: float) -> int:
    """Let HUP replace the worker, which may go on; return its pid."""
    worker = running.pid("worker 0")
    (running.directory / "finish").write_text(str(finish))
    running.process.send_signal(signal.SIGHUP)
    wait_until(lambda: running.pid("worker 0") not in (0, worker))
    leaving = running.directory / "leaving"
    wait_until(lambda: leaving.exists() and leaving.read_text() == str(worker))
    return worker


def test_a_worker_that_is_replaced_may_finish_for_its_time(running: Running) -> None:
    worker = rolled(running, 0.5)
    assert is_alive(running.pid("worker 0"))
    wait_until(lambda: not is_alive(worker))  # by TERM, which it does obey


def test_a_worker_that_finishes_is_ended_by_the_next_hup(running: Running) -> None:
    first = rolled(running, 3600.0)
    second = rolled(running, 3600.0)
    wait_until(lambda: not is_alive(first))
    assert is_alive(second)
    running.process.terminate()
    assert running.process.wait(timeout=20) == 0
    assert not is_alive(second)


def test_the_next_hup_kills_no_worker_that_was_told_to_end(running: Running) -> None:
    first = running.pid("worker 0")
    busy = running.directory / "busy"
    busy.touch()
    for _ in range(2):
        before = running.pid("worker 0")
        running.process.send_signal(signal.SIGHUP)
        wait_until(lambda before=before: running.pid("worker 0") not in (0, before))
    # What the supervisor does next is done after it looked at who is leaving.
    control = running.pid("control")
    os.kill(control, signal.SIGKILL)
    assert running.line() == "control was killed by SIGKILL; starting it again"
    wait_until(lambda: running.pid("control") not in (0, control))
    assert is_alive(first)
    busy.unlink()
    running.process.terminate()
    assert running.process.wait(timeout=20) == 0


def test_a_worker_that_finishes_may_end_by_itself(running: Running) -> None:
    worker = rolled(running, 3600.0)
    os.kill(worker, signal.SIGTERM)  # as if it had nothing more to do
    wait_until(lambda: not is_alive(worker))
    os.kill(running.pid("control"), signal.SIGKILL)
    assert running.line() == "control was killed by SIGKILL; starting it again"


def test_a_worker_stays_when_the_next_one_cannot_start(running: Running) -> None:
    worker = running.pid("worker 0")
    (running.directory / "broken").touch()
    running.process.send_signal(signal.SIGHUP)
    assert running.line() == "worker 0 could not start"
    assert running.line() == "worker 0 stays as it is"
    (running.directory / "broken").unlink()
    assert is_alive(worker)
    running.process.send_signal(signal.SIGHUP)
    wait_until(lambda: running.pid("worker 0") not in (0, worker))
    wait_until(lambda: not is_alive(worker))


def test_a_crash_looping_child_waits_between_starts(tmp_path: Path) -> None:
    program = Running(tmp_path, "worker 0")
    assert program.line() == "ready"
    for _ in range(4):
        assert program.line() == "worker 0 ended with status 3; starting it again"
    assert is_alive(program.pid("control"))
    program.process.terminate()
    assert program.process.wait(timeout=20) == 0
    program.process.communicate()
