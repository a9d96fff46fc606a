"""By which change a domain got a device, and behind which one a roll-out was chosen.

Which of the two came first was told by the clock, which may be set back in between.
What is there keeps its order: roll-outs get numbers below those of all changes, by
their own numbers, and devices that moved the one behind the last of theirs that began
before.  Those that are in another domain than the one that a roll-out is to came there
since, whatever the clock said.

A migration is history: it spells its tables out and imports none of them.
"""

import re

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
_ROLLOUTS = "SELECT id, selection FROM rollouts"
_ELSEWHERE = """
UPDATE devices SET adopted_seq = (
  SELECT MAX(r.chosen_seq + 1, COALESCE(devices.adopted_seq, r.chosen_seq + 1))
  FROM rollouts r WHERE r.id = :id)
WHERE mac IN (SELECT mac FROM rollout_phones WHERE rollout_id = :id)
  AND domain_id <> (SELECT id FROM domains WHERE name = :name)
"""
# What a selection is to, and at its end the domain, and a model behind a comma.
_NAMED = re.compile(r"(?:domain |(?:group|account) .*@)([^@,]+)(?:,[^@]*)?", re.DOTALL)


def upgrade() -> None:
    """Add both numbers, and give those that are there theirs."""
    op.add_column(
        "rollouts",
        sa.Column("chosen_seq", sa.BigInteger(), nullable=False, server_default="0"),
    )
    op.add_column("devices", sa.Column("adopted_seq", sa.BigInteger(), nullable=True))
    op.execute(_CHOSEN)
    op.execute(_ADOPTED)
    connection = op.get_bind()
    for number, selection in connection.execute(sa.text(_ROLLOUTS)).all():
        if named := _NAMED.fullmatch(selection):
            name = named[1].strip().lower()
            connection.execute(sa.text(_ELSEWHERE), {"id": number, "name": name})
