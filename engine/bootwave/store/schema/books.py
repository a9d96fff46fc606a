"""Tables of phone books, dial plans, language files and CA certificates.

A book is a domain's or an account's.  One without entries, and a dial plan without
rules, is told as such: phones forget what they were told before.  ``place`` is where an
entry stands in its book, counted from 0.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Float,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
)

from bootwave.store.schema.metadata import IDENTIFIER, metadata

phone_books = Table(
    "phone_books",
    metadata,
    Column("id", IDENTIFIER, nullable=False),
    Column("domain_id", BigInteger, nullable=True),
    Column("account_id", BigInteger, nullable=True),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("domain_id"),
    UniqueConstraint("account_id"),
    ForeignKeyConstraint(["domain_id"], ["domains.id"], ondelete="CASCADE"),
    ForeignKeyConstraint(["account_id"], ["accounts.id"], ondelete="CASCADE"),
    CheckConstraint("(domain_id IS NULL) <> (account_id IS NULL)", name="owner"),
    sqlite_autoincrement=True,
)

phone_book_entries = Table(
    "phone_book_entries",
    metadata,
    Column("book_id", BigInteger, nullable=False),
    Column("place", Integer, nullable=False),
    Column("name", String(128), nullable=False),
    Column("number", String(128), nullable=False),
    Column("number_type", String(16), nullable=False),
    Column("category", String(16), nullable=False),
    PrimaryKeyConstraint("book_id", "place"),
    UniqueConstraint("book_id", "name", "number"),
    ForeignKeyConstraint(["book_id"], ["phone_books.id"], ondelete="CASCADE"),
    CheckConstraint("place >= 0", name="place"),
    CheckConstraint("name <> '' AND number <> ''", name="said"),
    sqlite_with_rowid=False,
)


def _of_domains(name: str, *columns: "Column[Any]", key: tuple[str, ...] = ()) -> Table:
    """Return a table of what a domain has, by its id and *key*."""
    return Table(
        name,
        metadata,
        Column("domain_id", BigInteger, nullable=False),
        *columns,
        PrimaryKeyConstraint("domain_id", *key),
        ForeignKeyConstraint(["domain_id"], ["domains.id"], ondelete="CASCADE"),
        sqlite_with_rowid=False,
    )


dial_plans = _of_domains("dial_plans")

dial_templates = _of_domains(
    "dial_templates",
    Column("pattern", String(64), nullable=False),
    Column("timeout", Integer, nullable=False),
    Column("user", String(8), nullable=False),
    Column("rewrite", String(64), nullable=False),
    key=("pattern",),
)

language_files = _of_domains(
    "language_files",
    Column("kind", String(3), nullable=False),
    Column("name", String(64), nullable=False),
    Column("model", String(64), nullable=False),
    Column("url", String(512), nullable=False),
    key=("kind", "name", "model"),
)

# CA certificates that phones shall trust, by the SHA-256 of their DER (hex).
trusted_certificates = _of_domains(
    "trusted_certificates",
    Column("digest", String(64), nullable=False),
    Column("der", LargeBinary, nullable=False),
    Column("subject", String(512), nullable=False),
    Column("not_after", Float, nullable=False),
    key=("digest",),
)
