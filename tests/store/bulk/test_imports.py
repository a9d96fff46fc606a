import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bootwave.errors import StoreConflict
from bootwave.store import pace, rowerrors
from bootwave.store.administration import Administration
from bootwave.store.bulk import importruns, staged
from bootwave.store.changelog import EVERYTHING, MOST_IN_ONE, Change
from bootwave.store.connection import connect
from bootwave.store.operations import bulk
from bootwave.store.secrets import KeyRing, password_owner
from bootwave.store.serving.reader import Reader
from tests.store.listed import accounts_of, notes_of, windows_of
from tests.store.steps import taken

MAC = 0x0004132E08B4
DOMAIN = "a.example.com"


def row(number: object, mac: str = "", **rest: str) -> dict[str, str]:
    return {
        "extension": str(number),
        "domain": DOMAIN,
        "password": "hunter2",
        "mac": mac,
        **rest,
    }


@pytest.fixture
def domain(admin: Administration) -> None:
    admin.domain_add(DOMAIN)


def accounts(admin: Administration) -> list[str]:
    return [one["account"] for one in accounts_of(admin)]


def test_many_accounts_are_stored_bound_and_sealed(
    domain: None,
    admin: Administration,
    reader: Reader,
    keyring: KeyRing,
    told: list[list[Change]],
) -> None:
    told.clear()
    rows = [row(401 + n, f"{MAC + n:012X}", name=f"Phone {n}") for n in range(1_000)]
    done: list[tuple[int, int]] = []
    result = admin.account_import(rows, progress=lambda *at: done.append(at))
    assert result == {
        "added": 1_000,
        "updated": 0,
        "unchanged": 0,
        "bound": 1_000,
        "opened": 0,
        "stored": True,
        "error_count": 0,
        "errors": [],
    }
    assert done[0] == (0, 1_000)
    assert done[-1] == (1_000, 1_000)
    assert done == sorted(done)
    changed = [change for some in told for change in some]
    assert Change("device", MAC + 999) in changed
    assert len(changed) == 2_000
    account = reader.devices([MAC + 7])[MAC + 7].bindings[0].account
    assert (account.number, account.display_name) == ("408", "Phone 7")
    opened = keyring.open(account.sealed_password, owner=password_owner(account.id))
    assert opened == "hunter2"


def test_each_wrong_row_is_named_and_nothing_is_stored(
    domain: None, admin: Administration, told: list[list[Change]]
) -> None:
    admin.account_add(f"400@{DOMAIN}", password="pw")
    admin.domain_add("b.example.com")
    admin.account_add("500@b.example.com", password="pw", mac=f"{MAC:012X}")
    told.clear()
    rows: list[dict[str, Any]] = [
        row(401),
        row("4 02"),
        row(401),
        row(403, "nonsense"),
        row(404, name="a\x00b"),
        row(405, password=""),
        row(406, f"{MAC:012X}"),
        row(407, domain="c.example.com"),
        row(400),
        row(408, colour="red"),
        {"extension": "409", "domain": DOMAIN, "password": 5},
    ]
    result = admin.account_import(rows, all_or_nothing=True)
    assert not result["stored"]
    found = {error["row"]: error["error"] for error in result["errors"]}
    assert sorted(found) == list(range(2, 12))
    assert "4 02" in found[2]
    assert "row 1" in found[3]
    assert "twelve hex digits" in found[4]
    assert "U+0000" in found[5]
    assert "password" in found[6]
    assert "500@b.example.com" in found[7]
    assert "domain add" in found[8]
    assert "exists already" in found[9]
    assert "Value 5 has no name that is known" in found[10]
    assert "extension, domain, name" in found[10]
    assert "text" in found[11]
    assert "hunter2" not in str(result)
    assert accounts(admin) == [f"400@{DOMAIN}", "500@b.example.com"]
    assert told == []


