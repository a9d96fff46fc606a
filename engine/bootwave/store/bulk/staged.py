"""Rows of an import, checked as they come and kept until all of them are there.

They are kept in a file that has no name and goes with the process, not in memory and
not in the database: an import may be of any size, whoever sends it may be slow, and
phones' writes must wait for neither.  Passwords are sealed in it, by a key that is
nowhere else.
"""

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from bootwave.errors import OperatorError, SettingError, StoreUnavailable
from bootwave.store.bulk.importrows import FIELDS, ImportRow, checked_row
from bootwave.store.names import AccountName, required_domain, sort_name
from bootwave.store.rowerrors import Errors, RowError
from bootwave.store.secrets import KeyRing

TOGETHER = 10_000  # rows in memory while they are written
MACS_EACH = (
    10  # that a row is reckoned to have at most; of one with more there are fewer
)

_TABLE = """
CREATE TABLE rows (
  row INTEGER PRIMARY KEY, domain TEXT NOT NULL, number TEXT NOT NULL,
  display_name TEXT NOT NULL, sealed BLOB NOT NULL, wildcard TEXT NOT NULL,
  macs TEXT NOT NULL, mailbox TEXT NOT NULL, auth_user TEXT NOT NULL,
  given INTEGER NOT NULL, settled INTEGER NOT NULL DEFAULT 0,
  account_id INTEGER NOT NULL DEFAULT 0, ready BLOB NOT NULL DEFAULT x'',
  mac INTEGER NOT NULL, identity INTEGER NOT NULL DEFAULT 1, sort_name TEXT NOT NULL,
  UNIQUE (domain, number)
)
"""
# The MACs of rows that have several.
_SEVERAL = "CREATE TABLE several (mac INTEGER PRIMARY KEY)"
# Numbers of the domain's accounts that no row names (wholedomain).
_MISSING = "CREATE TABLE missing (number TEXT PRIMARY KEY) WITHOUT ROWID"
_ADD_MISSING = "INSERT INTO missing (number) VALUES (?) ON CONFLICT DO NOTHING"
_SOME_MISSING = "SELECT number FROM missing WHERE number > ? ORDER BY number LIMIT ?"
_COUNT_MISSING = "SELECT COUNT(*) FROM missing"
_FORGET_MISSING = "DELETE FROM missing"
_ADD_SEVERAL = "INSERT INTO several (mac) VALUES (?) ON CONFLICT DO NOTHING"
_ADD = """
INSERT INTO rows (row, domain, number, display_name, sealed, wildcard, macs, mailbox,
  auth_user, given, mac, sort_name)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (domain, number) DO NOTHING
"""
_BEFORE = "SELECT row FROM rows WHERE domain = ? AND number = ?"
_SOME = """
SELECT row, domain, number, display_name, sealed, wildcard, macs, mailbox, auth_user,
  given, account_id, ready
FROM rows WHERE row > ? AND settled = 0 ORDER BY row LIMIT ?
"""
# 2: to be written together.  New accounts, whose phones no other kind of row names,
# of one domain each, and as many as a phone has.
_CHOOSE = (
    """
    UPDATE rows SET settled = 2
    WHERE settled = 0 AND account_id > 0 AND wildcard = '' AND (mac <> 0 OR macs = '')
    """,
    """
    UPDATE rows SET settled = 0 WHERE settled = 2 AND mac IN (
      SELECT mac FROM rows WHERE settled = 0 AND mac <> 0
      UNION SELECT mac FROM several
      UNION SELECT mac FROM rows WHERE settled = 2 AND mac <> 0 GROUP BY mac
        HAVING COUNT(*) > 12 OR COUNT(DISTINCT domain) > 1)
    """,
    """
    UPDATE rows SET identity = r.place FROM (
      SELECT row, row_number() OVER (PARTITION BY mac ORDER BY row) AS place
      FROM rows WHERE settled = 2 AND mac <> 0) r
    WHERE r.row = rows.row AND r.place > 1
    """,
)
# What accounts become that keep their phones; 3: written from here.
_CHANGES = """
CREATE TABLE changes (
  row INTEGER PRIMARY KEY, id INTEGER NOT NULL, display_name TEXT NOT NULL,
  auth_user TEXT NOT NULL, mailbox TEXT NOT NULL, sort_name TEXT NOT NULL, sealed BLOB,
  fields INTEGER NOT NULL
)
"""
_KEEP_CHANGE = """
INSERT INTO changes (row, id, display_name, auth_user, mailbox, sort_name, sealed,
  fields)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
_SETTLE_CHANGE = "UPDATE rows SET settled = 3 WHERE row = ?"
_FORGET_CHANGES = "DELETE FROM changes"
_COUNT_CHANGES = "SELECT COUNT(*) FROM rows WHERE settled = 3"
_CHANGED = """
SELECT c.display_name, c.auth_user, c.mailbox, c.sort_name, c.sealed, c.id
FROM rows r JOIN changes c ON c.row = r.row WHERE r.settled = 3 AND c.fields
"""
_SEALED = """
SELECT c.sealed, c.id FROM rows r JOIN changes c ON c.row = r.row
WHERE r.settled = 3 AND NOT c.fields
"""
_IDS_SEALED = """
SELECT c.row, c.id FROM rows r JOIN changes c ON c.row = r.row
WHERE c.row > ? AND r.settled = 3 AND c.sealed IS NOT NULL ORDER BY c.row LIMIT ?
"""
_CHOSEN = """
SELECT row, domain, number, mac FROM rows WHERE row > ? AND settled = 2
ORDER BY row LIMIT ?
"""
_KEEP_BACK = """
UPDATE rows SET settled = 0
WHERE settled = 2 AND (row IN (SELECT value FROM json_each(:rows)) OR mac IN (
  SELECT r.mac FROM json_each(:rows) j JOIN rows r ON r.row = j.value
  WHERE r.mac <> 0))
