"""From a proxy's name to where its NOTIFYs go, with a DNS that is a table."""

import pytest

from bootwave.rollout.resolving import (
    MAX_TARGETS,
    Answers,
    Candidate,
    Candidates,
    Naptr,
    Proxy,
    Question,
    Record,
    Srv,
    Target,
    drawn,
    proxy_from_text,
    resolution,
)

NAME = "pbx.example.com"


def resolved(
    proxy: Proxy, zone: dict[tuple[str, str], list[Record]]
) -> tuple[Candidates, list[str]]:
    """Return what comes of *proxy*, and the kinds that were asked for, in order."""
    steps = resolution(proxy)
    asked: list[str] = []
    try:
        questions = next(steps)
        while True:
            asked += [f"{each.kind} {each.name}" for each in questions]
            answers: Answers = {each: zone.get(each, []) for each in questions}
            questions = steps.send(answers)
    except StopIteration as over:
        found: Candidates = over.value
        return found, asked


def targets(candidates: Candidates) -> list[Target]:
    return drawn(candidates, lambda: 0.5)


@pytest.mark.parametrize(
    ("text", "proxy"),
    [
        ("PBX.example.com", Proxy(NAME)),
        ("pbx.example.com:5070", Proxy(NAME, 5070)),
        ("10.0.0.2;transport=TCP", Proxy("10.0.0.2", 0, "tcp")),
        ("[2001:db8::1]", Proxy("2001:db8::1")),
        ("[2001:db8::1]:5061;transport=tls", Proxy("2001:db8::1", 5061, "tls")),
    ],
)
def test_a_proxy_is_read_as_a_domain_has_it(text: str, proxy: Proxy) -> None:
    assert proxy_from_text(text) == proxy


@pytest.mark.parametrize(
    ("proxy", "target"),
    [
        (Proxy("10.0.0.2"), Target("udp", "10.0.0.2", 5060)),
        (Proxy("10.0.0.2", 5070), Target("udp", "10.0.0.2", 5070)),
        (Proxy("2001:db8::1", 0, "tcp"), Target("tcp", "2001:db8::1", 5060)),
        (Proxy("2001:db8:0::1"), Target("udp", "2001:db8::1", 5060)),
        (Proxy("::ffff:10.0.0.2"), Target("udp", "10.0.0.2", 5060)),
        (
            Proxy("10.0.0.2", 0, "tls"),
            Target("tls", "10.0.0.2", 5061, "10.0.0.2"),
        ),
    ],
)
def test_a_numeric_host_asks_nobody(proxy: Proxy, target: Target) -> None:
    found, asked = resolved(proxy, {})
    assert (targets(found), asked) == ([target], [])


@pytest.mark.parametrize(
    "address",
    [
        *("224.0.1.75", "255.255.255.255", "0.0.0.0", "240.0.0.1", "169.254.169.254"),
        *("ff02::1", "::", "fe80::1", "::ffff:224.0.1.75", "::ffff:0.0.0.0"),
    ],
)
def test_an_address_of_no_single_host_gets_nothing(address: str) -> None:
    kind = "AAAA" if ":" in address else "A"
    zone: dict[tuple[str, str], list[Record]] = {
        (NAME, kind): [address],
        (f"_sip._tcp.{NAME}", "SRV"): [Srv(0, 0, 5060, "a.example.com")],
        ("a.example.com", kind): [address],
    }
    for proxy in (Proxy(NAME, 5060), Proxy(NAME), Proxy(address, 5060, "tcp")):
        assert resolved(proxy, zone)[0] == ()


def test_a_port_asks_for_addresses_only() -> None:
    zone: dict[tuple[str, str], list[Record]] = {
        (NAME, "A"): ["192.0.2.1", "192.0.2.2"],
        (NAME, "AAAA"): ["2001:DB8:0:0::1"],
    }
    found, asked = resolved(Proxy(NAME, 5070), zone)
    assert asked == [f"A {NAME}", f"AAAA {NAME}"]
    assert targets(found) == [
        Target("udp", "192.0.2.1", 5070),
        Target("udp", "192.0.2.2", 5070),
        Target("udp", "2001:db8::1", 5070),
    ]


def test_a_transport_asks_for_its_srv_and_tls_wants_the_name_that_was_written() -> None:
    zone: dict[tuple[str, str], list[Record]] = {
        (f"_sips._tcp.{NAME}", "SRV"): [Srv(10, 0, 5071, "edge.example.net")],
        ("edge.example.net", "A"): ["192.0.2.9"],
    }
    found, asked = resolved(Proxy(NAME, 0, "tls"), zone)
    assert asked[0] == f"SRV _sips._tcp.{NAME}"
    assert targets(found) == [Target("tls", "192.0.2.9", 5071, NAME)]


