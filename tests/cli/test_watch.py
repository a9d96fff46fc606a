"""bootwave watch: what happens, as it happens."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bootwave.cli import place
from bootwave.cli.watch import _tell_rollouts, _tell_sightings
from bootwave.optionsfile import load
from bootwave.sightings import Reason, Sighting
from bootwave.store.sightings.sightings import SightingLog
from tests.cli.conftest import Command
from tests.cli.test_main import refused

MAC, OTHER = "0004132E08B4", "0004132E08B5"

Watching = subprocess.Popen[str]


@pytest.fixture
def watching(options_file: Path) -> Iterator[Callable[..., Watching]]:
    """Run the command as a program, which goes on until it is told to end."""
    running: list[Watching] = []

    def start(*words: str) -> Watching:
        running.append(
            subprocess.Popen(
                [sys.executable, "-m", "bootwave", "watch", *words],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return running[-1]

    yield start
    for program in running:
        program.kill()
        program.communicate()


def happen(options_file: Path, *macs: str) -> None:
    options = load(options_file, {}).options
    SightingLog(options.store.sightings, options.sightings).append(
        [
            Sighting(time.time(), int(mac, 16), "127.0.0.9", Reason.CLOSED, "")
            for mac in macs
        ]
    )


def test_what_happens_is_told_until_it_is_interrupted(
    options_file: Path, watching: Callable[..., Watching]
) -> None:
    happen(options_file, OTHER)
    program = watching("--json", "--after", "0-0-0")
    assert program.stdout is not None
    first = json.loads(program.stdout.readline())
    assert (first["event"], first["mac"]) == ("sighting", OTHER)
    happen(options_file, MAC)
    assert json.loads(program.stdout.readline())["mac"] == MAC
    program.send_signal(signal.SIGINT)
    assert program.wait(20) == 0
    assert program.stdout.read() == ""
    # Whoever comes back goes on behind the last one.
    again = watching("--after", first["place"])
    assert again.stdout is not None
    assert f"  {MAC}  127.0.0.9  " in again.stdout.readline()


def test_only_the_phones_that_are_named_are_told(
    options_file: Path, watching: Callable[..., Watching]
) -> None:
    happen(options_file, OTHER, MAC, OTHER)
    program = watching("--after", "0-0-0", MAC.lower())
    assert program.stdout is not None
    assert MAC in program.stdout.readline()
    program.send_signal(signal.SIGINT)
    rest, _ = program.communicate(timeout=20)
    assert rest == ""


def test_what_is_no_mac_is_refused(store: Command) -> None:
    assert "is not a MAC address" in refused(store("watch", "cat"))


def test_a_place_that_is_none_is_refused(store: Command) -> None:
    # Else what happened since would be passed over without a word.
    told = refused(store("watch", "--after", "yesterday"), 2)
    assert told.startswith("'yesterday' is no place: ")


def test_a_roll_out_is_told_again_when_something_else_is_to_be_told(
    store: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    one: dict[str, Any] = {
        **{"id": 1, "action": "resync", "version": "", "selection": "all"},
        **{"state": "running", "fates": {"out": 1, "back": 0}, "results": {}},
    }
    told: dict[int, dict[str, Any]] = {}
    answered = {**one, "results": {"accepted": 1}}
    back = {**answered, "fates": {"out": 0, "back": 12_345}}
    with place.session() as session:
        for shown in (one, answered, back):
            _tell_rollouts(session, [shown], told, json=False)
        first, second = capsys.readouterr().out.splitlines()
        assert first.endswith("roll-out 1 (resync, all) is running: 1 out")
        assert second.endswith("roll-out 1 (resync, all) is running: 12,345 back")
        for shown in (one, answered, back):
            _tell_rollouts(session, [shown], told, json=True)
    assert capsys.readouterr().out.count("\n") == 3


def test_how_many_sightings_were_lost_is_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _tell_sightings({"lost": 12_345, "sightings": []}, set(), json=False)
    assert capsys.readouterr().err == (
        "12,345 sightings were overwritten before they could be read.\n"
    )


def test_a_roll_out_that_is_not_kept_any_more_ends_no_watch(
    store: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    one: dict[str, Any] = {
        **{"id": 7, "action": "resync", "version": "", "selection": "all"},
        **{"state": "running", "fates": {"out": 1}, "results": {}},
    }
    told = {7: one}
    with place.session() as session:
        _tell_rollouts(session, [], told, json=False)
    assert told == {}
    assert capsys.readouterr().out == ""
