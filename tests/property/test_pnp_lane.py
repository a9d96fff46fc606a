"""The core with the lane before it does what the core alone does, byte for byte."""

import re
from pathlib import Path
from typing import Any
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from bootwave.limits import MAX_NOTIFY_SENDS_UNPROVEN
from bootwave.native.pnp import BoundMacs, PnpLane
from bootwave.native.ring import SightingRing
from bootwave.sip import pnp
from bootwave.sip.effects import Effect, Endpoint, Local, LookUp, SendDatagram, Sight
from bootwave.sip.pnp import PnpCore
from tests.property.test_sip import mutations

CAPTURES = Path(__file__).parents[1] / "captures"
SNOMS = [path.read_bytes() for path in sorted(CAPTURES.glob("snom*.txt"))]
SECRET = b"0123456789abcdef" * 4
URL = "http://192.0.2.1:8080/prov/{mac}.xml?a=b"
SECURE = "https://192.0.2.1/prov/{mac}.xml"
HOSTS = ["192.0.2.7", "192.0.2.8", "198.51.100.9"]  # the last one is off link
HERE = Local("192.0.2.1", 2)
SUBNET = (2, 0xC0000200, 0xFFFFFF00)

# The last one is a group's and no phone's.
MACS = (0x0004132E08B4, 0x000413000001, 0x000413000003, 0x01041300000B)

Heard = tuple[list[tuple[bytes, Endpoint, Local]], list[tuple[int, int, str, str]]]


def is_bound(mac: int) -> bool:
    return mac % 5 != 0


def is_certified(mac: int) -> bool:
    return mac % 2 != 0


def url_of(mac: int) -> str:
    return SECURE if is_certified(mac) else URL


class Side:
    """One server: what it sends and sees, and what its clock leads to."""

    def __init__(self) -> None:
        self.core = PnpCore(secret=SECRET, port=5060, off_subnet=True)

    def receive(
        self, data: bytes, source: Endpoint, now: float, waited: float = 0.0
    ) -> Heard:
        on_link = source.host != HOSTS[2]
        local = HERE if on_link else Local(HERE.address, 0)
        effects = self.core.receive_datagram(
            data, source, local, now, on_link=on_link, received=now - waited
        )
        return self.told(effects, now)

    def told(self, effects: list[Effect], now: float) -> Heard:
        sent, seen = [], []
        for effect in effects:
            if isinstance(effect, LookUp):
                more = self.told(self.answer(effect, now), now)
                sent += more[0]
                seen += more[1]
            elif isinstance(effect, SendDatagram):
                sent.append((effect.data, effect.destination, effect.local))
            elif isinstance(effect, Sight):
                seen.append((effect.reason, effect.mac, effect.source, effect.detail))
        return sent, seen

    def answer(self, lookup: LookUp, now: float) -> list[Effect]:
        return self.core.answer(
            lookup, url_of(lookup.mac) if is_bound(lookup.mac) else None, now
        )


class LanedSide(Side):
    """The same with a lane, which learns whom it may answer from the look-ups."""

    def __init__(self, *known: int) -> None:
        super().__init__()
        self.ring = SightingRing(100)
        self.bound = BoundMacs(bytes(24), 64)
        self.lane = PnpLane(
            self.core.table,
            self.bound,
            self.ring,
            secret=SECRET,
            port=5060,
            most_sends=MAX_NOTIFY_SENDS_UNPROVEN,
        )
        self.lane.set_links([SUBNET], [])
        for mac in known:
            self.bound.keep(mac, 0, 1, 2, 0, certified=is_certified(mac))
            self.lane.learn(mac, HERE.address, url_of(mac))
        self.answered = 0

    def receive(
        self, data: bytes, source: Endpoint, now: float, waited: float = 0.0
    ) -> Heard:
        done = self.lane.answer(data, *source, *HERE, now, 1.5, now - waited)
        if done is None:
            assert len(self.ring) == 0
            return super().receive(data, source, now, waited)
        self.answered += 1
        response, request, host, port = done
        sent = [(one, Endpoint(host, port), HERE) for one in (response, request) if one]
        seen = [
            (reason, mac, source, detail)
            for _, mac, source, reason, detail in self.ring.drain(100)
        ]
        return sent, seen

    def answer(self, lookup: LookUp, now: float) -> list[Effect]:
        effects = super().answer(lookup, now)
        if is_bound(lookup.mac):
            certified = is_certified(lookup.mac)
            self.bound.keep(lookup.mac, 0, 1, 2, 0, certified=certified)
            self.lane.learn(lookup.mac, lookup.local.address, url_of(lookup.mac))
        return effects


def response_to(notify: bytes, status: bytes) -> bytes:
    kept = re.findall(rb"^(?:Via|From|To|Call-ID|CSeq): [^\r]*\r\n", notify, re.M)
    return b"SIP/2.0 %s\r\n%sContent-Length: 0\r\n\r\n" % (status, b"".join(kept))


