"""Attributes that newer firmware gives function keys.

A migration is history: it spells its tables out and imports none of them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let a function key have attributes; those there are have none."""
    op.add_column(
        "function_keys",
        sa.Column("attributes", sa.Text(), nullable=False, server_default=""),
    )
