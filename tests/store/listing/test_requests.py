"""Lists as commands and programs ask for them."""

from collections.abc import Callable
from typing import Any

import pytest

from bootwave.control.operations import acting
from bootwave.errors import OptionError, StoreNotFound
from bootwave.store.administration import Administration
from bootwave.store.listing import pages
from bootwave.store.listing.requests import LISTS
from tests.store.clock import Clock
from tests.store.listed import notes_of

MAC = 0x0004132E08B4
A, B = "a.example.com", "b.example.com"


@pytest.fixture
def store(admin: Administration) -> Administration:
    for domain in (A, B):
        admin.domain_add(domain)
        for number in ("401", "402", "403"):
            admin.account_add(
                f"{number}@{domain}", password="secret-word", name=f"Élan {number}"
            )
    admin.account_bind(f"401@{A}", f"{MAC:012X}")
    admin.account_bind(f"402@{A}", f"{MAC:012X}")
    admin.account_bind(f"401@{B}", f"{MAC + 1:012X}")
    admin.account_bind(f"403@{A}", "*")
    return admin


def rows(admin: Administration, resource: str, **how: Any) -> list[dict[str, Any]]:
    known = {"sort", "descending", "limit", "seen"}
    asked = {name: value for name, value in how.items() if name in known}
    filters = {name: value for name, value in how.items() if name not in known}
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = admin.records_page(resource, filters=filters, cursor=cursor, **asked)
        found += page["rows"]
        cursor = page["cursor"]
        if not cursor:
            return found


def test_accounts_are_found_by_the_beginning_of_number_and_name(
    store: Administration,
) -> None:
    found = rows(store, "accounts", number_prefix="40", domain=A, limit=2)
    assert [one["account"] for one in found] == [f"{n}@{A}" for n in (401, 402, 403)]
    assert found[0]["bound"] == [
        {"mac": f"{MAC:012X}", "identity": 1, "temporary": False}
    ]
    assert "secret-word" not in str(found)
    assert len(rows(store, "accounts", name_prefix="éLAN 402")) == 2
    store.account_set(f"402@{A}", name="Zoë")
    assert len(rows(store, "accounts", name_prefix="éLAN 402")) == 1
    (zoe,) = rows(store, "accounts", name_prefix="ZOË", domain=A)
    assert zoe["name"] == "Zoë"


def test_accounts_come_by_domain_and_number(store: Administration) -> None:
    expected = [f"{n}@{domain}" for domain in (A, B) for n in (401, 402, 403)]
    for limit in (1, 2, 4, 100):
        found = rows(store, "accounts", sort="domain", limit=limit)
        assert [one["account"] for one in found] == expected
        found = rows(store, "accounts", sort="domain", limit=limit, descending=True)
        assert [one["account"] for one in found] == expected[::-1]
    store.reach = frozenset({B})
    found = rows(store, "accounts", sort="domain")
    assert [one["account"] for one in found] == expected[3:]


def test_accounts_of_a_phone_come_in_its_order(store: Administration) -> None:
    found = rows(store, "accounts", mac=f"{MAC:012X}", limit=1)
    assert [one["number"] for one in found] == ["401", "402"]


def test_devices_and_bindings_are_those_of_a_domain(store: Administration) -> None:
    (device,) = rows(store, "devices", domain=A)
    assert (device["mac"], device["accounts"]) == (
        f"{MAC:012X}",
        [f"401@{A}", f"402@{A}"],
    )
    assert len(rows(store, "devices", mac_prefix="000413")) == 2
    bound = rows(store, "bindings", domain=A, limit=1)
    assert [(one["account"], one["identity"]) for one in bound] == [
        (f"401@{A}", 1),
        (f"402@{A}", 2),
    ]
    assert len(rows(store, "bindings", limit=1)) == 3
    assert [one["mac"] for one in rows(store, "bindings", account=f"401@{B}")] == [
        f"{MAC + 1:012X}"
    ]
    assert rows(store, "bindings", sort="expires") == []
    (star,) = rows(store, "wildcards")
    assert star["account"] == f"403@{A}"
    assert rows(store, "wildcards", domain=B) == []


def test_windows_are_listed_by_opening_domain_and_state(
    store: Administration, clock: Clock
) -> None:
    store.window_open([f"401@{A}"])
    clock.pass_seconds(3600)
    store.window_open([f"401@{B}", f"402@{B}"])
    assert len(rows(store, "windows")) == 3
    assert [one["account"] for one in rows(store, "windows", state="live")] == [
        f"401@{B}",
        f"402@{B}",
    ]
    assert [one["state"] for one in rows(store, "windows", domain=A)] == ["ended"]
    assert rows(store, "windows", domain=A, state="open,used") == []
    assert len(rows(store, "windows", opening="2")) == 2
    with pytest.raises(OptionError, match="never 'ajar'"):
        rows(store, "windows", state="ajar")


def test_groups_and_profiles_are_those_of_a_domain(store: Administration) -> None:
    for name in ("north", "south", "southern"):
        store.group_add(A, name)
        store.profile_add(A, name)
    for resource in ("groups", "profiles"):
        found = rows(store, resource, domain=A, name_prefix="south", limit=1)
        assert [one["name"] for one in found] == ["south", "southern"]
    store.group_assign(A, "north", [f"{MAC:012X}"])
    store.profile_assign(A, "north", [f"401@{A}"])
    (device,) = rows(store, "devices", group=f"north@{A}")
    assert device["group"] == "north"
    (account,) = rows(store, "accounts", profile=f"north@{A}")
    assert account["profile"] == "north"


