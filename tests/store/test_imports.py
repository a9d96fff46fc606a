import csv
from collections.abc import Callable
from typing import Any

import pytest

from bootwave.errors import StoreConflict
from bootwave.store import importrows, staged
from bootwave.store.administration import Administration
from bootwave.store.changelog import EVERYTHING, MOST_IN_ONE, Change
from bootwave.store.reader import Reader
from bootwave.store.secrets import KeyRing, password_owner

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
    return [one["account"] for one in admin.account_list()]


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
        "bound": 1_000,
        "opened": 0,
        "stored": True,
        "error_count": 0,
        "errors": [],
    }
    assert done == [(0, 1_000), (500, 1_000), (1_000, 1_000), (1_000, 1_000)]
    assert len(told) == 1
    assert Change("device", MAC + 999) in told[0]
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
    result = admin.account_import(rows)
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
    assert "Value 5 stands in no known column" in found[10]
    assert "extension, domain, name" in found[10]
    assert "text" in found[11]
    assert "hunter2" not in str(result)
    assert accounts(admin) == [f"400@{DOMAIN}", "500@b.example.com"]
    assert told == []


def test_partly_right_rows_are_stored_when_asked_for(
    domain: None, admin: Administration, reader: Reader
) -> None:
    admin.domain_add("b.example.com")
    admin.account_add("500@b.example.com", password="pw", mac=f"{MAC:012X}")
    rows = [row(401), row(402, f"{MAC:012X}"), row("x y"), row(403)]
    result = admin.account_import(rows, partial=True)
    assert result["stored"]
    assert (result["added"], result["error_count"]) == (2, 2)
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
    result = admin.account_import([row("x y")] * (importrows.MAX_ERRORS + 5))
    assert len(result["errors"]) == importrows.MAX_ERRORS
    assert result["error_count"] == importrows.MAX_ERRORS + 5


def test_a_very_large_import_says_that_everything_changed(
    domain: None, admin: Administration, told: list[list[Change]]
) -> None:
    told.clear()
    admin.account_import([row(number) for number in range(MOST_IN_ONE + 1)])
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
    assert (again["added"], again["updated"], again["opened"]) == (0, 20, 20)
    device = reader.devices([MAC])[MAC]
    assert device.domain is not None
    assert device.domain.language == "Deutsch"
    assert device.bindings[0].account.window is not None
    assert len(admin.window_list()) == 20
    assert Change("device", MAC) in told[1]


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
        assert "Value 1 stands in no known column" in error["error"]
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
    assert admin.account_import(rows)["added"] == 10
    assert len(told) == 1
    identities = [one["bound"][0]["identity"] for one in admin.account_list()]
    assert identities == list(range(1, 11))
    (note,) = admin.audit_list(limit=1)
    assert (note["action"], note["detail"]["added"]) == ("accounts.imported", 10)


def test_an_error_in_the_last_chunk_undoes_the_first(
    small: None, domain: None, admin: Administration
) -> None:
    rows = [row(401 + n) for n in range(10)] + [row(999, domain="x.example.com")]
    result = admin.account_import(rows)
    assert [error["row"] for error in result["errors"]] == [11]
    assert not result["stored"]
    assert accounts(admin) == []


def test_right_rows_are_stored_chunk_by_chunk(
    small: None, domain: None, admin: Administration, told: list[list[Change]]
) -> None:
    told.clear()
    rows = [
        row(401 + n, domain="x.example.com" if n in (1, 4) else DOMAIN)
        for n in range(8)
    ]
    result = admin.account_import(rows, partial=True)
    assert (result["added"], result["error_count"]) == (6, 2)
    assert [error["row"] for error in result["errors"]] == [2, 5]
    assert len(told) == 3
    added = [
        note["detail"]["added"]
        for note in admin.audit_list()
        if note["action"] == "accounts.imported"
    ]
    assert added == [2, 2, 2]


def test_windows_of_all_chunks_are_one_opening(
    small: None, admin: Administration, domain: None
) -> None:
    rows = [row(401 + n, f"{MAC + n:012X}") for n in range(8)]
    assert admin.bulk(accounts=rows, open_minutes=5)["opened"] == 8
    assert len(admin.records_page("windows", filters={"opening": "1"})["rows"]) == 8
