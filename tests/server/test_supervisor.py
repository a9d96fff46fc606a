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
# "busy" makes TERM end none of them.
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

        signal.signal(signal.SIGTERM, term)
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
sys.exit(Supervisor(children, say=say, ready=lambda: say("ready")).run())
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
