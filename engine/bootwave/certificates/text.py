"""Names in certificates as text for people: RFC 4514, whatever the octets are.

The cryptography library would do this, too, but warns on standard error about each name
that is longer than it should be, and strangers choose the names.
"""

from bootwave.certificates.der import (
    OBJECT_IDENTIFIER,
    SEQUENCE,
    Element,
    elements,
    whole,
)

_BMP_STRING = 0x1E
_UNIVERSAL_STRING = 0x1C
_ENCODINGS = {_BMP_STRING: "utf-16-be", _UNIVERSAL_STRING: "utf-32-be"}
# RFC 4514 section 3, and what is usual beside it.
_SHORT_NAMES = {
    bytes.fromhex("550403"): "CN",
    bytes.fromhex("550405"): "serialNumber",
    bytes.fromhex("550406"): "C",
    bytes.fromhex("550407"): "L",
    bytes.fromhex("550408"): "ST",
    bytes.fromhex("55040a"): "O",
    bytes.fromhex("55040b"): "OU",
    bytes.fromhex("2a864886f70d010901"): "emailAddress",
    bytes.fromhex("0992268993f22c640119"): "DC",
}
_SPECIAL = frozenset(',+"\\<>;')


def text_from_name(name: bytes) -> str:
    """Return the DER of a Name as text, the last part first; "" for what is none.

    What could be taken for a separator, or is not printable, is escaped.
    """
    try:
        parts = [
            "+".join(_attribute(name, *elements(name, pair)) for pair in pairs)
            for relative in elements(name, whole(name, SEQUENCE))
            if (pairs := elements(name, relative))
        ]
    except (ValueError, TypeError):  # TypeError: more or fewer than type and value
        return ""
    return ",".join(reversed(parts))


def _attribute(name: bytes, kind: Element, value: Element) -> str:
    if kind.tag != OBJECT_IDENTIFIER:
        raise ValueError("an attribute has no type")
    octets = name[value.start : value.end]
    text = octets.decode(_ENCODINGS.get(value.tag, "utf-8"), "replace")
    identifier = name[kind.start : kind.end]
    return f"{_SHORT_NAMES.get(identifier) or _dotted(identifier)}={_escaped(text)}"


def _escaped(text: str) -> str:
    escaped = "".join(
        f"\\{character}"
        if character in _SPECIAL
        else character
        if character.isprintable()
        else "".join(f"\\{octet:02X}" for octet in character.encode())
        for character in text
    )
    if escaped[:1] in ("#", " "):
        escaped = "\\" + escaped
    if len(text) > 1 and text.endswith(" "):
        escaped = escaped[:-1] + "\\ "
    return escaped


def _dotted(identifier: bytes) -> str:
    """Return an object identifier as its numbers (X.690 section 8.19)."""
    numbers: list[int] = []
    number = 0
    for octet in identifier:
        number = number << 7 | octet & 0x7F
        if not octet & 0x80:
            numbers.append(number)
            number = 0
    if not numbers:
        return "?"
    first = min(numbers[0] // 40, 2)
    return ".".join(map(str, [first, numbers[0] - 40 * first, *numbers[1:]]))
