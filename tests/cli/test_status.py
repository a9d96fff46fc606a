"""bootwave status."""

from pathlib import Path
from typing import Any

import pytest

from bootwave.cli.status import capacity_text
from tests.cli.conftest import Command
from tests.cli.test_main import refused


def test_without_an_engine_the_status_is_1(options_file: Path, run: Command) -> None:
    done = run("status")
    assert done.status == 1
    assert done.out.startswith("No engine listens on ")
    assert done.out.endswith("/control.sock: start it with bootwave serve.\n")
    as_json = run("status", "--json")
    assert (as_json.status, as_json.json) == (1, {"running": False})


def test_a_directory_without_options_and_database_is_said(run: Command) -> None:
    for words in (("status",), ("status", "--json"), ("domain", "list")):
        sentence = refused(run(*words))
        assert sentence.startswith("There is no database at ")
        assert "name one with -o FILE" in sentence


def test_the_status_of_a_running_engine_is_shown(
    engine: list[Any], run: Command
) -> None:
    done = run("status")
    assert done.status == 0
    assert "The engine is running.\nworkers: 2\n" in done.out
    assert "listeners: udp 127.0.0.1:5060\n" in done.out
    assert "worker 1" in done.out
    assert "41     HTTP requests answered\n" in done.out
    assert "SIP datagrams" not in done.out
    assert "0      SIP datagrams received" in run("status", "--all").out
    assert run("status", "--json").json["running"] is True


@pytest.mark.parametrize(
    ("by", "told", "text"),
    [
        ("option", 777.0, "777 requests a second (waves.requests_per_second says so)"),
        (
            "measured",
            3_600.0,
            "3,600 requests a second (measured: 3,800, over 7,117 requests of 0.26 ms)",
        ),
        (
            "usual",
            2_000.0,
            "2,000 requests a second (the usual one: of 5,000 requests under load "
            "7,117 were measured so far)",
        ),
        ("option", None, "not known yet (waves.requests_per_second says so)"),
    ],
)
def test_what_the_server_is_taken_to_answer_is_said_and_why(
    by: str, told: float | None, text: str
) -> None:
    found = {
        "requests_per_second": told,
        "by": by,
        "measured": 3_800.0,
        "cpu_milliseconds": 0.26,
        "requests_measured": 7_117,
        "requests_enough": 5_000,
    }
    assert capacity_text(found) == text
