import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from bootwave.errors import StoreConflict, StoreNotFound
from bootwave.options import PairingOptions
from bootwave.sightings import Reason, Sighting
from bootwave.store import pace
from bootwave.store.administration import Administration
from bootwave.store.changelog import Change
from bootwave.store.connection import connect
from bootwave.store.operations import domains
from bootwave.store.secrets import KeyRing
from tests.store.clock import Clock
from tests.store.listed import accounts_of, notes_of

A = "a.example.com"


def test_nothing_leaves_a_value_and_empty_takes_it_away(admin: Administration) -> None:
    admin.domain_add("a.example.com", registrar="sip.example.com", language="Deutsch")
    admin.domain_set("a.example.com", registrar="")
    (shown,) = admin.domain_list()
    assert (shown["registrar"], shown["language"]) == ("", "Deutsch")


@pytest.fixture
def many(admin: Administration, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten accounts, which are many, of which three go in each transaction."""
    monkeypatch.setattr(domains, "_FEW_ACCOUNTS", 2)
    for name in ("FIRST_ROWS", "LEAST_ROWS", "MOST_ROWS"):
        monkeypatch.setattr(pace, name, 3)
    admin.domain_add(A)
    rows = [
        {"extension": str(401 + n), "password": "p", "mac": f"{0x000413000000 + n:X}"}
        for n in range(10)
    ]
    for row in rows:
        row["mac"] = row["mac"].zfill(12)
    assert admin.account_import(rows, domain=A)["added"] == 10


def test_a_large_domain_goes_in_short_transactions(
    many: None, admin: Administration, told: list[list[Change]]
) -> None:
    told.clear()
    steps: list[tuple[int, int]] = []
    done = admin.domain_remove(A, force=True, progress=lambda *at: steps.append(at))
    assert done == {"name": A, "accounts": 10}
    assert steps == [(3, 10), (6, 10), (9, 10)]
    assert len(told) == 4
    macs = {change.key for some in told for change in some if change.kind == "device"}
    assert macs == {0x000413000000 + n for n in range(10)}
    assert admin.domain_list() == []
    assert accounts_of(admin) == []
    first, last = [
        (note["action"], note["subject"], note["detail"]["accounts"])
        for note in reversed(notes_of(admin))
        if note["action"] in ("domain.removing", "domain.removed")
    ]
    assert first == ("domain.removing", A, 10)
    assert last == ("domain.removed", A, 10)


def test_a_removal_that_ends_in_the_middle_is_made_again(
    many: None, admin: Administration
) -> None:
    def interrupt(*_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        admin.domain_remove(A, force=True, progress=interrupt)
    assert len(accounts_of(admin)) == 7
    assert admin.domain_remove(A, force=True)["accounts"] == 7
    assert admin.domain_list() == []


def test_without_force_nothing_of_a_large_domain_goes(
    many: None, admin: Administration
) -> None:
    with pytest.raises(StoreConflict, match="10 accounts"):
        admin.domain_remove(A)
    assert len(accounts_of(admin)) == 10


def test_who_may_not_remove_a_large_domain_removes_nothing_of_it(
    many: None, admin: Administration
) -> None:
    def refuse(_: Any) -> None:
        raise StoreConflict("It was changed meanwhile.")

    admin.before = refuse
    with pytest.raises(StoreConflict, match="meanwhile"):
        admin.domain_remove(A, force=True)
    assert len(accounts_of(admin)) == 10


def test_another_domain_of_the_same_name_is_not_the_one_to_be_removed(
    many: None, admin: Administration
) -> None:
    steps = admin.domain_remove_steps(A, force=True)
    next(steps)
    admin.account_add(f"500@{A}", password="pw")  # others have their turn
    admin.domain_remove(A, force=True)
    admin.domain_add(A)
    admin.account_add(f"401@{A}", password="pw")
    with pytest.raises(StoreNotFound, match="another one of that name"):
        next(steps)
    assert [one["account"] for one in accounts_of(admin)] == [f"401@{A}"]


def roll_out(admin: Administration, name: str, *macs: str) -> int:
    """Have the phones *macs* of a domain, seen just now, told to fetch settings."""
    log = admin._sightings
    assert log is not None
    at, served = admin._now().wall, Reason.SERVED_WINDOW
    log.append([Sighting(at, int(mac, 16), "10.0.0.7", served, "") for mac in macs])
    return int(admin.rollout_start("domain", name)["id"])


@pytest.mark.parametrize("few", [0, 1_000])
def test_who_gets_the_name_of_a_domain_gets_none_of_its_roll_outs(
    admin: Administration, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(domains, "_FEW_ACCOUNTS", few)
    others = "b.example.com"
    for at, name in enumerate((A, others)):
        admin.domain_add(name)
        mac = f"00041300000{at}"
        admin.account_add(f"401@{name}", password="pw", mac=mac)
        if name == A:
            admin.rollout_cancel(roll_out(admin, name, mac))
        roll_out(admin, name, mac)
    step = {"minute": 720, "room": 9, "look": True}
    assert admin.rollout_step((), **step) is not None
    admin.domain_remove(A, force=True)
    assert [one["selection"] for one in admin.rollout_list()] == [f"domain {others}"]
    told = admin.rollout_step((), **step)
    assert told is not None
    assert told.going == {3}
    admin.domain_add(A)
    admin.reach = frozenset({A})
    assert admin.rollout_list() == []
    assert admin.records_page("rollouts")["rows"] == []
    with pytest.raises(StoreNotFound):
        admin.rollout_show(1)
    admin.reach = None
    ended = [
        (note["subject"], note["detail"].get("why"))
        for note in notes_of(admin)
        if note["action"] == "rollout.cancelled"
    ]
    assert ended == [
        ("roll-out 2", "its domain was removed"),
        ("roll-out 1", None),
    ]


def test_a_domain_that_stays_keeps_its_roll_outs(admin: Administration) -> None:
    admin.domain_add(A)
    admin.account_add(f"401@{A}", password="pw", mac="000413000000")
    roll_out(admin, A, "000413000000")
    with pytest.raises(StoreConflict, match="1 account"):
        admin.domain_remove(A)
    assert len(admin.rollout_list()) == 1


def test_of_a_large_domain_as_little_is_left_as_of_a_small_one(
    many: None,
    admin: Administration,
    connection: sqlite3.Connection,
    keyring: KeyRing,
    clock: Clock,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    admin.domain_add("b.example.com")
    admin.group_add(A, "sales")
    for n in range(10):
        mac = f"{0x000413000000 + n:012X}"
        admin.settings_set("device", mac, "ringtone", "3")
        admin.keys_set("device", mac, 1, "line")
        connection.execute(
            "INSERT INTO device_tokens (mac, sealed_token, sealed_previous, made_at) "
            "VALUES (?, x'00', x'', 1.0)",
            (int(mac, 16),),
        )
        at = "http://downloads.snom.com/fw/snom370-8.5.20.bin"
        admin.firmware_set("device", mac, "snom370", "8.5.20", location=at)
        admin.group_assign(A, "sales", [mac])
    admin.account_unbind(f"401@{A}")
    # One is in another domain by now.
    admin.account_unbind(f"402@{A}")
    admin.account_add("1@b.example.com", password="pw", mac="000413000001")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(path, path.with_name("other.db"))
    other = Administration(
        connect(path.with_name("other.db")),
        keyring,
        PairingOptions(),
        now=clock,
        committed=lambda _: None,
    )
    admin.domain_remove(A, force=True)
    monkeypatch.setattr(domains, "_FEW_ACCOUNTS", 1_000)
    other.domain_remove(A, force=True)
    tables = [
        name
        for (name,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
        )
        if name not in ("audit", "changes", "sqlite_sequence")
    ]
    for table in tables:
        select = f"SELECT * FROM {table} ORDER BY 1, 2"
        if len(connection.execute(f"SELECT * FROM {table}").description) == 1:
            select = f"SELECT * FROM {table}"
        left = connection.execute(select).fetchall()
        assert left == other._connection.execute(select).fetchall(), table
    assert connection.execute("SELECT COUNT(*) FROM firmware_scopes").fetchall() == [
        (0,)
    ]
    other.close()