"""
_KEEP_ALL_BACK = "UPDATE rows SET settled = 0 WHERE settled > 1"
_KEYS = """
SELECT DISTINCT substr(ready, 1, 4) FROM rows WHERE settled > 1 AND ready <> x''
"""
_ACCOUNTS = """
SELECT r.account_id, j.value, r.number, r.display_name, r.auth_user, r.ready, r.mailbox,
  r.sort_name
FROM rows r JOIN json_each(:domains) j ON j.key = r.domain
WHERE r.settled = 2 ORDER BY r.row
"""
_DEVICES = """
SELECT r.mac, j.value, j.value, 0, :wall FROM rows r
JOIN json_each(:domains) j ON j.key = r.domain
WHERE r.settled = 2 AND r.mac <> 0 ORDER BY r.mac
"""
_BINDINGS = """
SELECT r.mac, r.identity, r.account_id, j.value FROM rows r
JOIN json_each(:domains) j ON j.key = r.domain
WHERE r.settled = 2 AND r.mac <> 0 ORDER BY r.mac, r.identity
"""
_SETTLED = "SELECT row, settled FROM rows WHERE domain = ? AND number = ?"
_UNSETTLE = "UPDATE rows SET settled = 0 WHERE row = ?"
_UNSETTLE_ALL = "UPDATE rows SET settled = 0 WHERE settled <> 0"
_UNPREPARE = "UPDATE rows SET account_id = 0, ready = x'' WHERE account_id <> 0"
_SETTLE = "UPDATE rows SET settled = 1 WHERE row = ?"
_READY = "UPDATE rows SET account_id = ?, ready = ? WHERE row = ?"
_LEFT = """
SELECT COUNT(*), COALESCE(SUM(CASE macs WHEN '' THEN 0
  ELSE length(macs) - length(replace(macs, ' ', '')) + 1 END), 0)
