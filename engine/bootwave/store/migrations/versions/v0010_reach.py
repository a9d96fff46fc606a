"""By which way the phones of a domain are reached, and who is told together.

A migration is history: it spells its tables out and imports none of them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the way, which nobody said yet, and the unit; 0 is nobody."""
    # In one statement: SQLite adds a constraint with its column, and none later.
    op.execute(
        "ALTER TABLE domains ADD COLUMN reach VARCHAR(8) DEFAULT '' NOT NULL "
        "CONSTRAINT ck_domains_reach CHECK (reach IN ('', 'direct', 'proxy'))"
    )
    unit = sa.Column("unit", sa.BigInteger(), nullable=False, server_default="0")
    op.add_column("rollout_phones", unit)
