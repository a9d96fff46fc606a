"""The MAC that the subject of a certificate names."""

import re

from bootwave.certificates.der import (
    IA5_STRING,
    OBJECT_IDENTIFIER,
    PRINTABLE_STRING,
    SEQUENCE,
    SET,
    TELETEX_STRING,
    UTF8_STRING,
    elements,
    whole,
)
from bootwave.phone.mac import is_unicast

_COMMON_NAME = bytes.fromhex("550403")  # id-at-commonName, 2.5.4.3
# Each of these spells ASCII in the bytes of ASCII; BMPString and UniversalString do
# not, and no factory uses them.
_STRINGS = {UTF8_STRING, PRINTABLE_STRING, TELETEX_STRING, IA5_STRING}
_MAC = re.compile(rb"[0-9A-Fa-f]{12}")
_SEPARATORS = b":-"
_MAX_BYTES = 64  # ub-common-name of RFC 5280 appendix A.1


def mac_from_subject(subject: bytes) -> int:
    """Return the MAC that is the only common name of *subject*, or 0.

    *subject* is the DER of a Name.  Exactly one common name may stand in all of it, and
    alone in its relative distinguished name: twelve hex digits, among which ``:`` and
    ``-`` are ignored, and nothing else.  What stands in other attributes, such as
    ``/CN=...`` in an organization, is never looked at.  The MAC must be one that a
    phone can have.  Raises ValueError when *subject* is no Name.
    """
    found: list[bytes | None] = []
    for relative in elements(subject, whole(subject, SEQUENCE)):
        if relative.tag != SET:
            raise ValueError("a relative distinguished name is no SET")
        attributes = elements(subject, relative)
        for attribute in attributes:
            pair = elements(subject, attribute)
            if len(pair) != 2 or pair[0].tag != OBJECT_IDENTIFIER:
                raise ValueError("an attribute is no pair of type and value")
            kind, value = pair
            if subject[kind.start : kind.end] == _COMMON_NAME:
                alone = len(attributes) == 1 and value.tag in _STRINGS
                found.append(subject[value.start : value.end] if alone else None)
    if len(found) != 1 or found[0] is None or len(found[0]) > _MAX_BYTES:
        return 0
    digits = found[0].translate(None, _SEPARATORS)
    if not _MAC.fullmatch(digits):
        return 0
    mac = int(digits, 16)
    return mac if is_unicast(mac) else 0
