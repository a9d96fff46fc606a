"""A phone's document, read back: what it says, and where.

XML and the text format of old firmware become the same list of *statements*.  Nothing
is judged here but whether the document can be read at all; ``lint`` does the rest.
Phones are lenient where an XML parser is not: what is refused here may still work on
some.
"""

import re
from dataclasses import dataclass
from typing import Final, NamedTuple
from xml.parsers import expat

from bootwave.settings.catalogue import meanings
from bootwave.xml.legal import MAX_TEXT_CHARACTERS

# The phones' own full export has 115 KB (domain.md 3.3); D8xx have more keys.
MAX_DOCUMENT_BYTES: Final = 4 * 1024 * 1024
MAX_STATEMENTS: Final = 100_000

# Containers by the names that either spelling of the vendor's gives them.
CONTAINERS: Final = {
    "phone-settings": "phone-settings",
    "functionKeys": "functionKeys",
    "function-keys": "functionKeys",
    "tbook": "tbook",
    "phone-book": "tbook",
    "dialplan": "dialplan",
    "dial-plan": "dialplan",
    "gui-languages": "gui-languages",
    "web-languages": "web-languages",
    "certificates": "certificates",
    "firmware-settings": "firmware-settings",
    "uploads": "uploads",
    "ReplacementPlan": "ReplacementPlan",
    "setting-files": "setting-files",
    "settings": "settings",
}

_LINE = re.compile(r"([a-zA-Z_][a-zA-Z0-9_]*)([!$&]?):[ \t]?(.*)", re.ASCII | re.S)
_INDEXED = re.compile(r"(.*?[a-z_])([0-9]{1,3})", re.ASCII)
_FLAGS: Final = {"!": "!", "$": "RW", "&": "R", "": "R"}


@dataclass(frozen=True, slots=True)
class Statement:
    """One element or line: a setting, a key, a file, an entry of a phone book.

    ``container`` is what holds it, "" at the root; ``permission`` and ``index`` are as
    written, None when they are not there.
    """

    container: str
    name: str
    index: str | None
    permission: str | None
    value: str
    attributes: dict[str, str]
    line: int

    def __repr__(self) -> str:
        """Return which statement it is, without its value: it may be a password."""
        return f"Statement({self.container!r}, {self.name!r}, {self.index!r})"


class Reading(NamedTuple):
    """What a document says.

    ``root`` is its outermost element, "" for text; ``broken`` is a sentence when it
    cannot be read to its end, with ``broken_line``.
    """

    is_text: bool
    root: str
    statements: tuple[Statement, ...]
    containers: tuple[tuple[str, int], ...]
    broken: str = ""
    broken_line: int = 0


def read(document: bytes) -> Reading:
    """Return what *document* says; it is text unless it begins like XML."""
    if len(document) > MAX_DOCUMENT_BYTES:
        sentence = f"A document has {MAX_DOCUMENT_BYTES} bytes at most."
        return Reading(False, "", (), (), sentence, 1)
    head = document.lstrip(b"\xef\xbb\xbf \t\r\n")[:64].lower()
    if head.startswith(b"<") and not head.startswith((b"<html", b"<pre")):
        return _Xml().read(document)
    return _read_text(document)


class _Unreadable(Exception):
    """Stops the parser: the message is the sentence."""


class _Xml:
    """Collects statements while expat calls."""

    def __init__(self) -> None:
        self.root = ""
        self.statements: list[Statement] = []
        self.containers: list[tuple[str, int]] = []
        self._open: list[tuple[str, dict[str, str], int, list[str]]] = []
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.StartDoctypeDeclHandler = self._doctype

    def read(self, document: bytes) -> Reading:
        broken, line = "", 0
        try:
            self._parser.Parse(document, True)
        except _Unreadable as stopped:
            broken, line = str(stopped), self._parser.CurrentLineNumber
        except expat.ExpatError as error:
            reason = expat.ErrorString(error.code)
            broken, line = f"It is not well-formed XML: {reason}.", error.lineno
        except (LookupError, ValueError) as error:  # an encoding nobody knows
            broken, line = f"Its encoding cannot be read: {error}.", 1
        return Reading(
            False,
            self.root,
            tuple(self.statements),
            tuple(self.containers),
            broken,
            line,
        )

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        line = self._parser.CurrentLineNumber
        if not self._open:
            self.root = name
        elif len(self._open) > 16:
            raise _Unreadable("Its elements are nested deeper than a phone's are.")
        if name in CONTAINERS:
            self.containers.append((CONTAINERS[name], line))
        self._open.append((name, attributes, line, []))

    def _text(self, text: str) -> None:
        if self._open:
            self._open[-1][3].append(text)

    def _end(self, name: str) -> None:
        _name, attributes, line, parts = self._open.pop()
        if name in CONTAINERS:
            return
        if len(self.statements) >= MAX_STATEMENTS:
            raise _Unreadable(f"It says more than {MAX_STATEMENTS} things.")
        container = next(
            (
                CONTAINERS[one[0]]
                for one in reversed(self._open)
                if one[0] in CONTAINERS
            ),
            "",
        )
        self.statements.append(
            Statement(
                container,
                name,
                attributes.get("idx"),
                attributes.get("perm"),
                "".join(parts)[: MAX_TEXT_CHARACTERS + 1],
                attributes,
                line,
            )
        )

    def _doctype(self, *_args: object) -> None:
        raise _Unreadable("It declares a document type, which no phone reads.")


def _read_text(document: bytes) -> Reading:
    """Return what the lines of *document* say (domain.md 3.1).

    A line is ``name<flag>: value``; what begins with # or < is a comment.  A name may
    end in the index of its identity or key.
    """
    try:
        text = document.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        at = document.count(b"\n", 0, error.start) + 1
        return Reading(True, "", (), (), "It is not UTF-8.", at)
    statements: list[Statement] = []
    for number, line in enumerate(text.split("\n"), 1):
        shown = line.strip()
        if not shown or shown[0] in "#<":
            continue
        found = _LINE.fullmatch(shown)
        if found is None:
            sentence = "This is not name: value."
            return Reading(True, "", tuple(statements), (), sentence, number)
        if len(statements) >= MAX_STATEMENTS:
            sentence = f"It says more than {MAX_STATEMENTS} things."
            return Reading(True, "", tuple(statements), (), sentence, number)
        name, index = _without_index(found[1])
        keys = name in ("fkey", "fkey_context", "fkey_label")
        statements.append(
            Statement(
                "functionKeys" if keys else "phone-settings",
                name,
                index,
                _FLAGS[found[2]],
                found[3],
                {},
                number,
            )
        )
    return Reading(True, "", tuple(statements), ())


def _without_index(written: str) -> tuple[str, str | None]:
    """Return the name and the index that the *written* name of a line stands for."""
    if meanings(written):
        return written, None  # dns_server1 and codec_size are names
    found = _INDEXED.fullmatch(written)
    if found is None:
        return written, None
    known = meanings(found[1])
    counted = any(one.space.counts for one in known)
    if counted or found[1] in ("fkey", "fkey_context", "fkey_label"):
        return found[1], found[2]
    return written, None
