"""Firmware versions: four numbers that are compared part by part.

Phones and images spell one version in several ways: 8.4.35 is 8.4.35.0, the DECT bases
write 05.20.0001 for what their images call v0520 b0001, and the m9's images carry a
letter behind (9.6.2-a), which its User-Agent does not tell.
"""

import re
from typing import NamedTuple, Self

from bootwave.errors import SettingError

_VERSION = re.compile(r"v?(\d{1,5}(?:\.\d{1,5}){0,3})(?:-[a-z0-9]{1,8})?", re.ASCII)


class FirmwareVersion(NamedTuple):
    """A version; what is not written counts as 0 (domain.md 4.1: four components)."""

    first: int
    second: int = 0
    third: int = 0
    fourth: int = 0

    def __str__(self) -> str:
        """Return the version as snom writes it: three numbers, a fourth unless 0."""
        shown = self if self.fourth else self[:3]
        return ".".join(map(str, shown))

    @classmethod
    def from_text(cls, text: str) -> Self | None:
        """Return the version that *text* spells, or None when it spells none."""
        found = _VERSION.fullmatch(text.strip().lower())
        if found is None:
            return None
        return cls(*map(int, found[1].split(".")))

    @classmethod
    def required(cls, text: str) -> Self:
        """Return the version an administrator wrote; SettingError if it is none."""
        version = cls.from_text(text)
        if version is None:
            raise SettingError(
                f"{text!r} is not a firmware version: write one to four numbers "
                "such as 8.7.5.35."
            )
        return version
