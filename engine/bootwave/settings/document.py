"""A settings document as a plan, in the dialect of the phone that reads it."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from bootwave.errors import SettingError
from bootwave.native.xml import Plan
from bootwave.settings.dialects.dect import dect_document
from bootwave.settings.dialects.m9 import m9_document
from bootwave.settings.dialects.text import text_document
from bootwave.settings.dialects.xml import xml_document
from bootwave.settings.layers import Merged

DIALECTS: Final[Mapping[str, Callable[[Merged], Plan]]] = MappingProxyType(
    {
        "xml": xml_document,
        "text": text_document,
        "m9": m9_document,
        "dect": dect_document,
    }
)


def settings_document(merged: Merged, dialect: str = "xml") -> Plan:
    """Return the plan of the document that says *merged* in *dialect*.

    Raises SettingError for a dialect that this version does not speak (that of the
    m3), and for a name or a value that the dialect cannot carry.
    """
    document = DIALECTS.get(dialect)
    if document is None:
        raise SettingError(
            f"Phones that read {dialect} are not provisioned: see docs/dialects.md."
        )
    return document(merged)
