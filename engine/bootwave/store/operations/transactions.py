"""The transactions that operations of administrators are made in."""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from bootwave.errors import StoreUnavailable
from bootwave.options import FirmwareOptions, PairingOptions, WavesOptions
from bootwave.pairing.instant import Instant
from bootwave.store import audit
from bootwave.store.changelog import Change, record, trim
from bootwave.store.connection import roll_back, transaction
from bootwave.store.domains.claims import note_moved
from bootwave.store.firmware.firmware import Allowed
from bootwave.store.firmware.imagefolder import ImageFolder
from bootwave.store.rollouts.steps import RolloutSteps
from bootwave.store.secrets import KeyRing
from bootwave.store.sightings.sightings import SightingLog
from bootwave.store.work import Work

Object = dict[str, Any]
T = TypeVar("T")

_FILES = "PRAGMA database_list"


class NotToBeStored(Exception):
    """Ends a transaction that was only tried; not an error."""


class Transactions:
    """What every operation works with.  One thread at a time may use it.

    ``actor`` is who the next ones are for: a user's name.  ``reach`` are the domains
    that he reaches, None for all.  ``before`` is called once, in the transaction of the
    next write and before it: what it raises ends that.  ``after`` is, too, behind it.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        keyring: KeyRing,
        pairing: PairingOptions,
        *,
        now: Callable[[], Instant],
        committed: Callable[[list[Change]], None],
        sightings: SightingLog | None = None,
        reopen: Callable[[], sqlite3.Connection] | None = None,
        firmware: FirmwareOptions | None = None,
        images: Path | None = None,
        waves: WavesOptions | None = None,
    ) -> None:
        """Work on *connection*, which nobody else may use meanwhile.

        *now* gives the instant of each operation; *committed* is called after each
        commit with what it changed.  Without *sightings* no device was ever seen.
        After a failed write the connection is closed, for what it remembers of the
        file may be wrong; *reopen* makes the next one.  Without it every further
        operation raises StoreUnavailable.  *firmware* bounds what may be said of it,
        and *images* is the directory of its images.  *waves* says where phones are
        reached.
        """
        self._connection = connection
        self._reopen = reopen
        self._failed = False
        self._keyring = keyring
        self._pairing = pairing
        self._now = now
        self._committed = committed
        self._sightings = sightings
        self._firmware = firmware or FirmwareOptions()
        self._images = ImageFolder(images or Path("images"))
        self._waves = waves or WavesOptions()
        self._steps = RolloutSteps(self._waves.phone_port, self._allowed())
        self._stages: dict[str, Any] = {}  # imports under way (operations.bulk)
        self.actor = audit.ENGINE
        self.reach: frozenset[str] | None = None
        self.before: Callable[[Work], None] | None = None
        self.after: Callable[[Work], None] | None = None

    def _allowed(self) -> Allowed:
        return Allowed(self._firmware.hosts, self._images)

    def close(self) -> None:
        """Close the connection; nothing else may be called afterwards."""
        for kept in self._stages.values():
            kept.close()
        self._stages.clear()
        self._connection.close()

    def interrupt(self) -> None:
        """End what is being read or written with StoreUnavailable; for any thread."""
        with contextlib.suppress(sqlite3.ProgrammingError):  # closed in this moment
            self._connection.interrupt()

    @contextmanager
    def _change(self) -> Iterator[Work]:
        """Give the work of one write; commit it, then tell what changed."""
        self._renew()
        before, self.before = self.before, None
        after, self.after = self.after, None
        try:
            with transaction(self._connection):
                # Behind the lock: whatever was stored while this waited was before it.
                work = self._work()
                if before is not None:
                    before(work)
                yield work
                if work.moved:
                    # Until now their phones were served as those of whom they left.
                    now = self._now().wall
                    note_moved(self._connection, work.moved, work.at.wall, now)
                if after is not None:
                    after(work)
                for action, subject, detail in work.notes:
                    audit.append(
                        self._connection,
                        work.at.wall,
                        work.actor,
                        action,
                        subject,
                        detail,
                    )
                logged = record(self._connection, work.changes)
                if logged:
                    trim(self._connection)
        except StoreUnavailable:
            self._fail()
            raise
        if logged:
            self._committed(logged)

    def _showing(self, *, reveal: bool) -> AbstractContextManager[Work]:
        """Give the work of reads, or with *reveal* one that the audit log is told of.

        What cannot be written down is not shown.
        """
        return self._change() if reveal else self._look()

    def looked(self, read: Callable[[Work], T]) -> T:
        """Return what *read* returns, called with the work of reads."""
        with self._look() as work:
            return read(work)

    @contextmanager
    def _look(self) -> Iterator[Work]:
        """Give the work of reads that see one moment of the store."""
        self._renew()
        try:
            self._connection.execute("BEGIN")
            try:
                yield self._work()
            finally:
                roll_back(self._connection)
        except sqlite3.Error as error:
            self._fail()
            raise StoreUnavailable(f"The store could not be read: {error}.") from error

    def _work(self) -> Work:
        return Work(
            self._connection,
            self._keyring,
            self._pairing,
            self._now(),
            actor=self.actor,
            reach=self.reach,
        )

    def _file(self) -> Path:
        """Return where the store is."""
        self._renew()
        rows = self._connection.execute(_FILES).fetchall()
        return Path(rows[0][2])

    def _fail(self) -> None:
        self._failed = True
        self._connection.close()

    def _renew(self) -> None:
        if self._failed and self._reopen is not None:
            self._connection = self._reopen()
            self._failed = False