def test_nothing_older_is_told_of_the_audit_log_where_the_clock_was_wrong(
    admin: Administration, clock: Clock
) -> None:
    now = clock.at.wall
    for number, off in enumerate((*[0.0] * 6, -1e8, -1e8, 10.0)):
        clock.set_wall(now + off)
        admin.domain_add(f"d{number}.example.com")
    told = notes_of(admin, since=str(now - 1.0))
    subjects = {one["subject"] for one in told}
    assert subjects == {f"d{number}.example.com" for number in (*range(6), 8)}


def test_the_audit_log_is_narrowed_down_by_time_actor_and_subject(
    store: Administration, clock: Clock
) -> None:
    start = clock.at.wall
    for minute in range(5):
        clock.set_wall(start + 60 * (minute + 1))
        store.actor = "anna" if minute % 2 else "berta"
        store.window_open([f"401@{A}"])
    newest = rows(store, "audit", descending=True, limit=2)
    assert newest[0]["at"] == start + 300
    between = rows(store, "audit", since=str(start + 120), until=str(start + 240))
    assert {one["at"] for one in between} == {start + 120, start + 180}
    opened = rows(store, "audit", action="window.opened", actor="anna", subject="401@")
    assert [one["at"] for one in opened] == [start + 120, start + 240]
    assert rows(store, "audit", since=str(start + 1e6)) == []
    assert rows(store, "audit", until=str(start - 1e6)) == []


def test_a_cursor_goes_on_in_its_own_list_only(store: Administration) -> None:
    cursor = store.records_page("accounts", filters={"domain": A}, limit=1)["cursor"]
    assert cursor
    for resource, filters, descending in (
        ("accounts", {"domain": B}, False),
        ("accounts", {}, False),
        ("devices", {"domain": A}, False),
        ("accounts", {"domain": A}, True),
    ):
        with pytest.raises(OptionError, match="cursor"):
            store.records_page(
                resource, filters=filters, descending=descending, cursor=cursor
            )


def test_every_list_is_there_and_an_empty_store_has_empty_ones(
    admin: Administration,
) -> None:
    admin.domain_add(A)
    needed = {
        "profiles": {"domain": A},
        "groups": {"domain": A},
        "sightings": {"mac": f"{MAC:012X}"},
    }
    for resource in set(LISTS) - {"rollout-phones"}:
        page = admin.records_page(resource, filters=needed.get(resource, {}))
        assert page["cursor"] == ""
        if resource not in ("domains", "audit"):
            assert page["rows"] == []


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"resource": "cats"}, "no list"),
        ({"resource": "accounts", "limit": 0}, "1 to 1,000"),
        ({"resource": "accounts", "limit": 1001}, "1 to 1,000"),
        ({"resource": "accounts", "filters": {"colour": "red"}}, "filters are"),
        ({"resource": "accounts", "filters": {"domain": 5}}, "must be text"),
        ({"resource": "windows", "filters": {"opening": "x"}}, "no number"),
        ({"resource": "audit", "filters": {"since": "nan"}}, "no instant"),
        ({"resource": "sightings"}, "name its mac"),
        ({"resource": "unknown", "filters": {"mac": "1"}}, "mac_prefix"),
        ({"resource": "accounts", "cursor": "x"}, "cursor"),
    ],
)
def test_what_cannot_be_listed_is_refused_in_a_sentence(
    admin: Administration, asked: dict[str, Any], error: str
) -> None:
    with pytest.raises(OptionError, match=error):
        admin.records_page(**asked)


def test_phones_of_a_roll_out_that_is_not_there_are_not_none(
    admin: Administration,
) -> None:
    with pytest.raises(StoreNotFound, match="no roll-out 1:"):
        admin.records_page("rollout-phones", filters={"rollout": "1"})


def test_a_domain_that_is_not_there_is_said_to_be_missing(
    admin: Administration, add: Callable[..., None]
) -> None:
    with pytest.raises(StoreNotFound, match="no domain"):
        admin.records_page("accounts", filters={"domain": "x.example.com"})


@pytest.mark.parametrize(
    ("resource", "asked", "count"),
    [
        ("domains", {}, 1),
        ("domains", {"name_prefix": "B."}, 1),
        ("domains", {"name_prefix": "a"}, 0),
        ("accounts", {}, 3),
        ("accounts", {"sort": "name", "name_prefix": "é", "descending": True}, 3),
        ("accounts", {"mac": f"{MAC + 1:012X}"}, 1),
        ("accounts", {"mac": f"{MAC:012X}"}, 0),
        ("devices", {}, 1),
        ("bindings", {}, 1),
    ],
)
def test_who_reaches_one_domain_reads_no_others_to_find_it(
    store: Administration,
    monkeypatch: pytest.MonkeyPatch,
    resource: str,
    asked: dict[str, Any],
    count: int,
) -> None:
    monkeypatch.setattr(pages, "MOST_READ", 2)
    monkeypatch.setattr(pages, "_TOGETHER", 2)
    for number in range(3):
        store.domain_add(f"a{number}.example.com")
    store.account_add(f"404@{A}", password="secret-word", mac=f"{MAC + 2:012X}")
    store.account_bind(f"403@{A}", "*")
    store.domain_set(B, wildcard_subnet="192.0.2.0/24")
    store.account_bind(f"403@{B}", "*")
    all_found = rows(store, resource, **asked)
    with acting(store, actor="token:t", reach=frozenset({B})):
        known = {"sort", "descending"}
        filters = {name: each for name, each in asked.items() if name not in known}
        how = {name: each for name, each in asked.items() if name in known}
        page = store.records_page(resource, filters=filters, **how)
        assert len(page["rows"]) == count
        if count:
            assert page["cursor"] == ""
        if "mac" not in asked:
            assert rows(store, resource, **asked) == [
                row for row in all_found if B in str(row)
            ]
        with pytest.raises(StoreNotFound):
            store.records_page("accounts", filters={"domain": A})
