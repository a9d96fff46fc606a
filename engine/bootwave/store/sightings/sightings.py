"""What phones asked and got: a file of fixed size records, written in batches.

Not in the database: a sighting must not slow a commit that a phone waits for, nor wake
every reader, and the last ones may be lost with the power.  Each is a record of one
size in a ring that overwrites its oldest (``native.sightingfile``), so that writing one
down costs a copy, and finding those of a phone is one pass over the file.

A flood of made-up MACs must not push out what is known of real phones.  So there are
three rings: of bound phones, of MACs that nobody bound, and of what names no MAC or
says nothing about it.  The last two have their own bound, ``unknown_rows``.

The file is opened for each batch and each question: whoever deletes or replaces it
while the engine runs does no harm.  Several processes append to the same file, one at
a time, under its lock, which goes with a process that is killed.  A batch counts once
it is complete.
"""

import fcntl
import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from bootwave import log
from bootwave.errors import SchemaTooNew, StoreUnavailable
from bootwave.native import sightingfile
from bootwave.native.ring import SightingRing
from bootwave.options import SightingsOptions
from bootwave.sightings import Reason, Sighting
from bootwave.store.sightings.tail import SightingTail

STEP = 65_536  # records looked at under one lock, so that an append never waits long
LOCK_SECONDS = 3.0  # how long others may hold the lock; each needs a few milliseconds
_LOOK_SECONDS = 0.002

# What tells that the MAC was bound nowhere when it was seen.
UNKNOWN = frozenset({Reason.UNKNOWN_MAC, Reason.UNBOUND, Reason.PNP_NOT_BOUND})
_NOT_BOUND = UNKNOWN | {
    Reason.WILDCARD_AMBIGUOUS,
    Reason.WILDCARD_TAKEN,
    Reason.WILDCARD_VENDOR,
}
# What is told before anybody looked whether the MAC is bound, or without looking.
_NOT_LOOKED_UP = frozenset(
    {
        Reason.PNP_NOT_OURS,
        Reason.PNP_OFF_SUBNET,
        Reason.PNP_IGNORED,
        Reason.PNP_OVERLOAD,
        Reason.SIP_SYNTAX,
        Reason.SERVED_GENERAL,
        Reason.STORE_AWAY,
        Reason.NOT_DECIDED,
        # A flood of made-up MACs, mostly; what is bound must not give way to it.
        Reason.SLOWED,
    }
)

# By number; one that a newer version wrote is passed over.
_REASONS = {int(reason): reason for reason in Reason}
_NUMBERS = range(128)
_RINGS = bytes(
    sightingfile.UNKNOWN
    if number in _NOT_BOUND
    else sightingfile.NAMELESS
    if number in _NOT_LOOKED_UP
    else sightingfile.KNOWN
    for number in _NUMBERS
)

# Processes write in batches, so what happened within a second may lie in any order:
# the newest by time is among so many of the newest by number.
_DISORDER = 1_024
_DAY = 86_400.0

_HEAD = 100  # bytes that tell whose file it is
_SQLITE = b"SQLite format 3\0"  # what earlier versions wrote, with 1 as user_version
_USER_VERSION = slice(60, 64)
_REPLACED = 10  # how often in a row the file may be replaced while it is opened


class UnknownPhone(NamedTuple):
    """A MAC that asked and was bound nowhere; times are wall-clock seconds.

    ``contacts`` counts what is still in the file.
    """

    mac: int
    first_at: float
    last_at: float
    contacts: int
    source: str
    reason: Reason
    detail: str


