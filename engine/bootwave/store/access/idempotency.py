"""Requests that carry an Idempotency-Key: carried out once, answered as often as asked.

The key is written in the transaction of the change that it is for, so neither is stored
without the other, and the answer right behind it.  Where that was lost, because the
process died in between, the key still tells that the change was made.

A request is remembered by a keyed hash: what is in it may be a password.
"""

import sqlite3
from typing import NamedTuple

KEEP_SECONDS = 86_400.0
MAX_KEY_CHARACTERS = 255
MAX_KEPT_BYTES = 64 * 1024  # of an answer; a longer one is not given a second time
_TRIM_ROWS = 1_000  # at most, with each new key

_FIND = """
SELECT request, made_at, status, headers, body FROM idempotency_keys
WHERE actor = :actor AND name = :name
"""
_TRIM = """
DELETE FROM idempotency_keys WHERE (actor, name) IN (
  SELECT actor, name FROM idempotency_keys WHERE made_at <= :before LIMIT :most)
"""
_FORGET = "DELETE FROM idempotency_keys WHERE actor = :actor AND name = :name"
_BEGIN = """
INSERT INTO idempotency_keys (actor, name, request, made_at, status, headers, body)
VALUES (:actor, :name, :request, :wall, 0, '', x'')
"""
_ANSWER = """
UPDATE idempotency_keys SET status = :status, headers = :headers, body = :body
WHERE actor = :actor AND name = :name
"""


class Once(NamedTuple):
    """A request with a key: who sent it, under which key, and its keyed hash."""

    actor: str
    key: str
    request: bytes

    def __repr__(self) -> str:
        """Return who it is of, without what it is."""
        return f"Once({self.actor!r})"


class Kept(NamedTuple):
    """What is known of a key: of which request, and the answer; ``status`` 0: none."""

    request: bytes
    status: int
    headers: str
    body: bytes

    def __repr__(self) -> str:
        """Return no more than the status."""
        return f"Kept(status={self.status})"


def find(
    connection: sqlite3.Connection, actor: str, key: str, wall: float
) -> Kept | None:
    """Return what is known of the *key* of *actor* at *wall*, None for nothing."""
    rows = connection.execute(_FIND, {"actor": actor, "name": key}).fetchall()
    if not rows:
        return None
    request, made_at, status, headers, body = rows[0]
    if made_at <= wall - KEEP_SECONDS:
        return None
    return Kept(bytes(request), status, headers, bytes(body))


def begin(connection: sqlite3.Connection, once: Once, wall: float) -> None:
    """Write *once* down in the open transaction; it is known from its commit on."""
    connection.execute(_TRIM, {"before": wall - KEEP_SECONDS, "most": _TRIM_ROWS})
    forget(connection, once)  # one that is too old to be found
    named = {"actor": once.actor, "name": once.key}
    connection.execute(_BEGIN, {**named, "request": once.request, "wall": wall})


def forget(connection: sqlite3.Connection, once: Once) -> None:
    """Forget the key of *once*, in the open transaction."""
    connection.execute(_FORGET, {"actor": once.actor, "name": once.key})


def keep_answer(
    connection: sqlite3.Connection, once: Once, status: int, headers: str, body: bytes
) -> None:
    """Keep the answer to *once*, in the open transaction; a long one is not kept."""
    if len(body) > MAX_KEPT_BYTES:
        return
    connection.execute(
        _ANSWER,
        {
            "actor": once.actor,
            "name": once.key,
            "status": status,
            "headers": headers,
            "body": body,
        },
    )
