"""CPU of one sighting, in microseconds, beside other ways of writing it down.

Run it as a script; ``--json FILE`` also writes the figures.  What a drain finds after
0.2 seconds of 100,000 answers a second is written to a file that has wrapped around.
Contenders alternate round by round; ratios are medians of the rounds' ratios to pwrite.

    pwrite   the bytes of the same records, ready made, in pieces of the same size
    drain    SightingLog.take: from the ring to the file, as the thread does it
    add      SightingRing.add: how Python tells; native code fills a record in place
    sqlite   rows with an index by MAC in one transaction, WAL and synchronous=NORMAL

Then the processor time of questions to a file of two million sightings.
"""

import argparse
import json
import os
import platform
import sqlite3
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from time import process_time

from bootwave.native.ring import SightingRing
from bootwave.native.sightingfile import RECORD_BYTES
from bootwave.options import SightingsOptions
from bootwave.sightings import Reason, Sighting
from bootwave.store.sightings.sightings import SightingLog
from bootwave.store.sightings.writer import CAPACITY

ROUNDS = 15
BATCH = 20_000
ROWS = 100_000
PIECE = 256
MAC = 0x000413000000
FLEET = 100_000
QUESTIONS_ROWS = 2_000_000

Spend = Callable[[], float]


def sightings(first: int) -> list[Sighting]:
    """Return a batch of phones that were served."""
    now = time.time()
    return [
        Sighting(
            now,
            MAC + (first + number) % FLEET,
            f"10.0.{number >> 8 & 255}.{number & 255}",
            Reason.SERVED_WINDOW,
            "snom370 8.7.5.48",
        )
        for number in range(BATCH)
    ]


def through_ring(directory: Path) -> tuple[Spend, Spend]:
    """Return the cost of adding a batch, and of draining what was added."""
    options = SightingsOptions(keep_rows=ROWS)
    log = SightingLog(directory / "sightings", options)
    ring = SightingRing(CAPACITY)
    batch = sightings(0)

    def add() -> float:
        began = process_time()
        for one in batch:
            ring.add(*one)
        return process_time() - began

    def drain() -> float:
        began = process_time()
        log.take(ring)
        return process_time() - began

    for _ in range(ROWS // BATCH):
        add()
        drain()
    return add, drain


def by_pwrite(directory: Path) -> Spend:
    """Return the cost of writing as many bytes."""
    fd = os.open(directory / "plain", os.O_RDWR | os.O_CREAT)
    piece = bytes(PIECE * RECORD_BYTES)
    pieces = BATCH // PIECE
    total = ROWS // PIECE
    at = 0

    def write() -> float:
        nonlocal at
        began = process_time()
        for _ in range(pieces):
            os.pwrite(fd, piece, at % total * len(piece))
            at += 1
        return process_time() - began

    for _ in range(ROWS // BATCH + 1):
        write()
    return write


def by_sqlite(directory: Path) -> Spend:
    """Return the cost of inserting a batch."""
    database = sqlite3.connect(directory / "rows.db", isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL").fetchall()
    database.execute("PRAGMA synchronous = NORMAL")
    database.execute(
        "CREATE TABLE sightings (id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL, "
        "mac INTEGER, source TEXT, reason INTEGER, detail TEXT)"
    )
    database.execute("CREATE INDEX of_mac ON sightings (mac, id)")
    batch = [tuple(one) for one in sightings(0)]

    def insert() -> float:
        began = process_time()
        database.execute("BEGIN IMMEDIATE")
        database.executemany(
            "INSERT INTO sightings (at, mac, source, reason, detail) "
            "VALUES (?, ?, ?, ?, ?)",
            batch,
        )
        database.execute("COMMIT")
        return process_time() - began

    return insert


def questions(directory: Path) -> dict[str, float]:
    """Return the milliseconds of each question to a full file."""
    log = SightingLog(directory / "full", SightingsOptions(keep_rows=QUESTIONS_ROWS))
    for first in range(0, QUESTIONS_ROWS, BATCH):
        log.append(sightings(first))
    asked: dict[str, Callable[[], object]] = {
        "time-line of a phone": lambda: log.time_line(MAC, 50),
        "of one never seen": lambda: log.time_line(1, 50),
        "last of 100": lambda: log.latest(range(MAC, MAC + 100)),
        "last of 100,000": lambda: log.latest(range(MAC, MAC + FLEET)),
        "unknown phones": lambda: log.unknown(),
    }
    figures = {}
    for name, ask in asked.items():
        costs = []
        for _ in range(5):
            began = process_time()
            ask()
            costs.append((process_time() - began) * 1e3)
        figures[name] = statistics.median(costs)
    return figures


def main() -> None:
    """Print one line per contender and per question."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        add, drain = through_ring(directory)
        contenders = {
            "pwrite": by_pwrite(directory),
            "add": add,
            "drain": drain,
            "sqlite": by_sqlite(directory),
        }
        times: dict[str, list[float]] = {name: [] for name in contenders}
        for _ in range(ROUNDS):
            for name, spend in contenders.items():
                times[name].append(spend() / BATCH * 1e6)
        answers = questions(directory)
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True
    ).stdout.strip()
    print(
        f"{platform.platform()}, Python {platform.python_version()}, {commit}; "
        f"{BATCH} sightings, {ROUNDS} rounds, µs of CPU per sighting"
    )
    figures = {}
    for name, costs in times.items():
        ratio = statistics.median(
            one / least for one, least in zip(costs, times["pwrite"], strict=True)
        )
        figures[name] = {"microseconds": statistics.median(costs), "ratio": ratio}
        print(
            f"{name:8}{figures[name]['microseconds']:8.3f}  {ratio:6.2f} times pwrite"
        )
    print(f"{QUESTIONS_ROWS} sightings, ms of CPU per question")
    for name, milliseconds in answers.items():
        print(f"{name:22}{milliseconds:8.1f}")
    if arguments.json:
        found = {"commit": commit, **figures, "questions_ms": answers}
        arguments.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
