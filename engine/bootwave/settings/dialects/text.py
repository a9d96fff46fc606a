"""The lines of text that desk phones read before firmware 7.

    <html><pre>
    setting_server$: https://pbx.example.com/prov/{mac}.xml
    user_name1&: 401
    fkey5&: blf <sip:402@pbx.example.com;user=phone>|*8
    fkey_context5&: active
    </pre></html>

A name, an identity's number behind it, the flag of its permission, a colon, a blank and
the value to the end of the line.  Lines that begin with ``#`` or ``<`` are comments;
firmware of the time expects the two around the others.  Sources: snom, "Configuring
snom phones for Mass Deployment" (2004); Gemeinschaft 3, prov/snom/settings.php, which
sends phones before 7.1.8 the same names as later ones, keys without their labels.

What is known to have come with firmware 7 or later is left out, and so is a value of
several lines: its phone is told everything else.  Phone book, dial plan, languages and
certificates have no lines.
"""

from collections.abc import Sequence
from types import MappingProxyType
from typing import Final

from bootwave.directory.records import Permission
from bootwave.native.xml import Plan
from bootwave.settings.catalogue import Dialect
from bootwave.settings.dialects.names import Names, translated
from bootwave.settings.dialects.pieces import Pieces
from bootwave.settings.dialects.xml import in_order, spelled
from bootwave.settings.layers import Content, Merged

NAMES: Final = Names(Dialect.TEXT, MappingProxyType({}), MappingProxyType({}))

_FLAGS: Final[dict[Permission, bytes]] = {"R": b"&", "RW": b"$", "!": b"!"}


def is_one_line(value: str) -> bool:
    """Whether *value* has no line break, which no line could carry."""
    return "\n" not in value and "\r" not in value


def text_document(merged: Merged, values: Sequence[str] = ()) -> Plan:
    """Return the plan of the lines that say *merged*, UTF-8.

    Without what has several lines, in *merged* or in the *values* of its slots: with
    others such a plan cannot be filled.  Raises SettingError for a name that no layer
    may say, and for a value with another control character than the tab.
    """

    def fits(content: Content) -> bool:
        if isinstance(content, str):
            return is_one_line(content)
        return content.number >= len(values) or is_one_line(values[content.number])

    out = Pieces()
    out.markup(b"<html><pre>\n")
    for (name, index), (content, permission) in in_order(
        translated(merged.settings, NAMES)
    ):
        if fits(content):
            _add(out, spelled(name), index, permission, content)
    for index, key in sorted(merged.keys.items()):
        if fits(key.content):
            _add(out, b"fkey", index, key.permission, key.content)
            _add(out, b"fkey_context", index, key.permission, key.context)
    out.markup(b"</pre></html>\n")
    return out.plan()


def _add(
    out: Pieces,
    name: bytes,
    index: int | None,
    permission: Permission,
    content: Content,
) -> None:
    number = b"" if index is None else b"%d" % index
    out.markup(name + number + _FLAGS[permission] + b": ")
    out.line(content)
