"""Native functions by themselves: parsing a SUBSCRIBE, assembling a document."""

import importlib.util
from collections.abc import Callable
from functools import partial
from time import process_time
from timeit import timeit
from typing import Any

from bootwave.native import sip
from bootwave.native.xml import Plan, escape_text, pack
from perf.machine import ROOT
from perf.programs import Missing, figure, program
from perf.rounds import interleave
from perf.rows.outcome import measured_line
from perf.site import Site
from perf.verdict import Goal, Line, scaled

TIMES = 50_000
SLOTS = 40
DOCUMENT_BYTES = 14_800
CAPTURE = ROOT / "tests/captures/snom370-8.7.5.48.txt"


def parse(site: Site) -> list[Line]:
    """One SUBSCRIBE of 442 bytes to its fields and its MAC."""
    data = CAPTURE.read_bytes()

    def ours() -> None:
        sip.mac_from_pnp(sip.parse(data))

    measures: dict[str, Callable[[], float]] = {
        "bootwave": partial(_microseconds, ours, TIMES)
    }
    missing: dict[str, str] = {}
    for name, peer in (("sofia-sip", "parse_sofia"), ("libosip2", "parse_osip")):
        try:
            program(f"peers/{peer}")
        except Missing as reason:
            missing[name] = str(reason)
        else:
            measures[name] = partial(figure, peer, CAPTURE, TIMES)
    figures, failed = interleave(measures, site.effort.rounds)
    line = Line(
        "sip-parse",
        "µs/message",
        figures,
        [*scaled(0.4, "sofia-sip", 1.9), Goal(0.1, "libosip2")],
        "sofia-sip",
        missing=missing,
    )
    return [measured_line(line, failed)]


def assemble(site: Site) -> list[Line]:
    """A document of 14.8 KB with 40 values of the phone's own."""
    values = [f"Value {n} & more" for n in range(SLOTS)]
    escaped = [escape_text(value) for value in values]
    room = (DOCUMENT_BYTES - sum(map(len, escaped))) // (SLOTS + 1)
    element = ' <setting_name perm="R">on</setting_name>\n'
    piece = (element * (room // len(element) + 1))[:room]
    plan = Plan([piece.encode()] * (SLOTS + 1))
    packed = pack(escaped)
    finished = plan.assemble(packed)
    ways: dict[str, Callable[[], object]] = {
        "bootwave": lambda: plan.assemble(packed),
        "memcpy": lambda: bytes(memoryview(finished)),
    }
    missing: dict[str, str] = {}
    if importlib.util.find_spec("jinja2"):
        ways["Jinja2"] = _jinja2(piece, values)
    else:
        missing["Jinja2"] = "pip install jinja2, which make bench does"
    assert all(way() in (finished, finished.decode()) for way in ways.values())
    figures, failed = interleave(
        {
            name: partial(_microseconds, way, 500 if name == "Jinja2" else 20_000)
            for name, way in ways.items()
        },
        site.effort.rounds,
    )
    line = Line(
        "assemble",
        "µs/document",
        figures,
        scaled(1.5, "memcpy", 0.31),
        "Jinja2",
        "memcpy",
        missing=missing,
    )
    return [measured_line(line, failed)]


def _jinja2(piece: str, values: list[str]) -> Callable[[], object]:
    jinja2: Any = importlib.import_module("jinja2")
    text = "".join(f"{piece}{{{{ v[{n}] }}}}" for n in range(SLOTS)) + piece
    template = jinja2.Environment(autoescape=True).from_string(text + "\n")
    return lambda: template.render(v=values)


def _microseconds(way: Callable[[], object], times: int) -> float:
    return timeit(way, timer=process_time, number=times) * 1e6 / times
