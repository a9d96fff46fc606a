"""Devices sorted and narrowed down by what they did last."""

import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bootwave.errors import OptionError, SettingError, StoreNotFound, StoreUnavailable
from bootwave.sightings import Reason, Sighting
from bootwave.store.administration import Administration
from bootwave.store.listing import pages
from bootwave.store.listing.devicecontacts import CONTACTS
from bootwave.store.listing.orders import Part
from bootwave.store.sightings.contactkeeper import ContactKeeper
from bootwave.store.sightings.contacts import ContactFile
from bootwave.store.sightings.sightings import SightingLog
from tests.store.clock import Clock

NOW = 1_700_000_000.0
MAC = 0x0004132E0800
A, B = "a.example.com", "b.example.com"
Key = tuple[str, int, Part, bool, bool]
# Model, firmware, seconds ago, whether it was refused since: of the devices 0 and on.
PHONES: list[tuple[str, str, float, bool]] = [
    ("snom370", "8.7.5.48", 100, False),
    ("snom370", "8.4.35", 200, True),
    ("snomD785", "10.1.73.16", 300, False),
    ("snomD785", "10.1.198.19", 50, True),
    ("", "", 400, True),  # was never given its settings
    ("", "", 0, False),  # was never heard
]


@pytest.fixture(autouse=True)
def fleet(
    add: Callable[..., None],
    admin: Administration,
    log: SightingLog,
    path: Path,
    clock: Clock,
) -> None:
    clock.set_wall(NOW - 1_000)  # since when they are devices
    for number, (model, firmware, ago, refused) in enumerate(PHONES):
        mac = MAC + number
        domain = B if number % 3 == 0 else A
        add(f"{400 + number}@{domain}", mac=f"{mac:012X}")
        served = Sighting(
            NOW - ago - 1,
            mac,
            "192.0.2.7",
            Reason.SERVED_WINDOW,
            f"{model}-SIP {firmware}",
        )
        closed = Sighting(NOW - ago, mac, "192.0.2.7", Reason.CLOSED, "")
        told = Sighting(NOW - ago, mac, "192.0.2.7", Reason.PNP_ANSWERED, "")
        if ago:
            log.append(([served] if model else []) + [closed if refused else told])
    ContactKeeper(log, path, clock=lambda: NOW).catch_up()
    clock.set_wall(NOW)


def found(
    admin: Administration, sort: str = "", limit: int = 2, **how: Any
) -> list[int]:
    """Return the numbers of the devices, of all pages."""
    descending = how.pop("descending", False)
    numbers: list[int] = []
    cursor = ""
    while True:
        page = admin.records_page(
            "devices",
            filters=how,
            sort=sort,
            descending=descending,
            limit=limit,
            cursor=cursor,
        )
        assert len(page["rows"]) <= limit
        numbers += [int(row["mac"], 16) - MAC for row in page["rows"]]
        cursor = page["cursor"]
        if not cursor:
            return numbers


@pytest.mark.parametrize("limit", [1, 2, 5, 100])
def test_devices_come_in_the_order_in_which_they_were_heard(
    admin: Administration, limit: int
) -> None:
    expected = [5, 4, 2, 1, 0, 3]
    assert found(admin, "last-contact", limit) == expected
    assert found(admin, "last-contact", limit, descending=True) == expected[::-1]
    assert found(admin, "last-contact", limit, domain=A) == [5, 4, 2, 1]
    assert found(admin, "last-contact", limit, model="snomD785") == [2, 3]


@pytest.mark.parametrize("limit", [1, 2, 5, 100])
def test_devices_are_found_by_what_they_run(admin: Administration, limit: int) -> None:
    assert found(admin, "firmware", limit) == [4, 5, 1, 0, 2, 3]
    assert found(admin, limit=limit, firmware="8") == [1, 0]
    assert found(admin, limit=limit, firmware="8.7.5.48") == [0]
    assert found(admin, limit=limit, firmware="8.7-10.1.73") == [0, 2]
    assert found(admin, limit=limit, firmware="-8.4") == [1]
    assert found(admin, limit=limit, firmware="10.1.100-") == [3]
    assert found(admin, limit=limit, older_than="10.1.73.16") == [1, 0]
    assert found(admin, limit=limit, older_than="10.2", model="snomD785") == [2, 3]
    assert found(admin, limit=limit, older_than="10.2", domain=A) == [1, 2]
    both = {"firmware": "10", "older_than": "10.1.100"}
    assert found(admin, limit=limit, **both) == [2]


def test_devices_are_found_by_when_they_were_heard(admin: Administration) -> None:
    assert found(admin, heard_since=str(NOW - 150)) == [0, 3]
    assert found(admin, heard_before=str(NOW - 150)) == [5, 4, 2, 1]
    both = {"heard_since": str(NOW - 350), "heard_before": str(NOW - 150)}
    assert found(admin, **both) == [2, 1]
    assert found(admin, "firmware", **both) == [1, 2]
    assert found(admin, "last-contact", older_than="10", **both) == [1]


