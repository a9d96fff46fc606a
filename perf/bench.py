"""Every row of the goals table, beside its peers, in one run: ``make bench``.

    python -m perf.bench [ROW ...] [--seconds S] [--rounds N] [--fleets N,N,N]

Prints a table, writes perf/results/<date>.json, and ends with 1 when a goal was missed
or could not be judged.  perf/README.md says how it measures.
"""

import argparse
import importlib
import json
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from perf import machine
from perf.programs import Wrong
from perf.progress import tell
from perf.site import Effort, Site
from perf.verdict import Goal, Line, exit_status, table
from perf.versions import of_peers

RESULTS = machine.ROOT / "perf" / "results"
PLACE = machine.ROOT / "build" / "perf" / "site"

ROWS = {
    "http-new-64": "http:new_64",
    "http-new-1000": "http:new_1000",
    "http-keepalive": "http:keepalive",
    "http-declined": "http:declined",
    "tls-full": "tls:full",
    "tls-resumed": "tls:resumed",
    "sip-exchange": "sip:exchange",
    "sip-parse": "native:parse",
    "sip-rate": "sip:rate",
    "sip-latency": "tls:latency",
    "burst": "sip:burst",
    "assemble": "native:assemble",
    "memory": "fleet:memory",
    "cold": "fleet:cold",
    "growth": "fleet:growth",
    "wave": "wave:wave",
    "firmware": "firmware:firmware",
    "control": "control:control",
}


def measure(names: Sequence[str], site: Site) -> list[Line]:
    """Return the lines of the rows *names*; one that broke down is a line, too."""
    lines: list[Line] = []
    for name in names:
        module, _, function = ROWS[name].partition(":")
        row: Callable[[Site], list[Line]] = getattr(
            importlib.import_module(f"perf.rows.{module}"), function
        )
        began = time.monotonic()
        tell(name)
        try:
            lines += row(site)
        except Wrong as reason:
            lines.append(_broken(name, str(reason)))
        except KeyboardInterrupt:
            # What was measured until here is not thrown away.
            return [*lines, _broken(name, "interrupted")]
        except Exception as error:
            traceback.print_exc()
            lines.append(_broken(name, f"{type(error).__name__}: {error}"))
        finally:
            site.end_row()
        tell(name)
        print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    return lines


def _broken(name: str, why: str) -> Line:
    return Line(name, "", {}, [Goal(0)], wrong=[why])


def record(lines: Sequence[Line], about: dict[str, object]) -> dict[str, object]:
    """Return what the results file holds."""
    return {
        **about,
        "lines": [
            {
                **asdict(line),
                "median": {name: line.figure(name) for name in line.rounds},
                "ratio": {name: line.ratio(name) for name in line.rounds},
                "verdict": line.verdict,
            }
            for line in lines
        ],
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(ROWS))
    parser.add_argument("--seconds", type=float, default=Effort().seconds)
    parser.add_argument("--rounds", type=int, default=Effort().rounds)
    parser.add_argument("--fleets", default=",".join(map(str, Effort().fleets)))
    parser.add_argument("--json", type=Path, help="instead of perf/results/<date>.json")
    given = parser.parse_args(arguments)
    unknown = [name for name in given.rows if name not in ROWS]
    if unknown:
        parser.error(f"there is no row {unknown[0]}: they are {', '.join(ROWS)}")
    fleets = tuple(map(int, given.fleets.split(",")))
    effort = Effort(given.seconds, given.rounds, fleets)
    began = datetime.now(UTC)
    here, peers = machine.description(), of_peers()
    with machine.prepared() as refused, Site(PLACE, effort) as site:
        lines = measure(given.rows or list(ROWS), site)
    about: dict[str, object] = {
        "date": began.isoformat(timespec="seconds"),
        "machine": here,
        "versions": {"bootwave": version("bootwave"), **peers},
        "effort": effort._asdict(),
        "not set": refused,
    }
    print(", ".join(f"{name} {text}" for name, text in here.items()))
    print(", ".join(f"{name} {text}" for name, text in peers.items()))
    if refused:
        print(f"The kernel refused: {', '.join(refused)}")
    print()
    print(table(lines))
    RESULTS.mkdir(exist_ok=True)
    file = given.json or RESULTS / f"{began:%Y-%m-%dT%H%M%S}.json"
    file.write_text(json.dumps(record(lines, about), indent=1, ensure_ascii=False))
    return exit_status(lines)


if __name__ == "__main__":
    sys.exit(main())
