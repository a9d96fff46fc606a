"""bootwave metrics: counters of an engine that runs."""

from typing import Any

from tests.cli.conftest import Command
from tests.cli.test_main import refused


def test_without_an_engine_there_are_none(store: Command) -> None:
    sentence = refused(store("metrics"))
    assert sentence.startswith("No engine listens on ")


def test_they_are_printed_as_they_come(engine: list[Any], store: Command) -> None:
    done = store("metrics")
    assert (done.status, done.out) == (0, "# HELP bootwave_x one\nbootwave_x 1\n")
    assert store("metrics", "--json").json == {"bootwave_x": 1.0}
