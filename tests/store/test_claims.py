"""Temporary claims as administrators meet them; phones' side is in test_phonewrites."""

import sqlite3
from collections.abc import Callable

import pytest

from bootwave.store import claims, domains
from bootwave.store.administration import Administration
from bootwave.store.phonewrites import claim_wildcard
from bootwave.store.reader import Reader
from tests.store.clock import Clock

MAC = 0x0004132E08B4
ACCOUNT = "401@a.example.com"


def claim(
    connection: sqlite3.Connection, reader: Reader, clock: Clock, mac: int = MAC
) -> bool:
    account = reader.wildcards()[0].account
    assert account.window is not None
    return claim_wildcard(
        connection,
        account_id=account.id,
        window_id=account.window.id,
        mac=mac,
        address="10.0.0.7",
        model="",
        source="10.0.0.7",
        now=clock.at,
        pairing_seconds=300.0,
        temporary_seconds=3_600.0,
    )


def test_a_claim_that_is_over_does_not_hold_a_phone_in_its_domain(
    admin: Administration,
    add: Callable[..., None],
    connection: sqlite3.Connection,
    reader: Reader,
    clock: Clock,
) -> None:
    add(ACCOUNT, mac="?")
    add("500@b.example.com")
    admin.window_open([ACCOUNT])
    assert claim(connection, reader, clock)
    assert admin.account_show(ACCOUNT)["bound"][0]["temporary"]
    clock.pass_seconds(3_600)
    assert admin.account_show(ACCOUNT)["bound"] == []
    admin.account_bind("500@b.example.com", f"{MAC:012X}")
    domain = reader.devices([MAC])[MAC].domain
    assert domain is not None
    assert domain.name == "b.example.com"


def test_binding_a_claimed_account_by_hand_makes_it_permanent(
    admin: Administration,
    add: Callable[..., None],
    connection: sqlite3.Connection,
    reader: Reader,
    clock: Clock,
) -> None:
    add(ACCOUNT, mac="?")
    admin.window_open([ACCOUNT])
    assert claim(connection, reader, clock)
    admin.account_bind(ACCOUNT, f"{MAC:012X}")
    clock.reboot()
    (binding,) = reader.devices([MAC])[MAC].bindings
    assert (binding.expires, binding.boot_id) == (None, "")


def test_taking_the_wildcard_away_ends_the_claim_and_its_pin(
    admin: Administration,
    add: Callable[..., None],
    connection: sqlite3.Connection,
    reader: Reader,
    clock: Clock,
) -> None:
    add(ACCOUNT, mac="?")
    admin.window_open([ACCOUNT])
    assert claim(connection, reader, clock)
    admin.account_unbind(ACCOUNT, "?")
    assert reader.devices([MAC])[MAC].bindings == ()
    assert admin.account_show(ACCOUNT)["window"]["state"] == "closed"


@pytest.mark.parametrize("sql", [claims._STAR_SUBNET, domains._HAS_STAR])
def test_no_account_but_wildcards_is_read_to_find_one(
    connection: sqlite3.Connection, sql: str
) -> None:
    named = {"domain_id": 1, "id": 1}
    rows = connection.execute(f"EXPLAIN QUERY PLAN {sql}", named).fetchall()
    assert "ix_accounts_wildcard" in " ".join(row[3] for row in rows)