def test_right_rows_are_stored_whatever_others_are(
    domain: None, admin: Administration, reader: Reader
) -> None:
    admin.domain_add("b.example.com")
    admin.account_add("500@b.example.com", password="pw", mac=f"{MAC:012X}")
    rows = [row(401), row(402, f"{MAC:012X}"), row("x y"), row(403)]
    result = admin.account_import(rows)
    assert result["stored"]
    assert (result["added"], result["error_count"]) == (2, 2)
    assert [error["row"] for error in result["errors"]] == [2, 3]
    # The row that was refused at its MAC left no account behind.
    assert accounts(admin)[:2] == [f"401@{DOMAIN}", f"403@{DOMAIN}"]


def test_a_dry_run_tells_all_and_stores_nothing(
    domain: None, admin: Administration, told: list[list[Change]]
) -> None:
    told.clear()
    result = admin.account_import([row(401), row("x y")], dry_run=True)
    assert (result["added"], result["error_count"]) == (1, 1)
    assert not result["stored"]
    assert accounts(admin) == []
    assert told == []


def test_existing_accounts_are_updated_when_asked_for(
    domain: None, admin: Administration
) -> None:
    admin.account_import([row(401, f"{MAC:012X}", name="Anna", mailbox="900")])
    rows = [row(401, f"{MAC + 1:012X}", name="Berta", password=""), row(402)]
    result = admin.account_import(rows, update=True)
    assert (result["added"], result["updated"]) == (1, 1)
    shown = admin.account_show(f"401@{DOMAIN}")
    assert (shown["name"], shown["mailbox"]) == ("Berta", "900")
    assert [one["mac"] for one in shown["bound"]] == [f"{MAC + 1:012X}"]


def test_several_accounts_of_one_phone_and_wildcards_are_imported(
    domain: None, admin: Administration, reader: Reader
) -> None:
    mac = f"{MAC:012X}"
    rows = [row(401, mac), row(402, mac), row(403, "*"), row(404, "?")]
    assert admin.account_import(rows)["bound"] == 4
    bindings = reader.devices([MAC])[MAC].bindings
    assert [one.account.number for one in bindings] == ["401", "402"]
    assert [one.account.wildcard for one in reader.wildcards()] == ["*", "?"]


def test_a_default_domain_stands_for_rows_without_one(
    domain: None, admin: Administration
) -> None:
    rows = [{"number": "401", "password": "pw"}]
    assert admin.account_import(rows, domain=DOMAIN)["stored"]
    assert accounts(admin) == [f"401@{DOMAIN}"]


def test_a_file_of_the_wrong_kind_has_a_bounded_report(
    domain: None, admin: Administration
) -> None:
    result = admin.account_import([row("x y")] * (rowerrors.MAX_ERRORS + 5))
    assert len(result["errors"]) == rowerrors.MAX_ERRORS
    assert result["error_count"] == rowerrors.MAX_ERRORS + 5


def test_a_very_large_import_says_that_everything_changed(
    domain: None, admin: Administration, told: list[list[Change]]
) -> None:
    told.clear()
    rows = [row(number) for number in range(MOST_IN_ONE + 1)]
    admin.account_import(rows, all_or_nothing=True)
    assert told == [[EVERYTHING]]


def test_bulk_makes_everything_in_one_transaction_and_again(
    admin: Administration,
    reader: Reader,
    told: list[list[Change]],
    add: Callable[..., None],
) -> None:
    rows = [row(401 + n, f"{MAC + n:012X}") for n in range(20)]

    def bulk() -> dict[str, Any]:
        return admin.bulk(
            domains=[{"name": DOMAIN, "language": "Deutsch"}],
            accounts=rows,
            open_minutes=60,
            update=True,
        )

    first = bulk()
    assert (first["added"], first["opened"], first["stored"]) == (20, 20, True)
    assert len(told) == 1
    again = bulk()
    assert (again["added"], again["unchanged"], again["opened"]) == (0, 20, 20)
    device = reader.devices([MAC])[MAC]
    assert device.domain is not None
    assert device.domain.language == "Deutsch"
    assert device.bindings[0].account.window is not None
    assert len(windows_of(admin)) == 20
    assert len(told) == 2
    # Whoever had used a window must use the one that replaced it.
    assert {change.key for change in told[1] if change.kind == "device"} == {
        MAC + n for n in range(20)
    }
    assert not any(change.kind == "domain" for change in told[1])


