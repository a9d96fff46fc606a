"""Make, upgrade and check the database.  The only module that loads Alembic."""

import os
import sqlite3
from pathlib import Path

from bootwave.errors import SchemaTooNew, StoreConflict, StoreUnavailable
from bootwave.store.connection import open_file
from bootwave.store.revisions import REVISIONS, require_head, revision_of


def create(path: Path) -> None:
    """Make a new store at *path*, readable and writable by its owner only.

    The file appears under its name when it is complete and never replaces another:
    raises StoreConflict when *path* exists, StoreUnavailable when it cannot be made.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        try:
            _migrate(unfinished)
            os.link(unfinished, path)
        finally:
            unfinished.unlink()
    except FileExistsError as error:
        raise StoreConflict(
            f"{path} exists already and is left as it is: choose another directory."
        ) from error
    except OSError as error:
        raise StoreUnavailable(
            f"The database {path} cannot be made: {error.strerror}."
        ) from error


def upgrade(path: Path) -> bool:
    """Bring the store at *path* to this version's schema; whether that changed it.

    One transaction: killed halfway, it leaves the old schema.  Raises SchemaTooNew,
    StoreNotFound or StoreUnavailable.
    """
    return _migrate(path)


def check(path: Path) -> None:
    """Return when this version can use the store at *path*.

    Raises SchemaTooNew, SchemaTooOld, StoreNotFound, or StoreUnavailable when the
    file is damaged.
    """
    connection = open_file(path)
    try:
        require_head(connection, str(path))
        rows = connection.execute("PRAGMA quick_check(1)").fetchall()
    except sqlite3.Error as error:
        raise StoreUnavailable(f"The database {path} is damaged: {error}.") from error
    finally:
        connection.close()
    if rows != [("ok",)]:
        raise StoreUnavailable(
            f"The database {path} is damaged ({rows[0][0]}): restore a backup."
        )


def _migrate(path: Path) -> bool:
    connection = open_file(path)
    try:
        before = revision_of(connection)
        if before is not None and before not in REVISIONS:
            raise SchemaTooNew(
                f"{path} was written by a newer version of Bootwave (schema {before}): "
                "install that version again."
            )
        # Copying a table to alter it must not be refused by those pointing at it.
        connection.execute("PRAGMA foreign_keys = OFF")
        _run_alembic(connection)
        after = revision_of(connection)
        connection.execute("PRAGMA journal_mode = WAL").fetchall()
    except sqlite3.Error as error:
        raise StoreUnavailable(
            f"The database {path} could not be upgraded: {error}."
        ) from error
    finally:
        connection.close()
    return before != after


def _run_alembic(dbapi_connection: sqlite3.Connection) -> None:
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.pool import StaticPool

    options = Config()
    options.set_main_option("script_location", "bootwave.store:migrations")
    engine = create_engine(
        "sqlite://", creator=lambda: dbapi_connection, poolclass=StaticPool
    )
    try:
        with engine.connect() as connection:
            # By hand: the driver begins none before DDL, and SQLAlchemy's own
            # "begin" is only a word in a log with isolation_level None.
            dbapi_connection.execute("BEGIN IMMEDIATE")
            options.attributes["connection"] = connection
            command.upgrade(options, "head")
            if dbapi_connection.execute("PRAGMA foreign_key_check").fetchall():
                raise StoreUnavailable(
                    "The upgrade would leave rows that point nowhere: nothing was "
                    "changed; restore a backup or report this."
                )
            if dbapi_connection.in_transaction:
                dbapi_connection.execute("COMMIT")
    except DBAPIError as error:
        raise StoreUnavailable(
            f"The database could not be upgraded: {error.orig}."
        ) from error
    finally:
        if dbapi_connection.in_transaction:
            dbapi_connection.execute("ROLLBACK")
