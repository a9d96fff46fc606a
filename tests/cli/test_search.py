"""bootwave search: lists page by page."""

import re
import time
from pathlib import Path

import pytest

from bootwave.cli.search import _SHOWN
from bootwave.optionsfile import load
from bootwave.sightings import Reason, Sighting
from bootwave.store.listing.requests import LISTS
from bootwave.store.sightings.sightings import SightingLog
from tests.cli.conftest import Command
from tests.cli.test_main import refused
from tests.cli.test_resync import seen

assert seen  # a fixture

NEEDED = {
    "profiles": "domain=pbx.example.com",
    "groups": "domain=pbx.example.com",
    "rollout-phones": "rollout=1",
    "sightings": "mac=0004132E08B4",
}


@pytest.mark.parametrize("resource", LISTS)
def test_every_list_is_shown(seen: Command, resource: str) -> None:
    store = seen
    assert store("resync", "--all").status == 0
    words = [NEEDED[resource]] if resource in NEEDED else []
    done = store("search", resource, *words)
    assert done.status == 0
    assert resource in _SHOWN
    assert set(store("search", resource, *words, "--json").json) == {"items", "next"}


def test_accounts_are_found_page_by_page(store: Command) -> None:
    text = "extension,domain,name,password\n"
    text += "".join(f"{n},pbx.example.com,Berta {n},p\n" for n in range(501, 505))
    store("account", "import", "-", stdin=text)
    words = ["search", "accounts", "domain=pbx.example.com", "name_prefix=berta"]
    done = store(*words, "--limit", "3")
    assert done.out.splitlines()[1].startswith("501@pbx.example.com  Berta 501")
    assert len(done.out.splitlines()) == 4
    cursor = done.err.split()[-1]
    done = store(*words, "--cursor", cursor)
    assert [line.split()[0] for line in done.out.splitlines()[1:]] == [
        "504@pbx.example.com"
    ]
    assert done.err == ""
    assert "Nothing is found" in store("search", "accounts", "number_prefix=9").err


def test_what_happened_is_listed_with_when(store: Command) -> None:
    done = store("search", "audit", "--limit", "1")
    heading, row = done.out.splitlines()
    assert heading.split() == ["seq", "when", "actor", "action", "subject"]
    assert re.match(r"1\s+\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\s", row)


def test_devices_by_what_they_did_last_are_shown_with_that(
    store: Command, options_file: Path
) -> None:
    log = SightingLog(load(options_file, {}).options.store.sightings)
    log.append(
        [
            Sighting(
                time.time(),
                0x0004132E08B4,
                "10.0.0.7",
                Reason.SERVED_WINDOW,
                "snom370 8.4.35",
            )
        ]
    )
    done = store("search", "devices", "--sort", "last-contact")
    heading, row = done.out.splitlines()
    assert heading.endswith("  firmware  last seen            accounts")
    assert re.search(r" 8\.4\.35    20\d\d-\d\d-\d\d \d\d:\d\d:\d\d  401@", row)
    heading = store("search", "devices").out.splitlines()[0]
    assert heading.split() == ["mac", "domain", "model", "group", "accounts"]


def test_what_cannot_be_listed_is_refused(store: Command) -> None:
    assert "is no filter" in store("search", "accounts", "anna").err
    assert "twice" in store("search", "accounts", "domain=a", "domain=b").err
    assert "It can be sorted by" in refused(store("search", "accounts", "--sort", "x"))
    devices = refused(store("search", "devices", "--sort", "x"))
    assert devices.endswith("sorted by last-contact, firmware, refused.")
    assert "last-contact" in refused(store("device", "list", "--sort", "x"))
    assert "There is no list" in refused(store("search", "cats"))
