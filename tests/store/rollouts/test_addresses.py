"""By which way a phone is reached, by what is known of it and what its domain says."""

import sqlite3
from collections.abc import Callable

import pytest

from bootwave.rollout.resolving import Proxy
from bootwave.sightings import Reason, Sighting
from bootwave.sip.effects import Endpoint
from bootwave.store.administration import Administration
from bootwave.store.rollouts.addresses import Places, confirmed, phones_of, reached
from bootwave.store.sightings.sightings import SightingLog
from tests.store.counted import counting
from tests.store.rollouts.test_rollouts import AT, DOMAIN, MAC, seen, text

PORT = 5060
PROXY = Proxy("p.example.com")
REGISTRAR = Proxy("r.example.com", 5061, "tls")
ITSELF = Proxy(DOMAIN)
PUBLIC, PRIVATE = "203.0.113.7", "10.0.0.7"


def at(source: str, *macs: int) -> Places:
    places = Places()
    places.note(Sighting(AT, mac, source, Reason.SERVED_WINDOW) for mac in macs)
    return places


@pytest.mark.parametrize(
    ("source", "fields", "ways"),
    [
        (PRIVATE, {}, (Endpoint(PRIVATE, PORT),)),
        (PUBLIC, {}, (ITSELF,)),
        (PUBLIC, {"registrar": "r.example.com:5061;transport=tls"}, (REGISTRAR,)),
        (
            PUBLIC,
            {"registrar": "r.example.com", "outbound_proxy": "P.example.com"},
            (PROXY,),
        ),
        (
            PRIVATE,
            {"outbound_proxy": "p.example.com"},
            (Endpoint(PRIVATE, PORT), PROXY),
        ),
        (
            PRIVATE,
            {"outbound_proxy": "p.example.com", "reach": "direct"},
            (Endpoint(PRIVATE, PORT),),
        ),
        (PUBLIC, {"reach": "direct"}, (Endpoint(PUBLIC, PORT),)),
        (PRIVATE, {"reach": "proxy"}, (ITSELF,)),
        ("fe80::7%2", {}, (Endpoint("fe80::7%2", PORT),)),
        ("::ffff:10.0.0.7", {}, (Endpoint(PRIVATE, PORT),)),
    ],
)
def test_the_way_is_what_the_domain_says_or_what_the_address_is(
    admin: Administration,
    add: Callable[..., None],
    connection: sqlite3.Connection,
    source: str,
    fields: dict[str, str],
    ways: tuple[object, ...],
) -> None:
    add(f"401@{DOMAIN}", mac=text(1))
    if fields:
        admin.domain_set(DOMAIN, **fields)
    way = reached(connection, at(source, MAC + 1), MAC + 1)
    assert way is not None
    assert way.ways(PORT) == ways
    assert way.is_by_proxy is isinstance(ways[0], Proxy)
    assert (way.number, way.domain, way.phones) == ("401", DOMAIN, 1)


def test_two_phones_at_one_address_are_behind_nat_if_there_is_a_proxy(
    admin: Administration, add: Callable[..., None], connection: sqlite3.Connection
) -> None:
    add(f"401@{DOMAIN}", mac=text(1))
    places = at(PRIVATE, MAC + 1, MAC + 2)
    way = reached(connection, places, MAC + 1)
    assert way is not None
    assert way.ways(PORT) == (Endpoint(PRIVATE, PORT),)
    admin.domain_set(DOMAIN, outbound_proxy="p.example.com")
    way = reached(connection, places, MAC + 1)
    assert way is not None
    assert way.ways(PORT) == (PROXY,)
    places.note([Sighting(AT, MAC + 2, "10.0.0.8", Reason.SERVED_WINDOW)])
    way = reached(connection, places, MAC + 1)
    assert way is not None
    assert way.ways(PORT) == (Endpoint(PRIVATE, PORT), PROXY)