class SightingLog:
    """The file of sightings, which is made by the first append.

    One thread at a time may use it.  Every method raises StoreUnavailable when the
    file cannot be used now, SchemaTooNew when a newer version made it.
    """

    def __init__(
        self,
        path: Path,
        options: SightingsOptions | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Use the file *path* within the bounds of *options*.

        *clock* tells wall-clock seconds, by which old sightings are not shown.
        """
        self._path = path
        self._options = options or SightingsOptions()
        self._clock = clock
        unknown = self._options.unknown_rows
        self._rows = (unknown, unknown, self._options.keep_rows)
        self._bounded = False  # whether the file was given these once

    def tail(self) -> SightingTail:
        """Return what reads the file on as sightings come."""
        return SightingTail(self._path)

    @property
    def contacts(self) -> Path:
        """Where the file of contacts is (``contacts``), beside this one."""
        return self._path.with_name(f"{self._path.name}.contacts")

    def append(self, batch: Sequence[Sighting]) -> None:
        """Add *batch*, all or nothing, in the order given."""
        if batch:
            ring = SightingRing(len(batch))
            for sighting in batch:
                ring.add(*sighting)
            self.take(ring)

    def take(self, ring: SightingRing) -> int:
        """Move all that waits in *ring* to the file, and return how much.

        When it fails, all of it waits on.
        """
        if not len(ring):
            return 0
        with self._writing() as fd:
            return sightingfile.append(fd, ring, _RINGS)

    def time_line(self, mac: int, limit: int = 100) -> list[Sighting]:
        """Return the newest *limit* sightings of *mac*, newest first."""
        return self._of(mac, limit, None)

    def last(self, mac: int) -> Sighting | None:
        """Return the newest sighting of *mac*, or None."""
        newest = self.time_line(mac, 1)
        return newest[0] if newest else None

    def last_of(self, mac: int, reasons: Collection[Reason]) -> Sighting | None:
        """Return the newest sighting of *mac* for one of *reasons*, or None."""
        newest = self._of(mac, 1, _mask(reasons))
        return newest[0] if newest else None

    def latest(
        self, macs: Iterable[int], reasons: Collection[Reason] | None = None
    ) -> dict[int, Sighting]:
        """Return the newest sighting of each of *macs* that was seen.

        With *reasons* it is the newest for one of them.
        """
        wanted = [mac for mac in macs if mac]
        mask = None if reasons is None else _mask(reasons)
        with self._reading() as fd:
            if fd is None:
                return {}
            rows = sightingfile.latest(fd, wanted, self._since(), mask)
        return {seen.mac: seen for seen in _sightings(rows)}

    def unknown(self, limit: int = 1_000) -> list[UnknownPhone]:
        """Return the unknown MACs that asked last, newest first."""
        with self._reading() as fd:
            if fd is None:
                return []
            rows = sightingfile.unknown(fd, self._since(), limit)
        return [
            UnknownPhone(mac, first, last, contacts, source, _REASONS[reason], detail)
            for mac, first, last, contacts, source, reason, detail in rows
            if reason in _REASONS
        ]

    def trim(self) -> int:
        """Erase one step of what is too old now.

        Returns how many records went; call again while it is not 0.  What is too much
        was overwritten already.
        """
        now = self._clock()
        with self._writing() as fd:
            # What claims to be of tomorrow was stamped by a clock that was wrong.
            return sightingfile.trim(fd, self._since(), now + _DAY, STEP)

    def _since(self) -> float:
        return self._clock() - self._options.keep_days * _DAY

    def _of(self, mac: int, limit: int, reasons: bytes | None) -> list[Sighting]:
        with self._reading() as fd:
            if fd is None or not mac:
                return []
            most = limit + _DISORDER
            rows = sightingfile.find(fd, mac, self._since(), most, reasons)
        return sorted(_sightings(rows), key=_at, reverse=True)[:limit]

    # The file

    @contextmanager
    def _reading(self) -> Iterator[int | None]:
        """Open the file; None when there is nothing in it."""
        fd = -1
        try:
            with suppress(FileNotFoundError):
                fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            head = os.pread(fd, _HEAD, 0) if fd >= 0 else b""
            if _is_earlier(head):
                raise StoreUnavailable(
                    f"The sightings file {self._path} was written by an earlier "
                    "version: the engine puts it aside when it next writes one."
                )
            self._check(head)
            yield fd if head else None
        except (OSError, ValueError) as error:
            raise self._lost(error) from error
        finally:
            if fd >= 0:
                os.close(fd)

    @contextmanager
    def _writing(self) -> Iterator[int]:
        """Open the file, made and bounded if it has to be, and lock it."""
        fd = -1
        try:
            for _ in range(_REPLACED):
                fd = self._locked()
                if self._is_ready(fd):
                    break
                os.close(fd)
                fd = -1
            else:
                raise StoreUnavailable(
                    f"The sightings file {self._path} is replaced all the time."
                )
            yield fd
        except (OSError, ValueError) as error:
            raise self._lost(error) from error
        finally:
            if fd >= 0:
                os.close(fd)

    def _locked(self) -> int:
        # Nobody else reads it, whatever the umask.
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            until = time.monotonic() + LOCK_SECONDS
            while True:
                try:
                    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return fd
                except BlockingIOError:
                    if time.monotonic() >= until:
                        raise
                time.sleep(_LOOK_SECONDS)
        except BaseException:
            os.close(fd)
            raise

    def _is_ready(self, fd: int) -> bool:
        """Whether *fd*, locked, may be written; else it is to be opened again."""
        with suppress(FileNotFoundError):
            if not os.path.samestat(os.fstat(fd), os.stat(self._path)):
                return False  # another process put a new one in its place
            head = os.pread(fd, _HEAD, 0)
            if not head:
                sightingfile.make(fd, self._rows)
                self._bounded = True
                return True
            if _is_earlier(head):
                self._put_aside("was written by an earlier version", ".old")
                return False
            if not head.strip(b"\0"):  # what a power failure may leave
                self._put_aside("is damaged", ".damaged")
                return False
            self._check(head)
            try:
                rows = sightingfile.rows(fd)
            except ValueError:
                self._put_aside("is damaged", ".damaged")
                return False
            if self._bounded or rows == self._rows:
                return True
            self._bounded = True
            return not self._resized(fd)
        return False

    def _check(self, head: bytes) -> None:
        if not head:
            return
        magic = len(sightingfile.MAGIC)
        if not head.startswith(sightingfile.MAGIC):
            raise StoreUnavailable(
                f"{self._path} is not a sightings file: delete it, or name another "
                "one in store.sightings."
            )
        if int.from_bytes(head[magic : magic + 4], "little") > sightingfile.VERSION:
            raise SchemaTooNew(
                f"{self._path} was written by a newer version of Bootwave: install "
                "that version again, or delete the file and lose what phones were "
                "seen to do."
            )

    def _put_aside(self, why: str, suffix: str) -> None:
        aside = f"{self._path}{suffix}"
        for companion in ("-wal", "-shm", ""):  # SQLite's, if any
            with suppress(FileNotFoundError):
                os.rename(f"{self._path}{companion}", f"{aside}{companion}")
        log.note(log.SIGHTINGS_PUT_ASIDE, path=str(self._path), why=why, aside=aside)

    def _resized(self, fd: int) -> bool:
        """Put a file with the present bounds and the newest records in its place."""
        path = f"{self._path}.new"
        try:
            new = os.open(
                path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600
            )
            try:
                sightingfile.make(new, self._rows)
                sightingfile.copy(fd, new)
                os.fsync(new)
                os.rename(path, self._path)
            finally:
                os.close(new)
        except OSError as error:
            with suppress(OSError):
                os.unlink(path)
            log.note(log.SIGHTINGS_NOT_RESIZED, path=str(self._path), error=str(error))
            return False
        return True

    def _lost(self, error: Exception) -> StoreUnavailable:
        why = error.strerror if isinstance(error, OSError) else error
        if isinstance(error, BlockingIOError):
            why = "another process holds its lock"
        return StoreUnavailable(
            f"The sightings file {self._path} cannot be used: {why}."
        )


def _mask(reasons: Collection[Reason]) -> bytes:
    return bytes(number in reasons for number in _NUMBERS)


def _is_earlier(head: bytes) -> bool:
    return head.startswith(_SQLITE) and head[_USER_VERSION] == b"\0\0\0\1"


def _sightings(rows: Iterable[tuple[float, int, str, int, str]]) -> Iterator[Sighting]:
    for at, mac, source, reason, detail in rows:
        if reason in _REASONS:
            yield Sighting(at, mac, source, _REASONS[reason], detail)


def _at(sighting: Sighting) -> float:
    return sighting.at
