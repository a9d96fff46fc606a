"""The counters of an engine as Prometheus reads them (text format 0.0.4).

Every name is one of a table here or in ``metrics``, and labels have few values that are
known beforehand: phones, accounts and domains are never labels, for what is in a URL or
a MAC would grow without end.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from bootwave import __version__
from bootwave.metrics import Counter

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_PREFIX = "bootwave_"


class Metric(NamedTuple):
    """One metric: its *name* without the prefix, what it is, and its values by labels.

    ``kind`` is "counter" or "gauge"; labels are as they stand within the braces, "" for
    none.
    """

    name: str
    kind: str
    help: str
    values: Mapping[str, float]


def metrics_text(totals: Mapping[str, int], more: Iterable[Metric]) -> bytes:
    """Return the counters *totals* of all processes, by their name, and *more*."""
    counted = (
        Metric(
            f"{counter.name.lower()}_total",
            "counter",
            counter.help,
            {"": totals[counter.name.lower()]},
        )
        for counter in Counter
    )
    version = Metric(
        "build_info", "gauge", "1, by version", {f'version="{__version__}"': 1}
    )
    lines: list[str] = []
    for metric in (version, *counted, *more):
        name = f"{_PREFIX}{metric.name}"
        lines.append(f"# HELP {name} {_escaped(metric.help)}")
        lines.append(f"# TYPE {name} {metric.kind}")
        for labels, value in metric.values.items():
            braces = f"{{{labels}}}" if labels else ""
            lines.append(f"{name}{braces} {_number(value)}")
    return ("\n".join(lines) + "\n").encode()


def engine_metrics_text(
    totals: Mapping[str, int],
    *,
    workers: int,
    started: float,
    more: Iterable[Metric] = (),
) -> bytes:
    """Return the counters *totals* with what an engine says of itself, and *more*.

    *started* is in seconds since 1970.
    """
    own = (
        Metric(
            "workers",
            "gauge",
            "worker processes that the options ask for",
            {"": workers},
        ),
        Metric(
            "start_time_seconds",
            "gauge",
            "when the engine started, in seconds since 1970",
            {"": started},
        ),
    )
    return metrics_text(totals, [*own, *more])


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")
