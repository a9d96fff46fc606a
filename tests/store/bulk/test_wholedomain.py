"""A PBX pushes what it knows of a domain; what is equal is left alone."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bootwave.errors import OptionError, StoreConflict
from bootwave.store.administration import Administration
from bootwave.store.bulk import accountstates, staged, wholedomain
from bootwave.store.changelog import Change
from bootwave.store.operations import bulk
from bootwave.store.secrets import KeyRing, password_owner
from bootwave.store.serving.reader import Reader
from tests.store.clock import Clock
from tests.store.listed import accounts_of, notes_of, windows_of
from tests.store.steps import taken

MAC = 0x0004132E08B4
A = "a.example.com"


def mac(number: int) -> str:
    return f"{MAC + number:012X}"


def row(number: int, **rest: str) -> dict[str, str]:
    return {
        "extension": str(number),
        "password": f"of-{number}",
        "name": f"Phone {number}",
        "mac": mac(number),
        **rest,
    }


def push(
    admin: Administration, rows: list[dict[str, str]], **how: Any
) -> dict[str, Any]:
    stage = admin.stage_begin(domain=A, only=True)["stage"]
    admin.stage_add(stage, rows)
    found: dict[str, Any] = taken(admin.stage_replace, stage, **how)
    return found


@pytest.fixture(params=[2, 1_000], ids=["small chunks", "one chunk"])
def domain(
    admin: Administration,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(staged, "TOGETHER", request.param)
    monkeypatch.setattr(wholedomain, "_TOGETHER", request.param)
    admin.domain_add(A)
    done = push(admin, [row(n) for n in range(401, 407)])
    assert (done["added"], done["bound"], done["stored"]) == (6, 6, True)


def accounts(admin: Administration) -> dict[str, list[str]]:
    return {
        one["account"].split("@")[0]: [bound["mac"] for bound in one["bound"]]
        for one in accounts_of(admin)
    }


def test_phones_write_while_a_state_is_compared(
    domain: None, admin: Administration, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compare = accountstates.password_of
    compared: list[str] = []

    def while_a_phone_writes(*of: Any) -> str:
        with closing(sqlite3.connect(path, timeout=0)) as phone:
            phone.execute("BEGIN IMMEDIATE")
            phone.rollback()
        compared.append(compare(*of))
        return compared[-1]

    monkeypatch.setattr(accountstates, "password_of", while_a_phone_writes)
    assert push(admin, [row(n) for n in range(401, 407)])["same"] == 6
    assert compared == [f"of-{n}" for n in range(401, 407)]


def test_the_same_again_touches_nothing(
    domain: None, admin: Administration, told: list[list[Change]]
) -> None:
    told.clear()
    notes = len(notes_of(admin, limit=1000))
    changes = admin._connection.total_changes
    done = push(admin, [row(n) for n in range(401, 407)])
    assert done == {
        **dict.fromkeys(("added", "changed", "removed", "bound", "unbound"), 0),
        "same": 6,
        "stored": True,
        "error_count": 0,
        "errors": [],
    }
    assert told == []
    assert len(notes_of(admin, limit=1000)) == notes
    assert admin._connection.total_changes == changes


def test_only_what_differs_is_changed(
    domain: None, admin: Administration, told: list[list[Change]], reader: Reader
) -> None:
    told.clear()
    rows = [row(n) for n in range(401, 407)]
    rows[0]["name"] = "Anna"
    rows[1]["password"] = "another"
    done = push(admin, rows)
    assert (done["changed"], done["same"]) == (2, 4)
    (changes,) = told
    assert {change.key for change in changes if change.kind == "device"} == {
        MAC + 401,
        MAC + 402,
    }
    assert admin.account_show(f"401@{A}")["name"] == "Anna"
    (note,) = notes_of(admin, limit=1)
    assert (note["action"], note["detail"]["changed"]) == ("accounts.replaced", 2)


def test_what_is_not_pushed_is_removed_and_what_is_new_added(
    domain: None, admin: Administration
) -> None:
    done = push(admin, [row(n) for n in (402, 403, 404, 405, 500)])
    assert (done["added"], done["removed"], done["same"]) == (1, 2, 4)
    assert sorted(accounts(admin)) == ["402", "403", "404", "405", "500"]


def test_phones_change_places(domain: None, admin: Administration) -> None:
    rows = [row(n) for n in range(401, 407)]
    rows[0]["mac"], rows[5]["mac"] = rows[5]["mac"], rows[0]["mac"]
    done = push(admin, rows)
    assert (done["changed"], done["same"]) == (2, 4)
    found = accounts_of(admin)
    assert [one["bound"][0]["mac"] for one in found] == [one["mac"] for one in rows]
    assert {one["bound"][0]["identity"] for one in found} == {1}


def test_an_empty_value_empties_and_a_column_left_out_does_not(
    domain: None, admin: Administration
) -> None:
    rows = [{"extension": str(n)} for n in range(401, 407)]
    assert push(admin, rows)["same"] == 6
    rows = [{"extension": str(n), "name": "", "mac": ""} for n in range(401, 407)]
    done = push(admin, rows)
    assert (done["changed"], done["unbound"]) == (6, 6)
    assert accounts(admin) == {str(n): [] for n in range(401, 407)}
    assert admin.account_show(f"401@{A}")["name"] == ""


def test_a_window_that_nobody_is_left_to_use_is_closed(
    domain: None, admin: Administration
) -> None:
    admin.window_open([f"{n}@{A}" for n in (401, 402, 403)])
    rows = [row(n) for n in range(401, 407)]
    rows[0]["mac"], rows[1]["mac"] = "", "*"
    push(admin, rows)
    states = {one["account"][:3]: one["state"] for one in windows_of(admin)}
    assert states == {"402": "open", "403": "open"}


def test_a_wildcard_that_was_claimed_stays_with_who_claimed_it(
    domain: None, admin: Administration
) -> None:
    rows = [row(n) for n in range(401, 407)]
    rows[0]["mac"] = "*"
    assert push(admin, rows)["same"] == 6
    rows[0]["mac"] = ""
    assert push(admin, rows)["unbound"] == 1
    rows[0]["mac"] = "*"
    assert push(admin, rows)["changed"] == 1
    assert admin.account_show(f"401@{A}")["wildcard"] == "*"
    assert push(admin, rows)["same"] == 6
    rows[0]["mac"] = "?"
    assert push(admin, rows)["changed"] == 1
    assert admin.account_show(f"401@{A}")["wildcard"] == "?"
    rows[0]["mac"] = mac(401)
    assert push(admin, rows)["changed"] == 1
    shown = admin.account_show(f"401@{A}")
    assert (shown["wildcard"], len(shown["bound"])) == ("", 1)


def test_a_claim_for_a_time_goes_on(
    domain: None, admin: Administration, clock: Clock
) -> None:
    rows = [row(n) for n in range(401, 407)]
    rows[0]["mac"] = "?"
    push(admin, rows)
    admin.account_bind(f"401@{A}", mac(1), add=True)
    admin._connection.execute(
        "UPDATE bindings SET expires = ?, boot_id = ? WHERE mac = ?",
        (clock.at.boottime + 60, clock.at.boot_id, MAC + 1),
    )
    assert push(admin, rows)["same"] == 6
    assert accounts(admin)["401"] == [mac(1)]


def test_a_domain_is_not_emptied_by_mistake(
    domain: None, admin: Administration
) -> None:
    before = accounts(admin)
    with pytest.raises(StoreConflict, match=r"of the 6 .*--most-removed 6"):
        push(admin, [])
    with pytest.raises(StoreConflict, match="at most 3 may go"):
        push(admin, [row(401), row(402)])
    with pytest.raises(StoreConflict, match="at most 1 may go"):
        push(admin, [row(n) for n in range(403, 407)], most_removed=1)
    with pytest.raises(OptionError):
        push(admin, [], most_removed=-1)
    assert accounts(admin) == before
    assert push(admin, [row(401), row(402), row(403)])["removed"] == 3
    assert push(admin, [], most_removed=3)["removed"] == 3
    assert accounts(admin) == {}
    assert push(admin, [])["stored"]


def test_one_wrong_row_and_nothing_is_changed(
    domain: None, admin: Administration, told: list[list[Change]]
) -> None:
    admin.domain_add("b.example.com")
    admin.account_add("1@b.example.com", password="pw", mac=mac(999))
    before = accounts(admin)
    told.clear()
    rows = [row(n) for n in range(402, 407)]
    rows[0]["name"] = "Anna"
    rows[1]["mac"] = mac(999)
    rows[2]["mac"] = "nonsense"
    rows.append({"extension": "700"})
    rows.append({"extension": "701", "domain": "b.example.com", "password": "p"})
    done = push(admin, rows)
    assert not done["stored"]
    assert [error["row"] for error in done["errors"]] == [2, 3, 6, 7]
    assert "1@b.example.com" in done["errors"][0]["error"]
    assert accounts(admin) == before
    assert told == []
    assert "of-402" not in str(done)
    # Of the right ones one differs, and two are refused.
    assert (done["changed"], done["same"]) == (1, 2)


def test_wrong_rows_are_told_before_that_their_accounts_would_go(
    domain: None, admin: Administration
) -> None:
    before = accounts(admin)
    rows = [row(n, mac="nonsense") for n in range(401, 407)]
    for how in ({}, {"dry_run": True}, {"most_removed": 0}):
        done = push(admin, rows, **how)
        assert (done["error_count"], done["stored"]) == (6, False)
    # One that is refused when it is tried out is no row less.
    with pytest.raises(StoreConflict, match="of the 6"):
        push(admin, [row(401, mac=mac(402))])
    assert accounts(admin) == before


def test_a_dry_run_counts_and_changes_nothing(
    domain: None, admin: Administration, told: list[list[Change]]
) -> None:
    before = accounts(admin)
    told.clear()
    done = push(admin, [row(n) for n in (402, 403, 404, 405, 500)], dry_run=True)
    assert (done["added"], done["removed"], done["stored"]) == (1, 2, False)
    assert accounts(admin) == before
    assert told == []


def test_a_dry_run_counts_what_was_added_while_very_much_changed(
    domain: None, admin: Administration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "_COMPARED_AT_MOST", 1)
    stage = admin.stage_begin(domain=A, only=True)["stage"]
    admin.stage_add(stage, [row(n) for n in range(402, 407)])
    for _ in range(2):  # all rows are compared, and the first accounts looked at
        assert admin.stage_replace(stage, dry_run=True)["more"]
    admin.account_add(f"100@{A}", password="pw")
    admin._connection.execute("INSERT INTO changes (kind, key) VALUES ('all', 0)")
    done = taken(admin.stage_replace, stage)
    assert (done["removed"], done["same"], done["stored"]) == (2, 5, False)


def test_rows_of_no_domain_replace_nothing(admin: Administration) -> None:
    stage = admin.stage_begin()["stage"]
    with pytest.raises(OptionError, match="Name the domain"):
        admin.stage_replace(stage)


def test_a_password_that_cannot_be_opened_is_replaced(
    domain: None, admin: Administration, keyring: KeyRing
) -> None:
    for number, sealed in ((401, b"\0"), (402, b"lost" + b"\0" * 40)):
        admin._connection.execute(
            "UPDATE accounts SET sealed_password = ? WHERE number = ?",
            (sealed, str(number)),
        )
    rows = [row(n) for n in range(401, 407)]
    done = push(admin, rows)
    assert (done["changed"], done["same"], done["error_count"]) == (2, 4, 0)
    for account_id, number, sealed in admin._connection.execute(
        "SELECT id, number, sealed_password FROM accounts"
    ):
        owner = password_owner(account_id)
        assert keyring.open(sealed, owner=owner) == f"of-{number}"


def test_who_has_some_domains_removes_so_many_at_once_and_no_more(
    domain: None, admin: Administration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "MAX_TOGETHER", 3)
    admin.reach = frozenset({A})
    with pytest.raises(OptionError, match=r"1 rows .* and 3 accounts removed"):
        push(admin, [row(401), row(402), row(403, name="Anna")])
    done = push(admin, [row(401)], most_removed=5, dry_run=True)
    assert done["removed"] == 5
    assert push(admin, [row(n) for n in range(401, 404)])["removed"] == 3


def test_accounts_that_are_made_meanwhile_go_and_those_removed_come_back(
    domain: None, admin: Administration
) -> None:
    rows = [row(n) for n in range(401, 407)]
    stage = admin.stage_begin(domain=A, only=True)["stage"]
    admin.stage_add(stage, rows)
    last = {"done": -1}
    while (step := admin.stage_replace(stage))["done"] != last["done"]:
        last = step  # until nothing is left to compare
    admin.account_remove(f"401@{A}")
    admin.account_set(f"402@{A}", name="Other")
    admin.account_add(f"500@{A}", password="pw")
    done = taken(admin.stage_replace, stage)
    assert (done["added"], done["removed"], done["changed"]) == (1, 1, 1)
    assert sorted(accounts(admin)) == [str(n) for n in range(401, 407)]


def test_what_changes_very_much_is_compared_again_and_at_last_under_the_lock(
    domain: None, admin: Administration
) -> None:
    rows = [row(n) for n in range(401, 407)]
    stage = admin.stage_begin(domain=A, only=True)["stage"]
    admin.stage_add(stage, rows)
    steps = 0
    while (done := admin.stage_replace(stage, most_removed=99))["more"]:
        steps += 1
        admin.account_set(f"40{1 + steps % 6}@{A}", name="Other")
        admin.account_add(f"{600 + steps}@{A}", password="pw")
        admin._connection.execute("INSERT INTO changes (kind, key) VALUES ('all', 0)")
    assert done["stored"]
    assert done["changed"] + done["same"] == 6
    assert done["removed"] == steps
    names = [one["name"] for one in accounts_of(admin, domain=A)]
    assert names == [f"Phone {n}" for n in range(401, 407)]


@pytest.mark.parametrize("reach", [None, frozenset({A})])
def test_who_has_some_domains_has_not_very_much_compared_under_the_lock(
    domain: None,
    admin: Administration,
    monkeypatch: pytest.MonkeyPatch,
    reach: frozenset[str] | None,
) -> None:
    monkeypatch.setattr(bulk, "MAX_TOGETHER", 3)
    rows = [row(n) for n in range(401, 407)]
    stage = admin.stage_begin(domain=A, only=True)["stage"]
    admin.stage_add(stage, [*rows[1:], row(401, name="Anna")])

    admin.reach = reach

    def replaced() -> dict[str, Any]:
        while (done := admin.stage_replace(stage))["more"]:
            # Others change what all phones have.
            admin._connection.execute(
                "INSERT INTO changes (kind, key) VALUES ('all', 0)"
            )
        return done

    if reach is None:
        done = replaced()
        assert (done["changed"], done["same"], done["stored"]) == (1, 5, True)
        return
    with pytest.raises(StoreConflict, match="again in a minute"):
        replaced()
    assert admin.account_show(f"401@{A}")["name"] == "Phone 401"
    # Once others are quiet only what differs is written.
    assert push(admin, [*rows[1:], row(401, name="Anna")])["changed"] == 1
