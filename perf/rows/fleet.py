"""What the size of the fleet costs: memory per phone, the cold path, growth.

A fleet of N bound devices is stored, and phones evenly spread over it ask.  The engine
runs on an idle core here: a request counts with all that it takes, and figures of two
passes are subtracted only from one another.
"""

import time
from dataclasses import dataclass
from pathlib import Path

from perf import documents
from perf.contenders import engine as engines
from perf.contenders.engine import Engine, mac_of, row_of
from perf.documents import Expected
from perf.machine import awake, resident_bytes
from perf.programs import Wrong, load, program
from perf.site import SETTLE_SECONDS, Site
from perf.verdict import Goal, Line

ASKING = 20_000  # phones that ask, of a larger fleet
IN_FLIGHT = 256
CHECKED = 50  # documents read whole and compared with what is stored
MEMORY_GOAL = 700
COLD_GOAL = 25


@dataclass(frozen=True)
class Asking:
    """The engine on a fleet, with the phones that ask it and what they must get."""

    engine: Engine
    phones: list[int]
    expected: Path

    def ask(self, expected: Path | None = None) -> float:
        """Let each phone ask once; return µs of processor per request."""
        learned = self.expected.with_suffix(".learned")
        with awake(program("load/spin")):
            before = self.engine.cpu()
            told = load(
                "http_load",
                self.engine.port,
                expected or self.expected,
                IN_FLIGHT,
                "once",
                learned,
            )
            time.sleep(SETTLE_SECONDS)
            after = self.engine.cpu()
        if told["wrong"] or told["failed"]:
            raise Wrong(
                f"{told['wrong']} wrong and {told['failed']} failed beside "
                f"{told['answered']} right answers: {told['said']}"
            )
        if expected is None:
            learned.replace(self.expected)
        return float((after - before) / told["answered"] * 1e6)


def memory(site: Site) -> list[Line]:
    """Private memory of the worker per phone whose document it keeps ready."""
    devices = max(site.effort.fleets)
    asking = _asking(site, devices, min(devices, 2 * ASKING))
    lines = documents.read(asking.expected)
    few = documents.write(
        asking.expected.with_suffix(".few"), lines[: len(lines) // 10 // 8 * 8]
    )
    asking.ask(few)
    before = resident_bytes(asking.engine.worker)
    asking.ask()
    after = resident_bytes(asking.engine.worker)
    added = len(lines) - len(documents.read(few))
    name = f"memory/{devices}"
    note = (
        f"{len(lines)} documents of {documents.read(asking.expected)[0].length} bytes; "
        "they stay under the cache's default bound only as far as it goes"
    )
    figures = {"bootwave": [(after - before) / added]}
    return [Line(name, "bytes/phone", figures, [Goal(MEMORY_GOAL)], note=note)]


def cold(site: Site) -> list[Line]:
    """What looking up, deciding and assembling add to a request that was not ready."""
    devices = max(site.effort.fleets)
    asking = _asking(site, devices, min(devices, ASKING))
    asking.ask()
    extra: list[float] = []
    whole: list[float] = []
    for _ in range(site.effort.rounds):
        asking.engine.forget()
        first = asking.ask()
        extra.append(first - asking.ask())
        whole.append(first)
    figures = {"bootwave": extra, "whole request": whole}
    note = "requests of a new worker less the same requests again"
    return [
        Line(f"cold/{devices}", "µs/request", figures, [Goal(COLD_GOAL)], note=note)
    ]


def growth(site: Site) -> list[Line]:
    """A request that is ready, at fleets of every size: each line beside the first."""
    figures: dict[int, list[float]] = {}
    cold_figures: dict[int, list[float]] = {}
    imports: dict[int, float] = {}
    smallest = min(site.effort.fleets)
    for devices in site.effort.fleets:
        began = time.monotonic()
        asking = _asking(site, devices, min(devices, ASKING))
        imports[devices] = time.monotonic() - began
        asking.ask()
        figures[devices], cold_figures[devices] = [], []
        for _ in range(site.effort.rounds):
            asking.engine.forget()
            cold_figures[devices].append(asking.ask())
            again = max(1, ASKING // len(asking.phones) // 4)
            figures[devices].append(sum(asking.ask() for _ in range(again)) / again)
        site.end_row()
    lines = []
    for devices in site.effort.fleets:
        rounds = {
            "bootwave": figures[devices],
            f"at {smallest}": figures[smallest],
            "cold": cold_figures[devices],
        }
        name, note = (
            f"growth/{devices}",
            f"the fleet was there in {imports[devices]:.0f} s",
        )
        lines.append(
            Line(name, "µs/request", rounds, [], limit=f"at {smallest}", note=note)
        )
    return lines


def _asking(site: Site, devices: int, count: int) -> Asking:
    """Return the engine on a fleet of *devices*; *count* of them used their windows."""
    file = site.fleet(devices)
    count -= count % 8
    phones = [n * devices // count for n in range(count)]
    engines.store(file, map(row_of, phones), opened=True)
    engine = site.up(lambda: Engine(file))
    expected = documents.write(
        file.parent / "expected",
        [Expected(f"/{mac_of(phone)}.xml") for phone in phones],
    )
    asking = Asking(engine, phones, expected)
    asking.ask()
    _check(asking)
    engine.forget()
    return asking


def _check(asking: Asking) -> None:
    """Read some documents whole; raises Wrong when one is not its phone's."""
    lines = documents.read(asking.expected)
    step = max(1, len(asking.phones) // CHECKED)
    for position in range(0, len(asking.phones), step):
        body = engines.fetch_own(
            asking.engine, asking.phones[position], source=position
        )
        if documents.checksum(body) != lines[position].checksum:
            raise Wrong(f"{lines[position].path} is not what was learned")
