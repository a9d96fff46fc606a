"""bootwave status."""

from pathlib import Path
from typing import Any

from tests.cli.conftest import Command
from tests.cli.test_main import refused


def test_without_an_engine_the_status_is_1(options_file: Path, run: Command) -> None:
    done = run("status")
    assert done.status == 1
    assert done.out.startswith("No engine listens on ")
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
