"""What is counted in the store whenever it is asked for, as Prometheus reads it."""

from bootwave.control.metricstext import Metric
from bootwave.store.administration import Administration


def stored_metrics(store: Administration) -> list[Metric]:
    """Return the gauges of *store*; raises StoreError."""
    counts = store.watch_counts()
    return [
        Metric(
            "redirection_phones",
            "gauge",
            "phones of which the redirection service is to be told something",
            _by_state(counts["redirection"]),
        ),
        Metric(
            "rollouts",
            "gauge",
            "roll-outs that are not over",
            _by_state(counts["rollouts"]),
        ),
    ]


def _by_state(counts: dict[str, int]) -> dict[str, float]:
    return {f'state="{state}"': many for state, many in counts.items()}
