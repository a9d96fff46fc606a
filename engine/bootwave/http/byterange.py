"""Range and If-Range (RFC 9110 sections 13.1.5 and 14.2): which bytes are asked for.

One range of bytes is served.  Several, another unit, and what breaks the grammar are
passed over, as section 14.2 allows, and the whole is sent.
"""

import re
from typing import NamedTuple

_RANGE = re.compile(rb"[ \t]*bytes[ \t]*=[ \t]*(\d{0,18})-(\d{0,18})[ \t]*", re.I)


class Part(NamedTuple):
    """*size* bytes from *start* on; a size of 0 says that no byte is there."""

    start: int
    size: int


def part_asked(
    wanted: bytes | None, if_range: bytes | None, etag: bytes, size: int
) -> Part | None:
    """Return the part of *size* bytes that a GET asks for, None for all of them.

    *wanted* and *if_range* are the fields' values, None without them; *etag* is the
    strong tag of what is there now.  A part is only asked for when If-Range names just
    that: with another tag, a weak one or a date the phone has the beginning of
    something else.  A Part without bytes is to be answered with 416.
    """
    if wanted is None or (if_range is not None and if_range.strip(b" \t") != etag):
        return None
    found = _RANGE.fullmatch(wanted)
    if found is None:
        return None
    first, last = found.groups()
    if not first:
        if not last:
            return None
        length = min(int(last), size)
        return Part(size - length, length)
    start = int(first)
    if last and int(last) < start:
        return None  # no range at all, section 14.1.1
    if start >= size:
        return Part(0, 0)
    end = min(int(last), size - 1) if last else size - 1
    return Part(start, end - start + 1)
