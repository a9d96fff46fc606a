"""Since when a roll-out that went on after a halt waits for its phones.

A migration is history: it spells its tables out and imports none of them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the instant; 0 is never."""
    column = sa.Column("waits_from", sa.Float(), nullable=False, server_default="0")
    op.add_column("rollouts", column)
