"""Slow, obvious twins of bootwave.native.xml."""

from hashlib import blake2b

from bootwave.errors import SettingError

TEXT = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"}
ATTRIBUTE = TEXT | {'"': "&quot;", "\t": "&#9;", "\n": "&#10;"}


def is_xml_character(character: str) -> bool:
    """XML 1.0 section 2.2, production [2] Char."""
    number = ord(character)
    return (
        number in (0x9, 0xA, 0xD)
        or 0x20 <= number <= 0xD7FF
        or 0xE000 <= number <= 0xFFFD
        or 0x10000 <= number <= 0x10FFFF
    )


def escape(value: str, references: dict[str, str]) -> bytes:
    for character in value:
        if not is_xml_character(character):
            raise SettingError("not a character of XML")
    return "".join(references.get(c, c) for c in value).encode()


def escape_text(value: str) -> bytes:
    return escape(value, TEXT)


def escape_attribute(value: str) -> bytes:
    return escape(value, ATTRIBUTE)


def line_bytes(value: str) -> bytes:
    for character in value:
        if ord(character) < 0x20 and character != "\t":
            raise SettingError("not in one line")
        if "\ud800" <= character <= "\udfff":
            raise SettingError("not a character")
    return value.encode()


def markup(value: str) -> bytes:
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise SettingError("not a character")
    return value.encode()


WRITTEN = (escape_text, escape_attribute, line_bytes, markup)


def packed_size(size: int) -> bytes:
    groups = [size & 0x7F]
    while size := size >> 7:
        groups.append(size & 0x7F)
    return bytes([*(group | 0x80 for group in groups[:-1]), groups[-1]])


def pack(values: list[bytes]) -> bytes:
    return b"".join(packed_size(len(value)) + value for value in values)


def fill(values: list[str], holes: list[tuple[int, int]]) -> bytes:
    return pack([WRITTEN[mode](values[number]) for number, mode in holes])


def tag(pieces: list[bytes], packed: bytes) -> bytes:
    framed = b"".join(len(piece).to_bytes(8, "little") + piece for piece in pieces)
    plan = blake2b(framed, digest_size=32, person=b"bootwave plan").digest()
    digest = blake2b(packed or b"\0", key=plan, digest_size=32).hexdigest()
    return b'"%b"' % digest[:32].encode()


def unpack(packed: bytes, slots: int) -> list[bytes]:
    """Return the values of *slots* slots; ValueError if they are not just that."""
    values = []
    for _ in range(slots):
        size = 0
        for place in range(4):
            if place >= len(packed):
                raise ValueError("cut off")
            size |= (packed[place] & 0x7F) << 7 * place
            if packed[place] < 0x80:
                break
        else:
            raise ValueError("too long")
        if packed_size(size) != packed[: place + 1]:
            raise ValueError("not the shortest form")
        packed = packed[place + 1 :]
        if len(packed) < size:
            raise ValueError("cut off")
        values.append(packed[:size])
        packed = packed[size:]
    if packed:
        raise ValueError("trailing bytes")
    return values


def assemble(pieces: list[bytes], packed: bytes) -> bytes:
    document = pieces[0]
    values = unpack(packed, len(pieces) - 1)
    for value, piece in zip(values, pieces[1:], strict=True):
        document += value + piece
    return document
