"""Which SUBSCRIBE is told a URL."""

from dataclasses import replace
from pathlib import Path

import pytest

from bootwave.http.contact import Identity
from bootwave.native.pnp import PnpLane
from bootwave.native.ring import SightingRing
from bootwave.options import HttpOptions, Options, PnpOptions
from bootwave.sip.effects import Endpoint, Local, LookUp
from bootwave.sip.pnp import PnpCore
from bootwave.store.changelog import Change
from tests.provision.bench import (
    HERE,
    MAC,
    OTHER_MAC,
    Bench,
)

UNKNOWN = 0x000413FFFFFF
CAPTURES = Path(__file__).parents[1] / "captures"
SUBSCRIBE = (CAPTURES / "snom370-8.7.5.48.txt").read_bytes()


def lookup(mac: int = MAC, address: str = "192.168.4.1", source: str = HERE) -> LookUp:
    local, phone = Local(address, 2), Endpoint(source, 5060)
    return LookUp(b"key", mac, True, local, phone, "snom370", "8.4.35")


def test_a_bound_phone_is_told_the_url_of_the_interface_it_was_heard_on(
    bench: Bench,
) -> None:
    urls = bench.provisioner.pnp_urls(
        [lookup(), lookup(UNKNOWN), lookup(OTHER_MAC, "10.0.0.1")]
    )
    assert urls == [
        "http://192.168.4.1:8080/{mac}.xml",
        None,
        "http://10.0.0.1:8080/{mac}.xml",
    ]
    assert bench.store.reads == [(MAC, UNKNOWN, OTHER_MAC)]


@pytest.mark.parametrize(
    ("mac", "stored", "said", "name", "met"),
    [
        (MAC, "", "snomm9", "snomm9-{mac}.htm", True),
        (MAC, "snomM700", "", "snomM700-{mac}.htm", False),
        (0x000413300001, "", "", "snomm9-{mac}.htm", False),
        (0x000413610001, "", "snomM300", "snomM300-{mac}.htm", False),
        (0x000413610001, "snom370", "snom370", "{mac}.xml", True),
        (MAC, "snomM700", "snom/370", "snomM700-{mac}.htm", False),
    ],
)
def test_a_base_is_told_where_the_list_of_its_files_is(
    mac: int, stored: str, said: str, name: str, met: bool
) -> None:
    bench = Bench()
    bench.store.add_account(401)
    bench.store.bind(401, mac)
    bench.store.know(mac, model=stored)
    asked = replace(lookup(mac), model=said)
    assert bench.provisioner.pnp_urls([asked]) == [f"http://192.168.4.1:8080/{name}"]
    # The lane tells all phones one URL.
    assert (mac in bench.bound) == (name == "{mac}.xml")
    bench.provisioner.meet(0, 1000)
    assert (mac in bench.bound) == met


def test_a_base_that_was_met_as_a_desk_phone_is_held_no_longer(bench: Bench) -> None:
    bench.provisioner.meet(0, 1000)
    assert MAC in bench.bound
    bench.provisioner.pnp_urls([replace(lookup(), model="snomm9")])
    assert MAC not in bench.bound


def test_whoever_showed_its_certificate_is_told_https_from_then_on() -> None:
    bench = Bench(https_port=8443)
    for account, mac in ((401, MAC), (402, OTHER_MAC)):
        bench.store.add_account(account)
        bench.store.bind(account, mac)
    clear, secure = (
        "http://192.168.4.1:8080/{mac}.xml",
        "https://192.168.4.1:8443/{mac}.xml",
    )
    both = [lookup(), lookup(OTHER_MAC)]
    assert bench.provisioner.pnp_urls(both) == [clear, clear]
    assert MAC in bench.bound
    assert bench.get(secure=True, identity=Identity(MAC)).status == 200
    assert MAC not in bench.bound
    assert bench.provisioner.pnp_urls(both) == [secure, clear]
    assert MAC in bench.bound


def test_the_lane_learns_who_owns_a_certificate() -> None:
    bench = Bench(https_port=8443)
    for account, mac in ((401, MAC), (402, OTHER_MAC)):
        bench.store.add_account(account)
        bench.store.bind(account, mac)
    bench.store.know(MAC, owns_certificate=True)
    bench.provisioner.meet(0, 1000)
    core = PnpCore(secret=b"s" * 32, port=5060)
    lane = PnpLane(
        core.table,
        bench.bound,
        SightingRing(9),
        secret=b"s" * 32,
        port=5060,
        most_sends=4,
    )
    lane.set_links([(2, 0xC0A80400, 0xFFFFFF00)], [])
    macs = (MAC, OTHER_MAC)
    urls = bench.provisioner.pnp_urls([lookup(mac) for mac in macs])
    for mac, url in zip(macs, urls, strict=True):
        assert url is not None
        lane.learn(mac, "192.168.4.1", url)
    for mac, url in zip(macs, urls, strict=True):
        asked = SUBSCRIBE.replace(b"0004132E08B4", b"%012X" % mac)
        answers = lane.answer(asked, "192.168.4.9", mac & 999, "192.168.4.1", 2, 0, 0)
        assert answers is not None
        assert answers[1].decode().endswith(f"\r\n\r\n{url}")


