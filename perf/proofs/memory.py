"""Memory and descriptors of an engine stay what they are, however much is asked.

``bootwave serve`` with two workers and a cache that holds a tenth of the fleet is asked
by the C client, in rounds of five kinds: phones whose document is ready, on connections
that stay and on new ones; the same with a field that the lane leaves to h11; all phones
one after the other, so that nearly each is a miss and drops another; and phones that
are refused.  After each round the private memory of every process is read.
"""

import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

from perf import documents
from perf.documents import Expected
from perf.machine import own_bytes
from perf.programs import Wrong, load
from perf.proofs.outcome import Outcome, progress
from tests.end_to_end.program import DOMAIN, Program

PHONES = 800
READY = 80
CACHE_BYTES = 128 * 1024
FIRST_MAC = 0x000413300000
STRANGER = 0x000413400000
IN_FLIGHT = 32
SECONDS = {"keep": 2.0, "new": 2.0, "declined": 0.5, "missed": 1.0, "refused": 0.5}
# Pages come and go; a leak of one byte in six requests is more, from the first half of
# the last third of ten million to the second.  The interpreter takes memory by the
# mebibyte, and may do so late.
MOST_GROWTH = 256 * 1024
MOST_ONCE = 2 * 1024 * 1024
SETTLE_SECONDS = 20.0


def prove(requests: int, place: Path) -> list[Outcome]:
    """Ask at least *requests* times; one outcome for memory, one for descriptors."""
    directory = place / "memory"
    shutil.rmtree(directory, ignore_errors=True)
    subprocess.run(
        [sys.executable, "-m", "bootwave", "init", str(directory)],
        check=True,
        capture_output=True,
    )
    program = Program(
        directory, CACHE__BYTES=str(CACHE_BYTES), PAIRING__WINDOW_MINUTES="1440"
    )
    program.command("domain", "add", DOMAIN)
    macs = [f"{FIRST_MAC + number:012X}" for number in range(PHONES)]
    program.import_accounts(
        {str(1000 + number): mac for number, mac in enumerate(macs)}, minutes=1440
    )
    program.start()
    try:
        return _asked(requests, program, macs)
    finally:
        program.clean_up()


def _asked(requests: int, program: Program, macs: list[str]) -> list[Outcome]:
    port = program.http[1]
    all_of_them = documents.write(
        program.directory / "all", [Expected(f"/{mac}.xml") for mac in macs]
    )
    load("http_load", port, all_of_them, IN_FLIGHT, "once", all_of_them)
    lines = documents.read(all_of_them)
    ready = documents.write(program.directory / "ready", lines[:READY])
    strangers = documents.write(
        program.directory / "strangers",
        [Expected(f"/{STRANGER + number:012X}.xml") for number in range(READY)],
    )
    few = requests < 1_000_000
    memory, files = Outcome("memory"), Outcome("descriptors")
    asked = dict.fromkeys(SECONDS, 0)
    pids = {"supervisor": program.pid, "control": program.control()}
    for number, pid in enumerate(program.workers()):
        pids[f"worker {number}"] = pid
    sizes: dict[str, list[int]] = {name: [] for name in pids}
    opened: dict[str, list[int]] = {name: [] for name in pids}
    done: list[int] = []
    shown = 0.0
    while sum(asked.values()) < requests or len(done) < 6:
        for kind, seconds in SECONDS.items():
            expected = {"missed": all_of_them, "refused": strangers}.get(kind, ready)
            how = "keep" if kind in ("keep", "refused") else "close"
            header = ["X-Other: 1"] if kind == "declined" else []
            short = seconds / 10 if few else seconds
            told = load("http_load", port, expected, IN_FLIGHT, short, how, *header)
            # A refusal is no document: the client calls it wrong, and that is right.
            right, wrong = (
                ("wrong", "answered")
                if kind == "refused"
                else (
                    "answered",
                    "wrong",
                )
            )
            asked[kind] += told[right]
            if told[wrong] or told["failed"] or not told[right]:
                raise Wrong(f"{kind}: {told}")
            if kind == "refused" and "HTTP/1.1 401 " not in told["said"]:
                raise Wrong(f"refused otherwise: {told['said']}")
        done.append(sum(asked.values()))
        for name, pid in pids.items():
            sizes[name].append(own_bytes(pid))
            opened[name].append(_settled(pid, opened[name][:1]))
        if time.monotonic() - shown > 10:
            shown = time.monotonic()
            held = ", ".join(f"{n} {s[-1] >> 10} KB" for n, s in sizes.items())
            progress(f"memory: {done[-1]} of {requests} requests; {held}")
    memory.figures = {
        "requests": done[-1],
        **{f"{k} asked": n for k, n in asked.items()},
    }
    third = len(done) // 3
    for name, found in sizes.items():
        # The first third fills what is bounded.
        middle = statistics.median(found[third : 2 * third])
        last = statistics.median(found[2 * third :])
        sixth = max(1, len(found) // 6)
        before = statistics.median(found[-2 * sixth : -sixth])
        grown = statistics.median(found[-sixth:]) - before
        slope = statistics.linear_regression(done[third:], found[third:]).slope
        memory.figures[name] = {
            "bytes at first": found[0],
            "bytes in the middle": int(middle),
            "bytes at last": int(last),
            "grown in the last third": int(grown),
            "bytes per request": round(slope, 4),
        }
        if last - middle > MOST_ONCE * (2 if few else 1):
            memory.wrong.append(f"{name} grew by {last - middle:.0f} bytes")
        elif grown > MOST_GROWTH and not few:
            memory.wrong.append(f"{name} still grew by {grown:.0f} bytes at the end")
        files.figures[name] = opened[name][-1]
        if opened[name][-1] != opened[name][0]:
            files.wrong.append(f"{name} has {opened[name][0]} -> {opened[name][-1]}")
    return [memory, files]


def _settled(pid: int, first: list[int]) -> int:
    """Return how many descriptors *pid* has, once they are as many as at *first*."""
    until = time.monotonic() + SETTLE_SECONDS
    while True:
        found = len(os.listdir(f"/proc/{pid}/fd"))
        if not first or found == first[0] or time.monotonic() > until:
            return found
        time.sleep(0.05)
