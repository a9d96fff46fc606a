"""Moments of the store: read transactions within which all that is read is of one.

The first statement of each is ``PRAGMA data_version``, which moves when another
connection committed.  Who keeps what was read (``FollowedMoments``) reads the log of
changes only then, and forgets what changed, within the same transaction.
"""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from bootwave.errors import StoreError, StoreUnavailable
from bootwave.store.changelog import (
    EVERYTHING,
    MOST_IN_ONE,
    Change,
    changes_after,
    last_seq,
)
from bootwave.store.connection import connect

# Readers are never shut out by a write, but for a moment by who closes a connection,
# and by who mends the log that a killed process left: a millisecond, more when that
# process has to wait for a core.
PATIENCE_SECONDS = 0.25

_VERSION = "PRAGMA data_version"
_PATIENT = "PRAGMA busy_timeout = 250"  # PATIENCE_SECONDS, in milliseconds


class Moments:
    """One process's read connection.  Make it after fork; it opens at its first use.

    Every method raises StoreUnavailable when the database cannot be read now, and
    tries again with a new connection at the next call.  A lock is waited for up to
    PATIENCE_SECONDS, but after a failure no longer until the store could be read again:
    the caller serves phones meanwhile.
    """

    def __init__(self, path: Path) -> None:
        """Read the store at *path*."""
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._depth = 0
        self._moment = _Moment(self)
        self._away = False
        self._version = -1

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._version = -1

    def moment(self) -> "_Moment":
        """Return a context within which all that is read is of one moment."""
        return self._moment

    def _notice(self, connection: sqlite3.Connection) -> None:
        """Heed, before anything is read, that others may have committed."""

    def _enter(self) -> sqlite3.Connection:
        self._depth += 1
        if self._depth > 1:
            assert self._connection is not None
            return self._connection
        try:
            return self._begin()
        except (sqlite3.Error, StoreError) as error:
            self._depth = 0
            lost = self._lost(error)
            raise lost from (None if lost is error else error)

    def _leave(self, error: BaseException | None) -> None:
        self._depth -= 1
        if isinstance(error, sqlite3.Error):
            raise self._lost(error) from error
        if error is not None:
            self._lost(
                error
            )  # whatever it is, its transaction is not to be gone on with
        elif not self._depth:
            assert self._connection is not None
            try:
                self._connection.execute("COMMIT")
            except sqlite3.Error as failure:
                raise self._lost(failure) from failure

    def _begin(self) -> sqlite3.Connection:
        """Begin a read transaction, and heed what was committed before it."""
        connection = self._connection
        if connection is None:
            connection = self._connection = connect(
                self._path,
                read_only=True,
                busy_seconds=0.0 if self._away else PATIENCE_SECONDS,
            )
        connection.execute("BEGIN")
        version = connection.execute(_VERSION).fetchall()[0][0]
        if self._away:
            self._away = False
            connection.execute(_PATIENT)
        if version != self._version:
            self._notice(connection)
            self._version = version
        return connection

    def _lost(self, error: BaseException) -> StoreUnavailable:
        self.close()
        self._away = True
        if isinstance(error, StoreUnavailable):
            return error
        return StoreUnavailable(f"The store cannot be read: {error}")


class FollowedMoments(Moments):
    """Moments that are told what changed before them."""

    def __init__(self, path: Path) -> None:
        """Read the store at *path*."""
        super().__init__(path)
        self._seq = -1  # unknown: nothing was read yet
        self._pending: list[Change] = []

    def changed(self) -> list[Change] | None:
        """Return what others committed since the last call, or None for nothing.

        ``Change("all", 0)`` when the log no longer reaches back to the last call.  The
        first call after opening tells nothing: nothing was read before.
        """
        with self._moment:
            pass
        if not self._pending:
            return None
        pending, self._pending = list(dict.fromkeys(self._pending)), []
        return [EVERYTHING] if EVERYTHING in pending else pending

    def _forget(self, changes: Sequence[Change]) -> None:
        """Forget what was kept of what changed, and keep *changes* to be told."""
        self._pending.extend(changes)
        if len(self._pending) > MOST_IN_ONE:
            self._pending = [EVERYTHING]

    def _notice(self, connection: sqlite3.Connection) -> None:
        if self._seq < 0:
            self._seq = last_seq(connection)
        else:
            self._seq, changes = changes_after(connection, self._seq)
            self._forget(changes)


class _Moment:
    """A read transaction of a reader, the one around it where there is one."""

    __slots__ = ("_reader",)

    def __init__(self, reader: Moments) -> None:
        self._reader = reader

    def __enter__(self) -> sqlite3.Connection:
        return self._reader._enter()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._reader._leave(error)
