import sqlite3
from pathlib import Path
from typing import Any

import pytest

from bootwave.options import PairingOptions
from bootwave.store.administration import Administration
from bootwave.store.bulk import newaccounts
from bootwave.store.bulk.newaccounts import NewAccounts
from bootwave.store.connection import connect
from bootwave.store.secrets import KeyRing, password_owner
from tests.store.clock import Clock

MAC = 0x0004132E08B4
HERE, THERE = "a.example.com", "b.example.com"
TABLES = (
    "SELECT id, domain_id, number, display_name, auth_user, mailbox, wildcard "
    "FROM accounts ORDER BY id",
    "SELECT * FROM devices ORDER BY mac",
    "SELECT * FROM bindings ORDER BY mac, identity",
    "SELECT account_id FROM windows ORDER BY id",
    "SELECT kind, key FROM changes WHERE kind <> 'domain' ORDER BY seq",
    "SELECT name, seq FROM sqlite_sequence WHERE name = 'accounts'",
    "SELECT scope, key, name, value FROM settings",
)


def row(number: int, mac: int = 0, domain: str = HERE, **rest: str) -> dict[str, str]:
    return {
        "extension": str(number),
        "domain": domain,
        "password": f"secret-{number}",
        "mac": f"{mac:012X}" if mac else "",
        **rest,
    }


# Of each kind of row that an import tells apart, several, mixed.
ROWS = [
    row(401, MAC),
    row(402, MAC),  # a second account of a phone that is new
    row(403),
    row(300, MAC + 1, name="Anna"),  # was there, and is bound to a new phone now
    row(404, MAC + 1),  # the phone that the row above made known
    row(405, MAC + 9),  # is 301's, so it becomes a second one there
    {**row(406), "mac": "*"},
    row(407, MAC + 2),
    row(301, MAC + 2),  # takes the phone of the row above, too
    row(408, MAC + 2),
    row(409, MAC + 8),  # once the other domain's: its own settings must go
    row(410, MAC + 3, name="Berta", mailbox="900", auth_user="berta"),
]


@pytest.fixture
def stored(admin: Administration) -> None:
    admin.domain_add(HERE)
    admin.domain_add(THERE)
    for number in (300, 301, 302):
        admin.account_add(f"{number}@{HERE}", password="pw")
    admin.account_bind(f"301@{HERE}", f"{MAC + 9:012X}")
    admin.account_remove(f"302@{HERE}")  # its id must not be used again
    admin.account_add(f"500@{THERE}", password="pw", mac=f"{MAC + 8:012X}")
    admin.settings_set("device", f"{MAC + 8:012X}", "ringtone", "3")
    admin.account_unbind(f"500@{THERE}", f"{MAC + 8:012X}")


def content(connection: sqlite3.Connection) -> list[list[tuple[Any, ...]]]:
    return [connection.execute(sql).fetchall() for sql in TABLES]


def one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NewAccounts, "add", lambda *_: None)


@pytest.mark.parametrize("together", [1, 2, 1_000])
def test_what_is_written_together_is_what_rows_one_by_one_write(
    stored: None,
    admin: Administration,
    connection: sqlite3.Connection,
    keyring: KeyRing,
    clock: Clock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    together: int,
) -> None:
    connection.execute("VACUUM INTO ?", (str(tmp_path / "other.db"),))
    monkeypatch.setattr(newaccounts, "_WRITTEN_TOGETHER", together)
    monkeypatch.setattr(newaccounts, "_LOOKED_UP_TOGETHER", together)
    assert admin.account_import(ROWS, update=True)["stored"]
    other = connect(tmp_path / "other.db")
    try:
        one_by_one(monkeypatch)
        alone = Administration(
            other, keyring, PairingOptions(), now=clock, committed=lambda _: None
        )
        assert alone.account_import(ROWS, update=True)["stored"]
        assert content(connection) == content(other)
    finally:
        other.close()


def test_every_password_opens_for_its_own_account(
    stored: None,
    admin: Administration,
    connection: sqlite3.Connection,
    keyring: KeyRing,
) -> None:
    admin.account_import(ROWS, update=True)
    rows = connection.execute(
        "SELECT id, number, sealed_password FROM accounts WHERE number LIKE '4%'"
    ).fetchall()
    assert len(rows) == 10
    for account_id, number, sealed in rows:
        opened = keyring.open(sealed, owner=password_owner(account_id))
        assert opened == f"secret-{number}"


def test_refusals_are_the_same_as_one_by_one(
    stored: None, admin: Administration, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [row(401 + n, MAC) for n in range(13)]  # one more than a phone has
    rows += [row(420, MAC, THERE)]  # is in another domain, by the rows above
    rows += [row(421, MAC + 9, THERE), row(300), row(422, password="")]
    rows += [row(423, MAC + 4), row(424)]
    together = admin.account_import(rows, all_or_nothing=True)
    one_by_one(monkeypatch)
    alone = admin.account_import(rows, all_or_nothing=True)
    assert together == alone
    assert [error["row"] for error in together["errors"]] == [13, 14, 15, 16, 17]
