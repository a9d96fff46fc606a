"""The parts of DER that are read: strictly, and never past the end."""

import pytest

from bootwave.certificates.der import SEQUENCE, element_at, elements, names_in, whole
from tests.certificates.cases import CASES
from tests.certificates.encoding import integer, sequence, tlv
from tests.certificates.factory import WORLD


def test_an_element_ends_where_its_length_says() -> None:
    data = b"\xff" + tlv(4, b"abc") + b"more"
    found = element_at(data, 1, len(data))
    assert (found.tag, data[found.start : found.end]) == (4, b"abc")
    long = tlv(4, bytes(300))
    assert element_at(long, 0, len(long)).end == len(long) == 304


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x04",
        b"\x04\x01",
        b"\x04\x05abcd",
        b"\x1f\x81\x00\x00",  # a tag of two octets
        b"\x04\x80\x00\x00",  # indefinite
        b"\x04\x81\x03abc",  # three could have been said in one octet
        b"\x04\x82\x00\x80" + bytes(128),
        b"\x04\x85\x00\x00\x00\x00\x01a",
        b"\x04\x84\xff\xff\xff\xff",
        b"\x04\x84\xff",
    ],
)
def test_a_length_that_is_not_der_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        element_at(data, 0, len(data))


def test_what_is_inside_must_fit_exactly() -> None:
    data = sequence(integer(1), integer(2))
    assert len(elements(data, whole(data, SEQUENCE))) == 2
    cut = b"\x30\x04" + integer(1) + b"\x02"
    with pytest.raises(ValueError, match="cut short"):
        elements(cut, whole(cut, SEQUENCE))
    with pytest.raises(ValueError, match="another element"):
        whole(data + b"\0", SEQUENCE)


def test_names_and_key_are_the_slices_that_were_signed() -> None:
    for der in (WORLD.issuing.der, CASES[0].chain[0]):
        names = names_in(der)
        assert (
            names.issuer
            == (WORLD.root if der == WORLD.issuing.der else WORLD.issuing).subject
        )
        assert names.signed == names.claimed
        assert names.key in der
    old = next(case for case in CASES if case.name == "version 1").chain[0]
    assert names_in(old).issuer == WORLD.issuing.subject


def test_what_is_no_certificate_is_refused_without_reading_past_its_end() -> None:
    der = WORLD.issuing.der
    for end in range(0, len(der), 7):
        with pytest.raises(ValueError, match=r"."):
            names_in(der[:end])
    with pytest.raises(ValueError, match="whole octets"):
        names_in(sequence(sequence(), sequence(), tlv(3)))
    for wrong in (sequence(), sequence(sequence(), sequence(), tlv(3, b"\0"))):
        with pytest.raises(ValueError, match="fields"):
            names_in(wrong)
