"""Another key for secrets at rest, beside an engine that runs.

    new key in front of the file ──► sealed anew, some hundred in each transaction ──►
    the old key goes, when nothing needs it any more

Killed at any point, the file holds every key that something is sealed with, and the
next run goes on where this one ended: what is sealed with the first key is done.
Processes that run read the file again by themselves (``secrets``).
"""

import math
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from bootwave.errors import OptionError, StoreError
from bootwave.store import audit, keysources
from bootwave.store.changelog import Change, record
from bootwave.store.connection import transaction
from bootwave.store.proofs.tokens import device_token_owner, domain_token_owner
from bootwave.store.secrets import (
    KeyRing,
    credentials_owner,
    password_owner,
    redirection_owner,
)

BATCH = 500  # secrets in one transaction: some milliseconds, for phones write, too
# What was sealed with the key before by a process that had not noticed the new one is
# in the database by then: no write waits for longer than the lock is waited for.
SETTLED_SECONDS = 30.0
MAX_NAMED = 20  # owners of secrets that cannot be opened

Progress = Callable[[int, int], None]


class _Sealed(NamedTuple):
    """Where sealed secrets are: a column of a table, by the row's key."""

    key_ids: str
    how_many: str
    some: str
    put: str
    owner: Callable[[int], str]
    change: str  # the kind of change to log for the key, "" for none


def _column(
    table: str, key: str, column: str, owner: Callable[[int], str], change: str = ""
) -> _Sealed:
    where = f"length({column}) > 0 AND substr({column}, 1, 4) <> :key_id"
    return _Sealed(
        f"SELECT DISTINCT substr({column}, 1, 4) FROM {table} "
        f"WHERE length({column}) > 0",
        f"SELECT COUNT(*) FROM {table} WHERE {where}",
        f"SELECT {key}, {column} FROM {table} WHERE {where} AND {key} > :after "
        f"ORDER BY {key} LIMIT :most",
        f"UPDATE {table} SET {column} = :sealed WHERE {key} = :key "
        f"AND {column} = :before",
        owner,
        change,
    )


COLUMNS = (
    _column("accounts", "id", "sealed_password", password_owner),
    _column("device_credentials", "mac", "sealed_password", credentials_owner),
    _column("device_credentials", "mac", "sealed_previous", credentials_owner),
    _column("device_tokens", "mac", "sealed_token", device_token_owner, "device"),
    _column("device_tokens", "mac", "sealed_previous", device_token_owner, "device"),
    _column(
        "domain_tokens", "domain_id", "sealed_token", domain_token_owner, "wildcard"
    ),
    _column(
        "domain_tokens", "domain_id", "sealed_previous", domain_token_owner, "wildcard"
    ),
    _column("redirection_accounts", "id", "sealed_password", redirection_owner),
)


class Rekeyed(NamedTuple):
    """What a run did.

    ``key`` is the name of the key that seals, ``new`` whether this run made it.
    ``sealed`` is how many secrets were sealed anew, ``old`` names the keys that can be
    dropped, and ``damaged`` some owners of secrets that could not be opened.
    """

    key: str
    new: bool
    sealed: int
    old: list[str]
    damaged: list[str]


def rekey(
    connection: sqlite3.Connection,
    source: Path,
    *,
    now: float,
    actor: str,
    progress: Progress | None = None,
) -> Rekeyed:
    """Seal everything with the first key of *source*, made now if there is but one.

    *now* is wall-clock seconds and *actor* who asked, for the audit log.  Raises
    OptionError when keys cannot be read or written, StoreUnavailable; what was sealed
    until then stays so.
    """
    with transaction(connection):
        # The database's lock is the key file's, too: of two that made a key at once the
        # later would take away the other's, and all that is sealed with it.
        lines = keysources.key_lines(source)
        new = len(lines) == 1
        if new:
            if not keysources.is_file(source):
                raise OptionError(
                    f"store.key = {source} is no file: put a line of bootwave store "
                    "rekey --new-key before the key there, restart the engine, and "
                    "run this again."
                )
            lines.insert(0, keysources.new_line())
            keysources.replace_file(source, lines)
        ring = KeyRing.load(source)
        if new:
            detail = {"key": ring.sealing_id.hex()}
            audit.append(connection, now, actor, "key.added", "store.key", detail)
    sealed, damaged = _seal_all(connection, ring, progress)
    if sealed:
        with transaction(connection):
            told = {"key": ring.sealing_id.hex(), "sealed": sealed}
            audit.append(connection, now, actor, "key.changed", "store.key", told)
    return Rekeyed(
        ring.sealing_id.hex(),
        new,
        sealed,
        [_name(line) for line in lines[1:]],
        damaged[:MAX_NAMED],
    )


