"""Of which redirection service it is stored how it behaves.

What is there counts as of the vendor's own, which "" stands for: whoever calls another
one next begins with it anew.

A migration is history: it spells its tables out and imports none of them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the digest of its URL."""
    op.add_column(
        "redirection_accounts",
        sa.Column("service", sa.String(length=32), nullable=False, server_default=""),
    )
