from collections.abc import Callable

import pytest

from bootwave.errors import SettingError, StoreNotFound
from bootwave.settings.dialplan import MAX_RULES
from bootwave.store.administration import Administration

DOMAIN = "a.example.com"


@pytest.fixture(autouse=True)
def domain(add: Callable[..., None]) -> None:
    add(f"401@{DOMAIN}")


def test_rules_are_said_said_anew_and_said_no_longer(admin: Administration) -> None:
    assert admin.dialplan_list(DOMAIN) == {"told": False, "rules": [], "taken": None}
    admin.dialplan_set(DOMAIN, "9,1..", timeout=5, user="phone", rewrite="91")
    said = admin.dialplan_set(DOMAIN, "9,1..", timeout=3)
    assert said == {
        "match": "9,1..",
        "timeout": 3,
        "user": "",
        "rewrite": "",
        "warning": "",
    }
    assert "\\*" in admin.dialplan_set(DOMAIN, "*9.")["warning"]
    assert [rule["match"] for rule in admin.dialplan_list(DOMAIN)["rules"]] == [
        "*9.",
        "9,1..",
    ]
    admin.dialplan_unset(DOMAIN, "*9.")
    with pytest.raises(StoreNotFound, match="no rule"):
        admin.dialplan_unset(DOMAIN, "*9.")


def test_what_is_dialled_takes_one_rule(admin: Administration) -> None:
    for match in ("9*", "91.", "*"):
        admin.dialplan_set(DOMAIN, match)
    taken = admin.dialplan_list(DOMAIN, dialled="912")["taken"]
    assert taken["match"] == "91."


def test_an_empty_plan_is_told_until_it_is_forgotten(admin: Administration) -> None:
    with pytest.raises(StoreNotFound, match="no dial plan"):
        admin.dialplan_clear(DOMAIN)
    admin.dialplan_set(DOMAIN, "9*")
    assert admin.dialplan_clear(DOMAIN) == {"rules": 1, "told": True}
    assert admin.dialplan_list(DOMAIN)["told"]
    assert admin.dialplan_clear(DOMAIN, forget=True) == {"rules": 0, "told": False}
    assert not admin.dialplan_list(DOMAIN)["told"]


def test_a_plan_has_a_bound(admin: Administration) -> None:
    for number in range(MAX_RULES):
        admin.dialplan_set(DOMAIN, str(number))
    with pytest.raises(SettingError, match="at most"):
        admin.dialplan_set(DOMAIN, "999*")
    assert len(admin.dialplan_list(DOMAIN)["rules"]) == MAX_RULES
