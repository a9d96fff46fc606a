"""Ranges of firmware versions as administrators write them: ``8.4-8.7``.

Both ends are within, and each is compared with as many numbers as it was written with:
8.7.5.48 begins with 8.7 and so is within ``8.4-8.7``, as 8.4.35 is.  ``8.7`` alone is
every version that begins with it, ``8.7-`` that and all later ones, and ``-6.5`` all up
to the last that begins with 6.5.
"""

from typing import NamedTuple, Self

from bootwave.errors import SettingError
from bootwave.phone.firmware import FirmwareVersion

_Numbers = tuple[int, ...]


class FirmwareRange(NamedTuple):
    """A range; an end is the numbers that were written, () where it is open."""

    low: _Numbers = ()
    high: _Numbers = ()

    def __str__(self) -> str:
        """Return the range as it is written."""
        if self.low == self.high:
            return self.low_text
        return f"{self.low_text}-{self.high_text}"

    @property
    def low_text(self) -> str:
        """The lower end as written, "" where it is open."""
        return ".".join(map(str, self.low))

    @property
    def high_text(self) -> str:
        """The upper end as written, "" where it is open."""
        return ".".join(map(str, self.high))

    @classmethod
    def from_ends(cls, low: str, high: str) -> Self:
        """Return the range from its two texts; raises SettingError."""
        return cls(_numbers(low), _numbers(high))

    @classmethod
    def required(cls, text: str) -> Self:
        """Return the range an administrator wrote; SettingError if it is none."""
        low, hyphen, high = text.strip().partition("-")
        written = cls.from_ends(low, high if hyphen else low)
        if written == cls():
            raise SettingError(
                "A range of firmware has one end at least: write 8.4-8.7, 8.7 or 8.7-."
            )
        if written.high and written.high < written.low[: len(written.high)]:
            raise SettingError(
                f"{text.strip()!r} ends before it begins: write the older version "
                "first, such as 8.4-8.7."
            )
        return written

    def covers(self, version: FirmwareVersion) -> bool:
        """Whether *version* is within."""
        return version[: len(self.low)] >= self.low and (
            version[: len(self.high)] <= self.high
        )

    def precedence(self) -> tuple[FirmwareVersion, tuple[int, ...]]:
        """Return what ranges that cover one version are sorted by, the winner last.

        That is the one that begins later, and of those that begin alike the one that
        ends earlier.
        """
        # A number that is not written is higher than any, and an open end the highest.
        last = (*self.high, *[_MORE] * (4 - len(self.high)))
        return FirmwareVersion(*self.low or (0,)), tuple(-number for number in last)


_MORE = 100_000  # FirmwareVersion has up to five digits a number


def _numbers(text: str) -> _Numbers:
    text = text.strip()
    if not text:
        return ()
    version = FirmwareVersion.required(text)
    return version[: text.count(".") + 1]
