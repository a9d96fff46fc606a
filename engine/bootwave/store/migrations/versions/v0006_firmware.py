"""Firmware: definitions, pins, what is forbidden, handles of scopes, and images.

A migration is history: it spells its tables out and imports none of them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_SCOPES = "scope IN ('engine', 'domain', 'group', 'device')"


def upgrade() -> None:
    """Add what is stored of firmware."""
    op.create_table(
        "firmware_definitions",
        sa.Column("scope", sa.String(length=8), nullable=False),
        sa.Column("key", sa.BigInteger(), nullable=False),
        sa.Column("model", sa.String(length=64), nullable=False),
        sa.Column("part", sa.String(length=8), nullable=False),
        sa.Column("version", sa.String(length=24), nullable=False),
        sa.Column("location", sa.String(length=255), nullable=False),
        sa.Column("step", sa.Boolean(), nullable=False),
        sa.CheckConstraint(_SCOPES, name=op.f("ck_firmware_definitions_scope")),
        sa.CheckConstraint(
            "part IN ('', 'rootfs', 'linux')", name=op.f("ck_firmware_definitions_part")
        ),
        sa.CheckConstraint(
            "location <> ''", name=op.f("ck_firmware_definitions_location")
        ),
        sa.PrimaryKeyConstraint(
            *("scope", "key", "model", "part", "version"),
            name=op.f("pk_firmware_definitions"),
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "firmware_pins",
        sa.Column("scope", sa.String(length=8), nullable=False),
        sa.Column("key", sa.BigInteger(), nullable=False),
        sa.Column("model", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=24), nullable=False),
        sa.CheckConstraint(_SCOPES, name=op.f("ck_firmware_pins_scope")),
        sa.CheckConstraint("version <> ''", name=op.f("ck_firmware_pins_version")),
        sa.PrimaryKeyConstraint("scope", "key", "model", name=op.f("pk_firmware_pins")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "firmware_forbidden",
        sa.Column("scope", sa.String(length=8), nullable=False),
        sa.Column("key", sa.BigInteger(), nullable=False),
        sa.Column("model", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=24), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.CheckConstraint(_SCOPES, name=op.f("ck_firmware_forbidden_scope")),
        sa.PrimaryKeyConstraint(
            "scope", "key", "model", "version", name=op.f("pk_firmware_forbidden")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "firmware_scopes",
        sa.Column("scope", sa.String(length=8), nullable=False),
        sa.Column("key", sa.BigInteger(), nullable=False),
        sa.Column("handle", sa.String(length=26), nullable=False),
        sa.CheckConstraint(
            "scope IN ('domain', 'group', 'device')",
            name=op.f("ck_firmware_scopes_scope"),
        ),
        sa.PrimaryKeyConstraint("scope", "key", name=op.f("pk_firmware_scopes")),
        sa.UniqueConstraint("handle", name=op.f("uq_firmware_scopes_handle")),
    )
    op.create_table(
        "firmware_images",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("model", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=24), nullable=False),
        sa.Column("uploaded_at", sa.Float(), nullable=False),
        sa.Column("uploaded_by", sa.String(length=128), nullable=False),
        sa.CheckConstraint(
            "length(sha256) = 64", name=op.f("ck_firmware_images_sha256")
        ),
        sa.CheckConstraint("size > 0", name=op.f("ck_firmware_images_size")),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_firmware_images")),
        sa.UniqueConstraint("name", name=op.f("uq_firmware_images_name")),
    )
