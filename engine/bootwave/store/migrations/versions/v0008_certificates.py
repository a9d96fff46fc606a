"""Which certificate a phone came with.

A migration is history: it spells its tables out and imports none of them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what names a phone's certificate; of those known already it is not known."""
    for name, length in (("certificate_serial", 49), ("certificate_key", 64)):
        column = sa.Column(name, sa.String(length=length), nullable=True)
        op.add_column("devices", column)
