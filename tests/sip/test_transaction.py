from pathlib import Path

import pytest

from bootwave.native.sip import parse
from bootwave.sip.effects import Endpoint
from bootwave.sip.transaction import (
    TIMER_E_SECONDS,
    TIMER_F_SECONDS,
    TIMER_J_SECONDS,
    names_from_subscribe,
    reply_destination,
)

DATA = (Path(__file__).parents[1] / "captures/snom370-8.7.5.48.txt").read_bytes()
SECRET = b"0123456789abcdef"
PHONE = Endpoint("192.168.12.155", 1053)


def test_the_timers_are_those_of_rfc_3261() -> None:
    assert TIMER_E_SECONDS == (0.5, 1.0, 2.0, 4.0)
    assert TIMER_F_SECONDS == TIMER_J_SECONDS == 32.0


def test_a_retransmission_has_the_names_of_the_first() -> None:
    first = names_from_subscribe(parse(DATA), PHONE, SECRET)
    assert names_from_subscribe(parse(bytearray(DATA)), PHONE, SECRET) == first
    assert first.branch.startswith(b"z9hG4bK")
    assert first.key.hex().encode() not in first.to_tag + first.branch


def test_a_magic_branch_does_not_join_two_requests() -> None:
    data = DATA.replace(b";rport", b";rport;branch=z9hG4bKalways")
    first = names_from_subscribe(parse(data), PHONE, SECRET)
    other = data.replace(b"949137397@", b"1@")
    assert names_from_subscribe(parse(other), PHONE, SECRET) != first


@pytest.mark.parametrize(
    ("via", "destination"),
    [
        (b"192.168.12.155:1053;rport", PHONE),
        (b"192.168.12.155:1053", PHONE),
        (b"192.168.12.155:5080;rport", PHONE),
        (b"192.168.12.155:5080", Endpoint(PHONE.host, 5080)),
        (b"10.9.9.9:5080;maddr=10.8.8.8", Endpoint(PHONE.host, 5080)),
        (b"phone.example", Endpoint(PHONE.host, 5060)),
    ],
)
def test_answers_go_to_the_source_at_rport_or_the_port_of_sent_by(
    via: bytes, destination: Endpoint
) -> None:
    data = DATA.replace(b"192.168.12.155:1053;rport", via, 1)
    assert reply_destination(parse(data), PHONE) == destination
