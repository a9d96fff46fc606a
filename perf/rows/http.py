"""Documents over HTTP: on new connections, on open ones, and past the fast path."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from perf.contenders import bare_h11, haproxy, limits, nginx
from perf.contenders.process import Served
from perf.rounds import interleave
from perf.rows.outcome import measured_line
from perf.site import Site, http_cost
from perf.verdict import Goal, Line

# No list of headers that phones send has it, so the fast path must pass it on.
UNUSUAL = "Cookie: declined=1"

Contenders = dict[str, tuple[Served, Path]]


def new_64(site: Site) -> list[Line]:
    """64 in flight, a connection for each request."""
    goals = [Goal(1.0, "nginx"), Goal(1.2, "C")]
    return [_line(site, "http-new-64", _servers(site), 64, goals, "close")]


def new_1000(site: Site) -> list[Line]:
    """1,000 in flight, a connection for each request."""
    goals = [Goal(0.8, "nginx"), Goal(1.2, "C")]
    return [_line(site, "http-new-1000", _servers(site), 1000, goals, "close")]


def keepalive(site: Site) -> list[Line]:
    """Connections that stay open."""
    goals = [Goal(0.72, "nginx"), Goal(1.25, "C")]
    servers = _servers(site)
    return [
        _line(site, f"http-keepalive/{n}", servers, n, goals, "keep")
        for n in (64, 1000)
    ]


def declined(site: Site) -> list[Line]:
    """A request that the fast path leaves to h11."""
    document = next(iter(site.documents.values()))
    missing: dict[str, str] = {}
    bare = site.peer(
        "uvloop+h11",
        lambda: bare_h11.serve(site.directory("h11"), document),
        missing,
    )
    contenders: Contenders = {"bootwave": (site.engine, site.expected)}
    contenders |= {n: (s, site.expected_of(document)) for n, s in bare.items()}
    goals = [Goal(1.2, "uvloop+h11")]
    return [
        _line(
            site,
            "http-declined",
            (contenders, missing),
            64,
            goals,
            "close",
            UNUSUAL,
            peer="uvloop+h11",
            limit="",
        )
    ]


def _servers(site: Site) -> tuple[Contenders, dict[str, str]]:
    """Return who takes part and with which documents, and why who is missing is."""
    first = next(iter(site.documents.values()))
    missing: dict[str, str] = {}
    same = site.expected_of(first)
    starts: dict[str, tuple[Callable[[], Served], Path]] = {
        "nginx": (
            lambda: nginx.serve(site.directory("nginx"), site.documents),
            site.expected,
        ),
        "haproxy": (lambda: haproxy.serve(site.directory("haproxy"), first), same),
        "C": (lambda: limits.http(site.directory("C"), first), same),
        "C merged": (
            lambda: limits.http(site.directory("C-merged"), first, "merged"),
            same,
        ),
    }
    contenders: Contenders = {"bootwave": (site.engine, site.expected)}
    for name, (start, expected) in starts.items():
        for served in site.peer(name, start, missing).values():
            contenders[name] = (served, expected)
    return contenders, missing


def _line(
    site: Site,
    name: str,
    servers: tuple[Contenders, dict[str, str]],
    in_flight: int,
    goals: list[Goal],
    *more: str,
    peer: str = "nginx",
    limit: str = "C",
) -> Line:
    contenders, missing = servers
    figures, failed = interleave(
        {
            who: partial(http_cost, served, expected, in_flight, *more, site=site)
            for who, (served, expected) in contenders.items()
        },
        site.effort.rounds,
    )
    busy = ", ".join(f"{who} {share:.0%}" for who, share in site.busy.items())
    line = Line(
        name,
        "µs/request",
        figures,
        goals,
        peer,
        limit,
        missing=missing,
        note=f"share of the core in the last round: {busy}; half of it is saturated",
    )
    return measured_line(line, failed)
