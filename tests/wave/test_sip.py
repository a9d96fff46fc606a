import pytest

from bootwave.errors import ServerFault
from bootwave.wave import sip

OK = (
    b"SIP/2.0 200 OK\r\n"
    b"Via: SIP/2.0/UDP 192.168.12.155:1053;rport=1053;received=192.168.12.155\r\n"
    b"From: <sip:MAC%3a0004132E08B4@lan>;tag=668717252\r\n"
    b"To: <sip:MAC%3a0004132E08B4@lan>;tag=ours\r\n"
    b"Call-ID: 949137397@192.168.12.155\r\n"
    b"CSeq: 1 SUBSCRIBE\r\n"
    b"Content-Length: 0\r\n\r\n"
)


def test_a_response_has_a_status_and_its_fields_by_lower_case_name() -> None:
    message = sip.read(OK)
    assert (message.status, message.method) == (200, "")
    assert message.one("call-id") == "949137397@192.168.12.155"
    assert message.body == b""


def test_a_request_has_a_method_and_a_request_uri() -> None:
    message = sip.read(
        b"NOTIFY sip:1.2.3.4:5060 SIP/2.0\r\nContent-Length: 2\r\n\r\nab"
    )
    assert (message.status, message.method) == (0, "NOTIFY")
    assert message.request_uri == "sip:1.2.3.4:5060"
    assert message.body == b"ab"


def test_compact_names_are_their_long_forms() -> None:
    message = sip.read(b"SIP/2.0 200 OK\r\ni:abc\r\nv: one\r\nV: two\r\nl: 0\r\n\r\n")
    assert message.one("call-id") == "abc"
    assert message.all("via") == ["one", "two"]


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (OK[:-2], "empty line"),
        (OK.replace(b"\r\n", b"\n"), "empty line"),
        (OK.replace(b"OK\r\n", b"OK\n"), "CRLF"),
        (OK.replace(b"OK\r\n", b"OK\r"), "CRLF"),
        (OK.replace(b"tag=ours", b"tag=\x00urs"), "control character"),
        (OK.replace(b"tag=ours", b"tag=\xffurs"), "UTF-8"),
        (OK.replace(b"SIP/2.0 200 OK", b"SIP/2.0 200"), "status line"),
        (OK.replace(b"SIP/2.0 200 OK", b"SIP/3.0 200 OK"), "status line"),
        (OK.replace(b"SIP/2.0 200 OK", b"NOTIFY sip:a"), "request line"),
        (OK.replace(b"SIP/2.0 200 OK", b"NOTIFY  SIP/2.0"), "Request-URI"),
        (OK.replace(b"CSeq: ", b"CSeq "), "no header"),
        (OK.replace(b"CSeq: ", b"CSeq : "), "no header"),
        (OK.replace(b"CSeq: ", b" folded: "), "no header"),
        (OK.replace(b"Content-Length: 0\r\n", b""), "no Content-Length"),
        (OK.replace(b"Length: 0\r\n", b"Length: 0\r\nl: 0\r\n"), "2 Content-Length"),
        (OK.replace(b"Length: 0", b"Length: +0"), "not a number"),
        (OK.replace(b"Length: 0", b"Length: "), "is empty"),
        (OK.replace(b"Length: 0", b"Length: 1"), "body 0 bytes"),
        (OK + b"x", "body 1 bytes"),
    ],
)
def test_what_is_not_strict_sip_is_named(data: bytes, complaint: str) -> None:
    with pytest.raises(ServerFault, match=complaint):
        sip.read(data)


def test_the_call_id_is_found_in_datagrams_that_are_no_strict_sip() -> None:
    assert sip.call_id_of(OK) == b"949137397@192.168.12.155"
    assert sip.call_id_of(OK.replace(b"\r\n", b"\n").replace(b"Call-ID", b"i")) == (
        b"949137397@192.168.12.155"
    )
    assert sip.call_id_of(b"\x00" * 32) == b""


def test_an_address_is_a_uri_with_parameters() -> None:
    assert sip.address_of("<sip:a@b>;tag=1;x") == ("sip:a@b", {"tag": "1", "x": ""})
    assert sip.address_of('"A" <sip:a@b>') == ("sip:a@b", {})


@pytest.mark.parametrize(
    "value", ["sip:a@b", "<sip:a@b", "<>", "<sip:a>x;tag=1", "A<sip:a>"]
)
def test_an_address_without_its_brackets_is_refused(value: str) -> None:
    with pytest.raises(ServerFault):
        sip.address_of(value)


@pytest.mark.parametrize("tail", [";a=1;A=2", ";", ";=1", "x;a"])
def test_parameters_that_repeat_or_have_no_name_are_refused(tail: str) -> None:
    with pytest.raises(ServerFault):
        sip.parameters_of(tail)


def test_a_cseq_is_a_number_and_a_method() -> None:
    assert sip.cseq_of("20264 SUBSCRIBE") == (20264, "SUBSCRIBE")


@pytest.mark.parametrize("value", ["SUBSCRIBE", "1", "-1 NOTIFY", "2147483648 NOTIFY"])
def test_a_cseq_that_is_something_else_is_refused(value: str) -> None:
    with pytest.raises(ServerFault):
        sip.cseq_of(value)
