"""The document of definitions, which administrators know as ``snom_3xx_fs.xml``.

    <firmware-settings>
     <firmware model="snom370" version="8.4.35">http://host/370.bin</firmware>
    </firmware-settings>

One ``<firmware>`` for each model; ``use="step"`` marks those that are only loaded on
the way to it, ``part`` those that are no firmware (``Definition``).  How it is spaced
and encoded does not matter; whatever would be passed over in silence is an error, with
the number of its line.  There are no entities: a document type is refused (expat).
"""

from collections.abc import Iterable
from typing import Final
from xml.parsers import expat

from bootwave.errors import FirmwareError
from bootwave.firmware.definitions import (
    PARTS,
    Definition,
    required_location,
    required_model,
    required_version,
)
from bootwave.native.xml import escape_attribute, escape_text
from bootwave.phone.firmware import FirmwareVersion

MAX_DOCUMENT_BYTES: Final = 1024 * 1024
MAX_DEFINITIONS: Final = 2_000

_ROOT: Final = "firmware-settings"
_ENTRY: Final = "firmware"
_USES: Final = ("", "target", "step")
_MARKS: Final = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


def definitions_from(content: bytes) -> list[Definition]:
    """Return what the document *content* defines, in its order.

    Raises FirmwareError, which begins with the number of the line.
    """
    if len(content) > MAX_DOCUMENT_BYTES:
        raise FirmwareError(
            f"The document has {len(content)} bytes: {MAX_DOCUMENT_BYTES} are read."
        )
    return _Reader().read(text_from(content))


def document_of(definitions: Iterable[Definition]) -> bytes:
    """Return the document that says *definitions*, by model and version."""
    lines = [
        b' <firmware model="%b"%b version="%b"%b>%b</firmware>\n'
        % (
            escape_attribute(one.model),
            b' part="%b"' % escape_attribute(one.part) if one.part else b"",
            escape_attribute(str(one.version)),
            b' use="step"' if one.step and not one.part else b"",
            escape_text(one.location),
        )
        for one in sorted(definitions)
    ]
    return (
        b'<?xml version="1.0" encoding="utf-8"?>\n'
        b"<firmware-settings>\n%b</firmware-settings>\n" % b"".join(lines)
    )


def text_from(content: bytes) -> str:
    """Return the document *content* as text, whatever it was saved as.

    The declaration counts least: an editor that converts the bytes leaves it as it was.
    """
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            try:
                return content.decode(encoding)
            except UnicodeDecodeError:
                break
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


class _Reader:
    """Reads one document."""

    def __init__(self) -> None:
        self._parser = expat.ParserCreate("utf-8")
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._depth = 0
        self._line = 0
        self._attributes: dict[str, str] = {}
        self._location = ""
        self._found: list[Definition] = []
        self._lines: dict[tuple[str, str, FirmwareVersion], int] = {}
        self._targets: dict[str, int] = {}
        self._lines_before = 0

    def read(self, text: str) -> list[Definition]:
        # Blank lines in front of the declaration are no XML, but they move no line.
        lead = len(text) - len(text.lstrip())
        self._lines_before = text.count("\n", 0, lead)
        try:
            self._parser.Parse(text[lead:].encode("utf-8", "surrogatepass"), True)
        except expat.ExpatError as error:
            what = expat.ErrorString(error.code)
            raise self._wrong(
                f"this is not well-formed XML ({what}): see that every element is "
                "closed and every & is written &amp;",
                error.lineno + self._lines_before,
            ) from None
        return self._found

    def _wrong(self, sentence: str, line: int = 0) -> FirmwareError:
        line = line or self._parser.CurrentLineNumber + self._lines_before
        return FirmwareError(f"Line {line}: {sentence}.")

    def _doctype(self, *_declared: object) -> None:
        raise self._wrong("there must be no document type: take the <!DOCTYPE> away")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth == 1:
            if name != _ROOT:
                raise self._wrong(f"the document must begin with <{_ROOT}>")
            if attributes:
                raise self._wrong(f"<{_ROOT}> takes no attributes")
            return
        if self._depth > 2:
            raise self._wrong(f"<{_ENTRY}> holds a URL or a name, not <{name[:40]}>")
        if name != _ENTRY:
            raise self._wrong(f"<{name[:40]}> is no definition: write <{_ENTRY}>")
        for attribute in attributes:
            if attribute not in ("model", "version", "use", "part"):
                raise self._wrong(
                    f"<{_ENTRY}> has no {attribute[:40]}: it takes model, version, use "
                    "and part"
                )
        for attribute in ("model", "version"):
            if not attributes.get(attribute, "").strip():
                raise self._wrong(f"<{_ENTRY}> needs a {attribute}")
        self._line = self._parser.CurrentLineNumber + self._lines_before
        self._attributes = attributes
        self._location = ""

    def _characters(self, text: str) -> None:
        if self._depth == 2:
            self._location += text
        elif text.strip():
            raise self._wrong(f"text stands outside of <{_ENTRY}>")

    def _end(self, _name: str) -> None:
        self._depth -= 1
        if self._depth == 1:
            self._add()

    def _add(self) -> None:
        given = {name: value.strip() for name, value in self._attributes.items()}
        use, part = given.get("use", ""), given.get("part", "")
        if use not in _USES:
            raise self._wrong("use is target or step", self._line)
        if part not in PARTS:
            raise self._wrong("part is rootfs or linux", self._line)
        if not self._location.strip():
            raise self._wrong(
                f"<{_ENTRY}> is empty: write a URL or the name of an image", self._line
            )
        try:
            definition = Definition(
                required_model(given["model"]),
                required_version(given["version"]),
                required_location(self._location),
                use == "step" or bool(part),
                part,
            )
        except FirmwareError as error:
            raise self._wrong(str(error).removesuffix("."), self._line) from None
        self._check(definition)
        self._found.append(definition)
        if len(self._found) > MAX_DEFINITIONS:
            raise self._wrong(f"there are more than {MAX_DEFINITIONS} definitions")

    def _check(self, definition: Definition) -> None:
        key = (definition.model, definition.part, definition.version)
        if key in self._lines:
            raise self._wrong(
                f"{definition} stands in line {self._lines[key]} already", self._line
            )
        self._lines[key] = self._line
        if definition.step:
            return
        if definition.model in self._targets:
            raise self._wrong(
                f"{definition.model} has a version to run in line "
                f'{self._targets[definition.model]} already: mark one with use="step"',
                self._line,
            )
        self._targets[definition.model] = self._line
