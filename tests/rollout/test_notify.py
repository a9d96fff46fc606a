"""The bytes of a check-sync NOTIFY, judged by the simulated phone's strict reader."""

from typing import Any

import pytest

from bootwave.rollout.notify import EVENTS, Addressee, Attempt, Names, notify
from bootwave.rollout.plan import Action
from bootwave.rollout.resolving import Target, Transport
from bootwave.sip.effects import Endpoint
from bootwave.wave import sip

MAC = 0x0004132E08B4
ATTEMPT = Attempt(1, 1_700_000_000.0)
NAMES = Names("z9hG4bKaa", "bb", "cc@bootwave")
OURS = Endpoint("10.0.0.1", 40_000)


def addressee(
    action: Action = "resync",
    number: str = "401",
    domain: str = "pbx.example.com",
    host: str = "10.0.0.7",
    *,
    proxy: bool = False,
    attempt: Attempt = ATTEMPT,
    transport: Transport = "udp",
) -> Addressee:
    target = Target(transport, host, 5060)
    return Addressee(MAC, action, number, domain, target, proxy, attempt)


def message_to(to: Addressee, cseq: int = 1, **more: Any) -> sip.Message:
    return sip.read(notify(to, NAMES, cseq, OURS, EVENTS[to.action][0], **more))


@pytest.mark.parametrize(
    ("to", "request_uri", "about"),
    [
        (addressee(), "sip:401@10.0.0.7:5060", "sip:401@pbx.example.com"),
        (
            addressee(host="198.51.100.1", proxy=True),
            "sip:401@pbx.example.com",
            "sip:401@pbx.example.com",
        ),
        (addressee(number="", domain=""), "sip:10.0.0.7:5060", "sip:10.0.0.7:5060"),
        (
            addressee(host="fd00::7"),
            "sip:401@[fd00::7]:5060",
            "sip:401@pbx.example.com",
        ),
        (
            addressee(host="fe80::7%2"),
            "sip:401@[fe80::7]:5060",
            "sip:401@pbx.example.com",
        ),
    ],
)
def test_it_goes_to_the_phone_or_to_whom_the_proxy_knows(
    to: Addressee, request_uri: str, about: str
) -> None:
    message = message_to(to)
    assert (message.method, message.request_uri) == ("NOTIFY", request_uri)
    assert sip.address_of(message.one("to")) == (about, {})
    assert sip.address_of(message.one("from"))[1] == {"tag": "bb"}
    assert message.one("via") == ("SIP/2.0/UDP 10.0.0.1:40000;branch=z9hG4bKaa;rport")
    assert sip.cseq_of(message.one("cseq")) == (1, "NOTIFY")
    assert message.one("subscription-state") == "terminated"
    assert message.body == b""


@pytest.mark.parametrize(
    ("action", "event"),
    [("resync", "check-sync;reboot=false"), ("reboot", "check-sync;reboot=true")],
)
def test_its_event_says_whether_to_reboot(action: Action, event: str) -> None:
    assert message_to(addressee(action)).one("event") == event


@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_in_a_stream_it_says_by_which(transport: Transport) -> None:
    message = message_to(addressee(proxy=True, transport=transport))
    via = f"SIP/2.0/{transport.upper()} 10.0.0.1:40000;branch=z9hG4bKaa;rport"
    assert message.one("via") == via
    contact = f"<sip:bootwave@10.0.0.1:40000;transport={transport}>"
    assert message.one("contact") == contact


def test_an_answer_to_a_challenge_is_a_field_of_its_own() -> None:
    proof = (b"Authorization", b'Digest username="401"')
    message = message_to(addressee(), 2, authorization=proof)
    assert message.all("authorization") == ['Digest username="401"']
    assert sip.cseq_of(message.one("cseq"))[0] == 2
