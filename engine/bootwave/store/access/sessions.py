"""Who is signed in: sessions of administrators, and the links that make the first one.

A session ends ``SESSION_SECONDS`` after it was opened, ``IDLE_SECONDS`` after it was
used last, with a reboot, and with its administrator's password.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any, NamedTuple

from bootwave.errors import StoreNotFound
from bootwave.pairing.instant import Instant
from bootwave.store.access import administrators
from bootwave.store.access.administrators import Administrator
from bootwave.store.access.opaque import SETUP, digest_of, new_secret
from bootwave.store.work import Work

SESSION_SECONDS = 12 * 3_600.0  # a working day
IDLE_SECONDS = 3_600.0
SEEN_EVERY_SECONDS = 60.0  # what "used last" is exact to
CONFIRMED_SECONDS = 600.0  # for how long a password that was typed reveals secrets
MAX_SESSIONS = 32  # of one administrator; the oldest goes
LINK_SECONDS = 3_600.0

_OPEN = """
INSERT INTO administrator_sessions (digest, administrator_id, boot_id, opened, seen,
  confirmed, source)
VALUES (:digest, :administrator_id, :boot_id, :now, :now, :now, :source)
"""
_OVER = """
DELETE FROM administrator_sessions
WHERE boot_id <> :boot_id OR opened <= :now - :session OR seen <= :now - :idle
"""
_TOO_MANY = """
DELETE FROM administrator_sessions WHERE id IN (
  SELECT id FROM administrator_sessions WHERE administrator_id = :administrator_id
  ORDER BY id DESC LIMIT -1 OFFSET :most)
"""
_COLUMNS = """
SELECT id, administrator_id, boot_id, opened, seen, confirmed
FROM administrator_sessions
"""
_FOUND = _COLUMNS + "WHERE digest = :digest"
_BY_ID = _COLUMNS + "WHERE id = :id"
_SEEN = "UPDATE administrator_sessions SET seen = :now WHERE id = :id AND seen < :now"
_CONFIRM = "UPDATE administrator_sessions SET confirmed = :now WHERE id = :id"
_CLOSE = "DELETE FROM administrator_sessions WHERE id = :id"
_LINK = """
INSERT INTO setup_links (id, digest, boot_id, deadline, made_by)
VALUES (1, :digest, :boot_id, :deadline, :actor)
ON CONFLICT (id) DO UPDATE SET digest = excluded.digest, boot_id = excluded.boot_id,
  deadline = excluded.deadline, made_by = excluded.made_by
"""
_GOOD_LINK = """
SELECT 1 FROM setup_links
WHERE digest = :digest AND boot_id = :boot_id AND deadline > :now
"""
_USE_LINK = """
DELETE FROM setup_links
WHERE digest = :digest AND boot_id = :boot_id AND deadline > :now
RETURNING made_by
"""


class AdminSession(NamedTuple):
    """A session that is good now; ``seen`` and ``confirmed`` are boottime."""

    id: int
    administrator: Administrator
    opened: float
    seen: float
    confirmed: float

    def is_confirmed(self, at: Instant) -> bool:
        """Whether its administrator gave his password lately."""
        return at.boottime < self.confirmed + CONFIRMED_SECONDS

    def seconds_left(self, at: Instant) -> float:
        """Return for how long it is good, if it is used."""
        return self.opened + SESSION_SECONDS - at.boottime


def open_for(
    work: Work, administrator: Administrator, digest: bytes, source: str
) -> None:
    """Open a session, and forget those that are over."""
    now = work.at.boottime
    named = {"boot_id": work.at.boot_id, "now": now}
    work.connection.execute(
        _OVER, {**named, "session": SESSION_SECONDS, "idle": IDLE_SECONDS}
    )
    owner = {"administrator_id": administrator.id}
    work.connection.execute(
        _OPEN, {**named, **owner, "digest": digest, "source": source[:64]}
    )
    work.connection.execute(_TOO_MANY, {**owner, "most": MAX_SESSIONS})
    work.note("session.opened", administrator.name, source=source)


def found(
    connection: sqlite3.Connection, digest: bytes, at: Instant
) -> AdminSession | None:
    """Return the session with this *digest* that is good now, or None."""
    rows = connection.execute(_FOUND, {"digest": digest}).fetchall()
    return _good(connection, rows, at)


def by_id(
    connection: sqlite3.Connection, number: int, at: Instant
) -> AdminSession | None:
    """Return the session *number* if it is good now, or None."""
    rows = connection.execute(_BY_ID, {"id": number}).fetchall()
    return _good(connection, rows, at)


def _good(
    connection: sqlite3.Connection, rows: Sequence[sqlite3.Row], at: Instant
) -> AdminSession | None:
    if not rows:
        return None
    number, administrator_id, boot_id, opened, seen, confirmed = rows[0]
    if (
        boot_id != at.boot_id
        or at.boottime >= opened + SESSION_SECONDS
        or at.boottime >= seen + IDLE_SECONDS
    ):
        return None
    administrator = administrators.by_id(connection, administrator_id)
    if administrator is None:
        return None
    return AdminSession(number, administrator, opened, seen, confirmed)


def note_seen(work: Work, number: int) -> None:
    """Write down that the session *number* is used."""
    work.connection.execute(_SEEN, {"id": number, "now": work.at.boottime})


def confirm(work: Work, session: AdminSession) -> None:
    """Write down that its administrator gave his password again."""
    named = {"id": session.id, "now": work.at.boottime}
    work.connection.execute(_CONFIRM, named)
    work.note("session.confirmed", session.administrator.name)


def close(work: Work, session: AdminSession) -> None:
    """End a session."""
    work.connection.execute(_CLOSE, {"id": session.id})
    work.note("session.closed", session.administrator.name)


def make_link(work: Work) -> dict[str, Any]:
    """Return a set-up token that makes one operator; the one before is good no more."""
    secret = new_secret(SETUP)
    work.connection.execute(
        _LINK,
        {
            "digest": digest_of(secret),
            "boot_id": work.at.boot_id,
            "deadline": work.at.boottime + LINK_SECONDS,
            "actor": work.actor,
        },
    )
    work.note("setup.link", "administrators", minutes=LINK_SECONDS / 60)
    return {"token": secret, "expires_at": work.at.wall + LINK_SECONDS}


def is_good_link(work: Work, secret: str) -> bool:
    """Whether the set-up token *secret* is good now."""
    return bool(work.connection.execute(_GOOD_LINK, _link(work, secret)).fetchall())


def redeem_link(
    work: Work, secret: str, name: str, password_hash: str
) -> dict[str, Any]:
    """Make the operator *name* by the set-up token *secret*, which is used up.

    Raises StoreNotFound when it is not good (any more).
    """
    rows = work.connection.execute(_USE_LINK, _link(work, secret)).fetchall()
    if not rows:
        raise StoreNotFound(
            "This set-up token is not good, or not any more: make another with "
            "bootwave admin link."
        )
    return administrators.add(work, name, "operator", (), password_hash)


def _link(work: Work, secret: str) -> dict[str, Any]:
    return {
        "digest": digest_of(secret),
        "boot_id": work.at.boot_id,
        "now": work.at.boottime,
    }
