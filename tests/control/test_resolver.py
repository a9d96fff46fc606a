"""Proxies found by real DNS: NAPTR, SRV, addresses, and name servers that are away."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootwave.control import resolver as module
from bootwave.control.resolver import Resolved, Resolver
from bootwave.options import Address
from bootwave.rollout.resolving import Proxy, Target
from tests.control.nameserver import name_server, silent_name_server

NAME = "pbx.example.com"
NOWHERE = Path("/dev/null")


@pytest.fixture(scope="module")
def server() -> Iterator[Address]:
    with name_server(
        f"naptr-record={NAME},20,10,S,SIP+D2U,,_sip._udp.{NAME}",
        f"naptr-record={NAME},10,10,S,SIP+D2T,,_sip._tcp.{NAME}",
        f"srv-host=_sip._udp.{NAME},a.example.net,5070,10,1",
        f"srv-host=_sip._tcp.{NAME},b.example.net,5081,20,1",
        f"srv-host=_sip._tcp.{NAME},a.example.net,5080,10,1",
        f"srv-host=_sips._tcp.{NAME},a.example.net,5091,10,1",
        "srv-host=_sip._tcp.only.example.com,b.example.net,5082,0,0",
        "host-record=a.example.net,127.0.8.1,::1",
        "host-record=b.example.net,127.0.8.2",
        "host-record=plain.example.com,127.0.8.3",
        "cname=alias.example.com,plain.example.com",
    ) as address:
        yield address


def resolved(proxy: Proxy, server: Address, hosts: Path = NOWHERE) -> Resolved:
    async def scenario() -> Resolved:
        resolver = Resolver([server], hosts=hosts)
        assert resolver.known(proxy) is None
        found = await resolver.resolve(proxy)
        assert resolver.known(proxy) == found
        return found

    return asyncio.run(scenario())


@pytest.mark.parametrize(
    ("proxy", "targets"),
    [
        (
            Proxy(NAME),
            [
                Target("tcp", "127.0.8.1", 5080),
                Target("tcp", "::1", 5080),
                Target("tcp", "127.0.8.2", 5081),
            ],
        ),
        (
            Proxy(NAME, 0, "udp"),
            [Target("udp", "127.0.8.1", 5070), Target("udp", "::1", 5070)],
        ),
        (
            Proxy(NAME, 0, "tls"),
            [Target("tls", "127.0.8.1", 5091, NAME), Target("tls", "::1", 5091, NAME)],
        ),
        (Proxy("only.example.com"), [Target("tcp", "127.0.8.2", 5082)]),
        (Proxy("plain.example.com"), [Target("udp", "127.0.8.3", 5060)]),
        (Proxy("alias.example.com", 5062), [Target("udp", "127.0.8.3", 5062)]),
        (Proxy("127.0.8.9", 0, "tcp"), [Target("tcp", "127.0.8.9", 5060)]),
    ],
)
def test_a_proxy_is_found_as_dns_says(
    server: Address, proxy: Proxy, targets: list[Target]
) -> None:
    found = resolved(proxy, server)
    assert found.targets() == targets
    assert found.why == ""


def test_a_name_that_is_not_there_has_no_address(server: Address) -> None:
    found = resolved(Proxy("nowhere.example.com"), server)
    assert found.targets() == []
    assert found.why == "the name nowhere.example.com of its proxy has no address"


def test_the_file_of_hosts_goes_first(server: Address, tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text(f"# x\n127.0.8.7 other {NAME.upper()} # y\n\n::7 {NAME}\n")
    found = resolved(Proxy(NAME), server, hosts)
    assert found.targets() == [
        Target("udp", "127.0.8.7", 5060),
        Target("udp", "::7", 5060),
    ]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "QUESTION_SECONDS", 0.2)
    monkeypatch.setattr(module, "SERVER_SECONDS", 0.1)


def test_a_name_server_that_is_away_is_told_and_asked_again_later(
    impatient: None,
) -> None:
    now = 1_000.0

    async def scenario() -> None:
        nonlocal now
        with silent_name_server() as address:
            resolver = Resolver([address], hosts=NOWHERE, clock=lambda: now)
            proxy = Proxy(NAME)
            found = await resolver.resolve(proxy)
            assert found.why == f"no name server answers for {NAME}, its proxy"
            assert resolver.known(proxy) == found
            now += module.NOTHING_SECONDS
            assert resolver.known(proxy) is None

    asyncio.run(scenario())


def test_what_a_name_server_says_is_remembered_as_long_as_it_says(
    server: Address,
) -> None:
    now = 1_000.0

    async def scenario() -> None:
        nonlocal now
        resolver = Resolver([server], hosts=NOWHERE, clock=lambda: now)
        proxy = Proxy("plain.example.com", 5060)
        found = await resolver.resolve(proxy)
        now += 59.0
        assert resolver.known(proxy) == found
        now += 2.0
        assert resolver.known(proxy) is None

    asyncio.run(scenario())


def test_no_more_is_remembered_than_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_REMEMBERED", 2)

    async def scenario() -> None:
        resolver = Resolver([Address("127.0.0.1", 9)], hosts=NOWHERE)
        for number in range(3):
            await resolver.resolve(Proxy(f"127.0.8.{number}"))
        known = [resolver.known(Proxy(f"127.0.8.{number}")) for number in range(3)]
        assert [one is not None for one in known] == [False, True, True]

    asyncio.run(scenario())