FROM rows WHERE settled <> 1
"""
_NAMED = """
SELECT r.number FROM json_each(:numbers) j
CROSS JOIN rows r ON r.domain = :domain AND r.number = j.value
"""
_ENTRIES = tuple(1 << place for place in range(len(FIELDS)))


class Left(NamedTuple):
    """How many rows are to be written, and how many MACs they have."""

    rows: int
    macs: int


class Stage:
    """The rows of one import.  One thread at a time may use it; ``close`` ends it.

    ``right`` counts the rows that can be written as far as they tell, ``settled`` those
    of them for which nothing is to be done, and ``wrong`` holds what is wrong with the
    others.
    """

    def __init__(self, domain: str | None = None, *, only: bool = False) -> None:
        """Take rows; *domain* stands for those that name none.

        With *only* a row of another domain is wrong.  Raises SettingError for a domain
        that cannot be one, StoreUnavailable when no file can be made.
        """
        self.domain = None if domain is None else required_domain(domain)
        self._only = only
        self._keyring = KeyRing({os.urandom(4): os.urandom(32)})
        self.right = 0
        self.read = 0
        self.settled = 0
        self.wrong = Errors()
        with _room():
            # "" is a file of SQLite's own in the directory for temporary ones.
            self._connection = sqlite3.connect(
                "", isolation_level=None, check_same_thread=False
            )
            self._connection.execute("PRAGMA cache_size = -8192")  # KiB
            self._connection.execute("PRAGMA journal_mode = OFF")
            self._connection.execute("PRAGMA synchronous = OFF")
            self._connection.execute(_TABLE)
            self._connection.execute(_SEVERAL)
            self._connection.execute(_MISSING)
            self._connection.execute(_CHANGES)

    def add(self, rows: Iterable[Mapping[str, str] | None]) -> None:
        """Check *rows* and keep the right ones; raises StoreUnavailable."""
        with self._writing():
            for row in rows:
                self.read += 1
                try:
                    self._keep(checked_row(self.read, row, self.domain))
                    self.right += 1
                except OperatorError as error:
                    self.wrong.add([RowError(self.read, str(error))])

    def chunks(self, most: int = 0) -> Iterator[list[ImportRow]]:
        """Yield the right rows in their order, as many as ``some`` does.

        Without those that are settled; *most* at once, if it is given.
        """
        last = 0
        while rows := self.some(last, most or TOGETHER):
            last = rows[-1].row
            yield rows

    def some(self, after: int, most: int) -> list[ImportRow]:
        """Return the first *most* right rows that stand below the row *after*.

        There are fewer when they have very many MACs.
        """
        found: list[ImportRow] = []
        macs = 0
        with _room():
            for row in self._connection.execute(_SOME, (after, most)):
                found.append(self._row(row))
                macs += len(found[-1].macs)
                if macs >= MACS_EACH * most:
                    break
        return found

    def left(self) -> Left:
        """Return how much is not settled."""
        with _room():
            return Left(*self._connection.execute(_LEFT).fetchall()[0])

    def settle(self, rows: Iterable[int]) -> None:
        """Note that nothing is to be done for the rows with these numbers."""
        numbers = [(row,) for row in rows]
        with self._writing():
            self._connection.executemany(_SETTLE, numbers)
        self.settled += len(numbers)

    def unsettle(self, accounts: Iterable[AccountName]) -> list[AccountName]:
        """Have the rows of *accounts* written after all; return those without a row."""
        rows: list[int] = []
        others: list[AccountName] = []
        count = 0
        for account in accounts:
            found = self._fetched(_SETTLED, (account.domain, account.number))
            if not found:
                others.append(account)
            elif found[0][1]:
                rows.append(found[0][0])
                count += found[0][1] == 1
        if rows:
            with self._writing():
                self._connection.executemany(_UNSETTLE, [(row,) for row in rows])
            self.settled -= count
            self.keep_back(rows)
        return others

    def unsettle_all(self) -> None:
        """Have all rows written after all, none of them together."""
        with self._writing():
            self._connection.execute(_UNSETTLE_ALL)
        self.settled = 0

    def forget_plan(self) -> None:
        """Have all rows as they came, before anything was looked up for them."""
        self.unsettle_all()
        self.forget_missing()
        with self._writing():
            self._connection.execute(_UNPREPARE)
            self._connection.execute(_FORGET_CHANGES)

    def keep_ready(self, rows: Iterable[ImportRow]) -> None:
        """Keep the passwords of *rows* as they are to be stored."""
        with self._writing():
            self._connection.executemany(
                _READY,
                [
                    # One that is stored is told from one that is to be by the sign.
                    (row.account_id * (1 if row.is_new else -1), row.ready, row.row)
                    for row in rows
                ],
            )

    def keep_changes(self, rows: Iterable[ImportRow]) -> None:
        """Keep what accounts of *rows* become, which are prepared; they are chosen."""
        kept = [
            (
                *(
                    row.row,
                    row.account_id,
                    one.display_name,
                    one.auth_user,
                    one.mailbox,
                ),
                sort_name(one.display_name),
                row.ready if one.other_password else None,
                one.other_fields,
            )
            for row in rows
            if (one := row.becomes) and (row.ready or not one.other_password)
        ]
        with self._writing():
            self._connection.executemany(_KEEP_CHANGE, kept)
            self._connection.executemany(_SETTLE_CHANGE, [(row[0],) for row in kept])

    def count_changes(self) -> int:
        """Return how many rows are chosen that change an account."""
        return int(self._fetched(_COUNT_CHANGES, ())[0][0])

    def changes(self) -> tuple[Iterator[Any], Iterator[Any]]:
        """Return what chosen accounts become, as changedaccounts writes it.

        Those whose fields change, perhaps with their passwords; and the other ones.
        """
        return self._connection.execute(_CHANGED), self._connection.execute(_SEALED)

    def newly_sealed(self) -> Iterator[list[int]]:
        """Yield the ids of chosen accounts that get another password, in chunks."""
        last = 0
        while rows := self._fetched(_IDS_SEALED, (last, TOGETHER)):
            last = rows[-1][0]
            yield [account_id for _, account_id in rows]

    def choose(self) -> None:
        """Choose rows to be written together: new accounts that need no other look.

        They are no part of ``chunks`` any more, unless they are kept back.
        """
        with self._writing():
            for statement in _CHOOSE:
                self._connection.execute(statement)

    def chosen(self) -> Iterator[list[tuple[int, str, str, int]]]:
        """Yield row, domain, number and MAC (or 0) of what is chosen, in chunks."""
        last = 0
        while rows := self._fetched(_CHOSEN, (last, TOGETHER)):
            last = rows[-1][0]
            yield rows

    def keep_back(self, rows: Sequence[int]) -> None:
        """Choose *rows* not, and none that names the phone of one of them."""
        if rows:
            with self._writing():
                named = {"rows": json.dumps([*rows])}
                self._connection.execute(_KEEP_BACK, named)

    def keep_all_back(self) -> None:
        """Choose none, neither new accounts nor those that change."""
        with self._writing():
            self._connection.execute(_KEEP_ALL_BACK)

    def is_sealed_by(self, sealing_id: bytes) -> bool:
        """Whether the passwords of chosen rows are sealed by the key *sealing_id*."""
        found = self._fetched(_KEYS, ())
        return {bytes(key_id) for (key_id,) in found} <= {sealing_id}

    def together(
        self, domains: Mapping[str, int], wall: float
    ) -> tuple[Iterator[Any], ...]:
        """Return the accounts, devices and bindings that chosen rows make.

        As newaccounts writes them, at *wall* by the clock; *domains* are the ids of all
        that the rows name.
        """
        named = {"domains": json.dumps(domains), "wall": wall}
        accounts, devices, bindings = (
            self._connection.execute(statement, named)
            for statement in (_ACCOUNTS, _DEVICES, _BINDINGS)
        )
        return accounts, devices, bindings

    def named(self, domain: str, numbers: Sequence[str]) -> set[str]:
        """Return which of the *numbers* of a domain there is a right row of."""
        asked = {"domain": domain, "numbers": json.dumps([*numbers])}
        return {number for (number,) in self._fetched(_NAMED, asked)}

    def add_missing(self, numbers: Iterable[str]) -> None:
        """Note accounts of the domain that no row names."""
        with self._writing():
            self._connection.executemany(_ADD_MISSING, [(one,) for one in numbers])

    def missing(self, most: int = TOGETHER) -> Iterator[list[str]]:
        """Yield the numbers of accounts that no row names, *most* at once."""
        last = ""
        while rows := self._fetched(_SOME_MISSING, (last, most)):
            last = rows[-1][0]
            yield [number for (number,) in rows]

    def count_missing(self) -> int:
        """Return how many accounts no row names."""
        return int(self._fetched(_COUNT_MISSING, ())[0][0])

    def forget_missing(self) -> None:
        """Forget which accounts no row names."""
        with self._writing():
            self._connection.execute(_FORGET_MISSING)

    def close(self) -> None:
        """Forget everything."""
        self._connection.close()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Run the body in one transaction; after StoreUnavailable only close it."""
        with _room():
            self._connection.execute("BEGIN")
            yield
            self._connection.execute("COMMIT")

    def _fetched(
        self, statement: str, values: tuple[Any, ...] | dict[str, Any]
    ) -> list[Any]:
        with _room():
            return self._connection.execute(statement, values).fetchall()

    def _keep(self, row: ImportRow) -> None:
        account = row.account
        if self._only and account.domain != self.domain:
            raise SettingError(
                f"{account} is no account of {self.domain}: leave the domain out."
            )
        sealed = b""
        if row.password:
            sealed = self._keyring.seal(row.password, owner=f"row {row.row}")
        macs = " ".join(f"{mac:x}" for mac in row.macs)
        given = sum(
            entry
            for field, entry in zip(FIELDS, _ENTRIES, strict=True)
            if field in row.given
        )
        added = self._connection.execute(
            _ADD,
            (
                *(row.row, account.domain, account.number, row.display_name, sealed),
                *(row.wildcard, macs, row.mailbox, row.auth_user, given),
                row.macs[0] if len(row.macs) == 1 else 0,
                sort_name(row.display_name),
            ),
        )
        if not added.rowcount:
            before = self._connection.execute(
                _BEFORE, (account.domain, account.number)
            ).fetchall()
            raise SettingError(f"{account} stands in row {before[0][0]} already.")
        if len(row.macs) > 1:
            several = [(mac,) for mac in row.macs]
            self._connection.executemany(_ADD_SEVERAL, several)

    def _row(self, row: tuple[Any, ...]) -> ImportRow:
        number, domain, extension, name, sealed, wildcard, macs, *rest = row
        mailbox, auth_user, given, account_id, ready = rest
        password = ""
        if sealed and not ready:
            password = self._keyring.open(sealed, owner=f"row {number}")
        return ImportRow(
            number,
            AccountName(extension, domain),
            name,
            password,
            wildcard,
            tuple([int(mac, 16) for mac in macs.split()]),
            mailbox,
            auth_user,
            tuple(
                field
                for field, entry in zip(FIELDS, _ENTRIES, strict=True)
                if given & entry
            ),
            abs(account_id),
            ready,
            account_id > 0,
        )


@contextmanager
def _room() -> Iterator[None]:
    """Raise StoreUnavailable where SQLite finds none for the rows."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreUnavailable(
            f"The rows could not be kept ({error}): look whether the directory for "
            "temporary files, $SQLITE_TMPDIR or /var/tmp, is full."
        ) from error
