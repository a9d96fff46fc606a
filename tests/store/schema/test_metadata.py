"""The metadata, the migrations and the constraints say the same."""

import re
import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from bootwave.store.schema.tables import metadata

ENDS = r",?$| \)( WITHOUT ROWID)?$"
DOMAIN = "INSERT INTO domains VALUES (?, ?, '', '', '', '', '', ?, ?, '')"
ACCOUNT = "INSERT INTO accounts VALUES (?, ?, ?, '', '', x'00', '', '', NULL, '')"
DEVICE = """
INSERT INTO devices (mac, domain_id, model, owns_certificate) VALUES (?, ?, '', 0)
"""
BINDING = "INSERT INTO bindings VALUES (?, ?, ?, ?, NULL, '')"


def statements(connection: sqlite3.Connection) -> set[tuple[str, ...]]:
    """Every statement that made something, its constraints in one order.

    Without quotes, which SQLite puts around the name of a table that it renamed.
    """
    rows = connection.execute(
        "SELECT sql FROM sqlite_master "
        "WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' AND tbl_name <> ?",
        ("alembic_version",),
    ).fetchall()
    texts = (" ".join(sql.replace('"', "").split()) for (sql,) in rows)
    parts = (text.split(" CONSTRAINT ") for text in texts)
    return {tuple(sorted(re.sub(ENDS, "", one) for one in many)) for many in parts}


def test_the_migrated_database_is_what_the_metadata_says(template: Path) -> None:
    engine = create_engine(f"sqlite:///{template}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_constraints_of_the_migrations_are_those_of_the_metadata(
    template: Path, tmp_path: Path
) -> None:
    # compare_metadata does not look at CHECK constraints.
    engine = create_engine(f"sqlite:///{tmp_path / 'made.db'}")
    metadata.create_all(engine)
    engine.dispose()
    made, migrated = sqlite3.connect(tmp_path / "made.db"), sqlite3.connect(template)
    assert len(statements(made)) > len(metadata.tables)
    assert statements(migrated) == statements(made)
    made.close()
    migrated.close()


@pytest.mark.parametrize("table", metadata.sorted_tables, ids=lambda table: table.name)
def test_every_table_has_a_form_for_postgresql(table: object) -> None:
    assert "CREATE TABLE" in str(
        CreateTable(table).compile(dialect=postgresql.dialect())  # type: ignore[arg-type]
    )


@pytest.fixture
def rows(connection: sqlite3.Connection) -> sqlite3.Connection:
    connection.execute(DOMAIN, (1, "a.example.com", "", None))
    connection.execute(DOMAIN, (2, "b.example.com", "", None))
    connection.execute(ACCOUNT, (1, 1, "401"))
    connection.execute(ACCOUNT, (2, 2, "401"))
    connection.execute(ACCOUNT, (3, 1, "402"))
    connection.execute(DEVICE, (7, 1))
    connection.execute(BINDING, (7, 1, 1, 1))
    return connection


@pytest.mark.parametrize(
    ("sql", "values"),
    [
        pytest.param(BINDING, (7, 2, 2, 2), id="a MAC in two domains"),
        pytest.param(BINDING, (7, 2, 2, 1), id="an account of another domain"),
        pytest.param(BINDING, (7, 1, 3, 1), id="an identity twice"),
        pytest.param(BINDING, (7, 13, 3, 1), id="a thirteenth identity"),
        pytest.param(BINDING, (7, 2, 1, 1), id="an account twice on a phone"),
        pytest.param(BINDING, (8, 1, 3, 1), id="a device that is not there"),
        pytest.param(ACCOUNT, (9, 1, "401"), id="a number twice in a domain"),
        pytest.param(DEVICE, (0, None), id="the MAC zero"),
        pytest.param(DEVICE, (1 << 48, None), id="a MAC of 49 bits"),
        pytest.param(DOMAIN, (3, "A.example.com", "", None), id="capital letters"),
        pytest.param(DOMAIN, (3, "a.example.com", "", None), id="a domain twice"),
        pytest.param(DOMAIN, (3, "c.test", "10.0.0.0/8", ""), id="another's subnet"),
        pytest.param(
            "UPDATE domains SET reach = ? WHERE id = ?",
            ("auto", 1),
            id="a way to phones that is none",
        ),
        pytest.param(
            "UPDATE devices SET domain_id = ? WHERE mac = ?",
            (2, 7),
            id="a bound device moved to another domain",
        ),
        pytest.param(
            "INSERT INTO windows VALUES (1, ?, 'b', 5, ?, 0, '', 0, NULL, '', 0)",
            (1, 4),
            id="a window that ends before it begins",
        ),
        pytest.param(
            "INSERT INTO settings VALUES (?, 1, ?, -1, '', 'X')",
            ("domain", "language"),
            id="a permission phones do not know",
        ),
    ],
)
def test_the_database_itself_refuses(
    rows: sqlite3.Connection, sql: str, values: tuple[object, ...]
) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        rows.execute(sql, values)


def test_two_domains_cannot_reserve_one_subnet(rows: sqlite3.Connection) -> None:
    rows.execute("UPDATE domains SET star_subnet = '' WHERE id = 1")
    with pytest.raises(sqlite3.IntegrityError):
        rows.execute("UPDATE domains SET star_subnet = '' WHERE id = 2")


def test_an_account_has_one_window(rows: sqlite3.Connection) -> None:
    sql = "INSERT INTO windows VALUES (?, 1, 'b', 5, 9, 0, '', 0, NULL, '', 0)"
    rows.execute(sql, (1,))
    with pytest.raises(sqlite3.IntegrityError):
        rows.execute(sql, (2,))
