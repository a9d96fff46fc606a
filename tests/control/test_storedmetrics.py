"""What is counted in the store, as Prometheus reads it."""

from pathlib import Path

from bootwave.control.session import DirectSession
from bootwave.control.storedmetrics import stored_metrics
from bootwave.engine import local_options, make_store


def test_every_state_is_told_also_those_of_nobody(tmp_path: Path) -> None:
    options = local_options(tmp_path)
    make_store(options)
    with DirectSession(options) as session:
        found = stored_metrics(session.administration)
    assert {metric.name: dict(metric.values) for metric in found} == {
        "redirection_phones": {
            'state="pending"': 0,
            'state="unreachable"': 0,
            'state="refused"': 0,
            'state="owned"': 0,
            'state="elsewhere"': 0,
        },
        "rollouts": {'state="running"': 0, 'state="paused"': 0, 'state="halted"': 0},
    }
    assert {metric.kind for metric in found} == {"gauge"}
