"""Accounts that any phone may claim, as the hot path reads them."""

import sqlite3
from collections.abc import Callable

from bootwave.store.administration import Administration
from bootwave.store.serving.reader import Reader
from bootwave.store.serving.wildcardparts import wildcards_of

MAC = 0x0004132E08B4


def test_the_claim_that_lasts_longest_holds(
    admin: Administration, add: Callable[..., None], connection: sqlite3.Connection
) -> None:
    add("401@a.example.com", mac="?")
    for place, number in enumerate(("402", "403")):
        add(f"{number}@a.example.com", mac=f"{MAC + place:012X}")
    # As only a hand in the database makes it: two claims of one account.
    connection.execute(
        "UPDATE bindings SET account_id = 1, boot_id = 'b', expires = mac - ?",
        (MAC - 6,),
    )
    (found,) = wildcards_of(connection)
    assert (found.account.number, found.account.wildcard) == ("401", "?")
    assert (found.claimed_until, found.claimed_boot_id) == (7.0, "b")
    assert found.opening is None


def test_wildcards_come_with_window_and_claim(
    admin: Administration, add: Callable[..., None], reader: Reader
) -> None:
    add("401@a.example.com", "402@a.example.com", mac="*")
    add("403@a.example.com", mac="?")
    add("404@a.example.com")
    admin.domain_set("a.example.com", wildcard_subnet="10.0.0.0/8")
    admin.window_open(["402@a.example.com"])
    found = reader.wildcards()
    assert [row.account.number for row in found] == ["401", "402", "403"]
    assert [row.account.wildcard for row in found] == ["*", "*", "?"]
    assert [row.account.window is None for row in found] == [True, False, True]
    assert {(row.domain_name, row.subnet) for row in found} == {
        ("a.example.com", "10.0.0.0/8")
    }
    assert reader.wildcards() is found
    admin.account_unbind("401@a.example.com")
    assert [row.account.number for row in reader.wildcards()] == ["402", "403"]


def test_what_happens_to_other_accounts_leaves_the_list_as_it_is(
    admin: Administration, reader: Reader, add: Callable[..., None]
) -> None:
    # Each phone of a wave uses a window, and the list may be long.
    add("401@a.example.com", mac="*")
    add("402@a.example.com", mac="0004132E08B4")
    found = reader.wildcards()
    admin.window_open(["402@a.example.com"])
    assert reader.wildcards() is found
    admin.window_open(["401@a.example.com"])
    (opened,) = reader.wildcards()
    assert opened.account.window is not None
    admin.account_bind("402@a.example.com", "?")
    assert len(reader.wildcards()) == 2
    admin.account_remove("401@a.example.com")
    assert [row.account.number for row in reader.wildcards()] == ["402"]
    admin.account_set("402@a.example.com", name="Anna")
    assert [row.account.display_name for row in reader.wildcards()] == ["Anna"]
