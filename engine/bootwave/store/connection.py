"""How a SQLite connection is made, what it promises, and how its errors look.

Every connection commits with WAL and synchronous=FULL: a commit that returned
survives ``kill -9`` and power loss.  Transactions are begun by hand, writers with
BEGIN IMMEDIATE, so that none finds out at its first write that it came too late.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bootwave.errors import (
    BY_THIS_USER,
    StoreConflict,
    StoreNotFound,
    StoreUnavailable,
)
from bootwave.store.revisions import require_head

# An import of 100,000 accounts holds the write lock for a few seconds; a phone's
# claim must wait for it rather than fail.
BUSY_SECONDS = 10.0

# A large import touches pages all over its indexes; the 2 MB that SQLite keeps by
# itself would make it write and read them again and again.
_CACHE = "PRAGMA cache_size = -65536"
# After a large import the log is cut back to this many bytes.
_CUT_LOG = "PRAGMA journal_size_limit = 67108864"
# Address space, not memory: a million devices take some 400 MB of file.
_MAP_FILE = "PRAGMA mmap_size = 1073741824"


def open_file(path: Path, *, busy_seconds: float = BUSY_SECONDS) -> sqlite3.Connection:
    """Return a connection to the existing file *path*, whatever it holds.

    A lock that another holds is waited for up to *busy_seconds*.  Foreign keys are on
    and nothing is begun by itself.  The connection may move
    between threads; using it from one at a time is the holder's business.  Raises
    StoreNotFound when there is no such file, StoreUnavailable when it is not readable.
    """
    if not path.exists():
        raise StoreNotFound(
            f"There is no database at {path}: make one with bootwave init DIR."
        )
    connection = None
    try:
        connection = sqlite3.connect(
            path.absolute().as_uri() + "?mode=rw",
            uri=True,
            timeout=busy_seconds,
            isolation_level=None,
            check_same_thread=False,
        )
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
        # A schema changed behind our back must not run functions of its own.
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchall()
    except sqlite3.Error as error:
        if connection is not None:
            connection.close()
        if not os.access(path, os.R_OK | os.W_OK):
            raise StoreUnavailable(
                f"The database {path} may not be used {BY_THIS_USER}"
            ) from error
        raise StoreUnavailable(f"The database {path} cannot be used: {error}.") from (
            error
        )
    return connection


def connect(
    path: Path, *, read_only: bool = False, busy_seconds: float = BUSY_SECONDS
) -> sqlite3.Connection:
    """Return a connection to the store *path*, its schema checked.

    A lock that another holds is waited for up to *busy_seconds*.  With *read_only* the
    connection refuses to write and reads through a memory map.
    Raises StoreNotFound, StoreUnavailable, SchemaTooNew or SchemaTooOld.
    """
    connection = open_file(path, busy_seconds=busy_seconds)
    try:
        require_head(connection, str(path))
        (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise StoreUnavailable(
                f"The database {path} cannot use a write-ahead log (it says {mode}): "
                "put it on a local file system."
            )
        connection.execute(_CACHE)
        connection.execute(_CUT_LOG)
        if read_only:
            connection.execute(_MAP_FILE)
            connection.execute("PRAGMA query_only = ON")
    except sqlite3.Error as error:
        connection.close()
        raise StoreUnavailable(f"The database {path} cannot be used: {error}.") from (
            error
        )
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Run the body in one write transaction: committed at its end, or not at all.

    Raises StoreConflict when a constraint of the schema refuses the body's writes and
    StoreUnavailable when the database fails, a failed COMMIT included; whatever else
    the body raises comes through after the rollback.
    """
    try:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            roll_back(connection)
            raise
    except sqlite3.IntegrityError as error:
        raise StoreConflict(
            f"The change contradicts what is stored ({error}): nothing was changed."
        ) from error
    except sqlite3.Error as error:
        raise StoreUnavailable(
            f"The store could not be written ({error}): nothing was changed."
        ) from error


def roll_back(connection: sqlite3.Connection) -> None:
    """Undo the open transaction, if SQLite has not undone it already."""
    if connection.in_transaction:
        try:
            connection.execute("ROLLBACK")
        except sqlite3.Error:
            # The transaction dies with the connection; nothing of it was committed.
            connection.close()


def placeholders(count: int, mark: str = "?") -> str:
    """Return *count* question marks for an ``IN`` list: ``?, ?, ?``.

    For VALUES the *mark* is ``(?)``.
    """
    return ", ".join([mark] * count)
