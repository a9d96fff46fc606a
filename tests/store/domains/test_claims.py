"""Temporary claims as administrators meet them; phones' side is in test_phonewrites."""

import sqlite3
from collections.abc import Callable

import pytest

from bootwave.store.administration import Administration
from bootwave.store.domains import claims, domains
from bootwave.store.serving.phonewrites import Taken, claim_wildcard, note_taken
from bootwave.store.serving.reader import Reader
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


def certificate(admin: Administration) -> object:
    return admin.device_show(f"{MAC:012X}")["certificate"]


@pytest.mark.parametrize("how", ["bound", "imported"])
def test_by_what_a_phone_had_a_grant_elsewhere_is_not_told_to_its_next_domain(
    admin: Administration,
    add: Callable[..., None],
    connection: sqlite3.Connection,
    clock: Clock,
    how: str,
) -> None:
    add(ACCOUNT, mac=f"{MAC:012X}")
    add("500@b.example.com")
    taken = Taken(MAC, "certificate", "10.0.0.7", (), 7, b"k" * 32)
    note_taken(connection, taken, clock.at)
    admin.account_unbind(ACCOUNT)
    admin.account_bind(ACCOUNT, f"{MAC:012X}")
    assert certificate(admin) == {"serial": "7", "key": (b"k" * 32).hex()}
    admin.account_unbind(ACCOUNT)
    if how == "bound":
        admin.account_bind("500@b.example.com", f"{MAC:012X}")
    else:
        admin.domain_remove("a.example.com", force=True)
        row = {"extension": "501", "password": "x-word-x", "mac": f"{MAC:012X}"}
        assert admin.account_import([row], domain="b.example.com")["added"] == 1
    assert certificate(admin) is None


def test_a_phone_that_is_moved_comes_when_that_is_committed(
    admin: Administration, add: Callable[..., None], clock: Clock
) -> None:
    add(ACCOUNT, mac=f"{MAC:012X}")
    add("500@b.example.com")
    began = clock.at.wall

    def progress(done: int, total: int) -> None:
        clock.pass_seconds(1.0)  # in which the phone is served for its first domain

    done = admin.account_import(
        [
            {"extension": "401", "domain": "a.example.com", "mac": f"{MAC + 1:012X}"},
            {"extension": "500", "domain": "b.example.com", "mac": f"{MAC:012X}"},
        ],
        update=True,
        all_or_nothing=True,
        progress=progress,
    )
    assert done["updated"] == 2
    assert clock.at.wall > began
    since = admin.device_within([MAC], ["b.example.com"])
    assert since == {MAC: clock.at.wall}


def test_a_phone_whose_move_was_refused_has_been_where_it_is_all_the_time(
    admin: Administration, add: Callable[..., None], clock: Clock
) -> None:
    add(ACCOUNT, mac=f"{MAC:012X}")
    add("500@b.example.com", mac=f"{MAC + 1:012X}")
    add("500@c.example.com", mac=f"{MAC + 2:012X}")
    admin.account_unbind(ACCOUNT)
    began = clock.at.wall
    clock.pass_seconds(5.0)
    two = f"{MAC:012X} {MAC + 2:012X}"  # of which the second is somebody else's
    done = admin.account_import(
        [{"extension": "500", "mac": two}], domain="b.example.com", update=True
    )
    assert done["error_count"] == 1
    admin.account_bind(ACCOUNT, f"{MAC:012X}")
    assert admin.device_within([MAC], ["a.example.com"]) == {MAC: began}


@pytest.mark.parametrize("sql", [claims._STAR_SUBNET, domains._HAS_STAR])
def test_no_account_but_wildcards_is_read_to_find_one(
    connection: sqlite3.Connection, sql: str
) -> None:
    named = {"domain_id": 1, "id": 1}
    rows = connection.execute(f"EXPLAIN QUERY PLAN {sql}", named).fetchall()
    assert "ix_accounts_wildcard" in " ".join(row[3] for row in rows)
