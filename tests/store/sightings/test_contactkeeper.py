"""What is kept of devices, as the store and the sightings change."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bootwave.errors import StoreUnavailable
from bootwave.sightings import Reason, Sighting
from bootwave.store.administration import Administration
from bootwave.store.changelog import EVERYTHING, record
from bootwave.store.connection import transaction
from bootwave.store.sightings import contactkeeper
from bootwave.store.sightings.contactkeeper import ContactKeeper
from bootwave.store.sightings.contacts import INDEXES, ContactFile
from bootwave.store.sightings.sightings import SightingLog
from bootwave.store.sightings.tail import SightingTail
from tests.store.clock import Clock

NOW = 1_700_000_000.0
MAC = 0x0004132E08B4
AGENT = "snom370-SIP 8.7.5.48; 192.0.2.1"
NEWER = "snomD785-SIP 10.1.73.16"


def seen(
    mac: int, ago: float, reason: Reason = Reason.SERVED_WINDOW, detail: str = AGENT
) -> Sighting:
    return Sighting(NOW - ago, mac, "192.0.2.7", reason, detail)


@pytest.fixture
def keeper(log: SightingLog, path: Path) -> Iterator[ContactKeeper]:
    made = ContactKeeper(log, path, clock=lambda: NOW)
    yield made
    made.close()


def rows(log: SightingLog) -> dict[int, dict[str, Any]]:
    """Return what is kept, by MAC."""
    with ContactFile(log.contacts).reading() as connection:
        connection.row_factory = sqlite3.Row
        found = connection.execute("SELECT * FROM contacts ORDER BY mac").fetchall()
    return {row["mac"]: dict(row) for row in found}


@pytest.fixture
def two(add: Callable[..., None], clock: Clock) -> None:
    clock.set_wall(NOW - 1_000)  # since when they are devices
    add("401@a.example.com", mac=f"{MAC:012X}")
    add("402@b.example.com", mac=f"{MAC + 1:012X}")
    clock.set_wall(NOW)


@pytest.mark.usefixtures("two")
def test_each_device_has_what_it_did_last(
    keeper: ContactKeeper, log: SightingLog
) -> None:
    log.append(
        [
            seen(MAC, 50),
            seen(MAC, 40, Reason.CLOSED, "x"),
            seen(MAC, 30, Reason.PNP_ANSWERED, "y"),
            seen(MAC + 7, 20),  # no device
        ]
    )
    keeper.catch_up()
    kept = rows(log)
    assert kept.keys() == {MAC, MAC + 1}
    one, other = kept.values()
    assert (one["at"], one["reason"]) == (NOW - 30, Reason.PNP_ANSWERED)
    assert (one["said"], one["model"]) == ("8.7.5.48", "snom370")
    assert (one["refused"], one["decided_at"]) == (1, NOW - 40)
    assert (other["at"], other["firmware"], other["refused"]) == (0, "", 0)
    assert one["domain_id"] != other["domain_id"]


@pytest.mark.usefixtures("two")
def test_what_comes_later_is_taken_in_and_what_is_older_is_not(
    keeper: ContactKeeper, log: SightingLog
) -> None:
    log.append([seen(MAC, 50, Reason.CLOSED)])
    keeper.catch_up()
    log.append([seen(MAC, 60), seen(MAC, 10, detail=NEWER)])
    keeper.catch_up()
    one = rows(log)[MAC]
    assert (one["at"], one["said"], one["model"]) == (
        NOW - 10,
        "10.1.73.16",
        "snomD785",
    )
    assert one["refused"] == 0
    log.append([seen(MAC, 70, Reason.CLOSED)])
    keeper.catch_up()
    assert rows(log)[MAC] == one


@pytest.mark.usefixtures("two")
def test_a_time_that_is_still_to_come_does_not_last(
    keeper: ContactKeeper, log: SightingLog
) -> None:
    log.append([seen(MAC, -1e6, Reason.CLOSED)])
    keeper.catch_up()
    log.append([seen(MAC, 10)])
    keeper.catch_up()
    one = rows(log)[MAC]
    assert (one["at"], one["refused"]) == (NOW - 10, 0)


@pytest.mark.usefixtures("two")
def test_a_new_device_has_what_it_did_before_it_was_read(
    keeper: ContactKeeper, log: SightingLog, add: Callable[..., None], clock: Clock
) -> None:
    log.append([seen(MAC + 2, 10, Reason.CLOSED)])
    keeper.catch_up()
    clock.set_wall(NOW - 20)
    add("403@a.example.com", mac=f"{MAC + 2:012X}")
    keeper.catch_up()
    one = rows(log)[MAC + 2]
    assert (one["at"], one["refused"]) == (NOW - 10, 1)


@pytest.mark.usefixtures("two")
def test_a_new_device_has_nothing_of_before_its_domain_got_it(
    keeper: ContactKeeper, log: SightingLog, add: Callable[..., None]
) -> None:
    log.append([seen(MAC + 2, 10, Reason.UNKNOWN_MAC)])
    add("403@a.example.com", mac=f"{MAC + 2:012X}")
    keeper.catch_up()
    one = rows(log)[MAC + 2]
    assert (one["at"], one["source"], one["refused"]) == (0, "", 0)


def move(admin: Administration) -> None:
    """Have the first of the two in the domain of the second, from now on."""
    admin.account_unbind("401@a.example.com", f"{MAC:012X}")
    admin.account_bind("402@b.example.com", f"{MAC:012X}", add=True)


@pytest.mark.usefixtures("two")
def test_a_device_is_of_the_domain_that_it_was_moved_to(
    keeper: ContactKeeper, log: SightingLog, admin: Administration
) -> None:
    keeper.catch_up()
    before = rows(log)
    move(admin)
    keeper.catch_up()
    assert rows(log)[MAC]["domain_id"] == before[MAC + 1]["domain_id"]


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize("seeded", [0, 5_000])
@pytest.mark.parametrize("everything", [False, True])
def test_what_it_did_in_another_domain_a_device_begins_without(
    keeper: ContactKeeper,
    log: SightingLog,
    admin: Administration,
    connection: sqlite3.Connection,
    monkeypatch: pytest.MonkeyPatch,
    seeded: int,
    everything: bool,
) -> None:
    monkeypatch.setattr(contactkeeper, "SEEDED", seeded)
    log.append([seen(MAC, 30), seen(MAC, 20, Reason.CLOSED)])
    keeper.catch_up()
    move(admin)
    if everything:  # and no device is named
        with transaction(connection):
            connection.execute("DELETE FROM changes")
            record(connection, [EVERYTHING])
    log.append([seen(MAC, 10)])  # written late
    keeper.catch_up()
    one = rows(log)[MAC]
    kept = ("at", "source", "reason", "firmware", "said", "said_at", "decided_at")
    assert [one[name] for name in kept] == [0, "", 0, "", "", 0, 0]
    assert (one["refused"], one["model"]) == (0, "")
    # Heard, and not told new settings yet.
    log.append([seen(MAC, -5, Reason.PNP_ANSWERED)])
    keeper.catch_up()
    one = rows(log)[MAC]
    assert [one[name] for name in kept] == [
        *(NOW + 5, "192.0.2.7", Reason.PNP_ANSWERED),
        *("", "", 0, 0),
    ]


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize("seeded", [0, 5_000])
def test_what_is_read_together_with_the_past_of_a_device_does_not_bring_it_back(
    keeper: ContactKeeper,
    log: SightingLog,
    admin: Administration,
    monkeypatch: pytest.MonkeyPatch,
    seeded: int,
) -> None:
    monkeypatch.setattr(contactkeeper, "SEEDED", seeded)
    log.append([seen(MAC, 30), seen(MAC, 20, Reason.CLOSED)])
    move(admin)
    log.append([seen(MAC, -5, Reason.PNP_ANSWERED)])
    keeper.catch_up()
    one = rows(log)[MAC]
    assert (one["at"], one["reason"]) == (NOW + 5, Reason.PNP_ANSWERED)
    assert (one["refused"], one["decided_at"], one["said"]) == (0, 0, "")


@pytest.mark.usefixtures("two")
def test_what_a_device_did_in_its_new_domain_before_that_was_read_is_kept(
    keeper: ContactKeeper, log: SightingLog, admin: Administration
) -> None:
    keeper.catch_up()
    # Read in one step with a store of before.
    log.append([seen(MAC, -5, detail=NEWER)])
    keeper.catch_up()
    move(admin)
    keeper.catch_up()
    one = rows(log)[MAC]
    assert (one["at"], one["said"]) == (NOW + 5, "10.1.73.16")


@pytest.mark.usefixtures("two")
def test_settings_that_are_written_down_late_are_not_the_last(
    keeper: ContactKeeper, log: SightingLog
) -> None:
    log.append([seen(MAC, 10, detail=NEWER)])
    keeper.catch_up()
    log.append([seen(MAC, 11)])
    keeper.catch_up()
    assert rows(log)[MAC]["said"] == "10.1.73.16"


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize("seeded", [0, 5_000])
def test_after_everything_changed_all_devices_are_compared(
    keeper: ContactKeeper,
    log: SightingLog,
    connection: sqlite3.Connection,
    monkeypatch: pytest.MonkeyPatch,
    seeded: int,
) -> None:
    monkeypatch.setattr(contactkeeper, "DEVICES", 2)
    monkeypatch.setattr(contactkeeper, "SEEDED", seeded)
    log.append([seen(MAC + number, 10 + number) for number in range(9)])
    keeper.catch_up()
    assert rows(log).keys() == {MAC, MAC + 1}
    # As an import of many does: no device is named.
    with transaction(connection):
        connection.execute("DELETE FROM bindings")
        connection.execute("DELETE FROM devices WHERE mac = ?", (MAC,))
        connection.executemany(
            "INSERT INTO devices (mac, model, owns_certificate) VALUES (?, '', 0)",
            [(MAC + number,) for number in range(2, 8)],
        )
        record(connection, [EVERYTHING])
    keeper.catch_up()
    kept = rows(log)
    assert kept.keys() == {MAC + number for number in range(1, 8)}
    assert {mac: row["at"] for mac, row in kept.items()} == {
        MAC + number: NOW - 10 - number for number in range(1, 8)
    }


@pytest.mark.usefixtures("two")
def test_steps_are_small_and_go_on_where_the_last_one_was(
    log: SightingLog, path: Path
) -> None:
    log.append([seen(MAC + number % 2, 100 - number) for number in range(20)])
    steps = 0
    more = True
    while more:  # each by another process
        keeper = ContactKeeper(log, path, clock=lambda: NOW)
        more = keeper.step(3)
        keeper.close()
        steps += 1
    assert steps == 6 + len(INDEXES)
    assert {row["at"] for row in rows(log).values()} == {NOW - 81, NOW - 82}


@pytest.mark.usefixtures("two")
def test_the_store_is_not_locked_by_a_step(
    keeper: ContactKeeper, log: SightingLog, connection: sqlite3.Connection
) -> None:
    log.append([seen(MAC, 10)])
    connection.execute("BEGIN IMMEDIATE")  # as whoever answers a phone
    keeper.catch_up()
    connection.execute("ROLLBACK")
    assert rows(log)[MAC]["at"] == NOW - 10


@pytest.mark.usefixtures("two")
def test_a_file_that_is_deleted_or_damaged_is_made_again(
    keeper: ContactKeeper, log: SightingLog
) -> None:
    log.append([seen(MAC, 10)])
    keeper.catch_up()
    whole = rows(log)
    os.unlink(log.contacts)
    keeper.catch_up()
    assert rows(log) == whole
    size = log.contacts.stat().st_size
    with log.contacts.open("r+b") as file:
        file.seek(4_096)
        file.write(b"\xff" * (size - 4_096))
    try:
        keeper.catch_up()
    except StoreUnavailable:  # and is deleted
        keeper.catch_up()
    assert rows(log) == whole


@pytest.mark.usefixtures("two")
def test_what_only_readers_find_damaged_is_made_again(
    admin: Administration, keeper: ContactKeeper, log: SightingLog
) -> None:
    log.append([seen(MAC, 10)])
    keeper.catch_up()
    by_firmware = "SELECT rootpage FROM sqlite_master WHERE name = 'contacts_firmware'"
    with ContactFile(log.contacts).reading() as connection:
        ((page,),) = connection.execute(by_firmware).fetchall()
        ((size,),) = connection.execute("PRAGMA page_size").fetchall()
    with log.contacts.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    keeper.catch_up()  # which has nothing to read there
    with pytest.raises(StoreUnavailable, match="again in"):
        admin.records_page("devices", sort="firmware")
    keeper.catch_up()
    found = admin.records_page("devices", sort="firmware")
    assert len(found["rows"]) == 2


@pytest.mark.usefixtures("two")
def test_a_new_file_of_sightings_takes_nothing_away(
    keeper: ContactKeeper, log: SightingLog, tmp_path: Path
) -> None:
    log.append([seen(MAC, 10)])
    keeper.catch_up()
    (tmp_path / "sightings.db").unlink()
    keeper.catch_up()
    log.append([seen(MAC + 1, 5)])
    keeper.catch_up()
    kept = rows(log)
    assert [row["at"] for row in kept.values()] == [NOW - 10, NOW - 5]


def test_a_store_that_is_away_is_an_error_and_no_new_store(
    log: SightingLog, tmp_path: Path
) -> None:
    missing = tmp_path / "missing.db"
    keeper = ContactKeeper(log, missing)
    with pytest.raises(StoreUnavailable):
        keeper.step()
    assert not missing.exists()


@pytest.mark.usefixtures("two")
def test_two_that_take_the_same_step_do_it_once(
    log: SightingLog, path: Path, tmp_path: Path
) -> None:
    other = ContactKeeper(log, path, clock=lambda: NOW)
    other.catch_up()
    log.append([seen(MAC, 10)])

    class Late(SightingLog):
        """Read by the one whose step another one does meanwhile."""

        def tail(self) -> SightingTail:
            other.catch_up()
            return super().tail()

    late = Late(tmp_path / "sightings.db", clock=lambda: NOW)
    keeper = ContactKeeper(late, path, clock=lambda: NOW)
    keeper.catch_up()
    assert rows(log)[MAC]["at"] == NOW - 10
