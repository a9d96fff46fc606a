"""bootwave resync, on a store whose engine does not run."""

import time
from pathlib import Path

import pytest

from bootwave.optionsfile import load
from bootwave.sightings import Reason, Sighting
from bootwave.store.sightings.sightings import SightingLog
from tests.cli.conftest import Command
from tests.cli.test_main import refused

DOMAIN = "pbx.example.com"
MAC = "0004132E08B4"


@pytest.fixture
def seen(store: Command, options_file: Path) -> Command:
    """The store, and a sighting of its phone."""
    options = load(options_file, {}).options
    sighting = Sighting(time.time(), int(MAC, 16), "10.0.0.7", Reason.SERVED_WINDOW)
    SightingLog(options.store.sightings).append([sighting])
    return store


@pytest.mark.parametrize(
    ("target", "selection"),
    [
        ((MAC,), MAC),
        (("00:04:13:2e:08:b4",), MAC),
        ((f"401@{DOMAIN}",), f"account 401@{DOMAIN}"),
        ((DOMAIN,), f"domain {DOMAIN}"),
        (("--group", f"desks@{DOMAIN}"), f"group desks@{DOMAIN}"),
        (("--all",), "all phones"),
    ],
)
def test_phones_are_named_in_every_way(
    seen: Command, target: tuple[str, ...], selection: str
) -> None:
    assert seen("group", "add", DOMAIN, "desks").status == 0
    assert seen("group", "assign", DOMAIN, "desks", MAC).status == 0
    done = seen("resync", *target, "--reboot", "--json")
    assert done.json["selection"] == selection
    assert (done.json["action"], done.json["state"]) == ("reboot", "running")
    assert done.status == 0
    assert "No engine runs here" in done.err


def test_the_pace_is_taken(seen: Command) -> None:
    done = seen(
        *("resync", DOMAIN, "--rate", "2.5", "--canary", "1", "--stages", "100%"),
        *("--hours", "22-06", "--wait", "3", "--share", "75", "--json"),
    )
    assert done.json["rate"] == 2.5
    assert done.json["hours"] == "22:00-06:00"
    assert (done.json["wait_seconds"], done.json["share"]) == (180.0, 0.75)
    assert [stage["phones"] for stage in done.json["stages"]] == [1]


def test_what_was_started_is_told(seen: Command) -> None:
    done = seen("resync", MAC, "--at-once")
    assert done.out == (
        f"Roll-out 1 (resync, {MAC}) is running: 0 of 1 phone came back (1 to be "
        "told).\n"
    )


@pytest.mark.parametrize(
    "arguments", [(), (DOMAIN, "--all"), ("--all", "--group", f"x@{DOMAIN}")]
)
def test_whose_phones_is_said_once(store: Command, arguments: tuple[str, ...]) -> None:
    done = store("resync", *arguments)
    assert done.status == 2
    assert "Say whose phones" in done.err


def test_those_who_share_an_extension_are_taken_in_by_name(
    store: Command, options_file: Path
) -> None:
    other = "0004132E08B5"
    assert store("account", "bind", f"401@{DOMAIN}", other, "--add").status == 0
    options = load(options_file, {}).options
    SightingLog(options.store.sightings).append(
        [
            Sighting(time.time(), int(mac, 16), "203.0.113.7", Reason.SERVED_WINDOW)
            for mac in (MAC, other)
        ]
    )
    assert "--shared" in refused(store("resync", MAC))
    done = store("resync", MAC, "--shared", "--json")
    assert (done.json["total"], done.json["state"]) == (2, "running")


def test_a_phone_that_was_never_seen_cannot_be_told(store: Command) -> None:
    assert "refresh timer" in refused(store("resync", MAC))
