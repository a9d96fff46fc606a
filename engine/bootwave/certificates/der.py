"""Where names and key lie in a certificate: the few parts of DER that are needed.

The cryptography library parses and checks; here only slices of what it accepted are
found, because names must be compared and keys hashed as the bytes that were signed.
"""

from typing import NamedTuple

SEQUENCE = 0x30
SET = 0x31
BIT_STRING = 0x03
OBJECT_IDENTIFIER = 0x06
UTF8_STRING = 0x0C
PRINTABLE_STRING = 0x13
TELETEX_STRING = 0x14  # T61String
IA5_STRING = 0x16
_VERSION = 0xA0


class Element(NamedTuple):
    """One element: its tag, where it begins, where its content begins and ends."""

    tag: int
    at: int
    start: int
    end: int


class Names(NamedTuple):
    """Slices of a certificate (RFC 5280 section 4.1), each a whole element.

    ``signed`` is the signature algorithm within what is signed, ``claimed`` the one
    that stands beside the signature.
    """

    signed: bytes
    issuer: bytes
    subject: bytes
    key: bytes
    claimed: bytes


def element_at(data: bytes, at: int, end: int) -> Element:
    """Return the element that begins at *at* and ends by *end*.

    Tags of one octet and minimal definite lengths only (X.690 section 10.1).  Raises
    ValueError.
    """
    if at + 2 > end:
        raise ValueError("an element is cut short")
    tag, length, start = data[at], data[at + 1], at + 2
    if tag & 0x1F == 0x1F:
        raise ValueError("a tag has more than one octet")
    if length >= 0x80:
        octets = length & 0x7F
        if not 1 <= octets <= 4 or start + octets > end:
            raise ValueError("a length is indefinite or too long")
        length = int.from_bytes(data[start : start + octets], "big")
        start += octets
        if length < 0x80 or length >> 8 * (octets - 1) == 0:
            raise ValueError("a length is not minimal")
    if start + length > end:
        raise ValueError("an element is longer than what holds it")
    return Element(tag, at, start, start + length)


def elements(data: bytes, outer: Element) -> list[Element]:
    """Return the elements within *outer*; raises ValueError."""
    found = []
    at = outer.start
    while at < outer.end:
        inner = element_at(data, at, outer.end)
        found.append(inner)
        at = inner.end
    return found


def whole(data: bytes, tag: int) -> Element:
    """Return the one element that *data* is; raises ValueError when it is another."""
    outer = element_at(data, 0, len(data))
    if outer.tag != tag or outer.end != len(data):
        raise ValueError("another element was expected")
    return outer


def names_in(certificate: bytes) -> Names:
    """Return slices of the DER of a certificate; raises ValueError."""
    outer = elements(certificate, whole(certificate, SEQUENCE))
    if len(outer) != 3 or outer[0].tag != SEQUENCE:
        raise ValueError("a certificate has other fields")
    signature = outer[2]
    # Libraries do not look at the number of unused bits, and verify it with any.
    unused = certificate[signature.start : signature.end][:1]
    if signature.tag != BIT_STRING or unused != b"\0":
        raise ValueError("a signature is no whole octets")
    parts = elements(certificate, outer[0])
    if parts and parts[0].tag == _VERSION:
        del parts[0]
    if len(parts) < 6:
        raise ValueError("a certificate lacks fields")
    # serialNumber, signature, issuer, validity, subject, subjectPublicKeyInfo
    _, signed, issuer, _, subject, key = parts[:6]
    return Names(
        *(
            certificate[part.at : part.end]
            for part in (signed, issuer, subject, key, outer[1])
        )
    )
