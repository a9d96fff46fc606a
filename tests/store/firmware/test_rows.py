"""What is said of firmware, as records of its rows."""

import sqlite3

import pytest

from bootwave.errors import StoreUnavailable
from bootwave.firmware.decision import ScopeRules
from bootwave.firmware.definitions import Definition
from bootwave.phone.firmware import FirmwareVersion as V
from bootwave.store.administration import Administration
from bootwave.store.firmware.rows import rules_of

MAC = "0004132E08B4"


def say(admin: Administration, scope: str, target: str) -> None:
    location = "http://downloads.snom.com/a.bin"
    admin.firmware_set(scope, target, "snom370", "8.5.36", location=location)
    admin.firmware_pin(scope, target, "keep", model="snom320")
    admin.firmware_forbid(scope, target, "snom300", "8.4.35", reason="x")


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
