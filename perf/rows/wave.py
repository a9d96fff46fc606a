"""A boot wave: phones that ask by SIP, confirm, and fetch four files each."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from perf import documents
from perf.contenders import engine as engines
from perf.contenders.engine import FIRST_MAC, MODEL, Engine, mac_of, row_of
from perf.documents import Expected
from perf.machine import CLIENT_CORE, on_core
from perf.programs import Wrong, load
from perf.rounds import interleave
from perf.rows.outcome import measured_line
from perf.site import SETTLE_SECONDS, Site
from perf.verdict import Goal, Line

PHONES = 10_000
IN_FLIGHT = 1000
CPU_GOAL = 75
SECONDS_GOAL = 2
SIMULATOR_GOAL = 0.5
CLIENT = "C client"


def wave(site: Site) -> list[Line]:
    """10,000 phones at once: under used windows, under fresh ones, by the simulator."""
    engine = site.engine
    expected = _learn(site)
    seconds: dict[str, list[float]] = {"used": [], "fresh": []}
    measures: dict[str, Callable[[], float]] = {
        "used": partial(_cost, engine, expected, seconds["used"]),
        "fresh": partial(_fresh, engine, expected, seconds["fresh"]),
    }
    cost, failed = interleave(measures, site.effort.rounds)
    simulator: dict[str, Callable[[], float]] = {
        "simulator": partial(_simulate, engine),
        CLIENT: partial(_phones_per_second, engine, expected),
    }
    rates, other_failed = interleave(simulator, site.effort.rounds)
    took = {name: each[1:] for name, each in seconds.items()}  # the first warmed up
    lines = [
        Line("wave", "µs/phone", {"bootwave": cost.get("used", [])}, [Goal(CPU_GOAL)]),
        Line(
            "wave/fresh-windows",
            "µs/phone",
            {"bootwave": cost.get("fresh", []), "used windows": cost.get("used", [])},
            [],
            limit="used windows",
            note="each first GET waits for its group's commit",
        ),
        Line("wave/seconds", "s", {"bootwave": took["used"]}, [Goal(SECONDS_GOAL)]),
        Line(
            "wave/simulator",
            "phones/s",
            rates,
            [Goal(SIMULATOR_GOAL, CLIENT, at_least=True)],
            limit=CLIENT,
            ours="simulator",
        ),
    ]
    owners = ("used", "fresh", "used", "simulator")
    failed |= other_failed
    return [
        measured_line(line, {line.ours: failed[owner]} if owner in failed else {})
        for line, owner in zip(lines, owners, strict=True)
    ]


def _learn(site: Site) -> Path:
    """Use up the windows and return what each phone's four files are."""
    own = documents.write(
        site.place / "wave-own",
        [Expected(f"/{mac_of(phone)}.xml") for phone in range(PHONES)],
    )
    told = load("http_load", site.engine.port, own, 256, "once", own)
    if told["wrong"] or told["failed"]:
        raise Wrong(f"the documents could not be learned: {told['said']}")
    general = {
        path: Expected(path, len(content), documents.checksum(content))
        for path in (f"/{MODEL}.htm", f"/{MODEL}/{MODEL}-firmware.htm")
        for content in (engines.fetch(site.engine, path, 0),)
    }
    lines: list[Expected] = []
    for phone, document in enumerate(documents.read(own)):
        files = Expected(f"/{MODEL}-{mac_of(phone)}.htm")
        first, last = general.values()
        lines += [first, files, document, last]
    return documents.write(site.place / "wave-expected", lines)


def _run(engine: Engine, expected: Path) -> float:
    """Return the seconds of one wave; raises Wrong when a phone did not boot."""
    told = load(
        "wave_load", engine.pnp, engine.port, f"{FIRST_MAC:X}", expected, IN_FLIGHT
    )
    if told["failed"] or told["odd"]:
        raise Wrong(
            f"{told['failed']} of {told['phones']} phones did not boot, "
            f"{told['odd']} datagrams odd: {told['said']}"
        )
    return float(told["seconds"])


def _cost(engine: Engine, expected: Path, seconds: list[float]) -> float:
    before = engine.cpu()
    seconds.append(_run(engine, expected))
    time.sleep(SETTLE_SECONDS)
    return (engine.cpu() - before) / PHONES * 1e6


def _fresh(engine: Engine, expected: Path, seconds: list[float]) -> float:
    """As above, after every window was closed and opened again."""
    engines.store(engine.file, map(row_of, range(PHONES)), opened=True)
    time.sleep(1)
    return _cost(engine, expected, seconds)


def _phones_per_second(engine: Engine, expected: Path) -> float:
    return PHONES / _run(engine, expected)


def _simulate(engine: Engine) -> float:
    """Return the phones per second of ``bootwave phone boot``.

    Its phones are others than those of the C client: it spreads them over the sources
    in an order of its own, and windows stay pinned to the first that used them.
    """
    command = [*on_core(CLIENT_CORE), sys.executable, "-m", "bootwave"]
    command += ["phone", "boot", "--json", "--server", f"127.0.0.1:{engine.pnp}"]
    command += ["--mac", mac_of(PHONES), "--count", str(PHONES)]
    for source in range(1, 9):
        command += ["--source", f"127.0.0.{source}"]
    asked = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        told = json.loads(asked.stdout)
    except ValueError:
        raise Wrong(f"the simulator failed: {asked.stderr[:300]}") from None
    if asked.returncode:
        raise Wrong(f"not every simulated phone booted: {asked.stdout[:300]}")
    return PHONES / float(told["seconds"])
