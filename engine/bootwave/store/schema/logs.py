"""Tables of the two logs: what each write touched, and who did what."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Float,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

from bootwave.store.schema.metadata import IDENTIFIER, metadata

changes = Table(
    "changes",
    metadata,
    Column("seq", IDENTIFIER, nullable=False),
    Column("kind", String(8), nullable=False),
    Column("key", BigInteger, nullable=False),
    PrimaryKeyConstraint("seq"),
    CheckConstraint(
        "kind IN ('device', 'domain', 'account', 'profile', 'model', 'wildcard', "
        "'all')",
        name="kind",
    ),
    sqlite_autoincrement=True,
)

# Append-only: ``hash`` is over the row and ``previous``, the hash of the row before.
audit = Table(
    "audit",
    metadata,
    Column("seq", IDENTIFIER, nullable=False),
    Column("at", Float, nullable=False),
    Column("actor", String(128), nullable=False),
    Column("action", String(64), nullable=False),
    Column("subject", String(300), nullable=False),
    Column("detail", Text, nullable=False),
    Column("previous", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    PrimaryKeyConstraint("seq"),
    sqlite_autoincrement=True,
)