def test_a_url_of_the_options_is_told_as_it_stands() -> None:
    bench = Bench(options=Options(pnp=PnpOptions(url="http://pbx/{mac}")))
    bench.store.add_account(401)
    bench.store.bind(401, MAC)
    asked = replace(lookup(), model="snomm9")
    assert bench.provisioner.pnp_urls([asked]) == ["http://pbx/{mac}"]


@pytest.mark.parametrize(
    "change", [Change("device", MAC), Change("domain", 1), Change("all", 0)]
)
def test_a_bound_phone_may_be_answered_without_asking_until_something_is_revoked(
    bench: Bench, change: Change
) -> None:
    bench.provisioner.pnp_urls([lookup(), lookup(UNKNOWN)])
    assert MAC in bench.bound
    assert UNKNOWN not in bench.bound
    bench.revocations.revoke([change])
    assert MAC not in bench.bound
    bench.provisioner.pnp_urls([lookup()])
    assert MAC in bench.bound
    bench.provisioner.apply([change])  # written without the engine
    assert MAC not in bench.bound


@pytest.mark.parametrize(
    ("rules", "held"),
    [
        ((), {MAC, OTHER_MAC}),
        ((f"ignore mac={OTHER_MAC:012X}",), {MAC}),
        (("ignore oui=000413",), set()),
        (("ignore vendor=yealink",), set()),
        (("answer subnet=192.168.0.0/16",), set()),
    ],
)
def test_the_lane_is_told_of_no_phone_that_a_rule_may_ignore(
    rules: tuple[str, ...], held: set[int]
) -> None:
    bench = Bench(options=Options(pnp=PnpOptions(rules=rules)))
    for account, mac in ((401, MAC), (402, OTHER_MAC)):
        bench.store.add_account(account)
        bench.store.bind(account, mac)
    bench.provisioner.pnp_urls([lookup(), lookup(OTHER_MAC)])
    assert {mac for mac in (MAC, OTHER_MAC) if mac in bench.bound} == held
    bench.provisioner.meet(0, 1000)
    assert {mac for mac in (MAC, OTHER_MAC) if mac in bench.bound} == held


def test_a_fleet_is_met_piece_by_piece_and_answered_without_asking(
    bench: Bench,
) -> None:
    macs = sorted(bench.store.bindings)
    met = 0
    for mac in macs:
        last = bench.provisioner.meet(met, 1)
        assert last == mac
        assert mac in bench.bound
        met = mac
    assert bench.provisioner.meet(met, 1) is None
    bench.revocations.revoke([Change("device", macs[0])])
    assert macs[0] not in bench.bound


def test_a_temporary_binding_is_looked_up_each_time(bench: Bench) -> None:
    device = bench.store.devices([MAC])[MAC]
    until = bench.clock.boottime + 60
    bindings = tuple(
        replace(binding, expires=until, boot_id=bench.clock.boot_id)
        for binding in device.bindings
    )
    temporary = replace(device, bindings=bindings)
    bench.store.devices = lambda macs: {MAC: temporary}  # type: ignore[method-assign]
    assert bench.provisioner.pnp_urls([lookup()]) != [None]
    assert MAC not in bench.bound


def test_nobody_asking_reads_nothing(bench: Bench) -> None:
    assert bench.provisioner.pnp_urls([]) == []
    assert bench.store.reads == []


def test_the_url_of_the_options_goes_before() -> None:
    options = Options(
        pnp=PnpOptions(url="https://p.example.com/{mac}.xml"),
        http=HttpOptions(url="http://other.example.com"),
    )
    bench = Bench(options)
    bench.store.add_account(401)
    bench.store.bind(401, MAC)
    assert bench.provisioner.pnp_urls([lookup()]) == ["https://p.example.com/{mac}.xml"]


def test_a_stranger_is_told_the_url_only_while_a_wildcard_waits(bench: Bench) -> None:
    bench.store.add_account(409, wildcard="*")
    assert bench.provisioner.pnp_urls([lookup(UNKNOWN)]) == [None]
    bench.open(409)
    assert bench.provisioner.pnp_urls([lookup(UNKNOWN)]) != [None]
    assert bench.store.bindings.get(UNKNOWN) is None  # not claimed by asking
    bench.get(mac=UNKNOWN)
    assert bench.provisioner.pnp_urls([lookup(UNKNOWN - 1)]) == [None]


def test_with_the_store_away_phones_with_a_ready_document_hear_of_it(
    bench: Bench,
) -> None:
    bench.open(401)
    bench.get()
    bench.store.away = True
    urls = bench.provisioner.pnp_urls([lookup(), lookup(OTHER_MAC)])
    assert urls == ["http://192.168.4.1:8080/{mac}.xml", None]
