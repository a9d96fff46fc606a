"""What phones must get: paths, lengths, checksums, as the load programs read them."""

from array import array
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple


class Expected(NamedTuple):
    """A path and what it must give; a length of -1 lets the load program learn."""

    path: str
    length: int = -1
    checksum: int = 0


def checksum(content: bytes) -> int:
    """Return the sum of prefix sums of 64-bit words (perf/load/common.h)."""
    words = array("Q", content + bytes(-len(content) % 8))
    return sum(accumulate(words)) & (1 << 64) - 1


def write(path: Path, lines: list[Expected]) -> Path:
    """Write *lines* for a load program; return *path*."""
    path.write_text("".join(f"{a} {length} {b:x}\n" for a, length, b in lines))
    return path


def read(path: Path) -> list[Expected]:
    """Return the lines that a load program wrote."""
    return [
        Expected(name, int(length), int(total, 16))
        for name, length, total in map(str.split, path.read_text().splitlines())
    ]
