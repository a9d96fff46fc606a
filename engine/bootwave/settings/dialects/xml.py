"""The ``<settings>`` document of desk phones with firmware 7 or later."""

from collections.abc import Mapping
from typing import Final

from bootwave.native.xml import Plan
from bootwave.settings.catalogue import checked_name
from bootwave.settings.dialects.parts import (
    NO_PARTS,
    Parts,
    add_certificates,
    add_others,
)
from bootwave.settings.dialects.pieces import PROLOGUE, Pieces
from bootwave.settings.functionkeys import checked_attribute
from bootwave.settings.layers import Merged, Told

# Works only as the first element (layers.ENGINE_LAYER).
FIRST: Final = "auto_reboot_on_setting_change"
# Their names belong to no layer, so that checked_name refuses them there.
SECRETS: Final = (
    "user_pass",
    "http_client_user",
    "http_client_pass",
    "http_client_password",  # of the m9 and DECT bases
)

Place = tuple[str, int | None]


def in_order(settings: Mapping[Place, Told]) -> list[tuple[Place, Told]]:
    """Return *settings* as a document has them.

    First those without an index, in the order told, then those of index 1, 2, and so
    on.
    """
    # Sorting is stable: settings of one index stay in the order told.
    return sorted(settings.items(), key=_rank)


def _rank(item: tuple[Place, Told]) -> tuple[bool, int]:
    name, index = item[0]
    return name != FIRST, -1 if index is None else index


def spelled(name: str) -> bytes:
    """Return the name of a setting; SettingError for one that no layer may say."""
    return name.encode() if name in SECRETS else checked_name(name).encode()


def add_settings(out: Pieces, settings: Mapping[Place, Told]) -> None:
    """Add an element for each of *settings*.

    Every element has a ``perm``: what a phone does without differs from firmware to
    firmware.  Raises SettingError for a name or a value that XML cannot carry.
    """
    for (name, index), (content, permission) in in_order(settings):
        tag = spelled(name)
        out.markup(b"  <" + tag)
        if index is not None:
            out.attribute(b"idx", str(index))
        out.attribute(b"perm", permission)
        out.markup(b">")
        out.text(content)
        out.markup(b"</" + tag + b">\n")


def xml_document(merged: Merged, parts: Parts = NO_PARTS) -> Plan:
    """Return the plan of the document that says *merged*; it knows its holes.

    ``e="2"`` says that character references may exceed 255.  Raises SettingError for a
    name or a value that XML cannot carry.
    """
    out = Pieces()
    out.markup(PROLOGUE + b"<settings>\n")
    add_certificates(out, parts)
    out.markup(b' <phone-settings e="2">\n')
    add_settings(out, merged.settings)
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
    add_others(out, parts)
    out.markup(b"</settings>\n")
    return out.plan()
