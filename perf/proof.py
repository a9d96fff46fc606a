"""The long proofs: what no test of seconds can show.  ``make proof``.

    python -m perf.proof [PROOF ...] [--short] [--requests N] [--rounds N] ...

The proofs are fuzz-whole, fuzz-bytewise, races, memory, natives, enumeration,
guesses, resync, redirection and api.  Each prints how far it is;
perf/results/proof-<date>.json gets the results with machine, versions and
commit.  Ends with 1 when one of them failed.  ``--short`` is what the tests run.
"""

import argparse
import json
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path

from perf import machine
from perf.proofs import (
    api,
    enumeration,
    fuzzing,
    guesses,
    memory,
    natives,
    races,
    redirection,
    resync,
)
from perf.proofs.outcome import FULL, SHORT, Outcome, Size

RESULTS = machine.ROOT / "perf" / "results"
PLACE = machine.ROOT / "build" / "proof"
PROOFS = (
    *("fuzz-whole", "fuzz-bytewise", "races", "memory", "natives"),
    *("enumeration", "guesses", "resync", "redirection", "api"),
)
PHONE_PORT = 25_060  # on which phones that are resynced listen
VERSIONS = ("bootwave", "cython", "h11", "hypothesis", "schemathesis", "uvloop")


def prove(names: Sequence[str], size: Size, place: Path) -> list[Outcome]:
    """Return the outcomes of the proofs *names*; one that broke down is one, too."""
    proofs: dict[str, Callable[[], list[Outcome]]] = {
        "fuzz-whole": partial(fuzzing.prove, size.whole, place, bytewise=False),
        "fuzz-bytewise": partial(fuzzing.prove, size.bytewise, place, bytewise=True),
        "races": partial(races.prove, size.rounds, place),
        "memory": partial(memory.prove, size.requests, place),
        "natives": partial(natives.prove, size.runs, place),
        "enumeration": partial(enumeration.prove, size.macs, place),
        "guesses": partial(guesses.prove, size.guesses, place),
        "resync": partial(resync.prove, size.phones, place, PHONE_PORT),
        "redirection": partial(redirection.prove, size.redirected, place),
        "api": partial(api.prove, size.examples, place),
    }
    outcomes: list[Outcome] = []
    for name in names:
        print(f"{name} …", flush=True)
        began = time.monotonic()
        try:
            outcomes += proofs[name]()
        except Exception as error:
            traceback.print_exc()
            wrong = [f"{type(error).__name__}: {error}"]
            outcomes.append(Outcome(name, wrong=wrong))
        print(f"{name}: {time.monotonic() - began:.0f} s", flush=True)
    return outcomes


def main(arguments: Sequence[str] | None = None) -> int:
    """Prove, print, write; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("proofs", nargs="*", metavar="PROOF", help=", ".join(PROOFS))
    parser.add_argument("--short", action="store_true")
    for name, number in FULL._asdict().items():
        parser.add_argument(f"--{name}", type=int, help=f"{number} unless given")
    parser.add_argument("--json", type=Path, help="instead of perf/results/proof-…")
    given = parser.parse_args(arguments)
    unknown = [name for name in given.proofs if name not in PROOFS]
    if unknown:
        parser.error(f"there is no proof {unknown[0]}: they are {', '.join(PROOFS)}")
    asked = {name: getattr(given, name) for name in Size._fields}
    size = (SHORT if given.short else FULL)._replace(
        **{name: number for name, number in asked.items() if number is not None}
    )
    began = datetime.now(UTC)
    PLACE.mkdir(parents=True, exist_ok=True)
    with machine.prepared():
        outcomes = prove(given.proofs or PROOFS, size, PLACE)
    results = {
        "date": began.isoformat(timespec="seconds"),
        "machine": machine.description(),
        "versions": {name: version(name) for name in VERSIONS},
        "size": size._asdict(),
        "proofs": [{**asdict(each), "passed": each.passed} for each in outcomes],
    }
    file = given.json or RESULTS / f"proof-{began:%Y-%m-%dT%H%M%S}.json"
    file.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    for each in outcomes:
        print(f"{'passed' if each.passed else 'FAILED'}  {each.name}  {each.figures}")
        for wrong in each.wrong:
            print(f"        {wrong}")
    return 0 if all(each.passed for each in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
