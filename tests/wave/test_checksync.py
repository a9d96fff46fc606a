"""What a simulated phone takes for a check-sync, and what it finds wrong."""

import pytest

from bootwave.errors import ServerFault
from bootwave.wave import sip
from bootwave.wave.checksync import check_sync_from

LOCAL, SOURCE = ("127.16.0.1", 5060), ("127.0.0.1", 40_000)
NOTIFY = (
    "NOTIFY sip:401@127.16.0.1:5060 SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 127.0.0.1:40000;branch=z9hG4bKaa;rport\r\n"
    "Max-Forwards: 70\r\n"
    "From: <sip:bootwave@pbx.example.com>;tag=bb\r\n"
    "To: <sip:401@pbx.example.com>\r\n"
    "Call-ID: cc@bootwave\r\n"
    "CSeq: 1 NOTIFY\r\n"
    "Contact: <sip:bootwave@127.0.0.1:40000>\r\n"
    "Event: check-sync;reboot=false\r\n"
    "Subscription-State: terminated\r\n"
    "Content-Length: 0\r\n\r\n"
)


def test_a_check_sync_is_confirmed_in_its_transaction() -> None:
    asked = check_sync_from(NOTIFY.encode(), SOURCE, LOCAL)
    assert (asked.reboot, asked.call_id) == (False, "cc@bootwave")
    answer = sip.read(asked.answer)
    assert answer.status == 200
    assert answer.one("via") == (
        "SIP/2.0/UDP 127.0.0.1:40000;branch=z9hG4bKaa;rport=40000;received=127.0.0.1"
    )
    assert answer.one("cseq") == "1 NOTIFY"
    assert "tag=phone" in answer.one("to")


def test_it_says_whether_to_reboot() -> None:
    data = NOTIFY.replace("reboot=false", "reboot=true").encode()
    assert check_sync_from(data, SOURCE, LOCAL).reboot


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("NOTIFY sip", "OPTIONS sip", "not a NOTIFY"),
        ("401@127.16.0.1", "401@127.16.0.2", "not the phone's address"),
        ("UDP 127.0.0.1", "UDP 127.0.0.2", "but it came from"),
        ("SIP/2.0/UDP", "SIP/2.0/TCP", "but it came from"),
        ("z9hG4bKaa", "aa", "branch"),
        ("Max-Forwards: 70", "Max-Forwards: 0", "Max-Forwards"),
        (";tag=bb", "", "no tag"),
        ("<sip:401@pbx.example.com>", "<sip:401@pbx.example.com>;tag=x", "no dialog"),
        ("1 NOTIFY", "1 INVITE", "CSeq"),
        ("terminated", "active", "not terminated"),
        ("Content-Length: 0\r\n\r\n", "Content-Length: 1\r\n\r\nx", "body"),
        ("check-sync;", "check-sink;", "Event"),
        (";reboot=false", "", "Event"),
        (";reboot=false", ";reboot=maybe", "Event"),
    ],
)
def test_what_is_wrong_is_told(old: str, new: str, fault: str) -> None:
    data = NOTIFY.replace(old, new, 1)
    assert data != NOTIFY
    with pytest.raises(ServerFault, match=fault):
        check_sync_from(data.encode(), SOURCE, LOCAL)
