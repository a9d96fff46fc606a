"""Where an administrator types a settings URL in, by generation of phones.

The table is ``[pages]`` in ``models.toml``, with its sources.
"""

from types import MappingProxyType
from typing import NamedTuple

from bootwave.phone.mac import text_from_mac
from bootwave.phone.models import page_entries


class Page(NamedTuple):
    """The web page of one generation; ``models.toml`` says what each field means."""

    title: str
    url: str
    page: str
    clicks: tuple[str, ...]
    field: str
    then: str
    address: str
    note: str

    def typed_url(self, base: str, mac: int = 0) -> str:
        """Return what to type below the base URL *base*; *mac* is 0 when not known.

        Then it holds ``{mac}``, which the phone replaces.
        """
        name = self.url
        if mac:
            name = name.replace("{mac}", text_from_mac(mac))
        return f"{base}/{name}"

    @property
    def way(self) -> str:
        """The clicks to the field in one line, "" where it has none."""
        return " > ".join((*self.clicks, self.field)) if self.field else ""


def pages() -> MappingProxyType[str, Page]:
    """Return the web pages by the name of their generation."""
    return MappingProxyType(
        {
            name: Page(**{**entry, "clicks": tuple(entry["clicks"])})
            for name, entry in page_entries().items()
        }
    )
