"""Sightings as they come: what was written to their file since somebody looked last.

Of bound phones and of unknown ones; what names no MAC is left out.  A ``Place`` says
how far somebody has read: it can travel, and whoever comes back with it goes on there,
as long as the file has it still.  ext/recordfile.pxd says what is in the file.
"""

import os
import struct
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ipaddress import IPv6Address
from pathlib import Path
from typing import Final, NamedTuple

from bootwave.errors import StoreUnavailable
from bootwave.native import sightingfile
from bootwave.sightings import Reason, Sighting

_HEAD: Final = struct.Struct("=8sII3Q3Q3QQQ")
_HEAD_BYTES: Final = 4_096
_RECORD: Final = struct.Struct("=QdQ16sIHBB96sQ")
_RINGS: Final = (sightingfile.UNKNOWN, sightingfile.KNOWN)
_MASK: Final = (1 << 64) - 1
_READS: Final = 20  # of the head, while it is being written
_REASONS: Final = {int(reason): reason for reason in Reason}


class Place(NamedTuple):
    """How far somebody has read: records ever written to the file *file*."""

    file: int
    unknown: int
    known: int

    def __str__(self) -> str:
        """Return it as ``place_from_text`` reads it."""
        return f"{self.file:x}-{self.unknown}-{self.known}"


class Read(NamedTuple):
    """What came since a place, oldest first, each with the place behind it.

    ``lost`` counts what was overwritten or passed over before, ``behind`` what is left.
    """

    sightings: list[tuple[Place, Sighting]]
    place: Place
    lost: int
    behind: int


class _Head(NamedTuple):
    capacity: tuple[int, ...]
    written: tuple[int, ...]
    oldest: tuple[int, ...]


def place_from_text(text: str) -> Place | None:
    """Return the place that *text* is, None when it is none."""
    parts = text.split("-")
    if len(parts) != 3 or len(text) > 80 or not text.isascii():
        return None
    try:
        file, unknown, known = int(parts[0], 16), int(parts[1]), int(parts[2])
    except ValueError:
        return None
    return Place(file, unknown, known) if min(file, unknown, known) >= 0 else None


class SightingTail:
    """The end of the file *path*, which need not be there yet."""

    def __init__(self, path: Path) -> None:
        """Read the file *path*; it is opened for each look."""
        self._path = path

    def end(self) -> Place:
        """Return the place behind everything that is there now."""
        with self._opened() as (fd, file):
            head = _head(fd)
            return Place(file, *(head.written[ring] for ring in _RINGS))

    def read(self, since: Place, most: int) -> Read:
        """Return at most *most* sightings since a place.

        Of another file, one that was put aside or made anew since, it begins with the
        oldest.  Raises StoreUnavailable.
        """
        with self._opened() as (fd, file):
            head = _head(fd)
            at = [since.unknown, since.known]
            if since.file != file:
                at = [head.oldest[ring] for ring in _RINGS]
            lost = 0
            rings: list[deque[tuple[int, Sighting | None]]] = []
            for place, ring in enumerate(_RINGS):
                # A place from elsewhere may lie behind the end.
                begin = max(min(at[place], head.written[ring]), head.oldest[ring])
                end = min(head.written[ring], begin + most)
                lost += max(0, begin - at[place])
                at[place] = begin
                rings.append(deque(_records(fd, head, ring, begin, end)))
            told: list[tuple[Place, Sighting]] = []
            while len(told) < most and any(rings):
                place = _older(*rings)
                position, seen = rings[place].popleft()
                at[place] = position + 1
                if seen is None:
                    lost += 1
                else:
                    told.append((Place(file, *at), seen))
            behind = sum(
                head.written[ring] - reached
                for ring, reached in zip(_RINGS, at, strict=True)
            )
            return Read(told, Place(file, *at), lost, behind)

    @contextmanager
    def _opened(self) -> Iterator[tuple[int, int]]:
        fd = -1
        try:
            with suppress(FileNotFoundError):
                fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            yield fd, os.fstat(fd).st_ino if fd >= 0 else 0
        except (OSError, ValueError) as error:
            raise StoreUnavailable(
                f"The sightings file {self._path} cannot be used: {error}."
            ) from error
        finally:
            if fd >= 0:
                os.close(fd)


def _head(fd: int) -> _Head:
    for _ in range(_READS):
        data = os.pread(fd, _HEAD.size, 0) if fd >= 0 else b""
        if not data.strip(b"\0"):
            return _Head((1, 1, 1), (0, 0, 0), (0, 0, 0))
        if len(data) == _HEAD.size and _is_whole(data):
            magic, version, size, *numbers, _zero, _sum = _HEAD.unpack(data)
            if (
                magic != sightingfile.MAGIC
                or version != sightingfile.VERSION
                or size != sightingfile.RECORD_BYTES
            ):
                raise ValueError("another version made it")
            return _Head(tuple(numbers[:3]), tuple(numbers[3:6]), tuple(numbers[6:]))
    raise ValueError("it is damaged")


def _older(
    unknown: "deque[tuple[int, Sighting | None]]",
    known: "deque[tuple[int, Sighting | None]]",
) -> int:
    """Return which of two rings, not both empty, has the next sighting by time."""
    for place, ring in enumerate((unknown, known)):
        if ring and ring[0][1] is None:
            return place
    if not (unknown and known):
        return 0 if unknown else 1
    first, second = unknown[0][1], known[0][1]
    assert first is not None
    assert second is not None
    return 0 if first.at <= second.at else 1


def _records(
    fd: int, head: _Head, ring: int, begin: int, end: int
) -> Iterator[tuple[int, Sighting | None]]:
    """Yield position and sighting, None for one that is not there any more."""
    size = sightingfile.RECORD_BYTES
    while begin < end:
        inner = begin % head.capacity[ring]
        count = min(end - begin, head.capacity[ring] - inner)
        first = _HEAD_BYTES + (sum(head.capacity[:ring]) + inner) * size
        data = os.pread(fd, count * size, first).ljust(count * size, b"\0")
        for place in range(count):
            record = data[place * size : (place + 1) * size]
            yield begin + place, _sighting(record, begin + place)
        begin += count


def _sighting(record: bytes, position: int) -> Sighting | None:
    number, at, mac, source, zone, reason, size, _spare, detail, _sum = _RECORD.unpack(
        record
    )
    if number != position + 1 or size > len(detail) or not _is_whole(record):
        return None
    if reason not in _REASONS:
        return None
    text = detail[:size].decode(errors="replace")
    return Sighting(at, mac, _source(source, zone), _REASONS[reason], text)


def _source(packed: bytes, zone: int) -> str:
    if not any(packed):
        return ""
    address = IPv6Address(packed)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return f"{address}%{zone}" if zone else str(address)


def _is_whole(data: bytes) -> bool:
    """Whether the last word is the sum of those before, as bw_sum makes it."""
    words = [
        int.from_bytes(data[at : at + 8], sys.byteorder)
        for at in range(0, len(data), 8)
    ]
    total = 0x9E3779B97F4A7C15
    for first, second in zip(words[:-1:2], words[1:-1:2], strict=True):
        wide = (first ^ total) * (second ^ 0xD6E8FEB86659FD93)
        total = (wide & _MASK) ^ (wide >> 64)
        total ^= (first + (second << 1 & _MASK)) * 0xFF51AFD7ED558CCD & _MASK
    return total == words[-1]
