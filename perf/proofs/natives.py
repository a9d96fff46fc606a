"""The native modules under ASan and UBSan with many examples, and without a leak.

Both are pytest runs of the tests that exist: tests/test_sanitizer.py builds the modules
with the sanitizers and runs the native tests and properties on them,
tests/property/test_leaks.py counts what a round of each module's work leaves behind.
"""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

from perf.machine import ROOT
from perf.proofs.outcome import Outcome, progress


def prove(runs: int, place: Path) -> list[Outcome]:
    """Run them, the first *runs* times; one outcome for each of the two."""
    return [
        _tests("sanitizers", "tests/test_sanitizer.py", runs),
        _tests("leaks", "tests/property/test_leaks.py", runs),
    ]


def _tests(name: str, tests: str, runs: int) -> Outcome:
    began = time.monotonic()
    progress(f"{name}: {tests} {runs} times")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", tests],
        cwd=ROOT,
        env={**os.environ, "CI": "true", "BOOTWAVE_TEST_RUNS": str(runs)},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.strip().splitlines()
    outcome = Outcome(name, {"runs": runs, "tests": lines[-1] if lines else ""})
    outcome.figures["seconds"] = round(time.monotonic() - began, 1)
    if done.returncode or not re.search(r"\d+ passed", done.stdout):
        outcome.wrong.append((done.stdout + done.stderr)[-2000:])
    return outcome
