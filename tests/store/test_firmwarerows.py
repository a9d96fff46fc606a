"""What becomes of the rules of domains and devices that are no longer."""

import sqlite3
from collections.abc import Callable

import pytest

from bootwave.errors import StoreUnavailable
from bootwave.firmware.decision import ScopeRules
from bootwave.firmware.definitions import Definition
from bootwave.phone.firmware import FirmwareVersion as V
from bootwave.store.administration import Administration
from bootwave.store.firmwarerows import rules_of

MAC = "0004132E08B4"
TABLES = (
    *("firmware_definitions", "firmware_pins", "firmware_forbidden"),
    "firmware_scopes",
)


def say(admin: Administration, scope: str, target: str) -> None:
    location = "http://downloads.snom.com/a.bin"
    admin.firmware_set(scope, target, "snom370", "8.5.36", location=location)
    admin.firmware_pin(scope, target, "keep", model="snom320")
    admin.firmware_forbid(scope, target, "snom300", "8.4.35", reason="x")


def scopes(connection: sqlite3.Connection) -> dict[str, set[str]]:
    return {
        table: {
            scope
            for (scope,) in connection.execute(f"SELECT scope FROM {table}").fetchall()
        }
        for table in TABLES
    }


def test_what_was_said_is_read(
    admin: Administration, connection: sqlite3.Connection
) -> None:
    say(admin, "engine", "")
    assert rules_of(connection, "engine", 0) == ScopeRules(
        (Definition("snom370", V(8, 5, 36), "http://downloads.snom.com/a.bin"),),
        {"snom320": "keep"},
        frozenset({("snom300", V(8, 4, 35))}),
    )
    assert rules_of(connection, "domain", 7).says_nothing


def test_a_damaged_version_is_an_error(
    admin: Administration, connection: sqlite3.Connection
) -> None:
    say(admin, "engine", "")
    connection.execute("UPDATE firmware_definitions SET version = 'x'")
    with pytest.raises(StoreUnavailable, match="no version"):
        rules_of(connection, "engine", 0)


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
