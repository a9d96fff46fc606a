"""Sightings as they come: what was written to their file since somebody looked last.

Of bound phones and of unknown ones; what names no MAC is left out.  A ``Place`` says
how far somebody has read: it can travel, and whoever comes back with it goes on there,
as long as the file has it still.  ext/recordfile.pxd says what is in the file.
"""

import os
import struct
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from ipaddress import IPv6Address
from pathlib import Path
from typing import Final, NamedTuple

from bootwave.errors import StoreUnavailable
from bootwave.native import sightingfile
from bootwave.sightings import Reason, Sighting

_HEAD: Final = struct.Struct("=8sII3Q3Q3QQQ")
_HEAD_BYTES: Final = 4_096
_RECORD: Final = struct.Struct("=QdQ16sIHBB96sQ")
_BRIEF: Final = struct.Struct("=QdQ20xH106x")  # of a record: number, at, MAC, reason
_RINGS: Final = (sightingfile.UNKNOWN, sightingfile.KNOWN)
_IPV4: Final = bytes(10) + b"\xff\xff"  # mapped (RFC 4291 section 2.5.5.2)
_MASK: Final = (1 << 64) - 1
_TOGETHER: Final = 4_096  # records read at once
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


class Ends(NamedTuple):
    """How far somebody has read all three rings of the file *file*."""

    file: int
    written: tuple[int, ...]


class Newest(NamedTuple):
    """What each MAC did last among what came since some ends.

    ``by_kind`` has the newest sightings of each kind that was asked for, by MAC.
    ``lost`` counts records that were overwritten before, ``behind`` those left.
    """

    by_kind: list[dict[int, Sighting]]
    ends: Ends
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

    def newest(
        self, since: Ends | None, most: int, kinds: Sequence[Collection[Reason]]
    ) -> Newest:
        """Return the newest sighting of each MAC for each of *kinds* since some ends.

        At most *most* records are looked at, from the oldest on without *since* and
        for that of another file.  What names no MAC is passed over.  Records are not
        made objects, nor their sums compared, but for the newest: a wave is read as
        fast as it comes.  Raises StoreUnavailable.
        """
        with self._opened() as (fd, file):
            head = _head(fd)
            at = [*head.oldest]
            lost = 0
            if since is not None and since.file == file:
                at = [
                    max(min(reached, written), oldest)
                    for reached, written, oldest in zip(
                        since.written, head.written, head.oldest, strict=True
                    )
                ]
                lost = sum(at) - sum(since.written)
            found: list[dict[int, tuple[float, int, bytes]]] = [{} for _ in kinds]
            left = most
            for ring, begin in enumerate(at):
                end = min(head.written[ring], begin + left)
                lost += _keep_newest(fd, head, ring, begin, end, kinds, found)
                left -= end - begin
                at[ring] = end
            behind = sum(head.written) - sum(at)
            return Newest(_decoded(found), Ends(file, tuple(at)), max(0, lost), behind)

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


def _keep_newest(
    fd: int,
    head: _Head,
    ring: int,
    begin: int,
    end: int,
    kinds: Sequence[Collection[Reason]],
    found: list[dict[int, tuple[float, int, bytes]]],
) -> int:
    """Keep the newest records of each MAC; returns how many were not there any more."""
    size = sightingfile.RECORD_BYTES
    of_reason = [
        tuple(kept for kept, kind in zip(found, kinds, strict=True) if number in kind)
        for number in range(256)
    ]
    lost = 0
    for position, data in _pieces(fd, head, ring, begin, end):
        brief = _BRIEF.iter_unpack(data)
        for place, (number, at, mac, reason) in enumerate(brief):
            if number != position + place + 1:
                lost += 1
                continue
            if not mac or reason > 255:
                continue
            record: tuple[float, int, bytes] | None = None
            for kept in of_reason[reason]:
                before = kept.get(mac)
                if before is None or before[0] <= at:
                    if record is None:
                        content = data[place * size : (place + 1) * size]
                        record = at, position + place, content
                    kept[mac] = record
    return lost


def _decoded(
    found: list[dict[int, tuple[float, int, bytes]]],
) -> list[dict[int, Sighting]]:
    """Return the sightings of records, without those that are damaged.

    One that is the newest of several kinds is made once.
    """
    made: dict[int, Sighting | None] = {}
    by_kind: list[dict[int, Sighting]] = []
    for kept in found:
        of_kind: dict[int, Sighting] = {}
        for mac, (_, position, record) in kept.items():
            # By object: each ring counts positions of its own.
            if id(record) not in made:
                made[id(record)] = _sighting(record, position)
            if (seen := made[id(record)]) is not None:
                of_kind[mac] = seen
        by_kind.append(of_kind)
    return by_kind


def _pieces(
    fd: int, head: _Head, ring: int, begin: int, end: int
) -> Iterator[tuple[int, bytes]]:
    """Yield the records from *begin* to *end* some at a time, each with its position.

    What cannot be read is zeros.
    """
    size = sightingfile.RECORD_BYTES
    while begin < end:
        inner = begin % head.capacity[ring]
        count = min(end - begin, head.capacity[ring] - inner, _TOGETHER)
        first = _HEAD_BYTES + (sum(head.capacity[:ring]) + inner) * size
        yield begin, os.pread(fd, count * size, first).ljust(count * size, b"\0")
        begin += count


def _records(
    fd: int, head: _Head, ring: int, begin: int, end: int
) -> Iterator[tuple[int, Sighting | None]]:
    """Yield position and sighting, None for one that is not there any more."""
    size = sightingfile.RECORD_BYTES
    for position, data in _pieces(fd, head, ring, begin, end):
        for place in range(len(data) // size):
            record = data[place * size : (place + 1) * size]
            yield position + place, _sighting(record, position + place)


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
    if packed.startswith(_IPV4):
        return ".".join(map(str, packed[len(_IPV4) :]))
    address = IPv6Address(packed)
    return f"{address}%{zone}" if zone else str(address)


def _is_whole(data: bytes) -> bool:
    """Whether the last word is the sum of those before, as bw_sum makes it."""
    words = _words(len(data) // 8).unpack(data)
    total = 0x9E3779B97F4A7C15
    for first, second in zip(words[:-1:2], words[1:-1:2], strict=True):
        wide = (first ^ total) * (second ^ 0xD6E8FEB86659FD93)
        total = (wide & _MASK) ^ (wide >> 64)
        total ^= (first + (second << 1 & _MASK)) * 0xFF51AFD7ED558CCD & _MASK
    return bool(total == words[-1])


@cache
def _words(count: int) -> struct.Struct:
    return struct.Struct(f"={count}Q")
