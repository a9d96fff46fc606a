"""The native SIP parser: what it reads, what it refuses and where it points."""

import subprocess
import sys
from pathlib import Path

import pytest

from bootwave import limits
from bootwave.errors import SipSyntaxError
from bootwave.native import sip
from tests.oracle import sip as oracle

TESTS = Path(__file__).parents[1]
CAPTURES = sorted((TESTS / "captures").glob("*.txt"))
SNOM370 = (TESTS / "captures/snom370-8.7.5.48.txt").read_bytes()


def parsed(data: bytes, **changes: str) -> sip.Message:
    """Parse *data* after each header named (underscores for hyphens) was replaced."""
    for name, value in changes.items():
        header = name.replace("_", "-").encode() + b": "
        before, found, after = data.partition(b"\r\n" + header)
        assert found
        data = before + found + value.encode() + after[after.index(b"\r\n") :]
    return sip.parse(data)


def offset_of_refusal(data: bytes) -> int:
    with pytest.raises(SipSyntaxError) as caught:
        sip.parse(data)
    return caught.value.offset


def test_the_fields_of_a_snom370_subscribe() -> None:
    message = sip.parse(SNOM370)
    assert len(SNOM370) == 442
    assert message.is_request
    assert message.status == 0
    assert message.method == b"SUBSCRIBE"
    assert message.request_uri == b"sip:MAC%3a0004132E08B4@lan"
    assert message.vias == [b"SIP/2.0/UDP 192.168.12.155:1053;rport"]
    assert message.top_via_branch == b""
    assert (message.sent_by_host, message.sent_by_port) == (b"192.168.12.155", 1053)
    assert message.has_rport
    assert message.from_tag == b"668717252"
    assert message.to_tag == b""
    assert message.call_id == b"949137397@192.168.12.155"
    assert (message.cseq_number, message.cseq_method) == (1, b"SUBSCRIBE")
    assert message.event_package == b"ua-profile"
    assert message.profile_type == b"device"
    assert (message.vendor, message.model) == (b"snom", b"snom370")
    assert message.version == b"8.7.5.48"
    assert message.expires == 0
    assert message.contact_uri == b"sip:192.168.12.155:1053"
    assert message.user_agent == b"snom370/8.7.5.48"
    assert message.content_length == 0
    assert message.body == b""
    assert sip.mac_from_pnp(message) == 0x0004132E08B4


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_a_capture_reads_as_its_slow_twin_reads_it(path: Path) -> None:
    data = path.read_bytes()
    message, slow = sip.parse(data), oracle.parse(data)
    assert sip.mac_from_pnp(message) == slow.pop("mac")
    assert {name: getattr(message, name) for name in slow} == slow


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_a_datagram_cut_at_any_byte_is_refused(path: Path) -> None:
    data = path.read_bytes()
    for size in range(len(data)):
        assert 0 <= offset_of_refusal(data[:size]) <= size


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_bytes_behind_the_message_change_nothing(path: Path) -> None:
    data = path.read_bytes()
    message, longer = sip.parse(data), sip.parse(data + b"\0 trailing \xff")
    names = [name for name in dir(message) if name[0] != "_" and name != "answered_via"]
    for name in names:
        assert getattr(message, name) == getattr(longer, name)


GUARDED = """
import sys
from pathlib import Path
from bootwave.errors import SipSyntaxError
from bootwave.native import sip
from tests.guard import flush_right

for path in map(Path, sys.argv[1:]):
    data = path.read_bytes()
    for size in range(len(data) + 1):
        try:
            message = sip.parse(flush_right(data[:size]))
        except SipSyntaxError:
            continue
        sip.mac_from_pnp(message)
"""


