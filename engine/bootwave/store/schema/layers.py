"""Tables of layers: settings and function keys, and what else has some of them.

What a firmware range or a button profile says stands in ``settings`` and
``function_keys`` under their id.  A range is kept as written (phone.firmwarerange): an
end that is "" is open.  Groups of devices have firmware of their own, and no layer.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from bootwave.store.schema.metadata import IDENTIFIER, metadata

firmware_ranges = Table(
    "firmware_ranges",
    metadata,
    Column("id", IDENTIFIER, nullable=False),
    Column("model", String(64), nullable=False),
    Column("low", String(24), nullable=False),
    Column("high", String(24), nullable=False),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("model", "low", "high"),
    ForeignKeyConstraint(["model"], ["models.name"]),
    CheckConstraint("low <> '' OR high <> ''", name="ends"),
    sqlite_autoincrement=True,
)


def _named_in_domain(name: str) -> Table:
    return Table(
        name,
        metadata,
        Column("id", IDENTIFIER, nullable=False),
        Column("domain_id", BigInteger, nullable=False),
        Column("name", String(64), nullable=False),
        PrimaryKeyConstraint("id"),
        UniqueConstraint("domain_id", "name"),
        UniqueConstraint("id", "domain_id"),
        ForeignKeyConstraint(["domain_id"], ["domains.id"]),
        CheckConstraint("name <> ''", name="name"),
        sqlite_autoincrement=True,
    )


profiles = _named_in_domain("profiles")
groups = _named_in_domain("groups")

# ``key`` is the id of the domain, model, firmware range, profile or account, the MAC of
# the device, or 0 for the engine; ``idx`` is the setting's index, or -1 for none.
_SCOPE = (
    "scope IN ('engine', 'model', 'firmware', 'domain', 'profile', 'account', 'device')"
)
settings = Table(
    "settings",
    metadata,
    Column("scope", String(8), nullable=False),
    Column("key", BigInteger, nullable=False),
    Column("name", String(64), nullable=False),
    Column("idx", Integer, nullable=False),
    Column("value", Text, nullable=False),
    Column("permission", String(2), nullable=False),
    PrimaryKeyConstraint("scope", "key", "name", "idx"),
    CheckConstraint(_SCOPE, name="scope"),
    CheckConstraint("idx BETWEEN -1 AND 999", name="idx"),
    CheckConstraint("permission IN ('R', 'RW', '!')", name="permission"),
    sqlite_with_rowid=False,
)

function_keys = Table(
    "function_keys",
    metadata,
    Column("scope", String(8), nullable=False),
    Column("key", BigInteger, nullable=False),
    Column("idx", Integer, nullable=False),
    Column("context", String(6), nullable=False),
    Column("value", Text, nullable=False),
    Column("label", String(128), nullable=False),
    Column("permission", String(2), nullable=False),
    # Behind the others, as SQLite adds it to a table that is there.
    Column("attributes", Text, nullable=False, server_default=""),
    PrimaryKeyConstraint("scope", "key", "idx"),
    CheckConstraint(_SCOPE, name="scope"),
    CheckConstraint("idx >= 0", name="idx"),
    CheckConstraint("permission IN ('R', 'RW', '!')", name="permission"),
    sqlite_with_rowid=False,
)
