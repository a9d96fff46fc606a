"""The lane's recogniser against h11 and the strict layer, whole and byte by byte."""

import json
import os
import subprocess
import sys
from pathlib import Path

from perf.machine import ROOT
from perf.proofs.outcome import Outcome

# Of the executions; below it the fuzzer would prove little about what is accepted.
LEAST_ACCEPTED = 0.15


def prove(executions: int, place: Path, *, bytewise: bool) -> list[Outcome]:
    """Run tools/fuzz_lane.py on all processors, its progress shown."""
    outcome = Outcome("fuzz/bytewise" if bytewise else "fuzz/whole")
    told = place / f"{outcome.name.replace('/', '-')}.json"
    told.unlink(missing_ok=True)
    command = [sys.executable, str(ROOT / "tools" / "fuzz_lane.py")]
    command += ["--executions", str(executions), "--json", str(told)]
    command += ["--processes", str(os.cpu_count() or 1)]
    if bytewise:
        command.append("--bytewise")
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        outcome.wrong.append(done.stderr.strip()[-1000:] or "it ended without a word")
    if told.exists():
        figures = json.loads(told.read_text())
        outcome.figures = figures
        if figures["accepted"] < executions * LEAST_ACCEPTED:
            outcome.wrong.append("the lane accepted too few of them")
    return [outcome]
