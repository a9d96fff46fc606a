"""Tables of roll-outs: how each goes, how far it is, and its phones.

``bounds`` is as ``rollout.plan`` writes it, and places up to the last of them are
those of phones that can be told; the others' stand behind.  ``revision`` goes up with
each command, so that whoever carries a roll-out out reads it anew.  ``waits_from`` is
when it last went on after a halt, 0 for never.  A phone's MAC need not be a device's
any more; its ``unit`` is the lowest MAC of those it is told with, 0 for nobody.

Where phones load firmware, ``scope`` and ``key`` name for whom the ``version`` of a
``model`` is to be defined, as in ``firmware``; else they are "" and 0.  ``already``
is how many phones ran it when it began, which are none of its phones.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from bootwave.store.schema.metadata import IDENTIFIER, metadata

rollouts = Table(
    "rollouts",
    metadata,
    Column("id", IDENTIFIER, nullable=False),
    Column("action", String(8), nullable=False),
    Column("selection", String(400), nullable=False),
    Column("started_at", Float, nullable=False),
    Column("started_by", String(128), nullable=False),
    Column("ended_at", Float, nullable=True),
    Column("rate", Float, nullable=False),
    Column("bounds", Text, nullable=False),
    Column("wait_seconds", Float, nullable=False),
    Column("share", Float, nullable=False),
    Column("hours", String(11), nullable=False),
    Column("state", String(10), nullable=False),
    Column("why", Text, nullable=False),
    Column("stage", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("waits_from", Float, nullable=False, server_default="0"),
    Column("scope", String(8), nullable=False, server_default=""),
    Column("key", BigInteger, nullable=False, server_default="0"),
    Column("model", String(64), nullable=False, server_default=""),
    Column("version", String(24), nullable=False, server_default=""),
    Column("location", String(255), nullable=False, server_default=""),
    Column("already", Integer, nullable=False, server_default="0"),
    # The last change before its phones were chosen (changes).
    Column("chosen_seq", BigInteger, nullable=False, server_default="0"),
    PrimaryKeyConstraint("id"),
    CheckConstraint("action IN ('resync', 'reboot', 'firmware')", name="action"),
    CheckConstraint("(action = 'firmware') = (version <> '')", name="version"),
    CheckConstraint(
        "state IN ('running', 'paused', 'halted', 'cancelled', 'done')", name="state"
    ),
    CheckConstraint(
        "(ended_at IS NULL) = (state NOT IN ('cancelled', 'done'))", name="ended_at"
    ),
    sqlite_autoincrement=True,
)
# Asked for several times a second.
Index(
    "ix_rollouts_state",
    rollouts.c.state,
    sqlite_where=text("ended_at IS NULL"),
    postgresql_where=text("ended_at IS NULL"),
)

rollout_phones = Table(
    "rollout_phones",
    metadata,
    Column("rollout_id", BigInteger, nullable=False),
    Column("place", Integer, nullable=False),
    Column("mac", BigInteger, nullable=False),
    Column("fate", String(8), nullable=False),
    Column("result", String(12), nullable=False),
    Column("detail", Text, nullable=False),
    Column("notified_at", Float, nullable=True),
    Column("back_at", Float, nullable=True),
    Column("unit", BigInteger, nullable=False, server_default="0"),
    PrimaryKeyConstraint("rollout_id", "place"),
    UniqueConstraint("rollout_id", "mac"),
    ForeignKeyConstraint(["rollout_id"], ["rollouts.id"], ondelete="CASCADE"),
    CheckConstraint("mac BETWEEN 1 AND 281474976710655", name="mac"),
    CheckConstraint(
        "fate IN ('waiting', 'out', 'back', 'missing', 'left')", name="fate"
    ),
    CheckConstraint(
        "result IN ('', 'sent', 'accepted', 'challenged', 'refused', 'unreachable')",
        name="result",
    ),
    sqlite_with_rowid=False,
)
