"""Firmware versions: four numbers, compared number by number."""

import re
from typing import TypeAlias

Version: TypeAlias = tuple[int, int, int, int]

# "8.7.5.48", "10.1.33.33", DECT "05.20.0001", file names "8.9.3.80-SIP-r".  Six
# digits are more than any release has and keep the numbers small.
_VERSION = re.compile(r"v?(\d{1,6}(?:\.\d{1,6}){1,3})(?![\d.])", re.ASCII)


def version_from_text(text: str) -> Version | None:
    """Return the version *text* begins with, or None when it begins with none.

    Two to four numbers with dots between; missing ones count as 0 and leading zeros
    mean nothing, so that ``8.4`` equals ``8.4.0.0`` and ``05.20.0001`` is newer than
    ``5.20``.  What follows after another character, as in ``8.9.3.80-SIP-r``, is not
    looked at.  Versions compare as the tuples they are.
    """
    found = _VERSION.match(text)
    if found is None:
        return None
    numbers = [int(number) for number in found[1].split(".")]
    major, minor, patch, build = numbers + [0] * (4 - len(numbers))
    return major, minor, patch, build


def text_from_version(version: Version) -> str:
    """Return *version* with its four numbers written out."""
    return ".".join(map(str, version))
