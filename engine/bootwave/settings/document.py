"""A ``<settings>`` document as a plan: what phones share is baked, slots between."""

from typing import Final, NamedTuple

from bootwave.native.xml import Plan, escape_attribute, escape_text
from bootwave.settings.catalogue import checked_name
from bootwave.settings.files import PROLOGUE
from bootwave.settings.functionkeys import checked_attribute
from bootwave.settings.layers import Content, Merged, Slot

# Works only as the first element (layers.ENGINE_LAYER).
_FIRST: Final = "auto_reboot_on_setting_change"
# Their names belong to no layer, so that checked_name refuses them there.
_SECRETS: Final = ("user_pass", "http_client_user", "http_client_pass")


class Hole(NamedTuple):
    """What fills one slot of a plan: which of a phone's values, and where it stands."""

    number: int
    in_attribute: bool


class _Pieces:
    """Collects baked bytes and breaks them at slots."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.holes: list[Hole] = []
        self._baked = bytearray()

    def markup(self, markup: bytes) -> None:
        self._baked += markup

    def text(self, content: Content) -> None:
        if isinstance(content, Slot):
            self._break(Hole(content.number, in_attribute=False))
        else:
            self._baked += escape_text(content)

    def attribute(self, name: bytes, content: Content) -> None:
        self._baked += b' %b="' % name
        if isinstance(content, Slot):
            self._break(Hole(content.number, in_attribute=True))
        else:
            self._baked += escape_attribute(content)
        self._baked += b'"'

    def _break(self, hole: Hole) -> None:
        self.pieces.append(bytes(self._baked))
        self._baked.clear()
        self.holes.append(hole)

    def plan(self) -> Plan:
        return Plan([*self.pieces, bytes(self._baked)], self.holes)


def settings_document(merged: Merged) -> Plan:
    """Return the plan of the document that says *merged*; it knows its holes.

    First the settings without an index, in the order told, then those of identity 1,
    2, and so on.  Every element has a ``perm``: what a phone does without differs from
    firmware to firmware.  ``e="2"`` says that character references may exceed 255.
    Raises SettingError for a name or a value that XML cannot carry.
    """
    out = _Pieces()
    out.markup(PROLOGUE + b'<settings>\n <phone-settings e="2">\n')
    # Sorting is stable: settings of one index stay in the order told.
    for name, index in sorted(merged.settings, key=_place):
        content, permission = merged.settings[name, index]
        tag = name.encode() if name in _SECRETS else checked_name(name).encode()
        out.markup(b"  <" + tag)
        if index is not None:
            out.attribute(b"idx", str(index))
        out.attribute(b"perm", permission)
        out.markup(b">")
        out.text(content)
        out.markup(b"</" + tag + b">\n")
    out.markup(b" </phone-settings>\n")
    if merged.keys:
        out.markup(b' <functionKeys e="2">\n')
        for index, key in sorted(merged.keys.items()):
            out.markup(b"  <fkey")
            out.attribute(b"idx", str(index))
            out.attribute(b"context", key.context)
            out.attribute(b"label", key.label)
            for name, value in key.attributes:
                out.attribute(checked_attribute(name).encode(), value)
            out.attribute(b"perm", key.permission)
            out.markup(b">")
            out.text(key.content)
            out.markup(b"</fkey>\n")
        out.markup(b" </functionKeys>\n")
    out.markup(b"</settings>\n")
    return out.plan()


def _place(key: tuple[str, int | None]) -> tuple[bool, int]:
    name, index = key
    return name != _FIRST, -1 if index is None else index
