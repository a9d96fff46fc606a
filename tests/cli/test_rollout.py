"""bootwave rollout, on a store whose engine does not run."""

import time
from pathlib import Path

import pytest

from bootwave.cli import rollout
from bootwave.optionsfile import load
from bootwave.sightings import Reason, Sighting
from bootwave.store.connection import connect
from bootwave.store.sightings.sightings import SightingLog
from tests.cli.conftest import Command
from tests.cli.test_main import refused
from tests.cli.test_redirection import Replies
from tests.cli.test_resync import MAC, seen

assert seen  # a fixture

AT = "http://downloads.snom.com/fw"
FIRMWARE = (
    *("rollout", "firmware", "snom370", "8.7.5.35", f"{AT}/snom370-8.7.5.35-SIP-f.bin"),
    *("--domain", "pbx.example.com"),
)


def test_a_roll_out_is_listed_shown_and_steered(seen: Command) -> None:
    assert "none yet" in seen("rollout", "list").err
    assert seen("resync", "--all").status == 0
    listed = seen("rollout", "list")
    assert listed.out.splitlines()[1].split()[:5] == [
        *("1", "resync", "all", "phones", "running")
    ]
    assert seen("rollout", "list", "--json").json[0]["id"] == 1
    shown = seen("rollout", "show", "1")
    assert shown.out.splitlines()[:2] == [
        "Stage 1 of 1: 0 of 1 phone came back (1 to be told).",
        "NOTIFYs: none yet.",
    ]
    assert seen("rollout", "show", "1", "--json").json["stages"][0]["phones"] == 1
    assert seen("rollout", "pause", "1").out == "Paused roll-out 1.\n"
    assert "rollout resume 1 goes on" in seen("rollout", "show", "1").err
    assert seen("rollout", "resume", "1", "--skip").out == "Resumed roll-out 1.\n"
    done = seen("rollout", "cancel", "1", "--json")
    assert done.json["state"] == "cancelled"
    assert "it is cancelled" in refused(seen("rollout", "resume", "1"))
    assert "no roll-out 2" in refused(seen("rollout", "show", "2"))


@pytest.fixture
def running(store: Command, options_file: Path) -> Command:
    """The store, whose phone is a snom370 that said what it runs."""
    options = load(options_file, {}).options
    connection = connect(options.store.database)
    connection.execute("UPDATE devices SET model = 'snom370'")
    connection.close()
    sighting = Sighting(
        time.time(), int(MAC, 16), "10.0.0.7", Reason.SERVED_WINDOW, "snom370 8.7.3.19"
    )
    SightingLog(options.store.sightings).append([sighting])
    return store


def test_a_firmware_is_told_stage_by_stage_and_defined_for_nobody_yet(
    running: Command,
) -> None:
    done = running(*FIRMWARE, "--json")
    assert done.status == 0, done.err
    assert (done.json["action"], done.json["version"]) == ("firmware", "8.7.5.35")
    assert done.json["selection"] == "domain pbx.example.com, snom370"
    found = running("firmware", "list", "--domain", "pbx.example.com", "--json").json
    assert found["definitions"] == []
    assert running("rollout", "list").out.splitlines()[1].split()[:3] == [
        *("1", "firmware", "8.7.5.35")
    ]
    shown = running("rollout", "show", "1")
    assert "Roll-out 1 (firmware 8.7.5.35, domain pbx.example.com, snom370) is" in (
        shown.out
    )
    told = running("device", "show", MAC)
    assert "roll-out 1 has yet to tell it to restart and load 8.7.5.35" in told.out
    checked = running("device", "check", MAC)
    assert "roll-out 1 has yet to tell it" in checked.out
    assert running("rollout", "cancel", "1").out == "Cancelled roll-out 1.\n"


def test_who_keeps_or_loses_it_when_it_is_cancelled_is_told(
    running: Command, options_file: Path
) -> None:
    def back() -> None:
        connection = connect(load(options_file, {}).options.store.database)
        connection.execute("UPDATE rollout_phones SET fate = 'back', notified_at = 1.0")
        connection.close()

    assert running(*FIRMWARE).status == 0
    back()
    done = running("rollout", "cancel", "1")
    assert done.out.splitlines()[1].startswith("1 phone runs 8.7.5.35 and keeps it")
    (own,) = running("firmware", "list", "--device", MAC, "--json").json["definitions"]
    assert own["version"] == "8.7.5.35"
    assert running("firmware", "unset", "snom370", "--device", MAC).status == 0
    assert running(*FIRMWARE).status == 0
    back()
    assert running("rollout", "pause", "2").status == 0
    assert (
        "With --withdraw nobody keeps 8.7.5.35" in running("rollout", "show", "2").err
    )
    done = running("rollout", "cancel", "2", "--withdraw")
    assert done.out.splitlines()[1].startswith("1 phone runs 8.7.5.35 and is told")
    refusing = running("rollout", "cancel", "2", "--withdraw")
    assert "it is cancelled" in refused(refusing)


@pytest.mark.parametrize(
    ("kept", "withdrawn", "sentence"),
    [
        (12_345, 0, "12,345 phones run 8.7.5.35 and keep it: it is defined for each"),
        (0, 12_345, "12,345 phones run 8.7.5.35 and are told what else is defined"),
    ],
)
def test_many_who_keep_or_lose_it_are_counted(
    running: Command,
    monkeypatch: pytest.MonkeyPatch,
    kept: int,
    withdrawn: int,
    sentence: str,
) -> None:
    shown = {"kept": kept, "withdrawn": withdrawn, "version": "8.7.5.35"}
    monkeypatch.setattr(rollout.place, "session", lambda: Replies(shown))
    line = running("rollout", "cancel", "1").out.splitlines()[1]
    assert line.startswith(sentence)


def test_answers_to_notifys_are_counted(
    running: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert running(*FIRMWARE).status == 0
    shown = running("rollout", "show", "1", "--json").json
    shown["results"] = {"accepted": 12_345, "rejected": 0}
    monkeypatch.setattr(rollout.place, "session", lambda: Replies(shown))
    assert "NOTIFYs: 12,345 accepted.\n" in running("rollout", "show", "1").out


def test_a_firmware_for_nobody_is_refused_in_a_sentence(running: Command) -> None:
    older = running(
        *("rollout", "firmware", "snom370", "8.7.3.19", f"{AT}/a.bin"),
        *("--device", MAC),
    )
    assert f"The phone of {MAC}, snom370 runs 8.7.3.19 already." in refused(older)
    other = running(
        *("rollout", "firmware", "snomD785", "10.1.33.33", f"{AT}/a.swu"),
        *("--device", MAC),
    )
    assert f"There are no phones of {MAC}, snomD785" in refused(other)
    assert "none yet" in running("rollout", "list").err
    assert running("firmware", "list", "--device", MAC).out == ""


def test_who_goes_down_is_warned_of(running: Command) -> None:
    older = running(
        *("rollout", "firmware", "snom370", "8.7.3.10", f"{AT}/a.bin"),
        *("--device", MAC),
    )
    assert older.status == 0
    assert "will go down to 8.7.3.10" in older.err
