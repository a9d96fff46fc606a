"""What the size of the fleet costs: memory per phone, the cold path, growth.

A fleet of N bound devices is stored, all windows open, and phones evenly spread over it
ask.  Their first request, which uses a window up, is never measured.
"""

import os
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from perf import documents
from perf.contenders import engine as engines
from perf.contenders.engine import FIRST_MAC, Engine, mac_of
from perf.documents import Expected
from perf.machine import awake, own_bytes
from perf.programs import Missing, Wrong, figure, load, program
from perf.progress import tell
from perf.site import SETTLE_SECONDS, Site
from perf.verdict import Goal, Line, scaled

ASKING = 20_000  # phones that ask, of a larger fleet
TOGETHER = 50_000  # of those that fill the cache, between two words of progress
IN_FLIGHT = 256
SOURCES = 8  # a phone asks from 127.0.0.(1 + its number % 8)
CHECKED = 50  # documents read whole and compared with what is stored
ROOMY_BYTES = 4 << 30  # a cache that holds every fleet here
MEMORY_GOAL = 700
COLD_GOAL = 25
# What SQLite's C interface took where that goal was set: 1.8 to 2.8 µs.
SQLITE_THERE = 2.8


@dataclass(frozen=True)
class Asking:
    """The engine on a fleet, with the phones that ask it and what they must get."""

    engine: Engine
    phones: list[int]
    expected: Path

    def ask(self) -> float:
        """Let each phone ask once; return µs of processor per request."""
        with awake(program("load/spin")):
            before = self.engine.cpu()
            answered = _ask(self.engine, self.expected)
            time.sleep(SETTLE_SECONDS)
            after = self.engine.cpu()
        return float((after - before) / answered * 1e6)


def memory(site: Site) -> list[Line]:
    """Memory of the worker per phone whose document it keeps ready, of a whole fleet.

    Beside it what is added to a dictionary of whole documents.
    """
    devices = max(site.effort.fleets)
    file = _opened(site, devices)
    engine = site.up(lambda: Engine(file, BOOTWAVE_CACHE__BYTES=str(ROOMY_BYTES)))
    few = devices // 10 // SOURCES * SOURCES
    own = file.parent / "filling"
    size = 0
    before = 0
    for start in range(0, devices, TOGETHER):
        tell(f"memory: {start:,} of {devices:,} phones asked")
        for part in _parts(start, min(start + TOGETHER, devices), few):
            if part[0] == few:
                before = own_bytes(engine.worker)
            documents.write(own, [Expected(f"/{mac_of(phone)}.xml") for phone in part])
            _ask(engine, own)
            size = documents.read(own)[0].length
    figures = {
        "bootwave": [(own_bytes(engine.worker) - before) / (devices - few)],
        "whole bytes": [_whole(size)],
    }
    note = (
        f"all {devices} phones have asked; {size} bytes each; with cache.bytes = "
        f"{ROOMY_BYTES}, for the default of 256 MiB keeps fewer"
    )
    return [
        Line(
            f"memory/{devices}",
            "bytes/phone",
            figures,
            [Goal(MEMORY_GOAL)],
            "whole bytes",
            note=note,
        )
    ]


def cold(site: Site) -> list[Line]:
    """What looking up, deciding and assembling add to a request that was not ready."""
    devices = max(site.effort.fleets)
    asking = _asking(site, devices)
    asking.ask()
    extra: list[float] = []
    whole: list[float] = []
    rows: list[float] = []
    missing: dict[str, str] = {}
    for number in range(site.effort.rounds):
        tell(f"cold: round {number + 1} of {site.effort.rounds}")
        asking.engine.forget()
        first = asking.ask()
        extra.append(first - asking.ask())
        whole.append(first)
        try:
            rows.append(_sqlite(asking, devices))
        except Missing as reason:
            missing["SQLite"] = str(reason)
    figures = {"bootwave": extra, "SQLite": rows, "whole request": whole}
    note = "requests of a new worker less the same requests again"
    return [
        Line(
            f"cold/{devices}",
            "µs/request",
            {name: each for name, each in figures.items() if each},
            scaled(COLD_GOAL, "SQLite", SQLITE_THERE),
            limit="SQLite",
            missing=missing,
            note=note,
        )
    ]


