from collections.abc import Callable

import pytest

from bootwave.errors import SettingError, StoreConflict, StoreNotFound
from bootwave.store.administration import Administration
from bootwave.store.changelog import Change
from bootwave.store.serving.reader import Reader

MAC = 0x0004132E08B4
FIRST, SECOND = "0004132E08B4", "0004132E08B5"
ACCOUNT = "401@a.example.com"


def bound(admin: Administration, account: str = ACCOUNT) -> list[str]:
    return [row["mac"] for row in admin.account_show(account)["bound"]]


def test_a_new_mac_replaces_the_old_one(
    admin: Administration, add: Callable[..., None], told: list[list[Change]]
) -> None:
    add(ACCOUNT, mac=FIRST)
    told.clear()
    admin.account_bind(ACCOUNT, SECOND)
    assert bound(admin) == [SECOND]
    assert {Change("device", MAC), Change("device", MAC + 1)} <= set(told[0])


def test_with_add_the_old_one_stays(
    admin: Administration, add: Callable[..., None]
) -> None:
    add(ACCOUNT, mac=FIRST)
    admin.account_bind(ACCOUNT, SECOND, add=True)
    assert bound(admin) == [FIRST, SECOND]


def test_binding_again_changes_nothing(
    admin: Administration, add: Callable[..., None]
) -> None:
    add(ACCOUNT, mac=FIRST)
    assert admin.account_bind(ACCOUNT, FIRST)["identity"] == 1
    assert bound(admin) == [FIRST]


def test_accounts_of_one_phone_take_the_next_free_identity(
    admin: Administration, add: Callable[..., None], reader: Reader
) -> None:
    accounts = [f"{number}@a.example.com" for number in range(401, 414)]
    add(*accounts[:12], mac=FIRST)
    found = reader.devices([MAC])[MAC]
    assert [binding.identity for binding in found.bindings] == list(range(1, 13))
    with pytest.raises(StoreConflict, match="twelve"):
        add(accounts[12], mac=FIRST)
    admin.account_unbind(accounts[4])
    add(accounts[12])
    assert admin.account_bind(accounts[12], FIRST)["identity"] == 5


def test_a_mac_is_in_one_domain_only(
    admin: Administration, add: Callable[..., None]
) -> None:
    add(ACCOUNT, mac=FIRST)
    add("500@b.example.com")
    with pytest.raises(StoreConflict, match=r"401@a\.example\.com"):
        admin.account_bind("500@b.example.com", FIRST)
    assert bound(admin, "500@b.example.com") == []
    admin.account_unbind(ACCOUNT, FIRST)
    admin.account_bind("500@b.example.com", FIRST)


def test_all_accounts_that_keep_a_phone_in_its_domain_are_named(
    admin: Administration, add: Callable[..., None]
) -> None:
    add(ACCOUNT, "402@a.example.com", mac=FIRST)
    add("500@b.example.com")
    with pytest.raises(StoreConflict) as caught:
        admin.account_bind("500@b.example.com", FIRST)
    assert str(caught.value) == (
        f"{FIRST} is bound to 401@a.example.com and 402@a.example.com, and a MAC is in "
        f"one domain only: bootwave account unbind ACCOUNT {FIRST} for each of them "
        "frees it."
    )


def test_settings_of_a_phone_do_not_follow_it_into_another_domain(
    admin: Administration, add: Callable[..., None], reader: Reader
) -> None:
    add(ACCOUNT, mac=FIRST)
    add("500@b.example.com")
    admin.settings_set("device", FIRST, "language", "Deutsch")
    admin.keys_set("device", FIRST, 0, "speed 0123456")
    admin.account_unbind(ACCOUNT)
    admin.account_bind(ACCOUNT, FIRST)
    assert reader.devices([MAC])[MAC].layer.settings != ()
    admin.account_unbind(ACCOUNT)
    admin.account_bind("500@b.example.com", FIRST)
    layer = reader.devices([MAC])[MAC].layer
    assert (layer.settings, layer.keys) == ((), ())


def test_settings_made_before_a_phone_was_bound_stay(
    admin: Administration, add: Callable[..., None], reader: Reader
) -> None:
    admin.settings_set("device", FIRST, "language", "Deutsch")
    add(ACCOUNT, mac=FIRST)
    assert reader.devices([MAC])[MAC].layer.settings != ()


def test_a_wildcard_replaces_a_mac_and_a_mac_a_wildcard(
    admin: Administration, add: Callable[..., None], told: list[list[Change]]
) -> None:
    add(ACCOUNT, mac=FIRST)
    told.clear()
    admin.account_bind(ACCOUNT, "*")
    assert {change.kind for change in told[0]} >= {"device", "wildcard", "account"}
    assert bound(admin) == []
    assert admin.account_show(ACCOUNT)["wildcard"] == "*"
    admin.account_bind(ACCOUNT, SECOND)
    assert bound(admin) == [SECOND]
    assert admin.account_show(ACCOUNT)["wildcard"] == ""
    admin.account_bind(ACCOUNT, "?", add=True)
    assert bound(admin) == [SECOND]
    assert admin.account_show(ACCOUNT)["wildcard"] == "?"
    admin.account_bind(ACCOUNT, FIRST, add=True)
    assert admin.account_show(ACCOUNT)["wildcard"] == "?"


def test_unbinding_one_of_two_leaves_the_other(
    admin: Administration, add: Callable[..., None]
) -> None:
    add(ACCOUNT, mac=FIRST)
    admin.account_bind(ACCOUNT, SECOND, add=True)
    assert admin.account_unbind(ACCOUNT, SECOND)["unbound"] == [SECOND]
    assert bound(admin) == [FIRST]


def test_unbinding_what_is_not_bound_says_so(
    admin: Administration, add: Callable[..., None]
) -> None:
    add(ACCOUNT)
    with pytest.raises(StoreNotFound, match="bound to nothing"):
        admin.account_unbind(ACCOUNT)
    with pytest.raises(StoreNotFound, match="not bound to"):
        admin.account_unbind(ACCOUNT, FIRST)
    with pytest.raises(StoreNotFound, match="wildcard"):
        admin.account_unbind(ACCOUNT, "*")
    with pytest.raises(SettingError, match="twelve hex digits"):
        admin.account_unbind(ACCOUNT, "nonsense")


def test_unbinding_closes_the_window_that_is_left_to_nobody(
    admin: Administration, add: Callable[..., None], told: list[list[Change]]
) -> None:
    add(ACCOUNT, mac=FIRST)
    admin.window_open([ACCOUNT])
    told.clear()
    admin.account_unbind(ACCOUNT)
    assert Change("device", MAC) in told[0]
    admin.account_bind(ACCOUNT, SECOND)
    assert admin.account_show(ACCOUNT)["window"]["state"] == "closed"


def test_replacing_the_mac_keeps_an_unused_window_for_the_new_phone(
    admin: Administration, add: Callable[..., None]
) -> None:
    add(ACCOUNT, mac=FIRST)
    admin.window_open([ACCOUNT])
    admin.account_bind(ACCOUNT, SECOND)
    assert admin.account_show(ACCOUNT)["window"]["state"] == "open"
