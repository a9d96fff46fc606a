"""Tables of redirection: the account with the service, and what it holds of each MAC.

``target``, ``known`` and ``told`` are digests of URLs (``store.redirection.urls``), for
a URL may hold a token: what the service shall hold, what it confirmed last, and what it
was asked for since, separated by blanks.  "" is no redirection.  A MAC need not be a
device's any more: its row stays until the service has forgotten it.
"""

from sqlalchemy import (
    CheckConstraint,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
    text,
)

from bootwave.store.schema.metadata import IDENTIFIER, metadata

# ``revision`` goes up with each command, so that whoever carries it out reads it anew.
# ``state`` to ``answered_at`` are how ``service`` behaves, the digest of its URL or ""
# for the vendor's own, and ``listed_at`` is when the last look at all that it holds
# began that came to its end.
redirection_accounts = Table(
    "redirection_accounts",
    metadata,
    Column("id", IDENTIFIER, nullable=False),
    Column("vendor", String(16), nullable=False),
    Column("user", String(128), nullable=False),
    Column("sealed_password", LargeBinary, nullable=False),
    Column("url", String(255), nullable=False),
    Column("set_at", Float, nullable=False),
    Column("set_by", String(128), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("state", String(11), nullable=False),
    Column("words", String(160), nullable=False),
    Column("failures", Integer, nullable=False),
    Column("next_at", Float, nullable=True),
    Column("answered_at", Float, nullable=True),
    Column("sync_at", Float, nullable=True),
    Column("listed_at", Float, nullable=True),
    Column("lists_done", Integer, nullable=False),
    Column("lists", Integer, nullable=False),
    Column("strays", Integer, nullable=False),
    Column("service", String(32), nullable=False, server_default=""),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("vendor"),
    CheckConstraint("user <> '' AND url <> ''", name="user"),
    CheckConstraint("state IN ('', 'answers', 'refused', 'unreachable')", name="state"),
    sqlite_autoincrement=True,
)

redirection_phones = Table(
    "redirection_phones",
    metadata,
    Column("mac", IDENTIFIER, nullable=False),
    Column("target", String(32), nullable=False),
    Column("known", String(32), nullable=False),
    Column("told", String(300), nullable=False),
    Column("trouble", String(11), nullable=False),
    Column("words", String(160), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", Float, nullable=True),
    Column("tried_at", Float, nullable=True),
    Column("confirmed_at", Float, nullable=True),
    Column("elsewhere", String(160), nullable=False),
    Column("elsewhere_at", Float, nullable=True),
    PrimaryKeyConstraint("mac"),
    CheckConstraint("mac BETWEEN 1 AND 281474976710655", name="mac"),
    CheckConstraint(
        "trouble IN ('', 'unreachable', 'refused', 'owned', 'elsewhere')",
        name="trouble",
    ),
)
# What is to be done now is asked for each second.
Index(
    "ix_redirection_phones_next_at",
    redirection_phones.c.next_at,
    sqlite_where=text("next_at IS NOT NULL"),
    postgresql_where=text("next_at IS NOT NULL"),
)
Index(
    "ix_redirection_phones_trouble",
    redirection_phones.c.trouble,
    sqlite_where=text("trouble <> ''"),
    postgresql_where=text("trouble <> ''"),
)
