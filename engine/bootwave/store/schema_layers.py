"""Tables of layers: firmware ranges, button profiles; and groups of devices.

What a range or a profile says stands in ``settings`` and ``function_keys`` under their
id.  A range is kept as written (phone.firmwarerange): an end that is "" is open.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
)

from bootwave.store.schema import IDENTIFIER, metadata

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
