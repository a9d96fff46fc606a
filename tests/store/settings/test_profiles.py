"""Button profiles: made, said something, given to accounts, removed."""

import sqlite3
from collections.abc import Callable

import pytest

from bootwave.errors import OptionError, SettingError, StoreConflict, StoreNotFound
from bootwave.store.administration import Administration
from bootwave.store.changelog import EVERYTHING, Change
from tests.store.listed import notes_of

DOMAIN = "a.example.com"
MAC = 0x0004132E08B4


@pytest.fixture
def domain(add: Callable[..., None], admin: Administration) -> None:
    for place in range(4):
        add(f"40{place}@{DOMAIN}", mac=f"{MAC + place:012X}")
    admin.profile_add(DOMAIN, "sales")


def holders(admin: Administration, name: str = "sales") -> list[str]:
    accounts: list[str] = admin.profile_show(DOMAIN, name)["accounts"]
    return accounts


def test_a_profile_shows_its_buttons_and_who_has_it(
    domain: None, admin: Administration
) -> None:
    admin.keys_set("profile", f"sales@{DOMAIN}", 0, "blf 402", label="Bob")
    admin.settings_set("profile", f"sales@{DOMAIN}", "language", "Deutsch")
    done = admin.profile_assign(DOMAIN, "sales", ["401", f"402@{DOMAIN}"])
    assert done["accounts"] == [f"401@{DOMAIN}", f"402@{DOMAIN}"]
    shown = admin.profile_show(DOMAIN, "sales")
    assert [key["label"] for key in shown["keys"]] == ["Bob"]
    assert [one["name"] for one in shown["settings"]] == ["language"]
    assert shown["accounts"] == ["401", "402"]
    assert admin.profile_list(DOMAIN) == [
        {"name": "sales", "accounts": 2, "keys": 1, "settings": 1}
    ]
    assert admin.account_show(f"401@{DOMAIN}")["profile"] == "sales"
    assert admin.account_show(f"403@{DOMAIN}")["profile"] == ""


def test_many_accounts_get_a_profile_at_once_and_lose_it_again(
    domain: None, admin: Administration
) -> None:
    admin.profile_assign(DOMAIN, "sales", numbers=["401-402"])
    assert holders(admin) == ["401", "402"]
    admin.profile_assign(DOMAIN, "sales", everyone=True)
    assert holders(admin) == ["400", "401", "402", "403"]
    admin.profile_assign(DOMAIN, "", ["401"])
    assert holders(admin) == ["400", "402", "403"]
    with pytest.raises(OptionError, match="which accounts"):
        admin.profile_assign(DOMAIN, "sales")
    with pytest.raises(OptionError, match="which accounts"):
        admin.profile_assign(DOMAIN, "sales", ["401"], everyone=True)


def test_a_profile_is_given_to_many_accounts_by_one_statement(
    domain: None, admin: Administration, connection: sqlite3.Connection
) -> None:
    made: list[str] = []
    connection.set_trace_callback(made.append)
    admin.profile_assign(DOMAIN, "sales", everyone=True)
    connection.set_trace_callback(None)
    assert len([one for one in made if "UPDATE accounts" in one]) == 1
    assert holders(admin) == ["400", "401", "402", "403"]


def test_only_the_phones_that_it_concerns_are_made_anew(
    domain: None, admin: Administration, told: list[list[Change]]
) -> None:
    told.clear()
    admin.profile_assign(DOMAIN, "sales", numbers=["401-402"])
    admin.profile_assign(DOMAIN, "sales", numbers=["401-403"])
    admin.keys_set("profile", f"sales@{DOMAIN}", 0, "line")
    admin.profile_remove(DOMAIN, "sales", force=True)
    phones = [
        {change.key - MAC for change in changes if change.kind == "device"}
        for changes in told
    ]
    assert phones == [{1, 2}, {3}, {1, 2, 3}, {1, 2, 3}]
    kinds = {change.kind for changes in told for change in changes}
    assert kinds == {"device", "account", "profile"}