def test_devices_are_found_by_their_state(admin: Administration) -> None:
    assert found(admin, state="never") == [5]
    assert found(admin, state="never", domain=B) == []
    assert found(admin, state="refused") == [4, 1, 3]
    assert found(admin, state="refused", domain=A, descending=True) == [1, 4]
    assert found(admin, state="refused", heard_since=str(NOW - 250)) == [1, 3]
    assert found(admin, state="refused", older_than="9") == [1]


def test_a_row_tells_what_the_device_did(admin: Administration) -> None:
    page = admin.records_page("devices", sort="last-contact", descending=True, limit=1)
    (row,) = page["rows"]
    assert (row["last_seen"], row["firmware"]) == (NOW - 50, "10.1.198.19")
    assert (row["reason"], row["refused"]) == ("CLOSED", True)
    assert row["accounts"] == [f"403@{B}"]
    (never,) = admin.records_page("devices", filters={"state": "never"})["rows"]
    assert (never["last_seen"], never["sentence"]) == (None, "it was never heard")


def test_a_list_by_mac_tells_the_same_without_reading_the_sightings_through(
    admin: Administration, log: SightingLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_contact = admin.records_page("devices", sort="last-contact")["rows"]
    monkeypatch.setattr(log, "latest", None)
    by_mac = admin.records_page("devices", sort="mac", seen=True)["rows"]
    assert len(by_mac) == len(PHONES)
    for one in by_contact:
        del one["refused"]
        assert one in by_mac


def test_a_list_by_mac_reads_the_sightings_while_there_is_no_other_file(
    admin: Administration, log: SightingLog
) -> None:
    told = admin.records_page("devices", seen=True)["rows"]
    log.contacts.unlink()
    assert admin.records_page("devices", seen=True)["rows"] == told


def test_who_reaches_a_domain_finds_its_devices(admin: Administration) -> None:
    admin.reach = frozenset({B})
    assert found(admin, "last-contact") == [0, 3]
    assert found(admin, state="refused") == [3]
    with pytest.raises(StoreNotFound):
        found(admin, "last-contact", domain=A)


@pytest.mark.parametrize("sort", ["last-contact", "firmware", "refused"])
def test_who_reaches_one_domain_reads_no_others_to_find_it(
    admin: Administration, monkeypatch: pytest.MonkeyPatch, sort: str
) -> None:
    monkeypatch.setattr(pages, "MOST_READ", 1)
    monkeypatch.setattr(pages, "_TOGETHER", 1)
    admin.reach = frozenset({B})
    how: dict[str, Any] = {"filters": {"state": sort}} if sort == "refused" else {}
    assert admin.records_page("devices", sort=sort, limit=1, **how)["rows"]


def test_a_device_that_was_moved_is_of_its_new_domain_alone(
    admin: Administration,
) -> None:
    admin.account_unbind(f"401@{A}", f"{MAC + 1:012X}")
    admin.account_bind(f"400@{B}", f"{MAC + 1:012X}", add=True)
    # The keeper knows nothing of it yet.
    assert 1 not in found(admin, "last-contact", domain=A)
    admin.reach = frozenset({A})
    assert 1 not in found(admin, "last-contact")


@pytest.fixture
def moved(admin: Administration, log: SightingLog, path: Path) -> SightingLog:
    """What 404, which was refused 400 seconds ago, does in the domain it came to."""
    for number in (1, 4):
        admin.account_unbind(f"40{number}@{A}", f"{MAC + number:012X}")
        admin.account_bind(f"400@{B}", f"{MAC + number:012X}", add=True)
    ContactKeeper(log, path, clock=lambda: NOW).catch_up()
    return log


@pytest.mark.usefixtures("moved")
def test_what_a_device_did_elsewhere_is_told_to_nobody_of_its_new_domain(
    admin: Administration,
) -> None:
    # Who reaches all domains finds it where it is: it was never heard there, either.
    assert found(admin, "last-contact", domain=B) == [1, 4, 0, 3]
    assert found(admin, state="refused") == [3]
    admin.reach = frozenset({B})
    assert found(admin, "last-contact") == [1, 4, 0, 3]
    assert found(admin, "firmware") == [1, 4, 0, 3]
    for how in ({"sort": "last-contact"}, {"sort": "firmware"}, {"domain": B}):
        sort = how.pop("sort", "last-contact")
        page = admin.records_page("devices", sort=sort, filters=how)
        rows = {int(row["mac"], 16) - MAC: row for row in page["rows"]}
        assert rows.keys() == {0, 1, 3, 4}
        assert rows[0]["last_seen"] == NOW - 100
        assert (rows[3]["refused"], rows[3]["firmware"]) == (True, "10.1.198.19")
        for number in (1, 4):
            kept = ("last_seen", "source", "reason", "firmware", "refused")
            told = [rows[number][name] for name in kept]
            assert told == [None, "", "", "", False]
    assert found(admin, state="refused") == [3]
    assert found(admin, state="never") == [1, 4]
    assert found(admin, heard_before=str(NOW - 60)) == [1, 4, 0]
    assert found(admin, heard_since=str(NOW - 450)) == [0, 3]
    assert found(admin, older_than="9") == [0]


def test_what_it_does_in_its_new_domain_is_told(
    admin: Administration, moved: SightingLog, path: Path
) -> None:
    moved.append([Sighting(NOW + 1, MAC + 1, "192.0.2.7", Reason.CLOSED, "")])
    ContactKeeper(moved, path, clock=lambda: NOW).catch_up()
    admin.reach = frozenset({B})
    assert found(admin, state="refused") == [3, 1]
    # Nothing finds it by what it ran when it was given its settings elsewhere.
    assert found(admin, older_than="9") == [0]
    assert found(admin, firmware="8") == [0]
    assert found(admin, "firmware") == [1, 4, 0, 3]
    page = admin.records_page("devices", sort="last-contact", descending=True, limit=1)
    (row,) = page["rows"]
    assert (row["last_seen"], row["firmware"]) == (NOW + 1, "")


def test_a_device_that_was_moved_since_its_row_was_made_is_not_told(
    admin: Administration,
) -> None:
    admin.account_unbind(f"401@{A}", f"{MAC + 1:012X}")
    admin.account_bind(f"400@{B}", f"{MAC + 1:012X}", add=True)
    # Of both domains, and the keeper has read nothing of it yet.
    admin.reach = frozenset({A, B})
    assert found(admin, "last-contact") == [5, 4, 2, 0, 3]
    moved = admin.records_page("devices", seen=True)["rows"][1]
    assert (moved["mac"], moved["last_seen"]) == (f"{MAC + 1:012X}", None)


def test_a_long_way_ends_and_goes_on(
    admin: Administration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "MOST_READ", 1)
    monkeypatch.setattr(pages, "_TOGETHER", 1)
    first = admin.records_page(
        "devices", sort="last-contact", filters={"model": "snomD785"}
    )
    assert first["rows"] == []
    assert first["cursor"]
    assert found(admin, "last-contact", model="snomD785") == [2, 3]


@pytest.mark.parametrize(
    ("sort", "filters", "error"),
    [
        ("last-contact", {"mac_prefix": "0004"}, OptionError),
        ("last-contact", {"state": "asleep"}, OptionError),
        ("last-contact", {"state": "refused"}, OptionError),
        ("refused", {}, OptionError),
        ("mac", {"firmware": "8"}, OptionError),
        ("", {"firmware": "new"}, SettingError),
        ("", {"older_than": "newest"}, SettingError),
        ("", {"heard_since": "yesterday"}, OptionError),
        ("", {"heard_since": "nan"}, OptionError),
        ("", {"heard_since": "-1"}, OptionError),
    ],
)
def test_what_is_not_offered_is_refused_in_a_sentence(
    admin: Administration, sort: str, filters: dict[str, str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        admin.records_page("devices", sort=sort, filters=filters)


def test_a_cursor_is_of_its_list(admin: Administration) -> None:
    first = admin.records_page("devices", sort="last-contact", limit=1)
    for how in (
        {"sort": "firmware"},
        {"sort": "last-contact", "descending": True},
        {"sort": "last-contact", "filters": {"domain": A}},
        {},
    ):
        with pytest.raises(OptionError, match="cursor"):
            admin.records_page("devices", cursor=first["cursor"], **how)


def test_without_the_file_it_is_said_to_be_away(
    admin: Administration, log: SightingLog
) -> None:
    log.contacts.unlink()
    with pytest.raises(StoreUnavailable):
        admin.records_page("devices", sort="last-contact")


@pytest.mark.parametrize(
    "key", CONTACTS.statements, ids=lambda key: f"{key[0]}-{key[1:]}"
)
def test_every_page_enters_an_index_at_its_key(log: SightingLog, key: Key) -> None:
    _resource, place, part, prefixed, _descending = key
    sql = CONTACTS.statements[key]
    named = dict.fromkeys(re.findall(r":(\w+)", sql), 1)
    with ContactFile(log.contacts).reading() as connection:
        rows: list[sqlite3.Row] = connection.execute(
            f"EXPLAIN QUERY PLAN {sql}", named
        ).fetchall()
    (step,) = [str(row[3]) for row in rows]
    assert step.startswith("SEARCH")
    conditions = step.rpartition("(")[2]
    equal = len(CONTACTS.orders["contacts"][place].equal)
    if part is Part.ALIKE:
        assert conditions.count("=?") == equal + 1
        assert re.search(r"rowid[<>]\?", conditions)
    else:
        assert conditions.count("=?") == equal
        assert re.search(r"[<>]\?", conditions) or not (prefixed or part is Part.BEHIND)
