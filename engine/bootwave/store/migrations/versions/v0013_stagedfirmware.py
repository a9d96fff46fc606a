"""What a roll-out of firmware rolls out, and for whom.

A migration is history: it spells its tables out and imports none of them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_WAS = sa.Table(
    "rollouts",
    sa.MetaData(),
    sa.Column(
        "id",
        sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
        nullable=False,
    ),
    sa.Column("action", sa.String(length=8), nullable=False),
    sa.Column("selection", sa.String(length=400), nullable=False),
    sa.Column("started_at", sa.Float(), nullable=False),
    sa.Column("started_by", sa.String(length=128), nullable=False),
    sa.Column("ended_at", sa.Float(), nullable=True),
    sa.Column("rate", sa.Float(), nullable=False),
    sa.Column("bounds", sa.Text(), nullable=False),
    sa.Column("wait_seconds", sa.Float(), nullable=False),
    sa.Column("share", sa.Float(), nullable=False),
    sa.Column("hours", sa.String(length=11), nullable=False),
    sa.Column("state", sa.String(length=10), nullable=False),
    sa.Column("why", sa.Text(), nullable=False),
    sa.Column("stage", sa.Integer(), nullable=False),
    sa.Column("revision", sa.Integer(), nullable=False),
    sa.Column("waits_from", sa.Float(), nullable=False, server_default="0"),
    sa.CheckConstraint("action IN ('resync', 'reboot')", name="ck_rollouts_action"),
    sa.CheckConstraint(
        "state IN ('running', 'paused', 'halted', 'cancelled', 'done')",
        name="ck_rollouts_state",
    ),
    sa.CheckConstraint(
        "(ended_at IS NULL) = (state NOT IN ('cancelled', 'done'))",
        name="ck_rollouts_ended_at",
    ),
    sa.PrimaryKeyConstraint("id", name="pk_rollouts"),
    sqlite_autoincrement=True,
)


def upgrade() -> None:
    """Add the action and its columns; roll-outs that there are have none of them."""
    number = _last_number()
    op.drop_index("ix_rollouts_state", "rollouts")
    with op.batch_alter_table("rollouts", copy_from=_WAS) as rollouts:
        for column in (
            _text("scope", 8),
            _number("key", sa.BigInteger()),
            _text("model", 64),
            _text("version", 24),
            _text("location", 255),
            _number("already", sa.Integer()),
        ):
            rollouts.add_column(column)
        rollouts.drop_constraint(op.f("ck_rollouts_action"), type_="check")
        rollouts.create_check_constraint(
            op.f("ck_rollouts_action"), "action IN ('resync', 'reboot', 'firmware')"
        )
        rollouts.create_check_constraint(
            op.f("ck_rollouts_version"), "(action = 'firmware') = (version <> '')"
        )
    _go_on_behind(number)
    op.create_index(
        op.f("ix_rollouts_state"),
        "rollouts",
        ["state"],
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )


def _text(name: str, length: int) -> sa.Column[str]:
    kind = sa.String(length=length)
    return sa.Column(name, kind, nullable=False, server_default="")


def _number(name: str, kind: sa.types.TypeEngine[int]) -> sa.Column[int]:
    return sa.Column(name, kind, nullable=False, server_default="0")


def _last_number() -> int | None:
    """Return the last number that SQLite gave to a roll-out, None for no number.

    It forgets that with the table that is copied, and the number of one that is
    forgotten would be another's.
    """
    if op.get_context().dialect.name != "sqlite":
        return None
    asked = sa.text("SELECT seq FROM sqlite_sequence WHERE name = 'rollouts'")
    number: int | None = op.get_bind().execute(asked).scalar()
    return number


def _go_on_behind(number: int | None) -> None:
    if number is None:
        return
    run = op.get_bind().execute
    run(sa.text("DELETE FROM sqlite_sequence WHERE name = 'rollouts'"))
    told = "INSERT INTO sqlite_sequence (name, seq) VALUES ('rollouts', :seq)"
    run(sa.text(told), {"seq": number})
