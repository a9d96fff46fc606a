"""What each device did last: a file of one row for each, to sort and narrow down by.

The file of sightings says it, but has no index.  So the control process keeps this one
beside it (``contactkeeper``), out of the database: nothing here delays a commit that a
phone waits for.  It is made from the two others and may be deleted at any time.

A row is of what a device did ``since`` its domain got it, and begins anew with the next
domain: nothing of what it did elsewhere decides where this one finds it.  ``at`` is 0
for a device that was not heard since.  ``firmware`` is what it said to run with its
last settings, spelled so that versions sort as text (``sortable``), and "" where it
said none.  ``refused`` is whether it was refused when it was last decided over.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from bootwave.errors import StoreUnavailable
from bootwave.phone.firmware import FirmwareVersion
from bootwave.store.connection import open_file

VERSION: Final = 2
LOCK_SECONDS: Final = 10.0

_SCHEMA: Final = (
    """
CREATE TABLE contacts (
  mac INTEGER PRIMARY KEY,
  domain_id INTEGER NOT NULL,
  model TEXT NOT NULL,
  since REAL NOT NULL DEFAULT 0,
  at REAL NOT NULL DEFAULT 0,
  source TEXT NOT NULL DEFAULT '',
  reason INTEGER NOT NULL DEFAULT 0,
  firmware TEXT NOT NULL DEFAULT '',
  said TEXT NOT NULL DEFAULT '',
  said_at REAL NOT NULL DEFAULT 0,
  decided_at REAL NOT NULL DEFAULT 0,
  refused INTEGER NOT NULL DEFAULT 0
)
""",
    # How far the keeper is: in the file of sightings, in the log of changes, in the
    # devices while it compares all (-1: it does not), and how many indexes it made.
    """
CREATE TABLE progress (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  file INTEGER NOT NULL,
  nameless INTEGER NOT NULL,
  unknown INTEGER NOT NULL,
  known INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  compared INTEGER NOT NULL,
  indexes INTEGER NOT NULL
)
""",
    "INSERT INTO progress VALUES (1, 0, 0, 0, 0, 0, 0, 0)",
)
# Made one by one when every row is there: rows that come in no order would touch pages
# all over them.  The MAC, by which rows are told apart, ends each of itself.
INDEXES: Final = (
    "CREATE INDEX contacts_at ON contacts (at)",
    "CREATE INDEX contacts_domain_at ON contacts (domain_id, at)",
    "CREATE INDEX contacts_firmware ON contacts (firmware)",
    "CREATE INDEX contacts_domain_firmware ON contacts (domain_id, firmware)",
    "CREATE INDEX contacts_model_firmware ON contacts (model, firmware)",
    "CREATE INDEX contacts_refused ON contacts (decided_at) WHERE refused = 1",
    """
CREATE INDEX contacts_domain_refused ON contacts (domain_id, decided_at)
WHERE refused = 1
""",
)
_SET_VERSION: Final = "PRAGMA user_version = 2"
_GET_VERSION: Final = "PRAGMA user_version"
_COMPLETE: Final = "SELECT indexes FROM progress"


class ContactFile:
    """The file of contacts at *path*, which its keeper makes."""

    def __init__(self, path: Path) -> None:
        """Open nothing yet."""
        self.path = path

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Open the file, one moment of it, to read.

        Raises StoreUnavailable while there is none that is complete.  One that turns
        out to be damaged is deleted: its keeper may never read that part of it.
        """
        missing = StoreUnavailable(
            "When phones were heard is being gathered for the first time: try again in "
            "a minute."
        )
        if not self.path.exists():
            raise missing
        connection = None
        try:
            connection = open_file(self.path)
            connection.execute("PRAGMA query_only = ON")
            connection.execute("BEGIN")
            ((version,),) = connection.execute(_GET_VERSION).fetchall()
            if version != VERSION:
                raise missing
            ((indexes,),) = connection.execute(_COMPLETE).fetchall()
            if indexes < len(INDEXES):
                raise missing
            yield connection
        except (sqlite3.Error, StoreUnavailable) as error:
            cause = error.__cause__ if isinstance(error, StoreUnavailable) else error
            if is_damage(cause):
                self.remove()
                raise missing from error
            if isinstance(error, StoreUnavailable):
                raise
            raise StoreUnavailable(
                f"The file of contacts {self.path} cannot be read: {error}."
            ) from error
        finally:
            if connection is not None:
                connection.close()

    def writing(self) -> sqlite3.Connection:
        """Return a connection to write by; the file is made if need be.

        One that another version made, or that is damaged, is made anew.  Raises
        StoreUnavailable.
        """
        for fresh in (False, True):
            if fresh:
                self.remove()
            connection = self._opened()
            try:
                connection.execute("PRAGMA journal_mode = WAL").fetchall()
                # What is lost with the power is read from the sightings once more.
                connection.execute("PRAGMA synchronous = NORMAL")
                connection.execute("PRAGMA journal_size_limit = 67108864")
                connection.execute("PRAGMA cache_size = -32768")
                if _is_made(connection):
                    return connection
            except sqlite3.OperationalError as error:
                connection.close()
                raise self._lost(error) from error
            except sqlite3.DatabaseError:
                pass  # damaged
            connection.close()
        raise self._lost("it cannot be made")

    def inode(self) -> int:
        """Return which file it is now, 0 for none."""
        with suppress(FileNotFoundError):
            return self.path.stat().st_ino
        return 0

    def remove(self) -> None:
        """Delete the file, and what SQLite keeps beside it; raises StoreUnavailable."""
        try:
            for companion in ("-wal", "-shm", ""):
                with suppress(FileNotFoundError):
                    os.unlink(f"{self.path}{companion}")
        except OSError as error:
            raise self._lost(error.strerror) from error

    def _opened(self) -> sqlite3.Connection:
        with suppress(FileExistsError):
            try:
                # Nobody else reads it, whatever the umask.
                flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
                os.close(os.open(self.path, flags, 0o600))
            except FileExistsError:
                raise
            except OSError as error:
                raise self._lost(error.strerror) from error
        try:
            return open_file(self.path, busy_seconds=LOCK_SECONDS)
        except StoreUnavailable as error:
            if not is_damage(error.__cause__):
                raise
            self.remove()
            return self._opened()

    def _lost(self, why: object) -> StoreUnavailable:
        return StoreUnavailable(
            f"The file of contacts {self.path} cannot be written: {why}."
        )


def _is_made(connection: sqlite3.Connection) -> bool:
    """Make the tables of an empty file; whether they are those of this version."""
    connection.execute("BEGIN IMMEDIATE")
    ((version,),) = connection.execute(_GET_VERSION).fetchall()
    if version == 0:
        for statement in _SCHEMA:
            connection.execute(statement)
        connection.execute(_SET_VERSION)
        version = VERSION
    connection.execute("COMMIT")
    return bool(version == VERSION)


def is_damage(error: BaseException | None) -> bool:
    """Whether *error*, of SQLite, says that a file is damaged, not away or locked."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK)
    return code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def sortable(version: FirmwareVersion | tuple[int, ...]) -> str:
    """Return a version, or how it begins, so that texts sort as versions do."""
    return "".join(f"{number:05}" for number in version)
