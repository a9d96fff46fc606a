"""A phone book as vCard: 2.1 (versit), 3.0 (RFC 2426) and 4.0 (RFC 6350).

Of a card its name and its numbers are read, and nothing else: FN, or else N, or else
ORG, and each TEL that is no fax, pager or modem.  That is little enough to be read
here; libraries for vCard read calendars as well, and none that is kept reads 4.0.

| version | how a long line goes on     | how odd characters are written              |
| ------- | --------------------------- | ------------------------------------------- |
| 2.1     | a blank begins it; with     | QUOTED-PRINTABLE in the CHARSET it names,   |
|         | QUOTED-PRINTABLE, an = ends | which may be any; else as they are          |
|         | the one before              |                                             |
| 3.0     | a blank begins it           | a backslash before comma, semicolon and     |
|         |                             | backslash, and before n for a line end      |
| 4.0     | a blank begins it           | the same, and a number may be a tel: URI    |
"""

import quopri
import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from bootwave.directory.records import Contact
from bootwave.errors import SettingError

_LINE_END: Final = re.compile(r"\r\n|\n|\r")
_LINE: Final = re.compile(
    r"(?:[A-Za-z0-9-]+\.)?(?P<name>[A-Za-z0-9-]+)"
    r'(?P<parameters>(?:;(?:[^":;]|"[^"]*")*)*):(?P<value>.*)',
    re.DOTALL,
)
_PARAMETER: Final = re.compile(r';((?:[^";]|"[^"]*")*)')
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_SEMICOLON: Final = re.compile(r"(?<!\\);")

# RFC 6350 section 6.4.1, RFC 2426 section 3.3.1, vCard 2.1 section 2.3.1; the first
# that stands there counts.
_TYPES: Final = (
    ("cell", "mobile"),
    ("home", "home"),
    ("work", "business"),
    ("main", "business"),
)
_NO_VOICE: Final = frozenset({"fax", "pager", "modem", "bbs", "textphone"})
_TYPE_OF: Final = {
    "mobile": "cell",
    "home": "home",
    "business": "work",
    "fixed": "voice",
}


class _Property(NamedTuple):
    name: str
    types: frozenset[str]
    value: str


def rows_from_vcards(text: str) -> Iterator[dict[str, str]]:
    """Yield a row for each number on the cards of *text*, by ``table.COLUMNS``.

    A card without a name has its organisation's.  Raises SettingError for what is no
    vCard: a card that does not end, or a line that is no property of one.
    """
    card: list[_Property] | None = None
    number = 0
    for line in _lines(text.removeprefix("\ufeff")):
        stripped = line.strip()
        if not stripped:
            continue
        if stripped.upper() == "BEGIN:VCARD":
            if card is not None:
                raise SettingError(f"Card {number} has no END:VCARD.")
            card, number = [], number + 1
        elif card is None:
            raise SettingError("The file is no vCard: it begins with BEGIN:VCARD.")
        elif stripped.upper() == "END:VCARD":
            yield from _rows(card)
            card = None
        else:
            card.append(_property(line, number))
    if card is not None:
        raise SettingError(f"Card {number} has no END:VCARD.")
    if not number:
        raise SettingError("The file holds no card.")


def _lines(text: str) -> Iterator[str]:
    """Yield the lines of *text*, those joined that are one."""
    whole = ""
    broken = False  # by an = at its end
    for line in _LINE_END.split(text):
        if broken:
            whole = whole[:-1] + line
        elif line[:1] in (" ", "\t") and whole:
            whole += line[1:]
        else:
            yield whole
            whole = line
        head = whole.partition(":")[0].upper()
        broken = whole.endswith("=") and "QUOTED-PRINTABLE" in head
    yield whole


def _property(line: str, number: int) -> _Property:
    found = _LINE.fullmatch(line)
    if found is None:
        raise SettingError(f"Card {number} has a line that is no property of a vCard.")
    types: set[str] = set()
    encoding = charset = ""
    for parameter in _PARAMETER.findall(found["parameters"]):
        key, equals, value = parameter.partition("=")
        word = value.strip('"').lower()
        match key.strip().lower():
            case "type":
                types.update(word.split(","))
            case "encoding":
                encoding = word
            case "charset":
                charset = word
            case bare if not equals:  # vCard 2.1: TEL;WORK;VOICE:
                types.add(bare)
    value = found["value"]
    if encoding == "quoted-printable" or "quoted-printable" in types:
        value = _decoded(value, charset or "utf-8", number)
    return _Property(found["name"].upper(), frozenset(types), value)


def _decoded(value: str, charset: str, number: int) -> str:
    try:
        return quopri.decodestring(value.encode()).decode(charset)
    except (LookupError, UnicodeDecodeError):
        raise SettingError(
            f"Card {number} holds text that is not {charset!r}, as it says."
        ) from None


def _rows(card: list[_Property]) -> Iterator[dict[str, str]]:
    name = _name(card)
    for each in card:
        if each.name != "TEL" or each.types & _NO_VOICE or not each.value.strip():
            continue
        kind = next((ours for theirs, ours in _TYPES if theirs in each.types), "")
        number = _plain(each.value).strip()
        if number[:4].lower() in ("sip:", "sips"):
            kind = "sip"
        yield {"name": name, "number": number, "type": kind, "category": ""}


def _name(card: list[_Property]) -> str:
    said = {each.name: each.value for each in reversed(card)}
    full = _plain(said.get("FN", "")).strip()
    if full:
        return full
    family, given, *_others = [
        *map(_plain, _SEMICOLON.split(said.get("N", ""))),
        "",
        "",
    ]
    return " ".join(filter(None, (given.strip(), family.strip()))) or " ".join(
        filter(None, map(_plain, _SEMICOLON.split(said.get("ORG", ""))))
    )


def _plain(value: str) -> str:
    return _ESCAPED.sub(lambda found: "\n" if found[1] in "nN" else found[1], value)


def vcards_from_contacts(contacts: Iterable[Contact]) -> str:
    """Return *contacts* as vCards 3.0, one for each name; categories are not told.

    Lines are folded at 75 octets (RFC 2426 section 2.6).
    """
    cards: dict[str, list[Contact]] = {}
    for each in contacts:
        cards.setdefault(each.name, []).append(each)
    lines: list[str] = []
    for name, numbers in cards.items():
        escaped = re.sub(r"([\\,;])", r"\\\1", name)
        lines += ["BEGIN:VCARD", "VERSION:3.0", f"FN:{escaped}", f"N:{escaped};;;;"]
        for each in numbers:
            kind = _TYPE_OF.get(each.number_type, "")
            number = re.sub(r"([\\,;])", r"\\\1", each.number)
            lines.append(f"TEL;TYPE={kind}:{number}" if kind else f"TEL:{number}")
        lines.append("END:VCARD")
    return "".join(f"{_folded(line)}\r\n" for line in lines)


def _folded(line: str) -> str:
    parts, part, size = [], "", 0
    for character in line:
        width = len(character.encode())
        if size + width > 75:
            parts.append(part)
            part, size = "", 1  # the blank that begins the next
        part += character
        size += width
    return "\r\n ".join([*parts, part])
