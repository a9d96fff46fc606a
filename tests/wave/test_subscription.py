import re

import pytest

from bootwave.errors import ServerFault
from bootwave.wave import sip
from bootwave.wave.identity import Identity, Shape
from bootwave.wave.subscription import Subscription

LOCAL = ("192.168.12.155", 1053)
SERVER = ("192.168.12.1", 5060)
PHONE = Identity(0x0004132E08B4, "snom370", "8.7.5.48")

# The capture of a snom370 with firmware 8.7.5.48 (442 bytes), except that From tag and
# Call-ID carry one number here.
CAPTURE = (
    b"SUBSCRIBE sip:MAC%3a0004132E08B4@lan SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.168.12.155:1053;rport\r\n"
    b"From: <sip:MAC%3a0004132E08B4@lan>;tag=949137397\r\n"
    b"To: <sip:MAC%3a0004132E08B4@lan>\r\n"
    b"Call-ID: 949137397@192.168.12.155\r\n"
    b"CSeq: 1 SUBSCRIBE\r\n"
    b'Event: ua-profile;profile-type="device";vendor="snom";model="snom370"'
    b';version="8.7.5.48"\r\n'
    b"Expires: 0\r\n"
    b"Accept: application/url\r\n"
    b"Contact: <sip:192.168.12.155:1053>\r\n"
    b"User-Agent: snom370/8.7.5.48\r\n"
    b"Content-Length: 0\r\n\r\n"
)
OK = (
    b"SIP/2.0 200 OK\r\n"
    b"Via: SIP/2.0/UDP 192.168.12.155:1053;rport=1053;received=192.168.12.155\r\n"
    b"From: <sip:MAC%3a0004132E08B4@lan>;tag=949137397\r\n"
    b"To: <sip:MAC%3a0004132E08B4@lan>;tag=ours\r\n"
    b"Call-ID: 949137397@192.168.12.155\r\n"
    b"CSeq: 1 SUBSCRIBE\r\n"
    b"Contact: <sip:192.168.12.1:5060>\r\n"
    b"Expires: 0\r\n"
    b"Content-Length: 0\r\n\r\n"
)
NOTIFY = (
    b"NOTIFY sip:192.168.12.155:1053 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.168.12.1:5060;branch=z9hG4bKabc;rport\r\n"
    b"Max-Forwards: 70\r\n"
    b"From: <sip:MAC%3a0004132E08B4@lan>;tag=ours\r\n"
    b"To: <sip:MAC%3a0004132E08B4@lan>;tag=949137397\r\n"
    b"Call-ID: 949137397@192.168.12.155\r\n"
    b"CSeq: 1 NOTIFY\r\n"
    b"Contact: <sip:192.168.12.1:5060>\r\n"
    b'Event: ua-profile;profile-type="device";vendor="snom"\r\n'
    b"Subscription-State: terminated;reason=timeout\r\n"
    b"Content-Type: application/url\r\n"
    b"Content-Length: 29\r\n\r\n"
    b"http://192.168.12.1/{mac}.xml"
)


def subscription(
    shape: Shape = Shape.CLASSIC, identity: Identity = PHONE
) -> Subscription:
    return Subscription(identity, shape, LOCAL, number=949137397)


def changed(data: bytes, old: bytes, new: bytes) -> bytes:
    assert data.count(old) >= 1, old
    return data.replace(old, new)


def without(data: bytes, name: bytes) -> bytes:
    less = re.sub(rb"\r\n" + name + rb":[^\r\n]*", b"", data)
    assert less != data
    return less


def test_a_classic_phone_asks_as_captured() -> None:
    assert subscription().data == CAPTURE
    assert len(CAPTURE) == 442


def test_firmware_7_1_sends_no_user_agent() -> None:
    old = subscription(identity=Identity(0x0004132E08B4, "snom370", "7.1.19")).data
    assert b"User-Agent" not in old
    assert b'version="7.1.19"' in old


def test_a_dect_base_asks_with_a_branch_and_an_extension() -> None:
    base = Identity(0x000413611234, "snomM700", "03.23.0005")
    data = subscription(Shape.M700, base).data
    lines = data.decode().split("\r\n")
    assert lines[0] == "SUBSCRIBE sip:MAC%3a000413611234@224.0.1.75 SIP/2.0"
    assert re.fullmatch(
        r"Via: SIP/2.0/UDP 192.168.12.155:1053;branch=z9hG4bK\w+", lines[1]
    )
    assert lines[2] == "Max-Forwards: 70"
    assert lines[3].startswith("From: <sip:512@192.168.12.155>;tag=dmrud.")
    assert lines[4] == "To: <sip:MAC%3a000413611234@224.0.1.75>"
    assert "CSeq: 20264 SUBSCRIBE" in lines
    assert "Contact: <sip:512@192.168.12.155>" in lines
    assert (
        "User-Agent: snomM700/03.23.0005 (MAC=000413611234; SER= 00000; HW=255)"
        in lines
    )
    assert b"rport" not in data


