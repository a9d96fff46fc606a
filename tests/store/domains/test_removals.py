import shutil
import sqlite3
from pathlib import Path

import pytest

from bootwave.options import PairingOptions
from bootwave.store.administration import Administration
from bootwave.store.changelog import Change
from bootwave.store.connection import connect
from bootwave.store.domains.removals import forget_some, remove_first, remove_some
from bootwave.store.secrets import KeyRing
from bootwave.store.work import Work
from tests.store.clock import Clock

A = "a.example.com"
MAC = 0x0004132E08B4
NUMBERS = ["401", "402", "404", "405"]
TABLES = ("accounts", "bindings", "devices", "windows", "settings", "function_keys")
MORE_TABLES = ("domains", "device_credentials", "phone_books")


def mac(number: int) -> str:
    return f"{MAC + number:012X}"


@pytest.fixture
def domain(admin: Administration, connection: sqlite3.Connection) -> None:
    admin.domain_add(A)
    rows = [
        {"extension": "401", "password": "p", "mac": mac(1)},
        {"extension": "402", "password": "p", "mac": f"{mac(1)} {mac(2)}"},
        {"extension": "403", "password": "p", "mac": mac(2)},  # stays
        {"extension": "404", "password": "p", "mac": "*"},
        {"extension": "405", "password": "p"},
        {"extension": "406", "password": "p", "mac": mac(3)},  # stays
    ]
    assert admin.account_import(rows, domain=A)["added"] == 6
    admin.window_open([], domain=A)
    for number in (401, 403):
        admin.settings_set("account", f"{number}@{A}", "ringtone", "3")
        admin.keys_set("account", f"{number}@{A}", 1, "line")
    for number in (1, 2, 3):
        connection.execute(
            "INSERT INTO device_credentials VALUES (?, 'u', x'00', '', x'', 1.0, NULL)",
            (MAC + number,),
        )


def content(connection: sqlite3.Connection) -> dict[str, list[tuple[object, ...]]]:
    return {
        table: connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()
        for table in (*TABLES, *MORE_TABLES)
    }


def test_what_goes_together_is_what_goes_one_by_one(
    domain: None,
    admin: Administration,
    connection: sqlite3.Connection,
    keyring: KeyRing,
    clock: Clock,
    tmp_path: Path,
) -> None:
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(tmp_path / "bootwave.db", tmp_path / "other.db")
    other = connect(tmp_path / "other.db")
    told: list[list[Change]] = []
    alone = Administration(
        other, keyring, PairingOptions(), now=clock, committed=told.append
    )
    for number in NUMBERS:
        alone.account_remove(f"{number}@{A}")
    work = Work(connection, keyring, PairingOptions(), clock())
    connection.execute("BEGIN IMMEDIATE")
    assert remove_some(work, 1, [*NUMBERS, "499"]) == 4
    connection.execute("COMMIT")
    assert content(connection) == content(other)
    assert {change for some in told for change in some} == {*work.changes}
    left = [row[2] for row in content(connection)["accounts"]]
    assert left == ["403", "406"]
    alone.close()


def test_nothing_to_remove_writes_nothing(
    domain: None, connection: sqlite3.Connection, keyring: KeyRing, clock: Clock
) -> None:
    work = Work(connection, keyring, PairingOptions(), clock())
    before = connection.total_changes
    assert remove_some(work, 1, []) == 0
    assert connection.total_changes == before


def test_the_first_of_a_domain_go(
    domain: None, connection: sqlite3.Connection, keyring: KeyRing, clock: Clock
) -> None:
    work = Work(connection, keyring, PairingOptions(), clock())
    assert [remove_first(work, 1, 4) for _ in range(3)] == [4, 2, 0]
    assert content(connection)["accounts"] == []


def test_a_phone_that_is_forgotten_asks_anew_for_its_firmware(
    domain: None, admin: Administration, told: list[list[Change]]
) -> None:
    # What was said for it goes here, and its handle; it may still ask by that.
    admin.firmware_pin("device", mac(1), "keep", model="snom370")
    admin.account_unbind(f"401@{A}", mac(1))
    admin.account_unbind(f"402@{A}", mac(1))
    with admin._change() as work:
        assert forget_some(work, work.domain_id(A), 10) == 1
    assert told[-1] == [Change("device", MAC + 1)]