def test_nothing_is_read_past_the_end_of_the_buffer() -> None:
    paths = [*CAPTURES, *sorted((TESTS / "torture").glob("*.txt"))]
    done = subprocess.run(
        [sys.executable, "-c", GUARDED, *map(str, paths)],
        cwd=TESTS.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_buffer_is_read_and_not_kept(kind: type) -> None:
    data = kind(SNOM370)
    message = sip.parse(data)
    if isinstance(data, bytearray):
        data[:] = bytes(4)  # the message must not see it, nor lock the size
    assert message.call_id == b"949137397@192.168.12.155"


def test_what_is_no_buffer_is_wrong_use() -> None:
    with pytest.raises(TypeError):
        sip.parse("SUBSCRIBE")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        sip.mac_from_pnp(SNOM370)  # type: ignore[arg-type]


def test_a_message_nobody_parsed_is_empty() -> None:
    message = sip.Message()
    assert message.call_id == b""
    assert message.vias == []
    assert message.expires is None
    assert sip.mac_from_pnp(message) == 0


def test_the_limits_are_those_of_the_engine() -> None:
    assert sip.MAX_DATAGRAM_BYTES == limits.MAX_SIP_DATAGRAM_BYTES
    assert sip.MAX_HEADERS == limits.MAX_SIP_HEADERS
    assert sip.MAX_VIAS == limits.MAX_SIP_VIAS


def test_the_largest_datagram_is_read_and_one_byte_more_is_not() -> None:
    size = limits.MAX_SIP_DATAGRAM_BYTES
    assert sip.parse(SNOM370.ljust(size, b"x")).call_id
    with pytest.raises(SipSyntaxError) as caught:
        sip.parse(SNOM370.ljust(size + 1, b"x"))
    assert caught.value.status == 513


def test_another_version_of_sip_is_refused_with_505() -> None:
    with pytest.raises(SipSyntaxError) as caught:
        sip.parse(SNOM370.replace(b"SIP/2.0", b"SIP/3.0", 1))
    assert caught.value.status == 505


@pytest.mark.parametrize(
    ("old", "new", "blamed"),
    [
        (b"SUBSCRIBE sip", b"SUBSCRIBE  sip", b" sip"),
        (b"Expires: 0", b"Expires  0", b"0\r\nAccept"),
        (b"CSeq: 1", b"CSeq: x", b"x SUBSCRIBE"),
        (b"Call-ID: 9", b"Call-ID: 9 ", b" 49137397"),
        (b"1053;rport", b"70000;rport", b"70000;rport"),
        (b";rport", b";rport;;", b";\r\n"),
        (b"SIP/2.0/UDP", b"SIP/2.1/UDP", b"2.1/UDP"),
        (b"tag=6687", b"tag=66\x0187", b"\x0187"),
        (b"To: <sip", b"To: <s p", b" p:MAC"),
        (b"Content-Length: 0", b"Content-Length: -1", b"-1\r\n"),
    ],
)
def test_a_refusal_points_at_the_first_wrong_byte(
    old: bytes, new: bytes, blamed: bytes
) -> None:
    data = SNOM370.replace(old, new, 1)
    assert data[offset_of_refusal(data) :].startswith(blamed)


@pytest.mark.parametrize(
    ("line", "template"),
    [
        ("start", b"S%cBSCRIBE sip:a@b SIP/2.0"),
        ("start", b"SUBSCRIBE sip:a%c@b SIP/2.0"),
        ("start", b"SUBSCRIBE s%cp:a@b SIP/2.0"),
        ("other", b"N%cme: value"),
        ("other", b"Other: va%clue"),
        ("to", b"To: <sip:a%c@b>"),
        ("to", b"To: sip:a%c@b"),
        ("to", b"To: a%cb <sip:a@b>"),
        ("to", b"To: <sip:a@b>%ctag=x"),
        ("to", b"To: <sip:a@b>;tag=x%cy"),
        ("to", b"To: <sip:a@b>;x=x%cy"),
        ("call-id", b"Call-ID: a%cb"),
        ("cseq", b"CSeq: 1%cSUBSCRIBE"),
        ("via", b"Via: SIP/2.0/UDP h%cost;branch=1"),
        ("via", b"Via: SIP/2.0/UDP [a%cb];branch=1"),
        ("via", b"Via: SIP/2.0/UDP host;branch=a%cb"),
        ("other", b"Event: ua-pro%cfile;model=a"),
    ],
)
def test_every_byte_is_classed_as_the_slow_twin_classes_it(
    line: str, template: bytes
) -> None:
    lines = {
        "start": b"SUBSCRIBE sip:a@b SIP/2.0",
        "via": b"Via: SIP/2.0/UDP host",
        "from": b"From: <sip:a@b>",
        "to": b"To: <sip:a@b>",
        "call-id": b"Call-ID: x",
        "cseq": b"CSeq: 1 SUBSCRIBE",
    }
    for byte in range(256):
        data = b"\r\n".join({**lines, line: template % byte}.values()) + b"\r\n\r\n"
        try:
            expected = oracle.parse(data)
        except oracle.NotSip:
            offset_of_refusal(data)
            continue
        message = sip.parse(data)
        assert sip.mac_from_pnp(message) == expected.pop("mac")
        assert {key: getattr(message, key) for key in expected} == expected


@pytest.mark.parametrize("separator", ["%3a", "%3A", ":", "=", ""])
@pytest.mark.parametrize("word", ["MAC", "mac", "Mac"])
@pytest.mark.parametrize("digits", ["0004132E08B4", "0004132e08b4"])
@pytest.mark.parametrize("scheme", ["sip", "SIPS"])
def test_the_mac_is_read_in_every_spelling(
    separator: str, word: str, digits: str, scheme: str
) -> None:
    uri = f"{scheme}:{word}{separator}{digits}@lan".encode()
    data = SNOM370.replace(b"sip:MAC%3a0004132E08B4@lan", uri, 1)
    data = data.replace(b"<sip:MAC%3a0004132E08B4@lan>", b"<sip:x@lan>")
    assert sip.mac_from_pnp(sip.parse(data)) == 0x0004132E08B4


@pytest.mark.parametrize(
    "user",
    [
        "MAC%3a0004132E08B",
        "MAC%3a0004132E08B44",
        "MAC%3a0004132E08BG",
        "MAC%3a0004132E08B4x",
        "MAC%3a0004132E08B4;a=b",
        "MAC%3a 004132E08B4",
        "MAC-0004132E08B4",
        "MAC%3d0004132E08B4",
        "MAC::0004132E08B4",
        "MA%3a0004132E08B4",
        "0004132E08B4",
        "MAC%3a000000000000",
    ],
)
def test_what_is_not_exactly_a_mac_is_none(user: str) -> None:
    data = SNOM370.replace(b"MAC%3a0004132E08B4", user.replace(" ", "%20").encode())
    assert sip.mac_from_pnp(sip.parse(data)) == 0


def test_the_mac_is_taken_from_the_request_uri_then_to_then_from() -> None:
    template = (
        b"SUBSCRIBE sip:%s@h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nFrom: <sip:%s@h>\r\n"
        b"To: <sip:%s@h>\r\nCall-ID: x\r\nCSeq: 1 SUBSCRIBE\r\n\r\n"
    )
    one, two, three = b"MAC000000000001", b"MAC=000000000002", b"MAC:000000000003"

    def mac(uri: bytes, from_: bytes, to: bytes) -> int:
        return sip.mac_from_pnp(sip.parse(template % (uri, from_, to)))

    assert mac(one, two, three) == 1
    assert mac(b"x", two, three) == 3
    assert mac(b"x", two, b"y") == 2
    assert mac(b"MAC%3a00000000000", two, b"y") == 2
    assert mac(b"x", b"z", b"y") == 0


def test_a_mac_without_a_host_is_none() -> None:
    data = SNOM370.replace(b"0004132E08B4@lan", b"0004132E08B4")
    assert sip.mac_from_pnp(sip.parse(data)) == 0


def test_compact_names_in_either_case_name_the_same_headers() -> None:
    plain = sip.parse(SNOM370)
    for names in ((b"v", b"f", b"t", b"i", b"m", b"o", b"l"), b"V F T I M O L".split()):
        data = SNOM370
        full = (b"Via", b"From", b"To", b"Call-ID", b"Contact", b"Event")
        for name, short in zip((*full, b"Content-Length"), names, strict=True):
            data = data.replace(b"\r\n" + name + b":", b"\r\n" + short + b":", 1)
        message = sip.parse(data)
        assert (message.call_id, message.event) == (plain.call_id, plain.event)
        assert (message.vias, message.contact) == (plain.vias, plain.contact)
        assert message.content_length == 0


@pytest.mark.parametrize("name", [b"Expire", b"Expiret", b"Evens", b"u", b"Call_ID"])
def test_a_name_that_only_resembles_a_header_is_not_it(name: bytes) -> None:
    data = SNOM370.replace(b"Accept:", name + b":")
    message = sip.parse(data)
    assert message.expires == 0
    assert message.event == sip.parse(SNOM370).event


def test_folds_become_one_blank() -> None:
    message = parsed(SNOM370, User_Agent="snom370\r\n \t /8.7.5.48 \r\n\tx")
    assert message.user_agent == b"snom370 /8.7.5.48 x"


def test_vias_are_split_where_commas_join_them() -> None:
    via = 'SIP/2.0/UDP a ;x="1,2;\\"",SIP/2.0/TCP b , SIP/2.0/TLS c'
    message = parsed(SNOM370, Via=via)
    assert message.vias == [
        b'SIP/2.0/UDP a ;x="1,2;\\""',
        b"SIP/2.0/TCP b",
        b"SIP/2.0/TLS c",
    ]
    assert message.sent_by_host == b"a"
    assert message.sent_by_port == 0


@pytest.mark.parametrize(
    ("via", "answered"),
    [
        ("SIP/2.0/UDP h", b"SIP/2.0/UDP h;received=R"),
        ("SIP/2.0/UDP h;rport", b"SIP/2.0/UDP h;rport=9;received=R"),
        (
            "SIP/2.0/UDP h;rport=77;branch=b",
            b"SIP/2.0/UDP h;rport=9;branch=b;received=R",
        ),
        (
            "SIP/2.0/UDP h;received=6.6.6.6;rport;x",
            b"SIP/2.0/UDP h;rport=9;x;received=R",
        ),
        (
            "SIP/2.0/UDP h ; rport ; received = 6.6.6.6",
            b"SIP/2.0/UDP h ;rport=9 ;received=R",
        ),
    ],
)
def test_received_and_rport_are_filled(via: str, answered: bytes) -> None:
    assert parsed(SNOM370, Via=via).answered_via(b"R", 9) == answered


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("3600", 3600),
        ("0", 0),
        ("99999999999999999999", 2**32 - 1),
        ("-1", None),
        ("soon", None),
        ("", None),
    ],
)
def test_expires_is_bounded_or_as_if_it_were_not_there(
    written: str, read: int | None
) -> None:
    assert parsed(SNOM370, Expires=written).expires == read


def test_a_response_has_a_status_and_no_method() -> None:
    data = SNOM370.replace(b"SUBSCRIBE sip:MAC%3a0004132E08B4@lan SIP/2.0", b"", 1)
    message = sip.parse(b"SIP/2.0 481 Subscription does not exist" + data)
    assert not message.is_request
    assert message.status == 481
    assert message.method == message.request_uri == b""
