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
from perf.contenders import limits
from perf.contenders.engine import FIRST_MAC, MODEL, Engine, mac_of, row_of
from perf.documents import Expected
from perf.machine import CLIENT_CORE, awake, cpu_seconds, on_core
from perf.programs import Wrong, load, program
from perf.rounds import interleave
from perf.rows.outcome import measured_line
from perf.site import SETTLE_SECONDS, Site
from perf.verdict import Goal, Line, scaled

PHONES = 10_000
IN_FLIGHT = 1000
CPU_GOAL = 75
SECONDS_GOAL = 2
# Where these goals were set, the C programs took 52 to 60 µs for the parts of a boot,
# and the client 107 µs for a phone, which is what 10,000 at once took longest for.
CPU_THERE = 56
SECONDS_THERE = 1.07
FILES = 4
PATIENCE_SECONDS = 60  # on a slow machine none shall give up that is being served
SIMULATOR_GOAL = 0.5
CLIENT = "C client"


def wave(site: Site) -> list[Line]:
    """10,000 phones at once: under used windows, under fresh ones, by the simulator.

    Beside them the same client boots against the two C programs, whose documents are
    all one.  Of the engine every process counts, and the worker once more by itself.
    """
    engine = site.engine
    expected = _learn(site)
    limit = _Limit(site)
    seconds: dict[str, list[float]] = {}
    workers: list[float] = []
    measures: dict[str, Callable[[], float]] = {
        "used": partial(_cost, engine, expected, seconds, workers),
        "C": partial(limit.cost, seconds),
        "fresh": partial(_fresh, engine, expected),
    }
    cost, failed = interleave(measures, site.effort.rounds)
    simulator: dict[str, Callable[[], float]] = {
        "simulator": partial(_simulate, engine),
        CLIENT: partial(_phones_per_second, engine, expected),
    }
    rates, other_failed = interleave(simulator, site.effort.rounds)
    used, least = cost.get("used", []), cost.get("C", [])
    rounds = len(used)  # what warmed up, and what failed, stands in front
    lines = [
        Line(
            "wave",
            "µs/phone",
            {
                "bootwave": used,
                "C": least,
                "worker alone": workers[-rounds:] if rounds else [],
            },
            scaled(CPU_GOAL, "C", CPU_THERE),
            limit="C",
            note="all processes: supervisor, control and the worker with its threads",
        ),
        Line(
            "wave/fresh-windows",
            "µs/phone",
            {"bootwave": cost.get("fresh", []), "used windows": used},
            [],
            limit="used windows",
            note="each first GET waits for its group's commit",
        ),
        Line(
            "wave/seconds",
            "s",
            {
                "bootwave": seconds.get("bootwave", [])[-rounds:] if rounds else [],
                "C": seconds.get("C", [])[-rounds:] if rounds else [],
            },
            scaled(SECONDS_GOAL, "C", SECONDS_THERE),
            limit="C",
        ),
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
        measured_line(
            line,
            {line.ours: failed[owner]} if owner in failed else {},
        )
        for line, owner in zip(lines, owners, strict=True)
    ]


class _Limit:
    """The two C programs, and what the phones must get of them."""

    def __init__(self, site: Site) -> None:
        """Start them, with the document of the first phone for every path."""
        document = next(iter(site.documents.values()))
        self._http = site.up(lambda: limits.http(site.directory("C"), document))
        self._sip = site.up(lambda: limits.sip(site.directory("sip")))
        same = Expected("/any.xml", len(document), documents.checksum(document))
        self._expected = documents.write(
            site.place / "wave-same", [same] * (FILES * PHONES)
        )

    def cost(self, seconds: dict[str, list[float]]) -> float:
        """Return the µs of processor that both take for one phone."""
        before = self._http.cpu() + self._sip.cpu()
        with awake(program("load/spin")):
            took = _boot(self._sip.port, self._http.port, self._expected)
        seconds.setdefault("C", []).append(took)
        return (self._http.cpu() + self._sip.cpu() - before) / PHONES * 1e6


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


def _boot(pnp: int, http: int, expected: Path) -> float:
    """Return the seconds of one wave; raises Wrong when a phone did not boot."""
    told = load("wave_load", pnp, http, f"{FIRST_MAC:X}", expected, IN_FLIGHT)
    if told["failed"] or told["odd"]:
        raise Wrong(
            f"{told['failed']} of {told['phones']} phones did not boot, "
            f"{told['odd']} datagrams odd: {told['said']}"
        )
    return float(told["seconds"])


def _cost(
    engine: Engine,
    expected: Path,
    seconds: dict[str, list[float]],
    workers: list[float],
) -> float:
    before, alone = engine.cpu(), cpu_seconds([engine.worker])
    with awake(program("load/spin")):
        took = _boot(engine.pnp, engine.port, expected)
        time.sleep(SETTLE_SECONDS)
    seconds.setdefault("bootwave", []).append(took)
    workers.append((cpu_seconds([engine.worker]) - alone) / PHONES * 1e6)
    return (engine.cpu() - before) / PHONES * 1e6


def _fresh(engine: Engine, expected: Path) -> float:
    """As above, after every window was closed and opened again."""
    engines.store(engine.file, map(row_of, range(PHONES)), opened=True)
    time.sleep(1)
    return _cost(engine, expected, {}, [])


def _phones_per_second(engine: Engine, expected: Path) -> float:
    return PHONES / _boot(engine.pnp, engine.port, expected)


def _simulate(engine: Engine) -> float:
    """Return the phones per second of ``bootwave phone boot``.

    Its phones are others than those of the C client: it spreads them over the sources
    in an order of its own, and windows stay pinned to the first that used them.
    """
    command = [*on_core(CLIENT_CORE), sys.executable, "-m", "bootwave"]
    command += ["phone", "boot", "--json", "--server", f"127.0.0.1:{engine.pnp}"]
    command += ["--mac", mac_of(PHONES), "--count", str(PHONES)]
    command += ["--timeout", str(PATIENCE_SECONDS)]
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
