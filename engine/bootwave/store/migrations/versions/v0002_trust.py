"""Trust: device credentials, URL tokens, blocked certificates, openings, the audit log.

A migration is history: it spells its tables out and imports none of them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

IDENTIFIER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add what says who may have a phone's secrets, and who had them."""
    op.create_table(
        "openings",
        sa.Column("id", IDENTIFIER, nullable=False),
        sa.Column("opened_at", sa.Float(), nullable=False),
        sa.Column("opened_by", sa.String(length=128), nullable=False),
        sa.Column("most_claims", sa.Integer(), nullable=False),
        sa.Column("claims", sa.Integer(), nullable=False),
        sa.Column("ouis", sa.Text(), nullable=False),
        sa.Column("subnet", sa.String(length=64), nullable=False),
        sa.Column("models", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "claims >= 0 AND (most_claims = 0 OR claims <= most_claims)",
            name=op.f("ck_openings_claims"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_openings")),
        sqlite_autoincrement=True,
    )
    # 0 is an opening of a version that did not remember any.
    op.add_column(
        "windows",
        sa.Column("opening_id", sa.BigInteger(), nullable=False, server_default="0"),
    )
    op.create_index(op.f("ix_windows_opening_id"), "windows", ["opening_id"])
    op.create_table(
        "device_credentials",
        sa.Column("mac", IDENTIFIER, nullable=False),
        sa.Column("user", sa.String(length=30), nullable=False),
        sa.Column("sealed_password", sa.LargeBinary(), nullable=False),
        sa.Column("previous_user", sa.String(length=30), nullable=False),
        sa.Column("sealed_previous", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.Float(), nullable=False),
        sa.Column("used_at", sa.Float(), nullable=True),
        sa.CheckConstraint("user <> ''", name=op.f("ck_device_credentials_user")),
        sa.ForeignKeyConstraint(
            ["mac"],
            ["devices.mac"],
            name=op.f("fk_device_credentials_mac"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("mac", name=op.f("pk_device_credentials")),
    )
    for table, key, type_, target, more in (
        ("domain_tokens", "domain_id", sa.BigInteger(), "domains.id", ("required",)),
        ("device_tokens", "mac", IDENTIFIER, "devices.mac", ()),
    ):
        op.create_table(
            table,
            sa.Column(key, type_, nullable=False),
            sa.Column("sealed_token", sa.LargeBinary(), nullable=False),
            sa.Column("sealed_previous", sa.LargeBinary(), nullable=False),
            sa.Column("made_at", sa.Float(), nullable=False),
            sa.Column("used_at", sa.Float(), nullable=True),
            *(sa.Column(name, sa.Boolean(), nullable=False) for name in more),
            sa.ForeignKeyConstraint(
                [key],
                [target],
                name=op.f(f"fk_{table}_{key}"),
                ondelete="CASCADE",
            ),
            sa.PrimaryKeyConstraint(key, name=op.f(f"pk_{table}")),
        )
    op.create_table(
        "certificate_blocks",
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("value", sa.String(length=128), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("made_at", sa.Float(), nullable=False),
        sa.Column("made_by", sa.String(length=128), nullable=False),
        sa.CheckConstraint(
            "kind IN ('serial', 'key')", name=op.f("ck_certificate_blocks_kind")
        ),
        sa.PrimaryKeyConstraint("kind", "value", name=op.f("pk_certificate_blocks")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "audit",
        sa.Column("seq", IDENTIFIER, nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=300), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("previous", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit")),
        sqlite_autoincrement=True,
    )
    # When the phone first got its passwords: they may be sent for a time only.
    op.add_column("devices", sa.Column("provisioned_at", sa.Float(), nullable=True))
