from typing import Any

import pytest

from bootwave.errors import StoreConflict
from bootwave.store import pace
from bootwave.store.administration import Administration
from bootwave.store.changelog import Change
from bootwave.store.operations import domains

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
    assert admin.account_list() == []
    first, last = [
        (note["action"], note["subject"], note["detail"]["accounts"])
        for note in reversed(admin.audit_list())
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
    assert len(admin.account_list()) == 7
    assert admin.domain_remove(A, force=True)["accounts"] == 7
    assert admin.domain_list() == []


def test_without_force_nothing_of_a_large_domain_goes(
    many: None, admin: Administration
) -> None:
    with pytest.raises(StoreConflict, match="10 accounts"):
        admin.domain_remove(A)
    assert len(admin.account_list()) == 10


def test_who_may_not_remove_a_large_domain_removes_nothing_of_it(
    many: None, admin: Administration
) -> None:
    def refuse(_: Any) -> None:
        raise StoreConflict("It was changed meanwhile.")

    admin.before = refuse
    with pytest.raises(StoreConflict, match="meanwhile"):
        admin.domain_remove(A, force=True)
    assert len(admin.account_list()) == 10
