"""The bytes of a plan while it is made: baked runs, broken at slots."""

from enum import IntEnum
from typing import NamedTuple

from bootwave.native.xml import Plan, escape_attribute, escape_text, line_bytes
from bootwave.settings.layers import Content, Slot

PROLOGUE = b'<?xml version="1.0" encoding="utf-8"?>\n'


class Mode(IntEnum):
    """How a value is written where its slot stands (native.xml)."""

    TEXT = 0
    ATTRIBUTE = 1
    LINE = 2
    MARKUP = 3


class Hole(NamedTuple):
    """What fills one slot of a plan: which of a phone's values, and how it stands."""

    number: int
    mode: Mode


class Pieces:
    """Collects baked bytes and breaks them at slots.

    What is baked is escaped, or checked, as the value of a slot would be; each method
    raises SettingError for what cannot stand there.
    """

    def __init__(self) -> None:
        """Start empty."""
        self._pieces: list[bytes] = []
        self._holes: list[Hole] = []
        self._baked = bytearray()

    def markup(self, markup: bytes | Slot) -> None:
        """Add bytes as they are, or a slot whose value is markup already."""
        if isinstance(markup, Slot):
            self._break(markup, Mode.MARKUP)
        else:
            self._baked += markup

    def text(self, content: Content) -> None:
        """Add the content of an XML element."""
        if isinstance(content, Slot):
            self._break(content, Mode.TEXT)
        else:
            self._baked += escape_text(content)

    def attribute(self, name: bytes, content: Content) -> None:
        """Add a blank and an XML attribute."""
        self._baked += b' %b="' % name
        if isinstance(content, Slot):
            self._break(content, Mode.ATTRIBUTE)
        else:
            self._baked += escape_attribute(content)
        self._baked += b'"'

    def line(self, content: Content) -> None:
        """Add what stands at the end of a line of text, and the line's end."""
        if isinstance(content, Slot):
            self._break(content, Mode.LINE)
        else:
            self._baked += line_bytes(content)
        self._baked += b"\n"

    def _break(self, slot: Slot, mode: Mode) -> None:
        self._pieces.append(bytes(self._baked))
        self._baked.clear()
        self._holes.append(Hole(slot.number, mode))

    def plan(self) -> Plan:
        """Return the plan of what was added."""
        return Plan([*self._pieces, bytes(self._baked)], self._holes)