def test_bulk_without_update_refuses_what_exists(
    admin: Administration, domain: None
) -> None:
    with pytest.raises(StoreConflict):
        admin.bulk(domains=[{"name": DOMAIN}])


def test_rows_of_a_file_without_a_heading_are_not_quoted(
    domain: None, admin: Administration
) -> None:
    reader = csv.DictReader(["hunter2,401", "hunter3,402,more"])
    rows: list[Any] = list(reader)
    for result in (admin.account_import(rows), admin.bulk(accounts=rows)):
        (error,) = result["errors"]
        assert "Value 1 has no name that is known" in error["error"]
        assert "hunter" not in error["error"]


def test_an_account_is_bound_to_several_phones_by_one_row(
    domain: None, admin: Administration, reader: Reader
) -> None:
    both = f"{MAC:012X} 00:04:13:2e:08:b5"
    assert admin.account_import([row(401, both), row(402, f"* {both}")])["stored"]
    for mac in (MAC, MAC + 1):
        bindings = reader.devices([mac])[mac].bindings
        assert [one.account.number for one in bindings] == ["401", "402"]
    assert admin.account_show(f"402@{DOMAIN}")["wildcard"] == "*"
    # Again, with other phones, it replaces what was bound.
    rows = [row(401, f"{MAC + 2:012X} {MAC:012X}")]
    assert admin.account_import(rows, update=True)["stored"]
    bound = admin.account_show(f"401@{DOMAIN}")["bound"]
    assert [one["mac"] for one in bound] == [f"{MAC:012X}", f"{MAC + 2:012X}"]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of three rows."""
    monkeypatch.setattr(staged, "TOGETHER", 3)


def test_chunks_of_one_import_are_one_transaction(
    small: None, domain: None, admin: Administration, told: list[list[Change]]
) -> None:
    told.clear()
    mac = f"{MAC:012X}"
    # Accounts of one phone lie in different chunks.
    rows = [row(401 + n, mac) for n in range(10)]
    assert admin.account_import(rows, all_or_nothing=True)["added"] == 10
    assert len(told) == 1
    identities = [one["bound"][0]["identity"] for one in accounts_of(admin)]
    assert identities == list(range(1, 11))
    (note,) = notes_of(admin, limit=1)
    assert (note["action"], note["detail"]["added"]) == ("accounts.imported", 10)


def test_an_error_in_the_last_chunk_undoes_the_first(
    small: None, domain: None, admin: Administration
) -> None:
    rows = [row(401 + n) for n in range(10)] + [row(999, domain="x.example.com")]
    result = admin.account_import(rows, all_or_nothing=True)
    assert [error["row"] for error in result["errors"]] == [11]
    assert not result["stored"]
    assert accounts(admin) == []


@pytest.fixture
def paced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three rows in each transaction, and notes of five."""
    for name in ("FIRST_ROWS", "LEAST_ROWS", "MOST_ROWS"):
        monkeypatch.setattr(pace, name, 3)
    monkeypatch.setattr(importruns, "NOTED_TOGETHER", 5)


def notes(admin: Administration) -> list[tuple[str, Any]]:
    told = [
        (note["action"], note["detail"].get("added", note["detail"].get("rows")))
        for note in reversed(notes_of(admin))
    ]
    return [note for note in told if note[0].startswith("accounts.")]


def test_right_rows_are_stored_in_short_transactions(
    paced: None, domain: None, admin: Administration, told: list[list[Change]]
) -> None:
    told.clear()
    rows = [
        row(401 + n, domain="x.example.com" if n in (1, 4) else DOMAIN)
        for n in range(14)
    ]
    result = admin.account_import(rows)
    assert (result["added"], result["error_count"]) == (12, 2)
    assert [error["row"] for error in result["errors"]] == [2, 5]
    assert [len(changes) for changes in told] == [2, 2, 3, 3, 2]
    assert notes(admin) == [
        ("accounts.importing", 14),
        ("accounts.imported", 7),
        ("accounts.imported", 5),
    ]


