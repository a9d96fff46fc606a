"""Groups of devices: made, filled, kept while a device is unbound, removed."""

import sqlite3
from collections.abc import Callable

import pytest

from bootwave.errors import StoreConflict, StoreNotFound
from bootwave.store.administration import Administration
from bootwave.store.changelog import Change
from tests.store.listed import notes_of, rows_of

DOMAIN = "a.example.com"
MAC = 0x0004132E08B4
FIRST, SECOND = f"{MAC:012X}", f"{MAC + 1:012X}"


@pytest.fixture
def domain(add: Callable[..., None], admin: Administration) -> None:
    add(f"401@{DOMAIN}", mac=FIRST)
    add(f"402@{DOMAIN}", mac=SECOND)
    add("401@b.example.com")
    admin.group_add(DOMAIN, "ground floor")


def members(admin: Administration) -> list[str]:
    found = rows_of(admin, "devices", group=f"ground floor@{DOMAIN}")
    return [one["mac"] for one in found]


def test_devices_are_put_into_a_group_and_taken_out(
    domain: None, admin: Administration, told: list[list[Change]]
) -> None:
    told.clear()
    admin.group_assign(DOMAIN, "ground floor", [FIRST, "00:04:13:2e:08:b5"])
    assert told == [[Change("device", MAC), Change("device", MAC + 1)]]
    assert members(admin) == [FIRST, SECOND]
    assert admin.group_list(DOMAIN) == [{"name": "ground floor", "devices": 2}]
    admin.group_assign(DOMAIN, "", [FIRST])
    assert members(admin) == [SECOND]
    newest, before, *_ = notes_of(admin)
    assert (newest["subject"], newest["detail"]["to"]) == (
        f"no group of {DOMAIN}",
        [FIRST],
    )
    assert before["subject"] == f"group ground floor@{DOMAIN}"
    assert admin.group_remove(DOMAIN, "ground floor")["devices"] == 1
    assert admin.group_list(DOMAIN) == []


def test_many_devices_are_put_into_a_group_by_one_statement(
    domain: None, admin: Administration, connection: sqlite3.Connection
) -> None:
    made: list[str] = []
    connection.set_trace_callback(made.append)
    admin.group_assign(DOMAIN, "ground floor", [SECOND, FIRST])
    connection.set_trace_callback(None)
    assert len([one for one in made if "UPDATE devices" in one]) == 1
    assert members(admin) == [FIRST, SECOND]


def test_a_device_keeps_its_group_until_another_domain_has_it(
    domain: None, admin: Administration
) -> None:
    admin.group_assign(DOMAIN, "ground floor", [FIRST])
    admin.account_unbind(f"401@{DOMAIN}")
    assert members(admin) == [FIRST]
    admin.account_bind(f"401@{DOMAIN}", FIRST)
    assert members(admin) == [FIRST]
    admin.account_unbind(f"401@{DOMAIN}")
    admin.account_bind("401@b.example.com", FIRST)
    assert members(admin) == []
    with pytest.raises(StoreNotFound, match="is no device of"):
        admin.group_assign(DOMAIN, "ground floor", [FIRST])


def test_all_or_none_are_put_into_a_group(domain: None, admin: Administration) -> None:
    with pytest.raises(StoreNotFound, match="0004132E09AA is no device of"):
        admin.group_assign(DOMAIN, "ground floor", [FIRST, "0004132E09AA"])
    assert members(admin) == []
    with pytest.raises(StoreNotFound, match="no group 'attic'"):
        admin.group_assign(DOMAIN, "attic", [FIRST])
    with pytest.raises(StoreConflict, match="already"):
        admin.group_add(DOMAIN, "ground floor")


def test_a_domain_takes_its_groups_with_it(domain: None, admin: Administration) -> None:
    admin.group_assign(DOMAIN, "ground floor", [FIRST, SECOND])
    admin.domain_remove(DOMAIN, force=True)
    admin.account_bind("401@b.example.com", FIRST)
    admin.domain_add(DOMAIN)
    assert admin.group_list(DOMAIN) == []