@st.composite
def subscribes(draw: st.DrawFn) -> bytes:
    """A SUBSCRIBE of a snom phone, in few transactions, plain but for small things."""
    data = draw(st.sampled_from(SNOMS))
    number = draw(st.integers(0, 3))
    data = re.sub(rb"Call-ID: [^@]*@", b"Call-ID: %d@" % number, data)
    mac = b"%012X" % draw(st.sampled_from(MACS))
    data = re.sub(rb"(?i)(MAC%3a)[0-9A-F]{12}", rb"\g<1>" + mac, data)
    for old, new in draw(
        st.lists(
            st.sampled_from(
                [
                    (b";rport", b""),
                    (b";rport", b";rport=9;received=1.2.3.4"),
                    (b"Contact: <sip:", b"Contact: <sip:a~b@"),
                    (b"Contact: <sip:", b"Contact: <SIP:x:"),
                    (b">\r\nUser-Agent", b";line=x%41>\r\nUser-Agent"),
                    (b'model="', b'model="x'),
                    (b'model="snom', b'model="SNOM'),
                    (b'version="', b'version="<'),
                    (b'version="', b'version=" '),
                    (b'vendor="snom"', b'vendor="' + b"s" * 49 + b'"'),
                    (b'vendor="snom"', b'vendor="a b"'),
                    (b"Event: ua-profile", b"Event: UA-Profile;id=7"),
                    (b"Expires: 0", b"Expires: 0\r\nX: y\r\n z"),
                    (b"To: <", b'To: "A" <'),
                    (b"CSeq: 1 ", b"CSeq: 2147483647 "),
                    (b":1053;", b":65535;"),
                    (b"Via: ", b"Via: SIP/2.0/UDP h, "),
                    (b"lan>;tag=668717252", b"lan>"),
                ]
            ),
            max_size=1,
        )
    ):
        data = data.replace(old, new, 1)
    return data


step = st.tuples(
    st.one_of(
        st.tuples(st.just("datagram"), st.one_of(subscribes(), mutations())),
        st.tuples(st.just("datagram"), subscribes()),
        st.tuples(
            st.just("response"),
            st.integers(0, 9),
            st.sampled_from(
                [b"200 OK", b"202 x", b"100 Trying", b"481 Gone", b"299 y"]
            ),
        ),
        st.tuples(st.just("timer")),
    ),
    st.sampled_from([*HOSTS, HOSTS[0]]),
    st.sampled_from([5060, 1053, 0]),
    st.sampled_from([0.0, 0.1, 0.5, 1.0, 8.0]),
    st.sampled_from([0.0, 0.0, 0.1, 2.0]),
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(step, min_size=10, max_size=30))
def test_the_core_with_the_lane_does_what_the_core_alone_does(
    steps: list[tuple[tuple[Any, ...], str, int, float, float]],
) -> None:
    bounds = {
        "MAX_SIP_TRANSACTIONS": 4,
        "MAX_PENDING_NOTIFIES": 3,
        "MAX_PROVEN_SOURCES": 2,
        "MAX_PENDING_NOTIFY_BYTES": 1500,
        "MAX_SIP_UNPROVEN_SOURCES": 2,
        "MAX_SIP_BURST_UNPROVEN": 3,
        "SIP_UNPROVEN_PER_SECOND": 2.0,
    }
    with patch.multiple(pnp, **bounds):
        alone, laned = Side(), LanedSide(*filter(is_bound, MACS))
    now = 0.0
    notifies: list[bytes] = []
    for (kind, *what), host, port, passed, waited in steps:
        now += passed
        source = Endpoint(host, port)
        if kind == "timer":
            one = alone.told(alone.core.handle_timer(now), now)
            other = laned.told(laned.core.handle_timer(now), now)
        else:
            data = what[0]
            if kind == "response":
                if not notifies:
                    continue
                data = response_to(notifies[what[0] % len(notifies)], what[1])
            one = alone.receive(data, source, now, waited)
            other = laned.receive(data, source, now, waited)
        assert one == other
        assert alone.core.next_timer() == laned.core.next_timer()
        notifies += (sent for sent, _, _ in one[0] if sent.startswith(b"NOTIFY"))


def test_the_lane_answers_a_bound_phone_its_retransmission_and_its_confirmation() -> (
    None
):
    side = LanedSide()
    source = Endpoint(HOSTS[0], 1053)
    data = SNOMS[1]
    for number, answered in ((1, 0), (2, 1)):
        again = data.replace(b"Call-ID: ", b"Call-ID: %d" % number)
        sent, _ = side.receive(again, source, 0.0)
        assert (len(sent), side.answered) == (2, answered)
    assert len(side.receive(again, source, 0.1)[0]) == 1
    assert side.receive(response_to(sent[1][0], b"200 OK"), source, 0.2)[0] == []
    assert side.answered == 3
    assert side.core.pending == 1


def test_a_phone_whose_counters_changed_is_left_to_the_core() -> None:
    counters = bytearray(24)
    macs = BoundMacs(counters, 4)
    macs.keep(7, 0, 1, 2, 0)
    assert 7 in macs
    assert 3 not in macs  # of the same place
    for at in range(3):
        counters[8 * at] = 1
        assert 7 not in macs
        counters[8 * at] = 0
    macs.clear()
    assert 7 not in macs
    macs.keep(7, 0, 0, 0, 0)
    macs.drop(3)
    assert 7 in macs
    macs.drop(7)
    assert 7 not in macs
