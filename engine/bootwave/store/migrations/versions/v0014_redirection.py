"""The account with a redirection service, and what it holds of each MAC.

A migration is history: it spells its tables out and imports none of them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what is stored of redirection."""
    op.create_table(
        "redirection_accounts",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
        ),
        sa.Column("vendor", sa.String(length=16), nullable=False),
        sa.Column("user", sa.String(length=128), nullable=False),
        sa.Column("sealed_password", sa.LargeBinary(), nullable=False),
        sa.Column("url", sa.String(length=255), nullable=False),
        sa.Column("set_at", sa.Float(), nullable=False),
        sa.Column("set_by", sa.String(length=128), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=11), nullable=False),
        sa.Column("words", sa.String(length=160), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.Float(), nullable=True),
        sa.Column("answered_at", sa.Float(), nullable=True),
        sa.Column("sync_at", sa.Float(), nullable=True),
        sa.Column("listed_at", sa.Float(), nullable=True),
        sa.Column("lists_done", sa.Integer(), nullable=False),
        sa.Column("lists", sa.Integer(), nullable=False),
        sa.Column("strays", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "user <> '' AND url <> ''", name=op.f("ck_redirection_accounts_user")
        ),
        sa.CheckConstraint(
            "state IN ('', 'answers', 'refused', 'unreachable')",
            name=op.f("ck_redirection_accounts_state"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_redirection_accounts")),
        sa.UniqueConstraint("vendor", name=op.f("uq_redirection_accounts_vendor")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "redirection_phones",
        sa.Column(
            "mac",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
        ),
        sa.Column("target", sa.String(length=32), nullable=False),
        sa.Column("known", sa.String(length=32), nullable=False),
        sa.Column("told", sa.String(length=300), nullable=False),
        sa.Column("trouble", sa.String(length=11), nullable=False),
        sa.Column("words", sa.String(length=160), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.Float(), nullable=True),
        sa.Column("tried_at", sa.Float(), nullable=True),
        sa.Column("confirmed_at", sa.Float(), nullable=True),
        sa.Column("elsewhere", sa.String(length=160), nullable=False),
        sa.Column("elsewhere_at", sa.Float(), nullable=True),
        sa.CheckConstraint(
            "mac BETWEEN 1 AND 281474976710655",
            name=op.f("ck_redirection_phones_mac"),
        ),
        sa.CheckConstraint(
            "trouble IN ('', 'unreachable', 'refused', 'owned', 'elsewhere')",
            name=op.f("ck_redirection_phones_trouble"),
        ),
        sa.PrimaryKeyConstraint("mac", name=op.f("pk_redirection_phones")),
    )
    op.create_index(
        op.f("ix_redirection_phones_next_at"),
        "redirection_phones",
        ["next_at"],
        sqlite_where=sa.text("next_at IS NOT NULL"),
        postgresql_where=sa.text("next_at IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_redirection_phones_trouble"),
        "redirection_phones",
        ["trouble"],
        sqlite_where=sa.text("trouble <> ''"),
        postgresql_where=sa.text("trouble <> ''"),
    )
