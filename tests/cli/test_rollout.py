"""bootwave rollout, on a store whose engine does not run."""

from pathlib import Path

import pytest

from bootwave.optionsfile import load
from bootwave.store.connection import connect
from tests.cli.conftest import Command
from tests.cli.test_main import refused
from tests.cli.test_resync import MAC, seen

assert seen  # a fixture


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
def modelled(seen: Command, options_file: Path) -> Command:
    connection = connect(load(options_file, {}).options.store.database)
    connection.execute("UPDATE devices SET model = 'snom370'")
    connection.close()
    return seen


def test_a_firmware_is_defined_and_its_phones_are_rebooted(modelled: Command) -> None:
    url = "http://downloads.snom.com/fw/snom370-8.7.5.35-SIP-f.bin"
    done = modelled(
        *("rollout", "firmware", "snom370", "8.7.5.35", url),
        *("--domain", "pbx.example.com", "--json"),
    )
    assert done.status == 0, done.err
    assert done.json["action"] == "reboot"
    assert done.json["selection"] == "domain pbx.example.com, snom370"
    (one,) = modelled("firmware", "list", "--domain", "pbx.example.com", "--json").json[
        "definitions"
    ]
    assert one["version"] == "8.7.5.35"


def test_a_firmware_without_phones_to_tell_stays_defined(seen: Command) -> None:
    url = "http://downloads.snom.com/fw/snomD785-10.1.33.33-SIP-r.swu"
    done = seen("rollout", "firmware", "snomD785", "10.1.33.33", url, "--device", MAC)
    assert done.status == 1
    assert "no phones of" in done.err
    assert "stays defined" in done.err
