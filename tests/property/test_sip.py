"""The native SIP parser and its slow twin agree on every mutation of real messages."""

from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bootwave.errors import SipSyntaxError
from bootwave.native import sip
from tests.oracle import sip as oracle

TESTS = Path(__file__).parents[1]
SEEDS = [
    path.read_bytes()
    for folder in ("captures", "torture")
    for path in sorted((TESTS / folder).glob("*.txt"))
]
FRAGMENTS = [
    *(b"\r\n", b"\n", b"\r", b"\r\n ", b"\n\t", b" ", b"\t", b"\0", b"\x7f", b"\xff"),
    *(b"<", b">", b'"', b"\\", b",", b";", b":", b"@", b"=", b"/", b"[", b"]", b"%"),
    *(b"sip:", b"SIP/2.0", b"tag=", b";tag=x", b";rport", b";branch=z9hG4bK"),
    *(b";received=1.2.3.4", b";rport=9", b'a="b,c"', b"65536", b"4294967296"),
    *(b"Via: SIP/2.0/UDP h\r\n", b"To: <sip:a@b>\r\n", b"i: x\r\n", b"l: 0\r\n"),
    *(b"[::1]:5060", b"MAC", b"%3A", b"000413aabbcc@", b"Contact: *\r\n", b"v:"),
    *(b"Event: ua-profile ; model = x\r\n", b"Expires: 07\r\n", b";profile-type="),
]

edit = st.tuples(
    st.sampled_from(["insert", "replace", "delete", "repeat", "cut", "flip"]),
    st.floats(0, 1, exclude_max=True),
    st.integers(0, 40),
    st.one_of(st.sampled_from(FRAGMENTS), st.binary(max_size=4)),
)


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    data = draw(st.sampled_from(SEEDS))
    for kind, fraction, length, fragment in draw(st.lists(edit, max_size=5)):
        at = int(fraction * len(data))
        if kind == "insert":
            data = data[:at] + fragment + data[at:]
        elif kind == "replace":
            data = data[:at] + fragment + data[at + len(fragment) :]
        elif kind == "delete":
            data = data[:at] + data[at + length :]
        elif kind == "repeat":
            start = data.rfind(b"\n", 0, at) + 1
            end = data.find(b"\n", at) + 1 or len(data)
            data = data[:end] + data[start:end] + data[end:]
        elif kind == "cut":
            data = data[:at]
        elif data:
            data = data[:at] + bytes([data[at] ^ 0x20]) + data[at + 1 :]
    return data


def native(data: bytes) -> dict[str, Any] | None:
    """Every attribute of the message, or None when it is refused."""
    refusal = None
    try:
        message = sip.parse(data)
    except SipSyntaxError as error:
        refusal = error
    if refusal is not None:
        assert 0 <= refusal.offset <= len(data)
        return None
    fields = {
        name: getattr(message, name)
        for name in dir(message)
        if not name.startswith("_") and name != "answered_via"
    }
    fields["mac"] = sip.mac_from_pnp(message)
    return fields


def slow(data: bytes) -> dict[str, Any] | None:
    try:
        return oracle.parse(data)
    except oracle.NotSip:
        return None


@settings(max_examples=1500, deadline=None, derandomize=True)
@given(mutations())
def test_native_parser_and_oracle_agree_on_mutated_messages(data: bytes) -> None:
    assert native(data) == slow(data)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_refused_and_nothing_else_is_raised(data: bytes) -> None:
    assert native(data) == slow(data)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(mutations())
def test_the_answered_via_of_any_message_reads_back(data: bytes) -> None:
    try:
        message = sip.parse(data)
    except SipSyntaxError:
        return
    via = message.answered_via(b"192.0.2.99", 4711)
    again = sip.parse(
        b"SIP/2.0 200 OK\r\nVia: %s\r\nFrom: <sip:a@b>\r\nTo: <sip:a@b>\r\n"
        b"Call-ID: x\r\nCSeq: 1 SUBSCRIBE\r\n\r\n" % via
    )
    assert via.count(b"received=192.0.2.99") == 1
    assert (b"rport=4711" in via) == message.has_rport == again.has_rport
    for name in ("transport", "sent_by_host", "sent_by_port", "top_via_branch"):
        assert getattr(again, name) == getattr(message, name)