def test_a_phone_may_name_its_mac_only_in_from() -> None:
    data = subscription(Shape.FROM_MAC).data
    assert data.count(b"0004132E08B4") == 1
    assert b"From: <sip:MAC=0004132E08B4@224.0.1.75>;tag=" in data
    assert b"\r\nEvent:ua-profile;" in data


@pytest.mark.parametrize("shape", list(Shape))
def test_every_shape_is_strict_sip_and_no_other_number_repeats_it(shape: Shape) -> None:
    first = Subscription(PHONE, shape, LOCAL, number=1)
    second = Subscription(PHONE, shape, LOCAL, number=2)
    assert sip.read(first.data).one("call-id") == first.call_id
    assert first.call_id != second.call_id


def test_a_proper_200_gives_its_tag() -> None:
    assert subscription().check_ok(sip.read(OK)) == "ours"
    swapped = changed(
        OK, b"rport=1053;received=192.168.12.155", b"received=192.168.12.155;rport=1053"
    )
    assert subscription().check_ok(sip.read(swapped)) == "ours"


def test_a_via_without_rport_needs_no_received() -> None:
    asked = subscription(Shape.M700)
    sent = sip.read(asked.data)
    answer = (
        "SIP/2.0 200 OK\r\n"
        f"Via: {sent.one('via')}\r\nFrom: {sent.one('from')}\r\n"
        f"To: {sent.one('to')};tag=x\r\nCall-ID: {asked.call_id}\r\n"
        "CSeq: 20264 SUBSCRIBE\r\nContact: <sip:192.168.12.1:5060>\r\n"
        "Expires: 0\r\nContent-Length: 0\r\n\r\n"
    ).encode()
    assert asked.check_ok(sip.read(answer)) == "x"
    with pytest.raises(ServerFault, match="Via"):
        asked.check_ok(sip.read(changed(answer, b";branch", b";rport=1053;branch")))


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (b"Via: SIP/2.0/UDP 192", b"Via: SIP/2.0/TCP 192", "its Via"),
        (b"Via: SIP/2.0/UDP 192.168.12.155:1053", b"Via: SIP/2.0/UDP 192.168.12.155",
         "its Via"),
        (b";rport=1053", b"", "rport ''"),
        (b";rport=1053", b";rport", "rport ''"),
        (b";rport=1053", b";rport=1054", "rport '1054'"),
        (b";received=192.168.12.155", b"", "lacks received"),
        (b";received=192.168.12.155", b";received=192.168.12.1", "received '192"),
        (b";rport=1053", b";rport=1053;branch=z9hG4bKx", "its Via"),
        (b"Via:", b"Via: SIP/2.0/UDP 1.2.3.4\r\nVia:", "2 Via headers"),
        (b"lan>;tag=949137397", b"lan>;tag=949137398", "its From"),
        (b"From: <sip:MAC%3a", b"From: <sip:MAC%3A", "its From"),
        (b"lan>;tag=ours", b"lan>", "To has no tag"),
        (b"lan>;tag=ours", b"lan>;tag=", "To has no tag"),
        (b"lan>;tag=ours", b"lan>;tag=ours;tag=ours", "twice"),
        (b"lan>;tag=ours", b"lan>;tag=o@rs", "unreadable tag"),
        (b"To: <sip:MAC%3a0004132E08B4", b"To: <sip:MAC%3a0004132E08B5", "its To"),
        (b"To: <sip:MAC%3a0004132E08B4@lan>", b"To: sip:MAC%3a0004132E08B4@lan",
         "brackets"),
        (b"Call-ID: 949137397@", b"Call-ID: 949137398@", "Call-ID"),
        (b"CSeq: 1 SUB", b"CSeq: 2 SUB", "CSeq"),
        (b"CSeq: 1 SUBSCRIBE", b"CSeq: 1 NOTIFY", "CSeq"),
        (b"Expires: 0", b"Expires: 1", "Expires is 1"),
        (b"Expires: 0", b"Expires: soon", "Expires is 'soon'"),
        (b"<sip:192.168.12.1:5060>", b"192.168.12.1", "brackets"),
        (b"Content-Length: 0\r\n\r\n", b"Content-Length: 1\r\n\r\nx", "has a body"),
    ],
)  # fmt: skip
def test_each_change_of_a_proper_200_is_caught(
    old: bytes, new: bytes, complaint: str
) -> None:
    with pytest.raises(ServerFault, match=complaint):
        subscription().check_ok(sip.read(changed(OK, old, new)))


