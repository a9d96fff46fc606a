"""The MAC in a subject; the factory's certificates hold the tricks."""

import pytest

from bootwave.certificates.subject import mac_from_subject
from tests.certificates.encoding import CN, OU, Attribute, common_name, name, tlv
from tests.certificates.factory import MAC, TEXT


@pytest.mark.parametrize(
    "text", ["0004132E08B4", "0004132e08b4", "00:04:13:2E:08:B4", "00-04-13-2e-08-b4"]
)
def test_twelve_hex_digits_are_a_mac(text: str) -> None:
    assert mac_from_subject(common_name(text)) == MAC


@pytest.mark.parametrize(
    "subject",
    [
        name(),
        name(Attribute(OU, TEXT)),
        name(Attribute(CN, TEXT), Attribute(CN, TEXT)),
        name([Attribute(CN, TEXT), Attribute(OU, "x")]),
        common_name(TEXT + "\0"),
        common_name(f"{TEXT}\n"),
        common_name("000000000000"),
        common_name("FFFFFFFFFFFF"),
        common_name("-" * 64 + TEXT),
    ],
)
def test_anything_else_is_none(subject: bytes) -> None:
    assert mac_from_subject(subject) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        tlv(0x31),
        tlv(0x30, tlv(0x30)),
        tlv(0x30, tlv(0x31, tlv(0x30, tlv(6, b"\x55\x04\x03")))),
        tlv(0x30, tlv(0x31, tlv(0x30, tlv(5), tlv(12, b"x")))),
    ],
)
def test_what_is_no_name_is_refused(wrong: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        mac_from_subject(wrong)
