"""Rows of lists, fetched page by page: as many as there are, through the engine."""

import re
import time
from pathlib import Path

import pytest

from bootwave.cli import rows
from bootwave.cli.progress import is_shown
from bootwave.control import client
from bootwave.optionsfile import load
from bootwave.sightings import Reason, Sighting
from bootwave.store.sightings.sightings import SightingLog
from tests.cli.conftest import Command
from tests.cli.test_main import refused

ACCOUNTS = 120
FEW = 4  # rows of a page, of which a message takes some more, but not all there are
MESSAGE = 2_000  # bytes
MAC, STRANGER = 0x000413000000, 0x000413F00000
HERE = "pbx.example.com"


@pytest.fixture
def fleet(store: Command, options_file: Path) -> Command:
    """A store of many accounts, devices, windows, domains and strangers."""
    text = "extension,domain,name,password,mac\n"
    for number in range(ACCOUNTS):
        domain = ("b.example.com", HERE)[number % 2]
        text += f"{500 + number},{domain},Anna,p,{MAC + number:012X}\n"
    for number in range(9):
        assert store("domain", "add", f"d{number}.example.com").status == 0
    store("domain", "add", "b.example.com")
    assert store("account", "import", "-", stdin=text).status == 0
    store("group", "add", HERE, "all")
    macs = [f"{MAC + number:012X}" for number in range(1, ACCOUNTS, 2)]
    assert store("group", "assign", HERE, "all", *macs).status == 0
    assert store("window", "open", "--domain", HERE).status == 0
    assert store("window", "open", "--domain", "b.example.com").status == 0
    now = time.time()
    SightingLog(load(options_file, {}).options.store.sightings).append(
        [
            Sighting(now + n, STRANGER + n, "10.0.0.8", Reason.UNKNOWN_MAC)
            for n in range(ACCOUNTS)
        ]
        + [Sighting(now, MAC + 1, "10.0.0.9", Reason.CLOSED)]
    )
    return store


LISTS = (
    ("account", "list"),
    ("account", "list", "--domain", HERE),
    ("device", "list"),
    ("device", "list", "--domain", HERE),
    ("device", "list", "--unbound", "--unknown", "30"),
    ("device", "list", "--limit", "40"),
    ("domain", "list"),
    ("group", "show", HERE, "all"),
    ("window", "list", "--all"),
    ("window", "list", "--domain", HERE),
)


def test_a_list_is_as_long_as_it_is_though_no_message_holds_it(
    fleet: Command, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    before = [fleet(*words, *how) for words in LISTS for how in ((), ("--json",))]
    assert [done.status for done in before] == [0] * len(before)
    assert [len(done.json) for done in before[1::2]] == [
        *(ACCOUNTS + 1, ACCOUNTS // 2 + 1),
        *(2 * ACCOUNTS + 1, ACCOUNTS // 2 + 1, 30, 40),
        *(11, 3, ACCOUNTS + 1, ACCOUNTS // 2 + 1),
    ]
    request.getfixturevalue("engine")
    monkeypatch.setattr(client, "MAX_CONTROL_MESSAGE_BYTES", MESSAGE)
    monkeypatch.setattr(rows, "PAGE", FEW)
    for words, table, json in zip(LISTS, before[::2], before[1::2], strict=True):
        assert len(json.out) > MESSAGE
        assert timeless(fleet(*words).out) == timeless(table.out)
        assert timeless(fleet(*words, "--json").out) == timeless(json.out)


def timeless(text: str) -> list[str]:
    """Return the lines of *text* but for how long a window is open still."""
    return [
        re.sub(r"10 min|9 min \d+ s|\s+", " ", line).strip()
        for line in text.splitlines()
        if "seconds_left" not in line
    ]


def test_accounts_come_by_domain_and_number(fleet: Command) -> None:
    told = [one["account"] for one in fleet("account", "list", "--json").json]
    assert told == sorted(told, key=lambda name: name.partition("@")[::-2])
    table = fleet("account", "list").out.splitlines()[1:]
    assert [row.split()[0] for row in table] == told


def test_windows_come_by_domain_and_number(fleet: Command) -> None:
    fleet("window", "open", f"401@{HERE}")
    told = [one["account"] for one in fleet("window", "list", "--json").json]
    assert told == sorted(told, key=lambda name: name.partition("@")[::-2])


def test_a_limit_is_kept_in_every_order_and_says_that_there_is_more(
    fleet: Command,
) -> None:
    everything = fleet("device", "list", "--json").json
    for words in (["--limit", "3"], ["--limit", "3", "--sort", "last-contact"]):
        for how in ([], ["--json"]):
            done = fleet("device", "list", *words, *how)
            assert done.err == "There may be more: --limit N lists them.\n"
            many = len(done.json) if how else len(done.out.splitlines()) - 1
            assert many == 3
    assert fleet("device", "list", "--limit", "3", "--json").json == everything[:3]
    enough = fleet("device", "list", "--limit", str(len(everything)), "--json")
    assert (enough.json, enough.err) == (everything, "")


def test_more_unknown_phones_than_are_listed_are_told_of(fleet: Command) -> None:
    done = fleet("device", "list", "--unknown", "2", "--json")
    assert [one["mac"] for one in done.json[-2:]] == [
        f"{STRANGER + ACCOUNTS - 1:012X}",
        f"{STRANGER + ACCOUNTS - 2:012X}",
    ]
    assert "More unknown MACs asked" in done.err


def test_a_list_that_nobody_sees_yet_shows_that_it_is_fetched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for terminal, json, shown in (
        (False, False, True),
        (False, True, True),
        (True, False, True),
        (True, True, False),
    ):
        monkeypatch.setattr("sys.stdout.isatty", lambda now=terminal: now)
        with rows.listing(json=json):
            assert is_shown() is shown


@pytest.mark.parametrize("what", ["account", "device", "window"])
def test_a_list_of_a_domain_without_a_name_is_not_that_of_all(
    store: Command, what: str
) -> None:
    assert "is not a domain name" in refused(store(what, "list", "--domain", ""))
