"""Tables of what proves that a phone is one: its credentials, tokens, certificates."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKeyConstraint,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

from bootwave.store.schema.metadata import IDENTIFIER, metadata

# What a phone authenticates with once it was provisioned.  The previous pair is good
# until the present one was used; after that it is empty.
device_credentials = Table(
    "device_credentials",
    metadata,
    Column("mac", IDENTIFIER, nullable=False),
    Column("user", String(30), nullable=False),
    Column("sealed_password", LargeBinary, nullable=False),
    Column("previous_user", String(30), nullable=False),
    Column("sealed_previous", LargeBinary, nullable=False),
    Column("made_at", Float, nullable=False),
    Column("used_at", Float, nullable=True),
    PrimaryKeyConstraint("mac"),
    ForeignKeyConstraint(["mac"], ["devices.mac"], ondelete="CASCADE"),
    CheckConstraint("user <> ''", name="user"),
)


def _tokens(name: str, key: "Column[int]", target: str, *more: "Column[Any]") -> Table:
    """Return a table of tokens in URLs; the previous one is good as above."""
    return Table(
        name,
        metadata,
        key,
        Column("sealed_token", LargeBinary, nullable=False),
        Column("sealed_previous", LargeBinary, nullable=False),
        Column("made_at", Float, nullable=False),
        Column("used_at", Float, nullable=True),
        *more,
        PrimaryKeyConstraint(key.name),
        ForeignKeyConstraint([key.name], [target], ondelete="CASCADE"),
    )


domain_tokens = _tokens(
    "domain_tokens",
    Column("domain_id", BigInteger, nullable=False),
    "domains.id",
    # Whether its phones are refused without a right token.
    Column("required", Boolean, nullable=False),
)
device_tokens = _tokens(
    "device_tokens", Column("mac", IDENTIFIER, nullable=False), "devices.mac"
)

# Certificates that prove nothing any more, by serial number (decimal) or by the
# SHA-256 of their public key (SubjectPublicKeyInfo, hex).
certificate_blocks = Table(
    "certificate_blocks",
    metadata,
    Column("kind", String(8), nullable=False),
    Column("value", String(128), nullable=False),
    Column("why", Text, nullable=False),
    Column("made_at", Float, nullable=False),
    Column("made_by", String(128), nullable=False),
    PrimaryKeyConstraint("kind", "value"),
    CheckConstraint("kind IN ('serial', 'key')", name="kind"),
    sqlite_with_rowid=False,
)