def test_a_profile_of_more_phones_than_are_told_one_by_one_is_told_as_its_domain(
    domain: None,
    admin: Administration,
    told: list[list[Change]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bootwave.store.settings.profiles.MOST_IN_ONE", 4)
    told.clear()
    admin.profile_assign(DOMAIN, "sales", everyone=True)
    admin.keys_set("profile", f"sales@{DOMAIN}", 0, "line")
    assert EVERYTHING not in told[0] + told[1]
    assert [change.kind for change in told[0]] == ["domain"]
    assert [change.kind for change in told[1]] == ["profile", "domain"]


def test_a_profile_that_accounts_have_is_removed_by_force_only(
    domain: None, admin: Administration
) -> None:
    admin.keys_set("profile", f"sales@{DOMAIN}", 0, "line")
    admin.profile_assign(DOMAIN, "sales", ["401"])
    with pytest.raises(StoreConflict, match="--force"):
        admin.profile_remove(DOMAIN, "sales")
    assert admin.profile_remove(DOMAIN, "sales", force=True)["accounts"] == 1
    assert admin.account_show(f"401@{DOMAIN}")["profile"] == ""
    admin.profile_add(DOMAIN, "sales")
    assert admin.profile_show(DOMAIN, "sales")["keys"] == []
    assert admin.profile_remove(DOMAIN, "sales")["accounts"] == 0


def test_a_profile_is_for_the_accounts_of_its_domain(
    domain: None, add: Callable[..., None], admin: Administration
) -> None:
    add("401@b.example.com")
    with pytest.raises(StoreConflict, match=r"401@b\.example\.com is not of a"):
        admin.profile_assign(DOMAIN, "sales", ["400", "401@b.example.com"])
    assert holders(admin) == []
    with pytest.raises(StoreNotFound, match="no profile 'sales'"):
        admin.profile_show("b.example.com", "sales")
    with pytest.raises(StoreNotFound, match="no profile 'other'"):
        admin.profile_assign(DOMAIN, "other", ["400"])


def test_a_domain_takes_its_profiles_with_it(
    domain: None, admin: Administration
) -> None:
    admin.keys_set("profile", f"sales@{DOMAIN}", 0, "line")
    admin.settings_set("profile", f"sales@{DOMAIN}", "language", "Deutsch")
    admin.profile_assign(DOMAIN, "sales", everyone=True)
    admin.domain_remove(DOMAIN, force=True)
    admin.domain_add(DOMAIN)
    assert admin.profile_list(DOMAIN) == []
    admin.profile_add(DOMAIN, "sales")
    shown = admin.profile_show(DOMAIN, "sales")
    assert (shown["keys"], shown["settings"]) == ([], [])


@pytest.mark.parametrize(
    ("name", "why"),
    [("", "one line"), ("a@b", "no @"), ("a\nb", "one line"), ("x" * 65, "64")],
)
def test_a_name_that_cannot_be_written_is_refused(
    domain: None, admin: Administration, name: str, why: str
) -> None:
    with pytest.raises(SettingError, match=why):
        admin.profile_add(DOMAIN, name)


def test_a_name_is_taken_once_in_a_domain_and_may_hold_blanks(
    domain: None, add: Callable[..., None], admin: Administration
) -> None:
    add("401@b.example.com")
    admin.profile_add("b.example.com", "sales")
    admin.profile_add(DOMAIN, " Büro vorne ")
    assert admin.keys_set("profile", f"Büro vorne@{DOMAIN}", 0, "line")["index"] == 0
    with pytest.raises(StoreConflict, match="already"):
        admin.profile_add(DOMAIN, "Büro vorne")


def test_the_audit_log_says_who_got_which_profile(
    domain: None, admin: Administration
) -> None:
    admin.profile_assign(DOMAIN, "sales", ["401"])
    admin.profile_remove(DOMAIN, "sales", force=True)
    removed, assigned, *_ = notes_of(admin)
    assert (assigned["action"], assigned["subject"]) == (
        "profile.assigned",
        f"profile sales@{DOMAIN}",
    )
    assert assigned["detail"] == {"to": [f"401@{DOMAIN}"], "accounts": 1}
    assert (removed["action"], removed["detail"]) == (
        "profile.removed",
        {"accounts": 1},
    )
