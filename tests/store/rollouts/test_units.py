"""Who is told together, who is taken in, and who is left out because of others."""

import sqlite3
from collections.abc import Callable

import pytest

from bootwave.sightings import Reason, Sighting
from bootwave.store.administration import Administration
from bootwave.store.rollouts.addresses import Places, Reached
from bootwave.store.rollouts.units import Together, _why, together
from tests.store.rollouts.test_rollouts import AT, DOMAIN, MAC, text

A, B, C, D = (MAC + number for number in range(4))


@pytest.fixture
def found(
    admin: Administration, add: Callable[..., None], connection: sqlite3.Connection
) -> Callable[..., Together]:
    """What is found of a choice: A, B and C have 401, and D has 402 for itself.

    A and B are behind NAT, C and D on the LAN.
    """
    add(f"401@{DOMAIN}", mac=text(0))
    for number in (1, 2):
        admin.account_bind(f"401@{DOMAIN}", text(number), add=True)
    add(f"402@{DOMAIN}", mac=text(3))
    places = Places()
    sources = {A: "203.0.113.1", B: "203.0.113.1", C: "10.0.0.1", D: "10.0.0.2"}
    places.note(
        Sighting(AT, mac, source, Reason.SERVED_WINDOW)
        for mac, source in sources.items()
    )

    def choose(*macs: int, take: bool = False) -> Together:
        return together(connection, places, macs, take=take)

    return choose


def test_phones_of_one_extension_are_a_unit_if_a_proxy_tells_one(
    found: Callable[..., Together],
) -> None:
    assert found(A, B, C, D) == ({A: A, B: A, C: A}, set(), {})


def test_a_phone_on_the_lan_is_told_alone_if_nobody_is_told_by_the_proxy(
    found: Callable[..., Together],
) -> None:
    assert found(C, D) == ({}, set(), {})


def test_a_phone_whose_notify_would_tell_others_is_left_out(
    found: Callable[..., Together],
) -> None:
    units, joined, left_out = found(A, D)
    assert (units, joined) == ({}, set())
    assert left_out == {
        A: f"its proxy tells all 3 phones of 401@{DOMAIN}, and {text(1)}, {text(2)} "
        "would be told, too"
    }


def test_many_others_are_counted() -> None:
    macs = range(MAC, MAC + 12_345)
    way = Reached(1, "401", DOMAIN, len(macs), "", None)
    assert _why(way, macs, macs[1:]) == (
        f"its proxy tells all 12,345 phones of 401@{DOMAIN}, and {text(1)}, {text(2)}, "
        f"{text(3)} and 12,341 more would be told, too"
    )


def test_the_others_are_taken_in_if_that_is_wanted(
    found: Callable[..., Together],
) -> None:
    assert found(A, D, take=True) == ({A: A, B: A, C: A}, {B, C}, {})


def test_a_line_that_others_have_for_themselves_joins_them(
    admin: Administration, add: Callable[..., None], connection: sqlite3.Connection
) -> None:
    # B has 500 first and 501 for itself; by 500 A tells B as well.
    add(f"500@{DOMAIN}", mac=text(0))
    admin.account_bind(f"500@{DOMAIN}", text(1), add=True)
    add(f"501@{DOMAIN}", mac=text(1))
    places = Places()
    places.note(
        Sighting(AT, mac, "203.0.113.1", Reason.SERVED_WINDOW) for mac in (A, B)
    )
    assert together(connection, places, [A, B], take=False).units == {A: A, B: A}
    assert together(connection, places, [B], take=False) == ({}, set(), {})
    assert set(together(connection, places, [A], take=False).left_out) == {A}
