"""Documents over TLS with client certificates, and SIP beside it."""

import json
import subprocess
import time
from functools import partial
from pathlib import Path

from perf import documents
from perf.contenders import engine as engines
from perf.contenders import nginx
from perf.contenders.engine import FIRST_MAC, Engine, mac_of
from perf.contenders.phones import Factory
from perf.contenders.process import Served
from perf.documents import Expected
from perf.machine import CLIENT_CORE, awake, on_core
from perf.programs import Wrong, load, program
from perf.rounds import interleave
from perf.rows.outcome import measured_line
from perf.site import SETTLE_SECONDS, Site
from perf.verdict import Goal, Line

PHONES = 64
FLEET = 1_000
IN_FLIGHT = 64  # one connection of each phone
VERSIONS = ("1.2", "1.3")
GOALS = {
    ("full", "1.2"): 0.87,
    ("full", "1.3"): 0.87,
    ("resumed", "1.2"): 0.80,
    ("resumed", "1.3"): 0.67,
}
LATENCY_GOAL = 10.0  # ms
LATENCY_RATE = 500  # SUBSCRIBEs a second beside the handshakes


def full(site: Site) -> list[Line]:
    """A handshake with certificates on both sides, GET, close."""
    return _lines(site, "full")


def resumed(site: Site) -> list[Line]:
    """The same of phones that come again."""
    return _lines(site, "resumed")


def latency(site: Site) -> list[Line]:
    """How long a SUBSCRIBE waits for its answers beside saturating handshakes."""
    factory = Factory(site.place / "factory", PHONES)
    served = site.up(lambda: _engine(site, factory))
    expected = _expected(site, _documents(served, factory))
    lines = []
    for version in VERSIONS:
        figures, failed = interleave(
            {"bootwave": partial(_latency, served, expected, version, factory, site)},
            site.effort.rounds,
        )
        line = Line(
            f"sip-latency/{version}",
            "ms, 99 of 100",
            figures,
            [Goal(LATENCY_GOAL)],
            note=f"{LATENCY_RATE} SUBSCRIBEs a second beside full handshakes, "
            f"{IN_FLIGHT} in flight",
        )
        lines.append(measured_line(line, failed))
    return lines


def _lines(site: Site, kind: str) -> list[Line]:
    factory = Factory(site.place / "factory", PHONES)
    ours = site.up(lambda: _engine(site, factory))
    found = _documents(ours, factory)
    expected = _expected(site, found)
    missing: dict[str, str] = {}
    servers: dict[str, Served] = {"bootwave": ours}
    servers |= site.peer(
        "nginx",
        lambda: nginx.serve(site.directory("nginx-tls"), found, factory),
        missing,
    )
    lines = []
    for version in VERSIONS:
        figures, failed = interleave(
            {
                who: partial(_cost, s, expected, kind, version, factory, site)
                for who, s in servers.items()
            },
            site.effort.rounds,
        )
        busy = ", ".join(f"{who} {share:.0%}" for who, share in site.busy.items())
        line = Line(
            f"tls-{kind}/{version}",
            "µs/request",
            figures,
            [Goal(GOALS[kind, version], "nginx")],
            "nginx",
            missing=missing,
            note=f"share of the core in the last round: {busy}; half of it is "
            "saturated",
        )
        lines.append(measured_line(line, failed))
    return lines


def _engine(site: Site, factory: Factory) -> Engine:
    return Engine(
        # Not a fleet of other rows: these phones own certificates from here on, and are
        # refused over clear HTTP.
        engines.make_fleet(site.place / "fleet-tls", FLEET),
        BOOTWAVE_HTTPS__LISTEN="127.0.0.1:0",
        BOOTWAVE_HTTPS__CERTIFICATES=str(factory.server),
        BOOTWAVE_HTTPS__FACTORY_CAS=str(factory.root),
    )


def _documents(served: Engine, factory: Factory) -> dict[str, bytes]:
    """Return each phone's document by its path, given on its certificate."""
    found = {}
    for phone in range(PHONES):
        context = factory.context(phone)
        found[f"/{mac_of(phone)}.xml"] = engines.fetch_own(
            served, phone, context=context
        )
    return found


def _expected(site: Site, found: dict[str, bytes]) -> Path:
    return documents.write(
        site.place / "expected-tls",
        [
            Expected(path, len(content), documents.checksum(content))
            for path, content in found.items()
        ],
    )


def _port(served: Served) -> int:
    return served.https if isinstance(served, Engine) else served.port


def _cost(
    served: Served,
    expected: Path,
    kind: str,
    version: str,
    factory: Factory,
    site: Site,
) -> float:
    """Return the µs of processor of one handshake with its request.

    The first handshake of each phone is a full one and counted, too.
    """
    with awake(program("load/spin")):
        before = served.cpu()
        told = load(
            "tls_load",
            *(_port(served), expected, IN_FLIGHT, site.effort.seconds),
            *(kind, version, factory.phones),
        )
        time.sleep(SETTLE_SECONDS)
        after = served.cpu()
    if told["wrong"] or told["failed"] or not told["answered"]:
        raise Wrong(
            f"{told['wrong']} wrong and {told['failed']} failed beside "
            f"{told['answered']} right answers: {told['said']}"
        )
    site.busy[served.name] = (after - before) / told["seconds"]
    return float((after - before) / told["answered"] * 1e6)


def _latency(
    served: Engine, expected: Path, version: str, factory: Factory, site: Site
) -> float:
    """Return the ms within which 99 of 100 exchanges were complete."""
    seconds = site.effort.seconds
    command = [*on_core(CLIENT_CORE), str(program("load/tls_load"))]
    command += [str(served.https), str(expected), str(IN_FLIGHT), str(seconds + 1)]
    command += ["full", version, str(factory.phones)]
    # Without the spinner: the handshakes keep the core busy.
    beside = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    time.sleep(0.5)
    # The others: those that shake hands own certificates, and are told another URL.
    told = load(
        "sip_load",
        *(served.pnp, f"{FIRST_MAC + PHONES:X}", FLEET - PHONES),
        *("latency", LATENCY_RATE, seconds),
    )
    handshakes = json.loads(beside.communicate(timeout=60)[0])
    if handshakes["wrong"] or handshakes["failed"] or not handshakes["answered"]:
        raise Wrong(f"beside it: {handshakes}")
    if told["odd"] or told["complete"] != told["begun"]:
        raise Wrong(
            f"{told['complete']} of {told['begun']} exchanges were complete, "
            f"{told['odd']} datagrams odd: {told['said']}"
        )
    return float(told["p99_ms"])
