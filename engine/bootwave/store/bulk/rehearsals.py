"""What an import would do, tried out on a copy of what its rows touch.

Whoever only asks must keep no phone from writing.  So what is stored around the rows,
at one moment, is copied into a file that has no name, and there they are written by
what else writes them.  What is copied has no foreign keys: it is a part, and what is
missing has no say in what is counted or refused.
"""

import json
import sqlite3
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bootwave.errors import StoreConflict, StoreUnavailable
from bootwave.store.bulk.importrows import ImportRow
from bootwave.store.bulk.staged import Stage

_TOGETHER = 2_000  # rows copied in one step

_ATTACH = "ATTACH DATABASE :file AS store"
_SCHEMA = """
SELECT sql FROM store.sqlite_master
WHERE type IN ('table', 'index') AND sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%'
  ESCAPE '\\'
ORDER BY type DESC, rowid
"""
# Of every domain, since rows may name any; they say who holds which network.
_EVERYWHERE = (
    "INSERT INTO domains SELECT * FROM store.domains",
    "DELETE FROM sqlite_sequence WHERE name = 'accounts'",
    """
    INSERT INTO sqlite_sequence (name, seq)
    SELECT name, seq FROM store.sqlite_sequence WHERE name = 'accounts'
    """,
)
# As long as there is one, the domain holds its network.
_STARS = """
INSERT OR IGNORE INTO accounts
SELECT a.* FROM domains d
CROSS JOIN store.accounts a
  ON a.domain_id = d.id AND a.wildcard <> '' AND a.wildcard = '*'
WHERE d.name = :domain
"""
_NAMED = """
INSERT OR IGNORE INTO accounts
SELECT a.* FROM domains d
JOIN json_each(:numbers) j
CROSS JOIN store.accounts a ON a.domain_id = d.id AND a.number = j.value
WHERE d.name = :domain
"""
_MACS = """
SELECT DISTINCT b.mac FROM domains d
JOIN json_each(:numbers) j
CROSS JOIN accounts a ON a.domain_id = d.id AND a.number = j.value
CROSS JOIN store.bindings b ON b.account_id = a.id
WHERE d.name = :domain
"""
# Whatever else the phones have decides over a new binding, too.
_OF_MACS = (
    """
    INSERT OR IGNORE INTO devices
    SELECT v.* FROM json_each(:macs) j CROSS JOIN store.devices v ON v.mac = j.value
    """,
    """
    INSERT OR IGNORE INTO bindings
    SELECT b.* FROM json_each(:macs) j CROSS JOIN store.bindings b ON b.mac = j.value
    """,
    """
    INSERT OR IGNORE INTO accounts
    SELECT a.* FROM json_each(:macs) j
    CROSS JOIN store.bindings b ON b.mac = j.value
    CROSS JOIN store.accounts a ON a.id = b.account_id
    """,
)


class Rehearsal:
    """A part of the store on which rows are tried out; ``close`` forgets it.

    One thread at a time may use it.  ``connection`` is to it, and writes nowhere else.
    """

    def __init__(self, database: Path) -> None:
        """Begin to copy from the store *database*, as it is now.

        Raises StoreUnavailable when it cannot be read, or nothing be kept.
        """
        self._domains: set[str] = set()  # of which something is copied
        # "" is a file of SQLite's own in the directory for temporary ones.
        self.connection = sqlite3.connect(
            "", uri=True, isolation_level=None, check_same_thread=False
        )
        try:
            with _room():
                self._begin(database)
        except BaseException:
            self.close()
            raise

    def copy(self, domain: str, numbers: Sequence[str], macs: Sequence[int]) -> None:
        """Copy accounts of *domain*, their phones, and *macs* with theirs."""
        with _room():
            named = {"domain": domain, "numbers": json.dumps([*numbers])}
            if domain not in self._domains:
                self._domains.add(domain)
                self.connection.execute(_STARS, {"domain": domain})
            self.connection.execute(_NAMED, named)
            found = self.connection.execute(_MACS, named).fetchall()
            all_macs = {*macs, *(mac for (mac,) in found)}
            for statement in _OF_MACS:
                self.connection.execute(statement, {"macs": json.dumps([*all_macs])})

    def copy_of(self, rows: Sequence[ImportRow]) -> None:
        """Copy what *rows* name."""
        domains: dict[str, list[ImportRow]] = {}
        for row in rows:
            domains.setdefault(row.account.domain, []).append(row)
        for domain, some in domains.items():
            macs = [mac for row in some for mac in row.macs]
            self.copy(domain, [row.account.number for row in some], macs)

    def copied(self, stage: Stage) -> Generator[float, None, None]:
        """Copy what the rows of *stage* touch that are left to write, and what goes.

        In steps, behind which others may have their turn.
        """
        for rows in stage.chunks(_TOGETHER):
            self.copy_of(rows)
            yield 0.0
        for numbers in stage.missing(_TOGETHER):
            assert stage.domain is not None
            self.copy(stage.domain, numbers, ())
            yield 0.0

    @contextmanager
    def written(self) -> Iterator[sqlite3.Connection]:
        """Give the connection for the rows to be written; nothing is copied any more.

        Raises StoreConflict and StoreUnavailable, as the store's own transaction does.
        """
        with _room():
            self.connection.execute("COMMIT")
            self.connection.execute("DETACH DATABASE store")
            self.connection.execute("BEGIN")
            yield self.connection

    def close(self) -> None:
        """Forget everything."""
        self.connection.close()

    def _begin(self, database: Path) -> None:
        connection = self.connection
        connection.execute("PRAGMA cache_size = -8192")  # KiB
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA trusted_schema = OFF")
        file = database.absolute().as_uri() + "?mode=ro"
        connection.execute(_ATTACH, {"file": file})
        connection.execute("BEGIN")
        for (statement,) in connection.execute(_SCHEMA).fetchall():
            connection.execute(statement)
        for statement in _EVERYWHERE:
            connection.execute(statement)


@contextmanager
def _room() -> Iterator[None]:
    """Tell errors of SQLite as what they mean to who asked."""
    try:
        yield
    except sqlite3.IntegrityError as error:
        raise StoreConflict(
            f"The change contradicts what is stored ({error}): nothing was changed."
        ) from error
    except sqlite3.Error as error:
        raise StoreUnavailable(
            f"The rows could not be tried out ({error}): look whether the store can be "
            "read, and whether the directory for temporary files, $SQLITE_TMPDIR or "
            "/var/tmp, is full."
        ) from error