def test_who_confirmed_plug_and_play_there_is_reached_directly(
    add: Callable[..., None], connection: sqlite3.Connection, log: SightingLog
) -> None:
    add(f"401@{DOMAIN}", mac=text(1))
    add(f"402@{DOMAIN}", mac=text(2))
    seen(log, [1, 2], source="203.0.113.{}")
    seen(log, [1], reason=Reason.PNP_CONFIRMED, source="203.0.113.{}")
    seen(log, [2], reason=Reason.PNP_CONFIRMED, source="198.51.100.{}")
    found = log.latest([MAC + 1, MAC + 2], {Reason.SERVED_WINDOW})
    places = Places()
    places.note(found.values())
    places.hear(confirmed(log, found))
    assert [places.is_heard(MAC + number) for number in (1, 2, 3)] == [
        *(True, False, False)
    ]
    way = reached(connection, places, MAC + 1)
    assert way is not None
    assert way.ways(PORT) == (Endpoint("203.0.113.2", PORT),)
    way = reached(connection, places, MAC + 2)
    assert way is not None
    assert way.is_by_proxy


def test_nobody_is_asked_about_private_addresses(log: SightingLog) -> None:
    found = {MAC: Sighting(AT, MAC, PRIVATE, Reason.SERVED_WINDOW)}
    log.latest = None  # type: ignore[assignment,method-assign]
    assert list(confirmed(log, found)) == []


def test_the_account_that_the_fewest_phones_have_is_told(
    admin: Administration, add: Callable[..., None], connection: sqlite3.Connection
) -> None:
    add(f"400@{DOMAIN}", mac=text(1))  # a line that both have, and first
    admin.account_bind(f"400@{DOMAIN}", text(2), add=True)
    add(f"401@{DOMAIN}", mac=text(1))
    places = at(PUBLIC, MAC + 1, MAC + 2)
    own = reached(connection, places, MAC + 1)
    line = reached(connection, places, MAC + 2)
    assert own is not None
    assert line is not None
    assert (own.number, own.phones) == ("401", 1)
    assert (line.number, line.phones) == ("400", 2)
    assert phones_of(connection, line.account) == {MAC + 1, MAC + 2}
    admin.domain_set(DOMAIN, outbound_proxy="p.example.com")
    line = reached(connection, at(PRIVATE, MAC + 2), MAC + 2)
    assert line is not None
    # By the proxy the other one would be told, too, so it is not tried there.
    assert line.ways(PORT) == (Endpoint(PRIVATE, PORT),)


def test_who_is_nowhere_or_bound_to_nothing_is_not_reached(
    add: Callable[..., None], connection: sqlite3.Connection
) -> None:
    add(f"401@{DOMAIN}", mac=text(1))
    assert reached(connection, Places(), MAC + 1) is None
    assert reached(connection, at(PRIVATE, MAC + 2), MAC + 2) is None


def test_a_line_that_all_phones_have_is_not_counted_for_each_of_them(
    add: Callable[..., None], admin: Administration, connection: sqlite3.Connection
) -> None:
    add(f"403@{DOMAIN}", mac=text(3))
    add(f"499@{DOMAIN}")

    def steps(phones: range) -> int:
        """Return how many instructions of SQLite it takes when *phones* have 499."""
        connection.executemany(
            "INSERT INTO devices (mac, domain_id, last_domain_id, model, "
            "owns_certificate) SELECT ?, id, id, '', 0 FROM domains WHERE true "
            "ON CONFLICT (mac) DO NOTHING",
            [(MAC + number,) for number in phones],
        )
        connection.executemany(
            "INSERT INTO bindings (mac, identity, account_id, domain_id, boot_id) "
            "SELECT ?, 2, id, domain_id, '' FROM accounts WHERE number = '499'",
            [(MAC + number,) for number in phones],
        )
        with counting(connection) as taken:
            way = reached(connection, at("10.0.0.4", MAC + 3), MAC + 3)
            count = taken()
        assert way is not None
        assert (way.number, way.phones) == ("403", 1)
        return count

    assert steps(range(3, 300)) == steps(range(300, 600))
