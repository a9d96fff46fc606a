"""System calls of the worker for each document that is ready, on new connections.

    python -m perf.syscalls

Lets phones fetch until all is ready, then once more with strace on the worker, and
prints what it counted for each request: in the thread that serves, and in all, the one
that writes sightings down included.  strace slows the worker down, so that
connections wait for it and it takes many at a wake-up, as under load.
"""

import contextlib
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from perf import documents
from perf.contenders import engine as engines
from perf.contenders.engine import Engine, mac_of
from perf.contenders.process import installed
from perf.documents import Expected
from perf.machine import ROOT, prepared
from perf.programs import Wrong, load

PHONES = 1_000
IN_FLIGHT = 64
PLACE = ROOT / "build" / "perf" / "syscalls"
_ATTACH_SECONDS = 10.0


def counted(
    place: Path, phones: int = PHONES, *, threads: bool = False
) -> dict[str, float]:
    """Return how many of each system call one request takes; raises Missing or Wrong.

    Of the thread that serves, or with *threads* of all.  Calls that failed, such as an
    accept that found nobody waiting, count as well.
    """
    file = engines.make_fleet(place / "fleet", phones)
    engines.open_windows(file)
    engine = Engine(file)
    try:
        expected = documents.write(
            place / "expected", [Expected(f"/{mac_of(n)}.xml") for n in range(phones)]
        )
        _fetch(engine, expected)
        _fetch(engine, expected)  # who had no document ready has one now
        with _strace(engine.worker, place / "strace", threads=threads) as report:
            answered = _fetch(engine, expected)
            time.sleep(0.5)
    finally:
        engine.stop()
    return {name: calls / answered for name, calls in _calls(report).items()}


@contextlib.contextmanager
def _strace(pid: int, report: Path, *, threads: bool) -> Iterator[Path]:
    """Count the calls of *pid*, with *threads* of all of its, while the body runs."""
    command = [installed("strace", "strace"), "-c", "-p", str(pid)]
    command += ["-f"] if threads else []
    report.unlink(missing_ok=True)
    with subprocess.Popen(
        [*command, "-o", str(report)], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        until = time.monotonic() + _ATTACH_SECONDS
        for line in process.stderr:  # says when it is attached
            if "attached" in line:
                break
            if time.monotonic() > until:
                break
        if process.poll() is not None:
            raise Wrong(f"strace cannot watch the worker: {line}")
        try:
            yield report
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()


def _calls(report: Path) -> dict[str, int]:
    """Return the column of calls of what strace -c wrote, most first."""
    found: dict[str, int] = {}
    for line in report.read_text().splitlines():
        fields = line.split()
        if re.fullmatch(r"[\d.]+", fields[0] if fields else "") and (
            fields[-1] != "total"
        ):
            found[fields[-1]] = int(fields[3])
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _fetch(engine: Engine, expected: Path) -> int:
    told = load("http_load", engine.port, expected, IN_FLIGHT, "once", expected)
    if told["wrong"] or told["failed"]:
        raise Wrong(f"not every phone was answered: {told['said']}")
    return int(told["answered"])


def main() -> int:
    """Count and print; return the exit status."""
    PLACE.mkdir(parents=True, exist_ok=True)
    with prepared():
        serving, everywhere = (counted(PLACE, threads=all_) for all_ in (False, True))
    print(f"{'a request takes':16} {'serving':>10} {'all threads':>12}")
    for name in everywhere:
        print(f"{name:16} {serving.get(name, 0):10.3f} {everywhere[name]:12.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
