"""By which change a domain got a device, and behind which one a roll-out was chosen.

Which of the two came first was told by the clock, which may be set back in between.
What is there keeps its order: roll-outs get numbers below those of all changes, by
their own numbers, and devices that moved the one behind the last of theirs that began
before.

A migration is history: it spells its tables out and imports none of them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_CHOSEN = """
UPDATE rollouts SET chosen_seq = id - 1 - (SELECT MAX(id) FROM rollouts)
"""
_ADOPTED = """
UPDATE devices SET adopted_seq = found.seq
FROM (
  SELECT p.mac, MAX(r.chosen_seq) + 1 AS seq
  FROM rollout_phones p JOIN rollouts r ON r.id = p.rollout_id
  JOIN devices v ON v.mac = p.mac AND v.adopted_at > r.started_at
  GROUP BY p.mac
) AS found
WHERE found.mac = devices.mac
"""


def upgrade() -> None:
    """Add both numbers, and give those that are there theirs."""
    op.add_column(
        "rollouts",
        sa.Column("chosen_seq", sa.BigInteger(), nullable=False, server_default="0"),
    )
    op.add_column("devices", sa.Column("adopted_seq", sa.BigInteger(), nullable=True))
    op.execute(_CHOSEN)
    op.execute(_ADOPTED)