@pytest.mark.parametrize(
    ("transport", "target"),
    [
        ("", Target("udp", "192.0.2.1", 5060)),
        ("tcp", Target("tcp", "192.0.2.1", 5060)),
        ("tls", Target("tls", "192.0.2.1", 5061, NAME)),
    ],
)
def test_a_name_without_srv_is_an_address(transport: str, target: Target) -> None:
    zone: dict[tuple[str, str], list[Record]] = {(NAME, "A"): ["192.0.2.1"]}
    proxy = proxy_from_text(f"{NAME};transport={transport}" if transport else NAME)
    found, asked = resolved(proxy, zone)
    assert targets(found) == [target]
    assert asked[-2:] == [f"A {NAME}", f"AAAA {NAME}"]


def test_naptr_says_which_transport_by_order_and_preference() -> None:
    zone: dict[tuple[str, str], list[Record]] = {
        (NAME, "NAPTR"): [
            Naptr(20, 1, "s", "SIP+D2U", "udp.example.com"),
            Naptr(10, 9, "S", "sip+d2t", "late.example.com"),
            Naptr(10, 5, "s", "SIP+D2T", "tcp.example.com"),
            Naptr(1, 1, "u", "SIP+D2U", "rewritten.example.com"),
            Naptr(1, 1, "s", "E2U+sip", "enum.example.com"),
        ],
        ("tcp.example.com", "SRV"): [Srv(0, 0, 5099, "a.example.com")],
        ("udp.example.com", "SRV"): [Srv(0, 0, 5098, "a.example.com")],
        ("a.example.com", "A"): ["192.0.2.1"],
    }
    found, asked = resolved(Proxy(NAME), zone)
    assert targets(found) == [Target("tcp", "192.0.2.1", 5099)]
    assert not [one for one in asked if "rewritten" in one or "enum" in one]


def test_without_naptr_the_first_transport_that_has_srv_is_taken() -> None:
    zone: dict[tuple[str, str], list[Record]] = {
        (f"_sip._tcp.{NAME}", "SRV"): [Srv(0, 0, 5060, "a.example.com")],
        (f"_sips._tcp.{NAME}", "SRV"): [Srv(0, 0, 5061, "a.example.com")],
        ("a.example.com", "A"): ["192.0.2.1"],
    }
    found, asked = resolved(Proxy(NAME), zone)
    assert targets(found) == [Target("tcp", "192.0.2.1", 5060)]
    assert asked[:4] == [
        f"NAPTR {NAME}",
        *(f"SRV {kind}.{NAME}" for kind in ("_sip._udp", "_sip._tcp", "_sips._tcp")),
    ]


def test_a_service_that_is_decidedly_not_there_has_no_address() -> None:
    zone: dict[tuple[str, str], list[Record]] = {
        (f"_sip._udp.{NAME}", "SRV"): [Srv(0, 0, 0, "")],
        (NAME, "A"): ["192.0.2.1"],
    }
    assert resolved(Proxy(NAME), zone)[0] == ()


@pytest.mark.parametrize("answer", ["pbx.example.com", Srv(0, 0, 1, "x"), "10.0.0.300"])
def test_what_is_no_address_is_passed_over(answer: Record) -> None:
    zone = {(NAME, "A"): [answer]}
    assert resolved(Proxy(NAME, 5060), zone)[0] == ()


def server(priority: int, weight: int, name: int, addresses: int = 1) -> Candidate:
    made = (Target("udp", f"192.0.2.{name + at}", 5060) for at in range(addresses))
    return Candidate(priority, weight, tuple(made))


def test_a_lower_priority_goes_first_and_weights_share() -> None:
    candidates = (server(2, 9, 30), server(1, 3, 10), server(1, 1, 20))
    firsts: dict[str, int] = {}
    for step in range(1_000):
        chances = iter([step / 1_000, 0.0, 0.0])
        order = [target.host for target in drawn(candidates, chances.__next__)]
        assert order[2] == "192.0.2.30"
        firsts[order[0]] = firsts.get(order[0], 0) + 1
    assert firsts["192.0.2.10"] == pytest.approx(750, abs=2)
    assert firsts["192.0.2.20"] == pytest.approx(250, abs=2)


def test_a_weight_of_zero_is_tried_as_well() -> None:
    order = drawn((server(1, 0, 10), server(1, 0, 20)), lambda: 0.9)
    assert {target.host for target in order} == {"192.0.2.10", "192.0.2.20"}


def test_so_many_are_tried_and_no_more() -> None:
    candidates = tuple(server(at, 0, 10 * at, 3) for at in range(5))
    order = drawn(candidates, lambda: 0.0)
    assert len(order) == MAX_TARGETS
    assert [target.host for target in order[:3]] == [f"192.0.2.{n}" for n in range(3)]


def test_a_question_is_asked_once() -> None:
    zone: dict[tuple[str, str], list[Record]] = {
        (f"_sip._udp.{NAME}", "SRV"): [
            Srv(0, 0, 5060, "a.example.com"),
            Srv(0, 0, 5062, "a.example.com"),
        ],
        ("a.example.com", "A"): ["192.0.2.1"],
    }
    found, asked = resolved(Proxy(NAME), zone)
    assert asked.count("A a.example.com") == 1
    assert {target.port for target in targets(found)} == {5060, 5062}
    assert Question("a.example.com", "A") == ("a.example.com", "A")
