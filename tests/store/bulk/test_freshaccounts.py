"""What is written together is what rows one by one write, whatever they hold."""

import random
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bootwave.options import PairingOptions
from bootwave.store.administration import Administration
from bootwave.store.bulk import freshaccounts, staged
from bootwave.store.connection import connect
from bootwave.store.operations import bulk
from bootwave.store.secrets import KeyRing, password_owner
from tests.store.clock import Clock
from tests.store.listed import accounts_of
from tests.store.steps import taken

MAC = 0x0004132E08B4
HERE, THERE, NOWHERE = "a.example.com", "b.example.com", "c.example.com"
TABLES = (
    "SELECT id, domain_id, number, display_name, auth_user, mailbox, wildcard, "
    "sort_name FROM accounts ORDER BY id",
    "SELECT * FROM devices ORDER BY mac",
    "SELECT * FROM bindings ORDER BY mac, identity",
    "SELECT account_id FROM windows ORDER BY id",
    "SELECT scope, key, name, value FROM settings",
)


def content(connection: sqlite3.Connection) -> list[list[tuple[Any, ...]]]:
    return [connection.execute(sql).fetchall() for sql in TABLES]


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every import is a large one."""
    monkeypatch.setattr(bulk, "MOST_IN_ONE", 0)
    monkeypatch.setattr(bulk, "_FEW", 0)
    monkeypatch.setattr(staged, "TOGETHER", 7)


@pytest.fixture
def stored(admin: Administration) -> None:
    admin.domain_add(HERE)
    admin.domain_add(THERE)
    for number in range(300, 310):
        admin.account_add(f"{number}@{HERE}", password="pw", mac=mac(number - 300))
    for number in range(300, 304):
        admin.account_add(f"{number}@{THERE}", password="pw", mac=mac(number - 270))
        admin.settings_set("device", mac(number - 270), "ringtone", "3")
    admin.account_unbind(f"300@{THERE}", mac(30))  # its last domain is there


def mac(number: int) -> str:
    return f"{MAC + number:012X}"


def drawn(seed: int) -> list[dict[str, str]]:
    """Rows of each kind, whose phones meet."""
    chance = random.Random(seed)
    rows = []
    for number in chance.sample(range(295, 400), 60):
        phones = [mac(chance.randrange(60)) for _ in range(chance.choice((0, 1, 1, 2)))]
        if chance.random() < 0.05:
            phones.append(chance.choice("*?"))
        domain = chance.choices((HERE, THERE, NOWHERE), (20, 4, 1))[0]
        rows.append(
            {
                "extension": str(number),
                "domain": domain,
                "password": f"pw-{number}" if chance.random() < 0.95 else "",
                "name": chance.choice(("", "Anna", "\u00c4nne")),
                "mac": " ".join(phones),
            }
        )
    return rows


@pytest.fixture
def both(
    stored: None,
    admin: Administration,
    connection: sqlite3.Connection,
    keyring: KeyRing,
    clock: Clock,
    tmp_path: Path,
) -> Iterator[tuple[Administration, Administration]]:
    """Two administrations of stores that are alike."""
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(tmp_path / "bootwave.db", tmp_path / "other.db")
    other = connect(tmp_path / "other.db")
    yield (
        admin,
        Administration(
            other, keyring, PairingOptions(), now=clock, committed=lambda _: None
        ),
    )
    other.close()


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("update", [False, True])
def test_what_is_written_together_is_what_is_written_one_by_one(
    both: tuple[Administration, Administration],
    large: None,
    monkeypatch: pytest.MonkeyPatch,
    keyring: KeyRing,
    seed: int,
    update: bool,
) -> None:
    together, alone = both
    rows = drawn(seed)
    how = {"update": update, "all_or_nothing": True}
    first = together.account_import(rows, **how)
    wrong = {error["row"] for error in first["errors"]}
    assert wrong  # the drawn rows hold some of each
    right = [row for at, row in enumerate(rows, 1) if at not in wrong]
    counted: list[int] = []
    write = freshaccounts.write

    def counting(*of: Any) -> tuple[int, int]:
        counted.append(write(*of)[0])
        return counted[-1], 0

    monkeypatch.setattr(freshaccounts, "write", counting)
    mine = together.account_import(right, **how)
    monkeypatch.setattr(bulk, "MOST_IN_ONE", 1_000)
    others = alone.account_import(rows, **how)
    assert others["errors"] == first["errors"]
    others = alone.account_import(right, **how)
    assert {**mine, "bound": 0} == {**others, "bound": 0}
    assert mine["stored"]
    assert counted[0] > 5  # so it was not written one by one
    assert _without_ids(content(together._connection)) == _without_ids(
        content(alone._connection)
    )
    for account_id, number, sealed in together._connection.execute(
        "SELECT id, number, sealed_password FROM accounts WHERE id > 20"
    ):
        opened = keyring.open(sealed, owner=password_owner(account_id))
        assert opened == f"pw-{number}"


def _without_ids(tables: list[list[tuple[Any, ...]]]) -> list[list[tuple[Any, ...]]]:
    """Name accounts by domain and number: what was tried before has used up ids."""
    accounts, devices, bindings, windows, settings = tables
    names = {row[0]: (row[1], row[2]) for row in accounts}
    return [
        [row[1:] for row in accounts],
        devices,
        [(*row[:2], names[row[2]], *row[3:]) for row in bindings],
        [(names[account_id],) for (account_id,) in windows],
        settings,
    ]


def test_a_key_that_is_new_meanwhile_seals_what_is_written_together(
    stored: None, admin: Administration, large: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = admin.stage_begin(domain=HERE)["stage"]
    admin.stage_add(
        stage, [{"extension": str(n), "password": "pw"} for n in range(400, 410)]
    )
    while admin.stage_import(stage, all_or_nothing=True)["done"] < 10:
        pass
    ring = admin._keyring
    monkeypatch.setattr(ring, "_source", None)
    monkeypatch.setattr(ring, "_keys", {b"new1": b"n" * 32, **ring._keys})
    monkeypatch.setattr(ring, "_sealing_id", b"new1")
    assert taken(admin.stage_import, stage, all_or_nothing=True)["added"] == 10
    keys = admin._connection.execute(
        "SELECT DISTINCT substr(sealed_password, 1, 4) FROM accounts WHERE number >= "
        "'400'"
    ).fetchall()
    assert keys == [(b"new1",)]


@pytest.mark.parametrize("large_enough", [0, 1_000])
def test_a_pushed_state_is_the_same_either_way(
    stored: None,
    admin: Administration,
    large: None,
    monkeypatch: pytest.MonkeyPatch,
    large_enough: int,
) -> None:
    monkeypatch.setattr(bulk, "MOST_IN_ONE", large_enough)
    # Phones of accounts that go, or get another, are free for new ones.
    rows = [
        {"extension": str(number), "password": "pw", "mac": mac(n)}
        for n, number in enumerate([400, 401, 306, 402, 404, 305, 309, 308, 405])
    ]
    stage = admin.stage_begin(domain=HERE, only=True)["stage"]
    admin.stage_add(stage, rows)
    found = taken(admin.stage_replace, stage, most_removed=6)
    assert (found["added"], found["changed"], found["removed"]) == (5, 3, 6)
    bound = [
        (one["account"][:3], one["bound"][0]["mac"], one["bound"][0]["identity"])
        for one in accounts_of(admin, domain=HERE)
    ]
    assert bound == sorted((row["extension"], row["mac"].upper(), 1) for row in rows)
