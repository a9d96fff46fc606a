"""Settings while phones load firmware: how much longer a booting phone waits."""

import json
import os
import select
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from bootwave.control.session import open_session
from bootwave.optionsfile import load as load_options
from bootwave.store.firmware.imagefolder import ImageFolder
from perf import documents
from perf.contenders import engine as engines
from perf.contenders.engine import MODEL, Engine, mac_of
from perf.documents import Expected
from perf.machine import CLIENT_CORE, on_core
from perf.programs import Wrong, load, program
from perf.rounds import interleave
from perf.rows.outcome import measured_line
from perf.site import Site
from perf.verdict import Goal, Line

LOADING = 200
IMAGE_BYTES = 30 * 1024 * 1024
BOOTING = 1000
FILES = 4
# A boot every four milliseconds: the thousand in four seconds, not all in one instant,
# where they would wait for each other and nothing else.
REQUESTS_PER_SECOND = 1000
GOAL = 2
READY_SECONDS = 60
NAME = f"{MODEL}-8.5.36-SIP-f.bin"


def firmware(site: Site) -> list[Line]:
    """1,000 phones boot, with 200 others that load 30 MB each and without.

    The same requests at the same rate; the waits are from when each was due.
    """
    engine = site.engine
    path = _uploaded(engine)
    expected = _expected(site)
    rates: list[float] = []
    measures: dict[str, Callable[[], float]] = {
        "bootwave": partial(_beside, engine, expected, path, rates),
        "idle": partial(_waits, engine, expected),
    }
    figures, failed = interleave(measures, site.effort.rounds)
    total = sum(rates) / len(rates) / 1e6 if rates else 0.0
    line = Line(
        "firmware",
        "ms, 99 of 100",
        figures,
        [Goal(GOAL, "idle")],
        limit="idle",
        note=f"{LOADING} phones load {IMAGE_BYTES >> 20} MB each, {total:.0f} MB/s in "
        f"all, while {BOOTING} boot at {REQUESTS_PER_SECOND} requests a second",
    )
    return [measured_line(line, failed)]


def _uploaded(engine: Engine) -> str:
    """Return the path of an image that the engine has."""
    options = load_options(engine.file, {}).options
    folder = ImageFolder(options.store.images)
    # The same in each run, so that one that is there already is taken as it is.
    content = b"".join(n.to_bytes(8, "little") for n in range(IMAGE_BYTES // 8))
    source = engine.file.parent / "image"
    source.write_bytes(content)
    with source.open("rb") as file:
        taken = folder.take(file, IMAGE_BYTES)
    source.unlink()
    with open_session(options) as session:
        session.call("firmware.upload", sha256=taken.sha256, size=taken.size, name=NAME)
    return f"/firmware/{taken.sha256}/{NAME}"


def _expected(site: Site) -> Path:
    """Return what the boots ask for: four files of each phone, windows used up."""
    own = documents.write(
        site.place / "firmware-own",
        [Expected(f"/{mac_of(phone)}.xml") for phone in range(BOOTING)],
    )
    told = load("http_load", site.engine.port, own, 64, "once", own)
    if told["wrong"] or told["failed"]:
        raise Wrong(f"the documents could not be learned: {told['said']}")
    general = [
        Expected(path, len(content), documents.checksum(content))
        for path in (f"/{MODEL}.htm", f"/{MODEL}/{MODEL}-firmware.htm")
        for content in (engines.fetch(site.engine, path, 0),)
    ]
    learned = documents.read(own)
    lines: list[Expected] = []
    # Sources go by the place in the list: eight phones a file at a time.
    for start in range(0, BOOTING, 8):
        eight = range(start, start + 8)
        lines += [general[0]] * 8
        lines += [Expected(f"/{MODEL}-{mac_of(phone)}.htm") for phone in eight]
        lines += [learned[phone] for phone in eight]
        lines += [general[1]] * 8
    return documents.write(site.place / "firmware-expected", lines)


def _waits(engine: Engine, expected: Path) -> float:
    told = load("paced_load", engine.port, expected, REQUESTS_PER_SECOND)
    if told["wrong"] or told["failed"]:
        raise Wrong(
            f"{told['wrong']} wrong and {told['failed']} failed of "
            f"{FILES * BOOTING}: {told['said']}"
        )
    return float(told["p99_ms"])


def _beside(engine: Engine, expected: Path, path: str, rates: list[float]) -> float:
    with _loading(engine, path) as told:
        waited = _waits(engine, expected)
    if told["wrong"] or not told["bytes"]:
        raise Wrong(f"{told['wrong']} downloads were cut off or refused")
    rates.append(told["bytes"] / told["seconds"])
    return waited


@contextmanager
def _loading(engine: Engine, path: str) -> Iterator[dict[str, Any]]:
    """Have LOADING phones load; what they counted is in the dictionary afterwards."""
    command = [*on_core(CLIENT_CORE), str(program("load/image_load"))]
    command += [str(engine.port), path, str(IMAGE_BYTES), str(LOADING)]
    told: dict[str, Any] = {}
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        if not select.select([process.stdout], [], [], READY_SECONDS)[0]:
            raise Wrong("not every phone began to load")
        if os.read(process.stdout.fileno(), 100) != b"ready\n":
            raise Wrong("not every phone was given an image")
        yield told
        process.stdin.close()
        told |= json.loads(process.stdout.read().splitlines()[-1])
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