def drop_old(
    connection: sqlite3.Connection, source: Path, *, now: float, actor: str
) -> list[str]:
    """Take all keys but the first from the file *source*; return their names.

    Raises OptionError when something is sealed with one of them still, or may be by a
    process that had not noticed the first one yet.
    """
    if not keysources.is_file(source):
        raise OptionError(
            f"store.key = {source} is no file: take the old keys away there, and "
            "restart the engine."
        )
    with transaction(connection):
        lines = keysources.key_lines(source)
        ring = KeyRing.load(source)
        left = _left(connection, ring.sealing_id)
        if left:
            raise OptionError(
                f"{left} secrets are sealed with an older key: run bootwave store "
                "rekey first."
            )
        found = keysources.version(source)
        age = max(0.0, now - (found.modified / 1e9 if found else now))
        if len(lines) > 1 and age < SETTLED_SECONDS:
            wait = math.ceil(SETTLED_SECONDS - age)
            raise OptionError(
                "The new key is so new that the engine may still seal with the one "
                f"before: try again in {wait} second{'s' if wait > 1 else ''}."
            )
        dropped = [_name(line) for line in lines[1:]]
        if dropped:
            detail = {"keys": dropped}
            audit.append(connection, now, actor, "key.dropped", "store.key", detail)
            keysources.replace_file(source, lines[:1])
    return dropped


def missing_keys(connection: sqlite3.Connection, ring: KeyRing) -> list[str]:
    """Return the names of the keys that something is sealed with and *ring* lacks."""
    found: set[bytes] = set()
    for key_ids, *_ in COLUMNS:
        found |= {bytes(row[0]) for row in connection.execute(key_ids)}
    return sorted(key_id.hex() for key_id in found if not ring.knows(key_id))


def _seal_all(
    connection: sqlite3.Connection, ring: KeyRing, progress: Progress | None
) -> tuple[int, list[str]]:
    """Return how many secrets were sealed anew, and the owners of damaged ones."""
    total = _left(connection, ring.sealing_id)
    sealed = 0
    damaged: list[str] = []
    while True:
        before = sealed
        damaged = []
        for _key_ids, _how_many, some, put, owner_of, change in COLUMNS:
            batches = _batches(connection, ring, some, put, owner_of, change)
            for batch, broken in batches:
                sealed += batch
                damaged += broken
                if progress is not None:
                    progress(min(sealed, total), total)
        if sealed == before:  # nothing was sealed with an older key meanwhile
            return sealed, damaged


def _batches(
    connection: sqlite3.Connection,
    ring: KeyRing,
    some: str,
    put: str,
    owner_of: Callable[[int], str],
    change: str,
) -> Iterator[tuple[int, list[str]]]:
    after = -1
    while True:
        changed: list[dict[str, Any]] = []
        broken: list[str] = []
        # Without a lock: the last look goes through all that is sealed.  What others
        # write meanwhile stays, and is found by the next run through all of them.
        rows = connection.execute(
            some, {"key_id": ring.sealing_id, "after": after, "most": BATCH}
        ).fetchall()
        if not rows:
            return
        for key, old in rows:
            owner = owner_of(key)
            try:
                text = ring.open(bytes(old), owner=owner)
            except StoreError:
                broken.append(owner)
                continue
            sealed = ring.seal(text, owner=owner)
            changed.append({"key": key, "sealed": sealed, "before": old})
        with transaction(connection):
            connection.executemany(put, changed)
            if change:
                # Whoever compares what is sealed must read it again.
                changes = [Change(change, row["key"]) for row in changed]
                record(connection, changes)
        after = rows[-1][0]
        yield len(changed), broken
        time.sleep(0)  # phones' writes come in between


def _left(connection: sqlite3.Connection, key_id: bytes) -> int:
    left = 0
    for _key_ids, how_many, *_ in COLUMNS:
        rows = connection.execute(how_many, {"key_id": key_id}).fetchall()
        left += rows[0][0]
    return left


def _name(line: str) -> str:
    """Return the name of the key in *line*, never more of it."""
    return line.partition(" ")[0]
