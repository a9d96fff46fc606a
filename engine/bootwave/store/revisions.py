"""Which schema revisions this version knows, without loading Alembic."""

import sqlite3

from bootwave.errors import SchemaTooNew, SchemaTooOld, StoreNotFound

# Oldest first; a test holds this against the migration scripts.
REVISIONS = (
    "0001",
    "0002",
    "0003",
    "0004",
    "0005",
    "0006",
    "0007",
    "0008",
    "0009",
    "0010",
    "0011",
    "0012",
    "0013",
    "0014",
    "0015",
    "0016",
    "0017",
    "0018",
    "0019",
    "0020",
)
HEAD = REVISIONS[-1]


def revision_of(connection: sqlite3.Connection) -> str | None:
    """Return the schema revision of the open database, None when it has no schema."""
    tables = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name = :name",
        {"name": "alembic_version"},
    ).fetchall()
    if not tables:
        return None
    rows = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    return str(rows[0][0]) if rows else None


def require_head(connection: sqlite3.Connection, name: str) -> None:
    """Return when the schema is this version's; *name* is the file, for the message.

    Raises SchemaTooNew, SchemaTooOld, or StoreNotFound when there is no schema at all.
    """
    revision = revision_of(connection)
    if revision is None:
        raise StoreNotFound(
            f"{name} holds no Bootwave store: make one with bootwave init DIR."
        )
    if revision not in REVISIONS:
        raise SchemaTooNew(
            f"{name} was written by a newer version of Bootwave (schema {revision}): "
            "install that version again."
        )
    if revision != HEAD:
        raise SchemaTooOld(
            f"{name} has the older schema {revision}: run bootwave store upgrade."
        )
