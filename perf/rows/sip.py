"""Plug and play: exchanges under load, the steady rate, and bursts."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from functools import partial
from statistics import median

from perf.contenders import kamailio, limits, sipp
from perf.contenders.engine import FIRST_MAC, Engine
from perf.contenders.process import Served
from perf.machine import CLIENT_CORE, awake, on_core
from perf.programs import Wrong, load, program
from perf.rounds import interleave
from perf.rows.outcome import measured_line
from perf.site import PHONES, SETTLE_SECONDS, Site
from perf.verdict import Goal, Line, scaled

OUTSTANDING = 256
MEETING_SECONDS = 4  # in which every phone is looked up once
RATE_GOAL = 150_000
RATE_THERE = 260_000  # of the C program, where that goal was set
RATE_STEP = 0.9
BURSTS = (3_000, 20_000)
BLOCKED_SECONDS = 0.1
STRICT = ("bootwave", "C")  # who must not lose anything


def exchange(site: Site) -> list[Line]:
    """SUBSCRIBE, 200, NOTIFY, 200 with 256 outstanding, of phones seen before."""
    missing: dict[str, str] = {}
    servers = _servers(site, missing)
    load("sip_load", *_arguments(site.engine), "exchange", OUTSTANDING, MEETING_SECONDS)
    lost: dict[str, float] = {}
    figures, failed = interleave(
        {who: partial(_cost, s, site, lost) for who, s in servers.items()},
        site.effort.rounds,
    )
    goals = [Goal(round(1 / 12, 4), "kamailio"), Goal(1.5, "C")]
    line = Line(
        "sip-exchange",
        "µs/exchange",
        figures,
        goals,
        "kamailio",
        "C",
        missing=missing,
        note="".join(
            f"{who} lost up to {share:.1%} of the exchanges, which are left out of its "
            "figure; "
            for who, share in lost.items()
        ).removesuffix("; "),
    )
    return [measured_line(line, failed)]


def rate(site: Site) -> list[Line]:
    """The most exchanges a second of which none is lost."""
    missing: dict[str, str] = {}
    servers = _servers(site, missing)
    figures, failed = interleave(
        {who: partial(_rate, served) for who, served in servers.items()},
        max(1, site.effort.rounds // 2),
    )
    line = Line(
        "sip-rate",
        "exchanges/s",
        figures,
        scaled(RATE_GOAL, "C", RATE_THERE, at_least=True),
        "kamailio",
        "C",
        missing=missing,
        note="the highest of steps of a tenth at which one second loses nothing",
    )
    return [measured_line(line, failed)]


def burst(site: Site) -> list[Line]:
    """How many of a burst are answered at first try, after 100 ms of deafness."""
    missing: dict[str, str] = {}
    servers = _servers(site, missing)
    lines = []
    for count in BURSTS:
        spans: list[float] = []
        figures, failed = interleave(
            {who: partial(_burst, s, count, spans) for who, s in servers.items()},
            site.effort.rounds,
        )
        line = Line(
            f"burst/{count}",
            "% at first try",
            figures,
            [Goal(100, at_least=True)],
            "kamailio",
            "C",
            missing=missing,
            note=_span(spans),
        )
        lines.append(measured_line(line, failed))
    return lines


def _span(spans: list[float]) -> str:
    """Return how long sending took, of all contenders and rounds."""
    if not spans:
        return ""
    return f"sent within {1000 * median(spans):.1f} ms, {1000 * max(spans):.0f} at most"


def _servers(site: Site, missing: dict[str, str]) -> dict[str, Served]:
    servers: dict[str, Served] = {"bootwave": site.engine}
    starts: dict[str, Callable[[], Served]] = {
        "kamailio": lambda: kamailio.serve(site.directory("kamailio")),
        "sipp": lambda: sipp.serve(site.directory("sipp")),
        "C": lambda: limits.sip(site.directory("sip")),
    }
    for name, start in starts.items():
        servers |= site.peer(name, start, missing)
    return servers


def _port(served: Served) -> int:
    return served.pnp if isinstance(served, Engine) else served.port


def _arguments(served: Served) -> tuple[object, ...]:
    return _port(served), f"{FIRST_MAC:X}", PHONES


def _cost(served: Served, site: Site, lost: dict[str, float]) -> float:
    """Return the µs of one exchange.

    Raises Wrong when we, or the limit, lost one; a peer's loss goes to *lost*.
    """
    with awake(program("load/spin")):
        before = served.cpu()
        told = load(
            "sip_load",
            *_arguments(served),
            "exchange",
            OUTSTANDING,
            site.effort.seconds,
        )
        time.sleep(SETTLE_SECONDS)
        after = served.cpu()
    share = 1 - told["complete"] / told["begun"]
    if told["odd"] or share > (0 if served.name in STRICT else 0.5):
        raise Wrong(
            f"{told['complete']} of {told['begun']} exchanges were complete, "
            f"{told['odd']} datagrams odd: {told['said']}"
        )
    if share:
        lost[served.name] = max(share, lost.get(served.name, 0.0))
    return float((after - before) / told["complete"] * 1e6)


def _rate(served: Served) -> float:
    """Return the highest rate, in steps of a tenth, that loses nothing."""
    told = load("sip_load", *_arguments(served), "exchange", OUTSTANDING, 0.5)
    if not told["complete"]:
        raise Wrong(f"no exchange was complete: {told['said']}")
    wanted = 1.1 * told["complete"] / told["seconds"]
    while wanted > 100:
        told = load("sip_load", *_arguments(served), "rate", wanted, 1.0)
        if told["complete"] == told["begun"]:
            # What was begun counts: the load program may be slower than it was told.
            return float(told["begun"] / told["sent_seconds"])
        wanted *= RATE_STEP
    raise Wrong("every rate lost something")


def _burst(served: Served, count: int, spans: list[float]) -> float:
    """Return how many per cent of *count* phones were answered at first try."""
    pids = [served.worker] if isinstance(served, Engine) else served.pids()
    command = [*on_core(CLIENT_CORE), str(program("load/sip_load"))]
    command += [*map(str, _arguments(served)), "burst", str(count)]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        client = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert client.stdout is not None
        client.stdout.readline()
        time.sleep(max(0.0, began + BLOCKED_SECONDS - time.monotonic()))
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    told = json.loads(client.communicate(timeout=60)[0])
    spans.append(told["sent_seconds"])
    time.sleep(SETTLE_SECONDS)
    return float(100 * told["complete"] / count)
