"""What is known of each phone model: keys, identities, documents, images, MACs.

The table is ``models.toml`` beside this module, with its sources; it is read once, when
something is first asked of it.  Nothing in it proves anything: it fills in what a phone
has not said yet, and says how to speak with it.  A model that is not in it, and what is
new, has what its family has: by its name, a series D phone is one whatever its number.
"""

import tomllib
from bisect import bisect_right
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple

from bootwave.phone.firmware import FirmwareVersion

Dialect = Literal["xml", "text", "m9", "dect", "m3"]

_TABLE: Final = Path(__file__).with_name("models.toml")
_MAC_DIGITS: Final = 12
# snom wiki, Desk Phone Configuration Files: XML from version 7 on.
_FIRST_XML: Final = FirmwareVersion(7)


class Model(NamedTuple):
    """One phone model; ``models.toml`` says what each field means.

    ``name`` is the phone type as in file names: ``snom370``, ``snomD785``.  What is not
    known is 0, "" or None.
    """

    name: str
    title: str
    keys: int
    modules: int
    module_keys: int
    identities: int
    certificate: bool | None
    dialect: Dialect
    challenge: Literal["basic", "digest"]
    firmware_suffix: str
    firmware_extension: str
    phone_book_entries: int
    generation: str
    vendor_class: str
    host_name: str
    plug_and_play: bool

    @property
    def most_keys(self) -> int:
        """Function keys with all expansion modules that it takes."""
        return self.keys + self.modules * self.module_keys


class _MacRange(NamedTuple):
    low: int
    high: int
    model: str


class _Table(NamedTuple):
    models: MappingProxyType[str, Model]
    default: dict[str, Any]
    families: tuple[tuple[str, dict[str, Any]], ...]  # the longest prefix first
    aliases: MappingProxyType[str, str]
    ranges: tuple[_MacRange, ...]  # the narrowest first
    pages: dict[str, Any]


@lru_cache(1)
def _table() -> _Table:
    read = tomllib.loads(_TABLE.read_text())
    families = sorted(read["families"].items(), key=lambda each: -len(each[0]))
    default = read["default"]
    ranges = (
        _mac_range(text, name) for name, texts in read["macs"].items() for text in texts
    )
    return _Table(
        MappingProxyType(
            {
                name: _model(name, default, families, entry)
                for name, entry in read["models"].items()
            }
        ),
        default,
        tuple(families),
        MappingProxyType(
            {spelt.lower(): name for spelt, name in read["aliases"].items()}
        ),
        tuple(sorted(ranges, key=lambda each: each.high - each.low)),
        read["pages"],
    )


def _model(
    name: str, default: dict[str, Any], families: Any, entry: dict[str, Any]
) -> Model:
    values = {"certificate": None, "vendor_class": name, **default}
    for prefix, family in reversed(families):
        if name.startswith(prefix):
            values |= family
    values |= entry
    if values["certificate"] == "unknown":
        values["certificate"] = None
    values["title"] = values["title"] or _title(name)
    return Model(name=name, **values)


def _title(name: str) -> str:
    return f"snom {name.removeprefix('snom')}" if name.startswith("snom") else name


def _mac_range(text: str, model: str) -> _MacRange:
    first, _, last = text.partition("-")
    last = last or first
    return _MacRange(
        int(first.ljust(_MAC_DIGITS, "0"), 16),
        int(last.ljust(_MAC_DIGITS, "F"), 16),
        model,
    )


def known_models() -> MappingProxyType[str, Model]:
    """Return the models of the table by their name."""
    return _table().models


@lru_cache(256)  # peers name models
def model_data(name: str) -> Model:
    """Return what is known of the model *name*, as phones spell it.

    A name that is not in the table has what its family has, or the defaults.
    """
    table = _table()
    found = table.models.get(name)
    if found is not None:
        return found
    return _model(name, table.default, table.families, {})


def model_of_mac(mac: int) -> str:
    """Return the model that phones with MACs around *mac* are, "" when unknown.

    For display, and until the phone says it itself: that beats it.
    """
    starts, models = _segments()
    at = bisect_right(starts, mac) - 1
    return models[at] if at >= 0 else ""


@lru_cache(1)
def _segments() -> tuple[list[int], list[str]]:
    """Return where MACs begin to be of another model, and which.

    Asked for each phone of a fleet (provision.invitations), which walking all ranges
    would make wait.
    """
    ranges = _table().ranges
    starts = sorted({end for each in ranges for end in (each.low, each.high + 1)})
    return starts, [
        next((each.model for each in ranges if each.low <= mac <= each.high), "")
        for mac in starts
    ]


def alias(name: str) -> str:
    """Return how phones spell *name* where their boxes say otherwise, else *name*."""
    return _table().aliases.get(name.lower(), name)


def page_entries() -> dict[str, Any]:
    """Return the table of web pages, by generation, for ``phone.pages``."""
    return _table().pages


@lru_cache(512)  # peers name models and versions
def document_dialect(model: str, firmware: str) -> Dialect:
    """Return the dialect of the documents for *model* with *firmware* ("" unknown).

    Desk phones below version 7 take text (snom wiki, Desk Phone Configuration Files).
    """
    dialect = model_data(model).dialect
    if dialect == "xml" and firmware:
        version = FirmwareVersion.from_text(firmware)
        if version is not None and version < _FIRST_XML:
            return "text"
    return dialect
