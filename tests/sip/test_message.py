from pathlib import Path

import pytest

from bootwave.native.sip import parse
from bootwave.sip.effects import Endpoint, Local
from bootwave.sip.message import checked_url, host_in_uri, notify, ok

SNOM370 = (Path(__file__).parents[1] / "captures/snom370-8.7.5.48.txt").read_bytes()
SOURCE, LOCAL = Endpoint("192.168.12.155", 1053), Local("192.168.12.1", 2)


def built_notify(data: bytes, url: str = "http://h/") -> bytes:
    return notify(
        parse(data),
        from_tag=b"ours",
        branch=b"z9hG4bKours",
        url=url,
        destination=SOURCE,
        local=LOCAL,
        port=5060,
    )


def request_uri(data: bytes) -> bytes:
    return data.split(b" ", 2)[1]


def test_a_200_keeps_every_via_in_its_order() -> None:
    data = SNOM370.replace(
        b";rport\r\n", b";rport, SIP/2.0/TCP b\r\nVia: SIP/2.0/UDP c\r\n"
    )
    lines = ok(parse(data), b"t", SOURCE, LOCAL, 5060).split(b"\r\n")
    assert lines[1:4] == [
        b"Via: SIP/2.0/UDP 192.168.12.155:1053;rport=1053;received=192.168.12.155",
        b"Via: SIP/2.0/TCP b",
        b"Via: SIP/2.0/UDP c",
    ]


def test_a_200_never_grants_more_time_than_was_asked() -> None:
    for asked in (b"0", b"3600", b"4294967295"):
        data = SNOM370.replace(b"Expires: 0", b"Expires: " + asked)
        answer = ok(parse(data), b"t", SOURCE, LOCAL, 5060)
        assert b"\r\nExpires: 0\r\n" in answer


def test_what_is_built_reads_back() -> None:
    request = parse(SNOM370)
    answer = parse(ok(request, b"t", SOURCE, LOCAL, 5060))
    assert (answer.status, answer.to_tag) == (200, b"t")
    assert answer.call_id == request.call_id
    told = parse(built_notify(SNOM370, "http://h/{mac}"))
    assert (told.method, told.from_tag) == (b"NOTIFY", b"ours")
    assert told.to_tag == request.from_tag
    assert told.body == b"http://h/{mac}"
    assert told.content_length == len(told.body)
    assert told.event == request.event


def test_folds_do_not_come_back() -> None:
    data = SNOM370.replace(b"To: <sip", b'To: "a\r\n b"\r\n\t<sip')
    assert b'To: "a b" <sip:MAC%3a0004132E08B4@lan>;tag=t\r\n' in ok(
        parse(data), b"t", SOURCE, LOCAL, 5060
    )


@pytest.mark.parametrize(
    "contact",
    [
        b"sip:192.168.12.155:1053",
        b"sip:512@10.0.0.90",
        b"SIP:MAC%3A0004132E08B4@192.168.12.155:1053;line=abc;transport=udp",
        b"sip:phone@[2001:db8::1]:5060",
    ],
)
def test_the_notify_is_addressed_to_a_sane_contact(contact: bytes) -> None:
    data = SNOM370.replace(b"<sip:192.168.12.155:1053>", b"<" + contact + b">")
    assert request_uri(built_notify(data)) == contact


@pytest.mark.parametrize(
    "contact",
    [
        b"*",
        b"<tel:123>",
        b"<sips:a@b>",
        b"<sip:user:secret@h>",
        b"<sip:a@h?Subject=x>",
        b"<sip:a@h/../x>",
        b"<sip:>",
        b"<sip:a@>",
        b"<sip:" + b"a" * 200 + b"@h>",
        b"<sip:h" + b";x=y" * 9 + b">",
        b"<sip:\xc3\xa4@h>",
        b"not an address",
        b"",
    ],
)
def test_without_a_sane_contact_the_notify_is_addressed_to_the_source(
    contact: bytes,
) -> None:
    data = SNOM370.replace(b"<sip:192.168.12.155:1053>", contact)
    assert request_uri(built_notify(data)) == b"sip:192.168.12.155:1053"
    data = SNOM370.replace(b"Contact: ", b"X-Contact: ")
    assert request_uri(built_notify(data)) == b"sip:192.168.12.155:1053"


@pytest.mark.parametrize(
    "url", ["", " ", "http://h/a b", "http://h/\n", "http://ü/", "http://h/<x>", 'h"']
)
def test_what_is_not_a_url_is_not_told(url: str) -> None:
    with pytest.raises(ValueError, match="not a URL"):
        checked_url(url)


@pytest.mark.parametrize(
    "url", ["http://h/{mac}.xml", "https://[::1]:8443/a?mac={mac}&b=%20", "tftp://h/x"]
)
def test_a_url_is_told_as_it_is(url: str) -> None:
    assert checked_url(url) == url.encode()


def test_an_ipv6_address_stands_in_brackets() -> None:
    assert host_in_uri("2001:db8::1") == "[2001:db8::1]"
    assert host_in_uri("192.0.2.1") == "192.0.2.1"
