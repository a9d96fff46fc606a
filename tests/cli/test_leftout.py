"""What old firmware is told nothing of is said by whoever looks at its phone."""

import time
from pathlib import Path

from bootwave.sightings import Reason, Sighting
from bootwave.store.sightings.sightings import SightingLog
from tests.cli.conftest import Command

MAC = "0004132E08B4"


def test_what_old_firmware_cannot_be_told_is_said(
    store: Command, options_file: Path
) -> None:
    layer = ("--device", MAC)
    done = store("settings", "set", "user_idle_text", "a\nb", "--index", "1", *layer)
    assert "bootwave: user_idle_text is of several lines" in done.err
    store("keys", "set", "P2", "speed 1\n2", *layer)
    old = ("document", MAC, "--model", "snom320", "--firmware", "6.5.20")
    done = store(*old)
    assert (done.status, "user_idle_text" in done.out) == (0, False)
    said = [
        f"{name} is of several lines and left out: phones with firmware before 7 are "
        "told one line."
        for name in ("user_idle_text 1", "P2")
    ]
    assert done.err.splitlines() == [f"bootwave: {one}" for one in said]
    assert store(*old, "--json").json["left_out"] == said
    linted = store(*old, "--lint", "--json")
    assert linted.status == 1
    found = [one for one in linted.json["findings"] if one["rule"] == "left-out"]
    assert [one["sentence"] for one in found] == said
    assert [one["element"] for one in found] == ["user_idle_text 1", "P2"]
    new = store("document", MAC, "--model", "snom320", "--firmware", "8.4.35")
    assert ("user_idle_text" in new.out, new.err) == (True, "")
    assert store("document", MAC, "--model", "snom320", "--json").json["left_out"] == []
    assert store("device", "show", MAC, "--json").json["left_out"] == []
    log = SightingLog(options_file.parent / "sightings.db")
    served = Reason.SERVED_WINDOW
    log.append([Sighting(time.time(), int(MAC, 16), "::1", served, "snom320 6.5.20")])
    assert store("device", "show", MAC, "--json").json["left_out"] == said
    shown = store("device", "show", MAC).out.splitlines()
    assert shown[-2:] == said


def test_what_old_firmware_does_not_know_is_not_missed(store: Command) -> None:
    later = ("provisioning_order", "dhcp:stop\n", "--device", MAC)
    assert store("settings", "set", *later).status == 0
    old = ("document", MAC, "--model", "snom320", "--firmware", "6.5.20")
    assert store(*old).err == ""
    assert store(*old, "--kind", "general", "--json").json["left_out"] == []
