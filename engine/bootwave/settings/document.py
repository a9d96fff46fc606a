"""A settings document as a plan, in the dialect of the phone that reads it."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from bootwave.errors import SettingError
from bootwave.native.xml import Plan
from bootwave.settings.dialects.dect import dect_document
from bootwave.settings.dialects.m9 import m9_document
from bootwave.settings.dialects.parts import NO_PARTS, Parts
from bootwave.settings.dialects.text import text_document
from bootwave.settings.dialects.xml import xml_document
from bootwave.settings.layers import Merged

# Of those that have no place for what stands beside settings and keys.
_WITHOUT_PARTS: Final[Mapping[str, Callable[[Merged], Plan]]] = MappingProxyType(
    {
        "m9": m9_document,
        "dect": dect_document,
    }
)


DIALECTS: Final = ("xml", "text", *_WITHOUT_PARTS)


def settings_document(
    merged: Merged, dialect: str = "xml", parts: Parts = NO_PARTS
) -> Plan:
    """Return the plan of the document that says *merged* in *dialect*.

    Only desk phones since firmware 7 have a place for *parts*.
    Raises SettingError for a dialect that this version does not speak (that of the
    m3), and for a name or a value that the dialect cannot carry.
    """
    if dialect == "xml":
        return xml_document(merged, parts)
    if dialect == "text":
        return text_document(merged)
    document = _WITHOUT_PARTS.get(dialect)
    if document is None:
        raise SettingError(
            f"Phones that read {dialect} are not provisioned: see docs/dialects.md."
        )
    return document(merged)
