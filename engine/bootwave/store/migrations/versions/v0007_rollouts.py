"""Roll-outs and their phones.

A migration is history: it spells its tables out and imports none of them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what is stored of roll-outs."""
    op.create_table(
        "rollouts",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
        ),
        sa.Column("action", sa.String(length=8), nullable=False),
        sa.Column("selection", sa.String(length=400), nullable=False),
        sa.Column("started_at", sa.Float(), nullable=False),
        sa.Column("started_by", sa.String(length=128), nullable=False),
        sa.Column("ended_at", sa.Float(), nullable=True),
        sa.Column("rate", sa.Float(), nullable=False),
        sa.Column("bounds", sa.Text(), nullable=False),
        sa.Column("wait_seconds", sa.Float(), nullable=False),
        sa.Column("share", sa.Float(), nullable=False),
        sa.Column("hours", sa.String(length=11), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("stage", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "action IN ('resync', 'reboot')", name=op.f("ck_rollouts_action")
        ),
        sa.CheckConstraint(
            "state IN ('running', 'paused', 'halted', 'cancelled', 'done')",
            name=op.f("ck_rollouts_state"),
        ),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (state NOT IN ('cancelled', 'done'))",
            name=op.f("ck_rollouts_ended_at"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rollouts")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_rollouts_state"),
        "rollouts",
        ["state"],
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "rollout_phones",
        sa.Column("rollout_id", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("mac", sa.BigInteger(), nullable=False),
        sa.Column("fate", sa.String(length=8), nullable=False),
        sa.Column("result", sa.String(length=12), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("notified_at", sa.Float(), nullable=True),
        sa.Column("back_at", sa.Float(), nullable=True),
        sa.CheckConstraint(
            "mac BETWEEN 1 AND 281474976710655", name=op.f("ck_rollout_phones_mac")
        ),
        sa.CheckConstraint(
            "fate IN ('waiting', 'out', 'back', 'missing', 'left')",
            name=op.f("ck_rollout_phones_fate"),
        ),
        sa.CheckConstraint(
            "result IN ('', 'sent', 'accepted', 'challenged', 'refused', "
            "'unreachable')",
            name=op.f("ck_rollout_phones_result"),
        ),
        sa.ForeignKeyConstraint(
            ["rollout_id"],
            ["rollouts.id"],
            name=op.f("fk_rollout_phones_rollout_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("rollout_id", "place", name=op.f("pk_rollout_phones")),
        sa.UniqueConstraint(
            "rollout_id", "mac", name=op.f("uq_rollout_phones_rollout_id_mac")
        ),
        sqlite_with_rowid=False,
    )