def test_another_writes_between_two_transactions(
    paced: None, domain: None, admin: Administration, path: Path
) -> None:
    """Also what the rest of the import must not overlook."""
    other = connect(path, busy_seconds=0)
    seen: list[int] = []

    def write(done: int, _total: int) -> None:
        seen.append(other.execute("SELECT COUNT(*) FROM accounts").fetchone()[0])
        if done == 3:
            other.execute(
                "UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'accounts'"
            )
            other.execute(
                "INSERT INTO accounts SELECT seq, 1, '406', '', '', x'00', '', '', "
                "NULL, '' FROM sqlite_sequence WHERE name = 'accounts'"
            )

    result = admin.account_import([row(401 + n) for n in range(9)], progress=write)
    assert seen == [3, 6, 9]
    assert result["added"] == 8
    (error,) = result["errors"]
    assert error == {"row": 6, "error": f"The account 406@{DOMAIN} exists already."}
    other.close()


def test_what_was_stored_before_the_end_came_stays(
    paced: None, domain: None, admin: Administration
) -> None:
    def interrupt(done: int, _total: int) -> None:
        if done == 6:
            raise KeyboardInterrupt

    rows = [row(401 + n, f"{MAC + n:012X}") for n in range(9)]
    with pytest.raises(KeyboardInterrupt):
        admin.account_import(rows, progress=interrupt)
    assert len(accounts(admin)) == 6
    assert notes(admin) == [("accounts.importing", 9), ("accounts.imported", 6)]
    # The same again does the rest.
    result = admin.account_import(rows, update=True)
    assert (result["added"], result["updated"], result["unchanged"]) == (3, 0, 6)
    assert result["error_count"] == 0


@pytest.mark.parametrize("all_or_nothing", [False, True])
def test_the_same_again_touches_nothing(
    domain: None,
    admin: Administration,
    told: list[list[Change]],
    all_or_nothing: bool,
) -> None:
    how = {"all_or_nothing": all_or_nothing}
    rows = [
        row(401, f"{MAC:012X}", name="Anna", mailbox="900", auth_user="anna"),
        row(402, f"{MAC:012X} {MAC + 1:012X}"),
        row(403, "*"),
        row(404, "?"),
        row(405),
    ]
    assert admin.account_import(rows, **how)["added"] == 5
    told.clear()
    before = notes(admin)
    # A row that says less says nothing else, and a claim is no other wildcard.
    rows[0] = {"extension": "401", "domain": DOMAIN, "name": "Anna"}
    admin._connection.execute("UPDATE accounts SET wildcard = '' WHERE number = '403'")
    admin._connection.execute(
        "INSERT INTO devices (mac, domain_id, last_domain_id, model, owns_certificate) "
        "VALUES (77, 1, 1, '', 0)"
    )
    admin._connection.execute("INSERT INTO bindings VALUES (77, 1, 3, 1, NULL, '')")
    changes = admin._connection.total_changes
    result = admin.account_import(rows, update=True, **how)
    assert (result["updated"], result["unchanged"], result["bound"]) == (0, 5, 0)
    assert result["stored"]
    assert admin._connection.total_changes == changes
    assert told == []
    assert notes(admin) == before


def test_of_a_row_that_differs_only_what_differs_is_touched(
    domain: None, admin: Administration, told: list[list[Change]]
) -> None:
    admin.account_import([row(401, f"{MAC:012X}"), row(402, f"{MAC + 1:012X}")])
    admin._connection.execute("UPDATE devices SET provisioned_at = 5.0")
    told.clear()
    rows = [row(401, f"{MAC:012X}", name="Anna"), row(402, f"{MAC + 1:012X}")]
    result = admin.account_import(rows, update=True)
    assert (result["updated"], result["unchanged"], result["bound"]) == (1, 1, 0)
    assert {change.key for some in told for change in some} == {1, MAC}
    kept = admin._connection.execute("SELECT provisioned_at FROM devices").fetchall()
    assert kept == [(5.0,), (5.0,)]


