"""One NOTIFY for whom it reaches, and none that would reach others."""

import sqlite3
from collections.abc import Callable

import pytest

from bootwave.rollout.notify import Attempt
from bootwave.rollout.resolving import Proxy
from bootwave.sightings import Reason, Sighting
from bootwave.sip.effects import Endpoint
from bootwave.store.administration import Administration
from bootwave.store.rollouts.addresses import Places
from bootwave.store.rollouts.errands import NOT_SEEN, Errand, errands
from tests.store.rollouts.test_rollouts import AT, DOMAIN, MAC, text

A, B, C, D = (MAC + number for number in range(4))
ATTEMPT = Attempt(1, AT)
Told = tuple[list[Errand], dict[int, str]]


@pytest.fixture
def telling(
    admin: Administration, add: Callable[..., None], connection: sqlite3.Connection
) -> Callable[..., Told]:
    """What is told A, B and C, which have 401, and D, which has 402.

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

    def tell(*macs: int, unit: tuple[int, ...] = ()) -> Told:
        return errands(
            connection,
            places,
            macs,
            ATTEMPT,
            "reboot",
            phone_port=5060,
            together_with=lambda mac: unit if mac in unit else (mac,),
        )

    return tell


def test_one_notify_by_the_proxy_is_for_all_that_it_tells(
    telling: Callable[..., Told],
) -> None:
    assert telling(A, B, C, D, unit=(A, B, C)) == (
        [
            Errand(
                *(C, ATTEMPT, "reboot", "401", DOMAIN, (Endpoint("10.0.0.1", 5060),))
            ),
            Errand(
                *(D, ATTEMPT, "reboot", "402", DOMAIN, (Endpoint("10.0.0.2", 5060),))
            ),
            Errand(A, ATTEMPT, "reboot", "401", DOMAIN, (Proxy(DOMAIN),), (B,)),
        ],
        {},
    )


def test_those_of_the_unit_that_are_back_are_not_waited_for(
    telling: Callable[..., Told],
) -> None:
    (errand,), unreachable = telling(B, unit=(A, B, C))
    assert (errand.mac, errand.riders, unreachable) == (B, (), {})


def test_a_notify_that_would_reach_strangers_is_not_sent(
    telling: Callable[..., Told],
) -> None:
    found, unreachable = telling(A, B, unit=(A, B))
    assert found == []
    why = f"its proxy would tell {text(2)}, too, which is not told together with it"
    assert unreachable == {A: why, B: why}


def test_who_was_told_by_another_account_needs_no_other_notify(
    admin: Administration, telling: Callable[..., Told], add: Callable[..., None]
) -> None:
    # B and D have 403 in common, too: the account of the most phones goes first.
    add(f"403@{DOMAIN}", mac=text(1))
    admin.account_bind(f"403@{DOMAIN}", text(3), add=True)
    (errand,), unreachable = telling(A, B, unit=(A, B, C))
    assert (errand.number, errand.riders, unreachable) == ("401", (B,), {})


def test_who_cannot_be_told_is_said_why(
    admin: Administration, telling: Callable[..., Told]
) -> None:
    assert telling(MAC + 9) == ([], {MAC + 9: NOT_SEEN})
    admin.account_unbind(f"402@{DOMAIN}")
    assert telling(D) == ([], {D: "it is bound to no account any more"})
