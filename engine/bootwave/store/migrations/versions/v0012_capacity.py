"""What was measured of this server, and what the pace of its phones goes by.

A migration is history: it spells its tables out and imports none of them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; an engine that starts fills its one row."""
    op.create_table(
        "fleet_pace",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("phones", sa.BigInteger(), nullable=False),
        sa.Column("requests_per_second", sa.Float(), nullable=False),
        sa.Column("request_seconds", sa.Float(), nullable=False),
        sa.Column("requests_measured", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_fleet_pace"),
        sa.CheckConstraint("id = 1", name="id"),
        sa.CheckConstraint("requests_per_second > 0", name="requests_per_second"),
    )