@pytest.mark.parametrize("all_or_nothing", [False, True])
def test_passwords_that_were_sealed_before_open(
    domain: None,
    admin: Administration,
    reader: Reader,
    keyring: KeyRing,
    monkeypatch: pytest.MonkeyPatch,
    all_or_nothing: bool,
) -> None:
    monkeypatch.setattr(bulk, "_FEW", 0)
    monkeypatch.setattr(bulk, "_IDS_TOGETHER", 2)
    how = {"all_or_nothing": all_or_nothing}
    macs = [f"{MAC + n:012X}" for n in range(7)]
    rows = [row(401 + n, macs[n], password=f"pw-{n}") for n in range(7)]
    rows[3]["mac"] = f"{macs[3]} {macs[0]}"
    rows[5]["mac"] = "*"

    def sealed_right(word: str) -> list[int]:
        found = admin._connection.execute(
            "SELECT id, number, sealed_password FROM accounts ORDER BY number"
        ).fetchall()
        for account_id, number, sealed in found:
            opened = keyring.open(sealed, owner=password_owner(account_id))
            assert opened == f"{word}-{int(number) - 401}"
        return [account_id for account_id, _, _ in found]

    assert admin.account_import(rows, **how)["added"] == 7
    ids = sealed_right("pw")
    assert ids == sorted(set(ids))
    for n, one in enumerate(rows):
        one["password"] = f"new-{n}"
    assert admin.account_import(rows, update=True, **how)["updated"] == 7
    assert sealed_right("new") == ids
    admin.account_add(f"500@{DOMAIN}", password="pw")
    assert admin.account_import([row(501)], **how)["added"] == 1


def test_who_is_removed_while_rows_are_prepared_gets_another_id(
    domain: None, admin: Administration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "_FEW", 0)
    admin.account_import([row(401), row(402)])
    stage = admin.stage_begin(domain=DOMAIN)["stage"]
    admin.stage_add(stage, [row(401, password="other"), row(402, password="other")])
    how = {"update": True, "all_or_nothing": True}
    assert admin.stage_import(stage, **how)["more"]
    admin.account_remove(f"401@{DOMAIN}")
    result = taken(admin.stage_import, stage, **how)
    assert (result["added"], result["updated"]) == (1, 1)
    ids = admin._connection.execute("SELECT id FROM accounts").fetchall()
    assert (1,) not in ids
    assert "other" in [
        row["password"]
        for row in admin.account_export(passwords=True)["rows"]
        if row["extension"] == "401"
    ]


def test_a_key_that_is_new_meanwhile_seals(
    domain: None, admin: Administration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "_FEW", 0)
    stage = admin.stage_begin(domain=DOMAIN)["stage"]
    admin.stage_add(stage, [row(401)])
    assert admin.stage_import(stage, all_or_nothing=True)["more"]
    ring = admin._keyring
    monkeypatch.setattr(ring, "_source", None)
    monkeypatch.setattr(ring, "_keys", {b"new1": b"n" * 32, **ring._keys})
    monkeypatch.setattr(ring, "_sealing_id", b"new1")
    assert taken(admin.stage_import, stage, all_or_nothing=True)["added"] == 1
    ((sealed,),) = admin._connection.execute("SELECT sealed_password FROM accounts")
    assert sealed[:4] == b"new1"
    assert ring.open(sealed, owner=password_owner(1)) == "hunter2"


def test_a_file_of_which_every_row_is_wrong_is_not_stored(
    domain: None, admin: Administration
) -> None:
    result = admin.account_import([row("x y"), row(401, password="")])
    assert (result["stored"], result["error_count"]) == (False, 2)
    assert admin.account_import([])["stored"]


def test_windows_of_all_chunks_are_one_opening(
    small: None, admin: Administration, domain: None
) -> None:
    rows = [row(401 + n, f"{MAC + n:012X}") for n in range(8)]
    assert admin.bulk(accounts=rows, open_minutes=5)["opened"] == 8
    assert len(admin.records_page("windows", filters={"opening": "1"})["rows"]) == 8
