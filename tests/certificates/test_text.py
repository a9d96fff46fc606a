"""Names as text: what everybody writes, and nothing that could be another name."""

import warnings

import pytest
from cryptography import x509

from bootwave.certificates.text import text_from_name
from tests.certificates.encoding import (
    BMP,
    CN,
    EMAIL,
    ORG,
    OU,
    Attribute,
    common_name,
    name,
    tlv,
)
from tests.certificates.factory import WORLD


def test_the_last_part_stands_first() -> None:
    assert text_from_name(WORLD.issuing.subject) == (
        "CN=Phone 1 SHA-256,O=factory of tests,C=DE"
    )
    both = name([Attribute(CN, "a"), Attribute(OU, "b")], Attribute(EMAIL, "c@d"))
    assert text_from_name(both) == "emailAddress=c@d,CN=a+OU=b"
    assert text_from_name(name()) == ""


@pytest.mark.parametrize(
    "value",
    ["a", "a,b", "a+b", 'a"b', "a\\b", "<a>;", " a ", "#a", " ", "\u00fc", "a=b", ""],
)
def test_the_text_is_the_one_of_the_library(value: str) -> None:
    der = name(Attribute(ORG, value), Attribute(CN, "x"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = x509.Name.from_bytes(der).rfc4514_string()
    assert text_from_name(der) == expected


def test_what_cannot_be_printed_is_spelled_out() -> None:
    assert text_from_name(common_name("a\0b\n\u202e")) == r"CN=a\00b\0A\E2\80\AE"
    assert text_from_name(common_name(b"\xff")) == "CN=\ufffd"
    wide = name(Attribute(CN, "ab".encode("utf-16-be"), BMP))
    assert text_from_name(wide) == "CN=ab"


def test_unknown_types_are_numbers() -> None:
    der = name(Attribute("1.3.6.1.4.1.7526.1", "x"), Attribute("2.999.3", "y"))
    assert text_from_name(der) == "2.999.3=y,1.3.6.1.4.1.7526.1=x"


@pytest.mark.parametrize(
    "wrong",
    [b"", b"x", tlv(0x30, tlv(0x31, tlv(0x30, tlv(6, b"U")))), tlv(0x30, b"\x31\x05")],
)
def test_what_is_no_name_is_no_text(wrong: bytes) -> None:
    assert text_from_name(wrong) == ""


def test_a_long_name_warns_nobody() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert text_from_name(common_name("a" * 300)) == "CN=" + "a" * 300
