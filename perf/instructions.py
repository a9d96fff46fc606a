"""Instructions of the native functions, as callgrind counts them.

    python -m perf.instructions [--store]

A count is the same on a busy machine and an idle one, so a small growth is a change of
the code.  Each function runs N and 2N times in a process of its own under valgrind, and
the difference divided by N is one call, its way through Python included: what start
and import take cancels.  Of calls that need much Python around them, such as a client,
the function alone is counted (perf/natives.py); the kernel never is.  Compares with
perf/instructions.json and ends with 1 when one needs more than TOLERANCE above what is
stored there, or is not there; ``--store``
writes it anew.  The counts belong to one compiler and one Python, which are stored
beside them.  ``make bench-instructions`` runs it.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from perf import machine
from perf.contenders.process import installed
from perf.natives import calls
from perf.programs import Missing

STORED = machine.ROOT / "perf" / "instructions.json"
TOLERANCE = 0.03
TIMES = 500


def _all_counts(directory: Path) -> dict[str, float]:
    """Return the instructions of one call of each function; raises Missing.

    Several at a time: what else the machine does changes no count.
    """
    runs = [
        (name, inside, times)
        for name, (_, inside) in calls().items()
        for times in (TIMES, 2 * TIMES)
    ]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        taken = list(
            pool.map(lambda run: _instructions(run[0], run[1], run[2], directory), runs)
        )
    return {
        name: round((many - few) / TIMES, 1)
        for (name, _, _), few, many in zip(
            runs[::2], taken[::2], taken[1::2], strict=True
        )
    }


def _instructions(name: str, inside: str, times: int, directory: Path) -> int:
    command = [installed("valgrind", "valgrind"), "--tool=callgrind"]
    command += [f"--toggle-collect={inside}"] if inside else []
    command += [f"--callgrind-out-file={directory / f'{name}-{times}'}"]
    command += [sys.executable, "-m", "perf.instructions", "--run", name, str(times)]
    asked = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=True,
        cwd=machine.ROOT,
        # Hashes and addresses that differ between runs would be counted.
        env={**os.environ, "PYTHONHASHSEED": "0", "PYTHONMALLOC": "malloc"},
    )
    found = re.search(r"Collected : (\d+)", asked.stderr)
    if found is None:
        raise Missing(f"a valgrind that counts: {asked.stderr[-300:]}")
    return int(found[1])


def compare(counted: Mapping[str, float], stored: Mapping[str, float]) -> list[str]:
    """Return one sentence for each function that needs more than what is stored."""
    said = []
    for name, instructions in counted.items():
        before = stored.get(name)
        if before is None:
            said.append(f"{name} is not stored: {instructions:.0f} instructions")
        elif instructions > before * (1 + TOLERANCE):
            said.append(f"{name} grew from {before:.0f} to {instructions:.0f}")
    return said


def main() -> int:
    """Count, print, compare; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--store", action="store_true")
    parser.add_argument("--run", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.run:
        with calls()[given.run[0]].prepare() as call:
            for _ in range(int(given.run[1])):
                call()
        return 0
    stored = json.loads(STORED.read_text()) if STORED.exists() else {"functions": {}}
    counted: dict[str, float] = {}
    try:
        with tempfile.TemporaryDirectory() as directory:
            counts = _all_counts(Path(directory))
            for name, counted[name] in counts.items():
                before = stored["functions"].get(name)
                beside = "" if before is None else f"  stored {before:8.0f}"
                print(f"{name:20} {counted[name]:8.0f}{beside}", flush=True)
    except Missing as reason:
        print(f"Nothing was counted: {reason}", file=sys.stderr)
        return 1
    about = machine.description()
    made = {name: about[name] for name in ("compiler", "python")}
    if given.store:
        text = json.dumps({**made, "functions": counted}, indent=1)
        STORED.write_text(text + "\n")
        return 0
    if any(stored.get(name) != value for name, value in made.items()):
        print("Another compiler or Python than the stored counts: compare with care.")
    complaints = compare(counted, stored["functions"])
    for complaint in complaints:
        print(complaint)
    return int(bool(complaints))


if __name__ == "__main__":
    sys.exit(main())