@pytest.mark.parametrize(
    "name", [b"Via", b"From", b"To", b"Call-ID", b"CSeq", b"Contact", b"Expires"]
)
def test_each_header_that_a_200_lacks_or_repeats_is_caught(name: bytes) -> None:
    with pytest.raises(ServerFault):
        subscription().check_ok(sip.read(without(OK, name)))
    line = re.search(rb"\r\n" + name + rb":[^\r\n]*", OK)
    assert line
    with pytest.raises(ServerFault):
        subscription().check_ok(sip.read(changed(OK, line[0], line[0] * 2)))


def test_a_proper_notify_gives_tag_transaction_and_url() -> None:
    assert subscription().check_notify(sip.read(NOTIFY), SERVER) == (
        "ours",
        (1, "z9hG4bKabc"),
        "http://192.168.12.1/{mac}.xml",
    )


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (b"NOTIFY sip:", b"OPTIONS sip:", "not a NOTIFY"),
        (b"NOTIFY sip:192.168.12.155:1053", b"NOTIFY sip:192.168.12.155",
         "Request-URI"),
        (b"NOTIFY sip:192.168.12.155:1053", b"NOTIFY sip:MAC%3a0004132E08B4@lan",
         "Request-URI"),
        (b"SIP/2.0/UDP 192.168.12.1:5060", b"SIP/2.0/UDP 192.168.12.155:1053",
         "its Via"),
        (b"SIP/2.0/UDP 192.168.12.1:5060", b"SIP/2.0/UDP 0.0.0.0:5060", "its Via"),
        (b"SIP/2.0/UDP", b"SIP/2.0/TCP", "SIP/2.0/UDP"),
        (b"branch=z9hG4bKabc;", b"", "branch ''"),
        (b"branch=z9hG4bKabc", b"branch=z9hG4bK", "branch"),
        (b"branch=z9hG4bKabc", b"branch=abc", "branch"),
        (b"branch=z9hG4bKabc", b"branch=z9hG4bKa@c", "branch"),
        (b"Max-Forwards: 70", b"Max-Forwards: 0", "Max-Forwards"),
        (b"Max-Forwards: 70", b"Max-Forwards: x", "Max-Forwards"),
        (b"tag=ours", b"tag=", "From has no tag"),
        (b"From: <sip:MAC%3a0004132E08B4", b"From: <sip:MAC%3a0004132E08B5",
         "its From"),
        (b"To: <sip:MAC%3a0004132E08B4@lan>;tag=949137397",
         b"To: <sip:MAC%3a0004132E08B4@lan>", "its To"),
        (b";tag=949137397", b";tag=949137398", "its To"),
        (b"Call-ID: 949137397@", b"Call-ID: 949137398@", "Call-ID"),
        (b"CSeq: 1 NOTIFY", b"CSeq: 1 SUBSCRIBE", "CSeq is for SUBSCRIBE"),
        (b"CSeq: 1 NOTIFY", b"CSeq: x NOTIFY", "CSeq"),
        (b"Event: ua-profile", b"Event: presence", "Event is 'presence'"),
        (b"terminated;reason=timeout", b"active;expires=60", "Subscription-State"),
        (b"Content-Type: application/url", b"Content-Type: text/plain",
         "Content-Type"),
        (b"http://192.168.12.1/{mac}.xml", b"http://192.168.12.1/{ma}.xml\n",
         "bare URL"),
        (b"http://192.168.12.1/{mac}.xml", b"http://192.168.12.1/ mac}.xml",
         "bare URL"),
        (b"29\r\n\r\nhttp://192.168.12.1/{mac}.xml", b"0\r\n\r\n", "no body"),
    ],
)  # fmt: skip
def test_each_change_of_a_proper_notify_is_caught(
    old: bytes, new: bytes, complaint: str
) -> None:
    with pytest.raises(ServerFault, match=complaint):
        subscription().check_notify(sip.read(changed(NOTIFY, old, new)), SERVER)


@pytest.mark.parametrize(
    "name",
    [
        b"Via",
        b"Max-Forwards",
        b"From",
        b"To",
        b"Call-ID",
        b"CSeq",
        b"Contact",
        b"Event",
        b"Subscription-State",
        b"Content-Type",
        b"Content-Length",
    ],
)
def test_each_header_that_a_notify_lacks_is_caught(name: bytes) -> None:
    with pytest.raises(ServerFault):
        subscription().check_notify(sip.read(without(NOTIFY, name)), SERVER)


def test_the_notify_is_confirmed_with_its_own_via_tags_and_cseq() -> None:
    answer = sip.read(subscription().answer_to(sip.read(NOTIFY), "snom370/8.7.5.48"))
    assert answer.status == 200
    assert answer.all("via") == [
        "SIP/2.0/UDP 192.168.12.1:5060;branch=z9hG4bKabc;rport"
    ]
    assert answer.one("cseq") == "1 NOTIFY"
    assert answer.one("from").endswith(";tag=ours")
    assert answer.one("to").endswith(";tag=949137397")
    assert answer.one("call-id") == "949137397@192.168.12.155"
