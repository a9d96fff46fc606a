"""What Ctrl-C does before a command runs."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootwave.cli.entry import heed_interrupts

INTERRUPT = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n"
PROGRAMS = [
    [sys.executable, "-m", "bootwave"],
    [sys.executable, "-c", "from bootwave.cli.entry import main; main()"],
]


@pytest.fixture
def handler() -> Iterator[None]:
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("program", PROGRAMS, ids=["module", "script"])
@pytest.mark.parametrize("module", ["typer", "pydantic"])
def test_it_ends_the_program_without_a_word_while_it_imports(
    program: list[str], module: str, tmp_path: Path
) -> None:
    (tmp_path / f"{module}.py").write_text(INTERRUPT)
    done = subprocess.run(
        [*program, "status"],
        capture_output=True,
        text=True,
        timeout=30,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        check=False,
    )
    assert (done.stdout, done.stderr) == ("", "")
    assert done.returncode in (-signal.SIGINT, 130)


def test_a_command_sees_it(handler: None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    heed_interrupts()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_it_stays_ignored_where_it_was(handler: None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    heed_interrupts()
    signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("program", PROGRAMS, ids=["module", "script"])
@pytest.mark.parametrize(("words", "core"), [("store rekey", 0), ("serve", 4096)])
def test_no_core_is_written_of_a_command_that_may_hold_secrets(
    program: list[str], words: str, core: int, tmp_path: Path
) -> None:
    # What of the engine is written its options say.
    (tmp_path / "typer.py").write_text(
        "import resource\n"
        "print(resource.getrlimit(resource.RLIMIT_CORE)[0])\n"
        "raise SystemExit\n"
    )
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    # Where no core may be written anyway, nobody can be let write one.
    soft = 4096 if hard == resource.RLIM_INFINITY else min(4096, hard)
    done = subprocess.run(
        [*program, *words.split()],
        capture_output=True,
        text=True,
        timeout=30,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH')}"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (soft, hard)),
        check=False,
    )
    assert done.stdout == f"{min(core, soft)}\n"