def growth(site: Site) -> list[Line]:
    """A request that is ready, at fleets of every size: each line beside the first."""
    figures: dict[int, list[float]] = {}
    cold_figures: dict[int, list[float]] = {}
    smallest = min(site.effort.fleets)
    for devices in site.effort.fleets:
        asking = _asking(site, devices)
        asking.ask()
        figures[devices], cold_figures[devices] = [], []
        for number in range(site.effort.rounds):
            tell(f"growth: {devices:,} devices, round {number + 1}")
            asking.engine.forget()
            cold_figures[devices].append(asking.ask())
            again = max(1, ASKING // len(asking.phones) // 4)
            figures[devices].append(sum(asking.ask() for _ in range(again)) / again)
        site.end_row()
    return [
        Line(
            f"growth/{devices}",
            "µs/request",
            {
                "bootwave": figures[devices],
                f"at {smallest}": figures[smallest],
                "cold": cold_figures[devices],
            },
            [],
            limit=f"at {smallest}",
            note=f"imported in {_import_seconds(site, devices)} s",
        )
        for devices in site.effort.fleets
    ]


def phones_of(devices: int, count: int) -> list[int]:
    """Return *count* phones, a multiple of 8, evenly spread over *devices*.

    In eights of neighbours, so that each has the same source whatever *count* is.
    """
    step = devices // (count // SOURCES) // SOURCES * SOURCES
    return [n // SOURCES * step + n % SOURCES for n in range(count)]


def _parts(start: int, stop: int, border: int) -> list[range]:
    """Return *start* to *stop* in ranges that do not reach over *border*."""
    if start < border < stop:
        return [range(start, border), range(border, stop)]
    return [range(start, stop)]


def _opened(site: Site, devices: int) -> Path:
    file = site.fleet(devices)
    engines.open_windows(file)
    return file


def _asking(site: Site, devices: int) -> Asking:
    """Return the engine on a fleet of *devices*, of which some used their windows."""
    file = _opened(site, devices)
    # Without PnP: a new worker reads the whole fleet for it, beside the requests, and
    # that is no part of what a request costs.
    engine = site.up(lambda: Engine(file, BOOTWAVE_PNP__ENABLED="false"))
    phones = phones_of(devices, min(devices, ASKING) // SOURCES * SOURCES)
    expected = documents.write(
        file.parent / "expected",
        [Expected(f"/{mac_of(phone)}.xml") for phone in phones],
    )
    asking = Asking(engine, phones, expected)
    tell(f"{devices:,} devices: {len(phones):,} phones use their windows")
    _ask(engine, expected)
    _check(asking)
    engine.forget()
    return asking


def _ask(engine: Engine, expected: Path) -> int:
    """Let each line of *expected* be asked for once; return how many there are.

    What was not known of the documents stands there afterwards.
    """
    told = load("http_load", engine.port, expected, IN_FLIGHT, "once", expected)
    if told["wrong"] or told["failed"]:
        raise Wrong(
            f"{told['wrong']} wrong and {told['failed']} failed beside "
            f"{told['answered']} right answers: {told['said']}"
        )
    return int(told["answered"])


def _check(asking: Asking) -> None:
    """Read some documents whole; raises Wrong when one is not its phone's."""
    lines = documents.read(asking.expected)
    step = max(1, len(asking.phones) // CHECKED)
    for position in range(0, len(asking.phones), step):
        body = engines.fetch_own(asking.engine, asking.phones[position])
        if documents.checksum(body) != lines[position].checksum:
            raise Wrong(f"{lines[position].path} is not what was learned")


def _sqlite(asking: Asking, devices: int) -> float:
    database = asking.engine.file.parent / "bootwave.db"
    return figure(
        "sqlite_rows",
        database,
        f"{FIRST_MAC:X}",
        devices // len(asking.phones),
        len(asking.phones),
    )


def _whole(size: int, count: int = ASKING) -> float:
    """Return what *count* documents of *size* bytes take in an OrderedDict, each."""
    before = own_bytes(os.getpid())
    kept = OrderedDict((FIRST_MAC + n, bytes([n % 256]) * size) for n in range(count))
    return (own_bytes(os.getpid()) - before) / len(kept)


def _import_seconds(site: Site, devices: int) -> str:
    return (site.fleet(devices).parent / "imported").read_text().split()[1]
