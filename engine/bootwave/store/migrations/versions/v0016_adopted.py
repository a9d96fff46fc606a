"""When a domain got a device: what was seen of it before is not that domain's.

A migration is history: it spells its tables out and imports none of them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; of devices that are there nobody knows it, and all is told."""
    op.add_column("devices", sa.Column("adopted_at", sa.Float(), nullable=True))
