import importlib
import json

import pytest

from perf.bench import ROWS, main, record
from perf.verdict import Goal, Line
from perf.versions import of_peers, packages


def test_every_row_of_the_goals_table_is_there() -> None:
    assert (
        list(ROWS)
        == (
            "http-new-64 http-new-1000 http-keepalive http-declined tls-full "
            "tls-resumed sip-exchange sip-parse sip-rate sip-latency burst assemble "
            "memory cold growth wave firmware control"
        ).split()
    )


@pytest.mark.parametrize("row", ROWS.values())
def test_every_row_can_be_measured(row: str) -> None:
    module, _, function = row.partition(":")
    assert callable(getattr(importlib.import_module(f"perf.rows.{module}"), function))


def test_an_unknown_row_is_refused_with_those_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        main(["http-old"])
    assert "there is no row http-old: they are http-new-64" in capsys.readouterr().err


def test_the_record_is_json_with_medians_ratios_and_verdicts() -> None:
    rounds = {"bootwave": [1.0, 2.0, 3.0], "C": [2.0, 4.0, 6.0]}
    line = Line("row", "µs", rounds, [Goal(1, "C")], limit="C")
    (told,) = json.loads(json.dumps(record([line], {"date": "2026-01-01"})))["lines"]
    assert told["median"] == {"bootwave": 2.0, "C": 4.0}
    assert told["ratio"]["C"] == 0.5
    assert told["verdict"] == "met"
    assert told["rounds"] == rounds


def test_the_versions_of_all_peers_are_asked_for() -> None:
    assert {"nginx-light", "haproxy", "kamailio", "sip-tester"} <= set(packages())
    assert list(of_peers()) == packages()
