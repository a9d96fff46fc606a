"""tshark reads what the PnP core sends, and finds nothing wrong with it."""

import json
import socket
import struct
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from bootwave.sip.effects import Endpoint, Local, LookUp, SendDatagram
from bootwave.sip.pnp import PnpCore
from tests.peers.peer import require

CAPTURES = Path(__file__).parents[1] / "captures"
PHONE, HERE = Endpoint("192.168.12.155", 5060), Local("192.168.12.1", 2)
URL = "https://192.168.12.1:8443/prov/settings.xml?mac={mac}"
ASKING = [
    *("snom370-8.7.5.48", "snom-7.1.19-oem", "snomD120-10.1.39.11", "snomM700-03.23"),
    *("yealink-t53w", "yealink-t21p", "grandstream-grp2612w", "gigaset-de900"),
    *("planet", "panasonic-kx-utg", "fanvil"),
]


def pcap(datagrams: Iterable[tuple[Endpoint, Endpoint, bytes]]) -> bytes:
    """A capture file of UDP datagrams, each (from, to, payload), one a second."""
    # Magic, version 2.4, zone, accuracy, snap length, LINKTYPE_RAW: bare IP packets.
    parts = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)]
    for second, (source, to, data) in enumerate(datagrams):
        udp = struct.pack(">HHHH", source.port, to.port, 8 + len(data), 0) + data
        addresses = socket.inet_aton(source.host) + socket.inet_aton(to.host)
        ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0)
        packet = ip + addresses + udp
        parts.append(struct.pack("<IIII", second, 0, len(packet), len(packet)) + packet)
    return b"".join(parts)


def judged(tshark: str, file: Path) -> list[dict[str, Any]]:
    """One dictionary of fields per packet."""
    # Port 5080 and its like are not SIP to tshark unless told so.
    command = [tshark, "-r", str(file), "-T", "json", "-d", "udp.port==5060,sip"]
    fields = (
        *("sip.Method", "sip.Status-Code", "sip.Call-ID", "sip.CSeq.seq"),
        *("sip.from.tag", "sip.to.tag", "sip.Via.rport", "sip.Via.received"),
        *("sip.Via.branch", "sip.Subscription-State", "sip.Content-Type"),
        *("sip.Content-Length", "sip.Event", "sip.Expires", "sip.msg_body"),
        *("_ws.malformed", "_ws.expert.message", "_ws.expert.severity"),
    )
    for field in fields:
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    return [
        {name: values[0] for name, values in packet["_source"]["layers"].items()}
        for packet in json.loads(done.stdout)
    ]


def exchange(capture: str) -> list[tuple[Endpoint, Endpoint, bytes]]:
    """SUBSCRIBE, 200 and NOTIFY of one phone."""
    us = Endpoint(HERE.address, 5060)
    core = PnpCore(secret=bytes(16), port=us.port)
    data = (CAPTURES / f"{capture}.txt").read_bytes()
    (lookup,) = core.receive_datagram(data, PHONE, HERE, 0.0)
    assert isinstance(lookup, LookUp)
    sent = [
        (us, effect.destination, effect.data)
        for effect in core.answer(lookup, URL, 0.0)
        if isinstance(effect, SendDatagram)
    ]
    return [(PHONE, us, data), *sent]


@pytest.fixture(scope="module")
def packets(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    tshark = require("tshark")
    file = tmp_path_factory.mktemp("tshark") / "pnp.pcap"
    file.write_bytes(pcap(packet for name in ASKING for packet in exchange(name)))
    return judged(tshark, file)


def test_tshark_finds_nothing_wrong_with_any_answer(
    packets: list[dict[str, Any]],
) -> None:
    assert len(packets) == 3 * len(ASKING)
    for packet in packets:
        assert "_ws.malformed" not in packet
        assert "_ws.expert.message" not in packet
        assert "sip.Call-ID" in packet


def test_tshark_sees_a_dialog_in_subscribe_200_and_notify(
    packets: list[dict[str, Any]],
) -> None:
    for asked, ok, told in zip(*[iter(packets)] * 3, strict=True):
        assert asked["sip.Method"] == "SUBSCRIBE"
        assert ok["sip.Status-Code"] == "200"
        assert told["sip.Method"] == "NOTIFY"
        assert asked["sip.Call-ID"] == ok["sip.Call-ID"] == told["sip.Call-ID"]
        assert asked["sip.CSeq.seq"] == ok["sip.CSeq.seq"]
        assert told["sip.from.tag"] == ok["sip.to.tag"]
        assert told.get("sip.to.tag") == asked.get("sip.from.tag")
        assert ok["sip.Via.received"] == PHONE.host
        assert ok["sip.Expires"] == "0"
        assert told["sip.Via.branch"].startswith("z9hG4bK")
        assert told["sip.Subscription-State"] == "terminated;reason=timeout"
        assert told["sip.Content-Type"] == "application/url"
        assert told["sip.Content-Length"] == str(len(URL))
        assert told["sip.Event"].startswith("ua-profile;")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Max-Forwards: 70", b"Max-Forwards 70"),
        (b"Content-Length: ", b"Content-Length: x"),
        (b":5060;branch", b":506600;branch"),
    ],
)
def test_tshark_would_have_seen_a_fault(old: bytes, new: bytes, tmp_path: Path) -> None:
    tshark = require("tshark")
    source, to, notify = exchange("snom370-8.7.5.48")[2]
    assert old in notify
    file = tmp_path / "broken.pcap"
    file.write_bytes(pcap([(source, to, notify.replace(old, new))]))
    (packet,) = judged(tshark, file)
    assert {"_ws.malformed", "_ws.expert.message"} <= set(packet)
