"""What becomes of the rules of domains, groups and devices that are no longer."""

import sqlite3
from collections.abc import Callable

from bootwave.store.administration import Administration
from tests.store.firmware.test_rows import MAC, say

TABLES = (
    *("firmware_definitions", "firmware_pins", "firmware_forbidden"),
    "firmware_scopes",
)


def scopes(connection: sqlite3.Connection) -> dict[str, set[str]]:
    return {
        table: {
            scope
            for (scope,) in connection.execute(f"SELECT scope FROM {table}").fetchall()
        }
        for table in TABLES
    }


def test_a_domain_takes_its_rules_and_those_of_its_devices_with_it(
    admin: Administration, add: Callable[..., None], connection: sqlite3.Connection
) -> None:
    add("401@a.example.com", mac=MAC)
    for scope, target in (("domain", "a.example.com"), ("device", MAC)):
        say(admin, scope, target)
    say(admin, "engine", "")
    admin.domain_remove("a.example.com", force=True)
    left = scopes(connection)
    assert left.pop("firmware_scopes") == set()
    assert set(map(frozenset, left.values())) == {frozenset({"engine"})}


def test_another_tenant_does_not_inherit_the_rules_of_a_device(
    admin: Administration, add: Callable[..., None], connection: sqlite3.Connection
) -> None:
    add("401@a.example.com", mac=MAC)
    add("401@b.example.com")
    say(admin, "device", MAC)
    admin.account_unbind("401@a.example.com", MAC)
    assert scopes(connection)["firmware_scopes"] == {"device"}
    admin.account_bind("401@b.example.com", MAC)
    assert set(map(frozenset, scopes(connection).values())) == {frozenset()}


def test_a_group_takes_its_rules_with_it_and_no_others(
    admin: Administration, add: Callable[..., None], connection: sqlite3.Connection
) -> None:
    add("401@a.example.com", mac=MAC)
    admin.group_add("a.example.com", "sales")
    say(admin, "group", "sales@a.example.com")
    say(admin, "domain", "a.example.com")
    admin.group_remove("a.example.com", "sales")
    assert set(map(frozenset, scopes(connection).values())) == {frozenset({"domain"})}
