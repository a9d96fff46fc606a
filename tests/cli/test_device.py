"""bootwave device."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from bootwave.cli.output import moment
from bootwave.sightings import Reason, Sighting
from bootwave.store.sightings.sightings import SightingLog
from tests.cli.conftest import Command
from tests.cli.test_main import refused

BOUND, STRANGER = 0x0004132E08B4, 0x000413999999


def seen(options_file: Path, *sightings: Sighting) -> None:
    SightingLog(options_file.parent / "sightings.db").append(sightings)


def test_a_phone_that_was_never_heard_gets_a_sentence(store: Command) -> None:
    done = store("device", "show", "0004132E08B4")
    assert "identity 1: 401@pbx.example.com, not open" in done.out
    assert done.out.splitlines()[-1].startswith(
        "Not provisioned: it is bound, but it was never heard: restart the phone"
    )


def test_listing_does_not_make_the_file_of_sightings(
    store: Command, options_file: Path
) -> None:
    assert store("device", "list").status == 0
    assert not (options_file.parent / "sightings.db").exists()


def test_the_time_line_is_told_and_ends_in_a_verdict(
    store: Command, options_file: Path
) -> None:
    now = time.time()
    seen(
        options_file,
        Sighting(now - 9, BOUND, "10.0.0.7", Reason.PNP_ANSWERED, "snom370 8.7.5.48"),
        Sighting(now - 8, BOUND, "10.0.0.7", Reason.CLOSED, "evil\x1b[2K"),
    )
    store("window", "open", "401@pbx.example.com")
    done = store("device", "show", "00:04:13:2e:08:b4")
    assert "401@pbx.example.com, open for 10 min" in done.out or "9 min" in done.out
    lines = done.out.splitlines()
    assert lines[3].split() == ["when", "from", "what", "happened", "detail"]
    assert Reason.PNP_ANSWERED.sentence in lines[4]
    assert Reason.CLOSED.sentence in lines[5]
    assert "\x1b" not in done.out
    assert lines[-1].startswith("Not provisioned: ")
    assert "restart the phone" in lines[-1]
    found = store("device", "show", "0004132E08B4", "--json").json
    assert [one["reason"] for one in found["time_line"]] == ["CLOSED", "PNP_ANSWERED"]


def test_a_time_line_without_details_has_no_column_for_them(
    store: Command, options_file: Path
) -> None:
    seen(options_file, Sighting(time.time(), BOUND, "10.0.0.7", Reason.CLOSED))
    lines = store("device", "show", "0004132E08B4").out.splitlines()
    assert lines[3].split() == ["when", "from", "what", "happened"]


def test_unknown_phones_are_listed_after_the_devices(
    store: Command, options_file: Path
) -> None:
    seen(options_file, Sighting(time.time(), STRANGER, "10.0.0.8", Reason.UNKNOWN_MAC))
    lines = store("device", "list").out.splitlines()
    assert lines[1].startswith("0004132E08B4  pbx.example.com  401")
    assert lines[2].startswith("000413999999  (unknown)")
    assert len(store("device", "list", "--unknown", "0").out.splitlines()) == 2
    only = store("device", "list", "--domain", "pbx.example.com", "--json").json
    assert [one["mac"] for one in only] == ["0004132E08B4"]
    assert "bind it" in store("device", "show", "000413999999").out


def test_that_unknown_phones_are_not_listed_is_told(
    store: Command, options_file: Path
) -> None:
    now = time.time()
    seen(
        options_file,
        *(
            Sighting(now + number, STRANGER + number, "10.0.0.8", Reason.UNKNOWN_MAC)
            for number in range(1_236)
        ),
    )
    done = store("device", "list", "--unknown", "2")
    macs = [line.split()[0] for line in done.out.splitlines()[2:]]
    assert macs == ["000413999E6C", "000413999E6B"]
    assert done.err == (
        "More unknown MACs asked before these: --unknown N lists them.\n"
    )
    assert store("device", "list", "--unknown", "2000").err == ""
    assert store("device", "list", "--unknown", "0").err == ""


def test_devices_are_listed_by_whether_they_are_bound(
    store: Command, options_file: Path
) -> None:
    seen(options_file, Sighting(time.time(), STRANGER, "10.0.0.8", Reason.UNKNOWN_MAC))
    store(
        *("account", "add", "402@pbx.example.com", "--mac", "0004132E08B5"),
        *("--password", "s3cret"),
    )
    store("account", "unbind", "402@pbx.example.com", "0004132E08B5")

    def listed(*how: str) -> list[str]:
        return [one["mac"] for one in store("device", "list", *how, "--json").json]

    assert listed() == ["0004132E08B4", "0004132E08B5", "000413999999"]
    assert listed("--bound") == ["0004132E08B4"]
    assert listed("--unbound") == ["0004132E08B5", "000413999999"]


def test_the_certificate_of_a_phone_is_shown_as_a_block_takes_it(
    store: Command, options_file: Path
) -> None:
    database = sqlite3.connect(options_file.parent / "bootwave.db")
    with closing(database), database:
        database.execute(
            "UPDATE devices SET certificate_serial = '2748', certificate_key = ?",
            ("ab" * 32,),
        )
    shown = store("device", "show", "0004132E08B4").out
    assert f"  its certificate: serial ABC, key {'ab' * 32}\n" in shown
    store("tls", "block", "--serial", "ABC")
    assert "0004132E08B4" in store("tls", "blocks").out


def test_what_is_no_mac_is_refused(store: Command) -> None:
    assert "is not a MAC address" in refused(store("device", "show", "xyz"))


def test_who_was_refused_elsewhere_is_told_beside_the_verdict(
    store: Command, options_file: Path
) -> None:
    now = time.time()
    seen(
        options_file,
        Sighting(now - 9, BOUND, "127.0.0.1", Reason.SERVED_WINDOW),
        Sighting(now - 8, BOUND, "127.0.0.2", Reason.CONSUMED_BY_OTHER),
    )
    verdict, other = store("device", "show", "0004132E08B4").out.splitlines()[-2:]
    assert verdict == f"Provisioned: {Reason.SERVED_WINDOW.sentence}."
    assert other == (
        "Another address, 127.0.0.2, asked for its document at "
        f"{moment(now - 8)} and was refused: {Reason.CONSUMED_BY_OTHER.sentence}: "
        f"{Reason.CONSUMED_BY_OTHER.advice}."
    )
    found = store("device", "show", "0004132E08B4", "--json").json
    assert found["refused_elsewhere"]["source"] == "127.0.0.2"


def test_the_steps_of_a_phone_are_told_with_what_to_do(store: Command) -> None:
    done = store("device", "check", "0004132E08B4")
    assert done.status == 1
    assert "The steps for the 3xx:" in done.out
    assert "  2. Bind its MAC to an account\n     done: it is bound to 401@" in done.out
    assert "bootwave window open" in done.out
    assert done.out.endswith("Go on with step 3.\n")
    found = store("device", "check", "0004132E08B4", "--json").json
    assert found["next"] == 3
    assert [step["number"] for step in found["steps"]] == list(range(1, 9))


def test_devices_are_sorted_and_found_by_what_they_did(
    store: Command, options_file: Path
) -> None:
    now = time.time()
    store("account", "add", "402@pbx.example.com", "--password-stdin", stdin="word\n")
    store("account", "bind", "402@pbx.example.com", "0004132E08B5")
    database = sqlite3.connect(options_file.parent / "bootwave.db")
    with closing(database), database:  # as if they had been there for two days
        database.execute("UPDATE devices SET adopted_at = ?", (now - 172_800,))
    listed = store("device", "list", "--state", "never")
    assert [line.split()[0] for line in listed.out.splitlines()[1:]] == [
        "0004132E08B4",
        "0004132E08B5",
    ]
    agent = "snomD785-SIP 10.1.73.16"
    seen(
        options_file,
        Sighting(now - 90_000, BOUND, "10.0.0.7", Reason.SERVED_WINDOW, agent),
        Sighting(now - 9, BOUND + 1, "10.0.0.8", Reason.CLOSED, ""),
    )

    def macs(*words: str) -> list[str]:
        return [one["mac"] for one in store("device", "list", *words, "--json").json]

    older, newer = "0004132E08B4", "0004132E08B5"
    assert macs("--sort", "last-contact") == [older, newer]
    assert macs("--sort", "last-contact", "--descending", "--limit", "1") == [newer]
    assert macs("--firmware", "10") == macs("--older-than", "10.2") == [older]
    assert macs("--model", "snomD785") == [older]
    assert macs("--state", "refused") == macs("--heard-since", "1h") == [newer]
    assert macs("--not-heard-since", "24h") == [older]
    assert macs("--state", "never") == macs("--firmware", "9") == []
    table = store("device", "list", "--sort", "firmware", "--limit", "1")
    assert Reason.CLOSED.sentence in table.out
    assert "There may be more" in table.err


def test_a_list_tells_what_was_heard_since_the_last_one(
    store: Command, options_file: Path
) -> None:
    assert store("device", "list", "--json").json[0]["reason"] == ""
    seen(options_file, Sighting(time.time(), BOUND, "10.0.0.7", Reason.CLOSED))
    (device,) = store("device", "list", "--json").json
    assert (device["reason"], device["source"]) == ("CLOSED", "10.0.0.7")
    assert [*device] == [
        *("mac", "domain", "model", "owns_certificate", "known", "accounts"),
        *("last_seen", "source", "reason", "sentence"),
    ]


def test_devices_by_what_they_did_are_no_list_of_others(store: Command) -> None:
    words = ("device", "list", "--sort", "last-contact", "--bound")
    assert "without order" in store(*words).err
    wrong = store("device", "list", "--heard-since", "yesterday")
    assert "--heard-since does not understand" in wrong.err
    assert "no state" in refused(store("device", "list", "--state", "asleep"))
