"""Names of API tokens are each administrator's own, and keys are of who sent them.

Who makes a token learns nothing of those of others by a name that is taken.
Idempotency keys are found by the number of whose they are, which nobody else is given
later, as a name may be.

A migration is history: it spells its tables out and imports none of them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_WAS = sa.Table(
    "api_tokens",
    sa.MetaData(),
    sa.Column(
        "id",
        sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
        nullable=False,
    ),
    sa.Column("name", sa.String(length=64), nullable=False),
    sa.Column("digest", sa.LargeBinary(), nullable=False),
    sa.Column("scopes", sa.String(length=64), nullable=False),
    sa.Column("everywhere", sa.Boolean(), nullable=False),
    sa.Column("administrator_id", sa.BigInteger(), nullable=True),
    sa.Column("made_at", sa.Float(), nullable=False),
    sa.Column("made_by", sa.String(length=128), nullable=False),
    sa.Column("expires_at", sa.Float(), nullable=True),
    sa.Column("used_at", sa.Float(), nullable=True),
    sa.Column("used_from", sa.String(length=64), nullable=False),
    sa.ForeignKeyConstraint(
        ["administrator_id"],
        ["administrators.id"],
        name="fk_api_tokens_administrator_id",
        ondelete="CASCADE",
    ),
    sa.PrimaryKeyConstraint("id", name="pk_api_tokens"),
    sa.UniqueConstraint("digest", name="uq_api_tokens_digest"),
    sa.UniqueConstraint("name", name="uq_api_tokens_name"),
    sqlite_autoincrement=True,
)
_BY_NUMBER = (
    """
    UPDATE idempotency_keys SET actor = (
      SELECT 'token/' || t.id FROM api_tokens t
      WHERE 'token:' || t.name = idempotency_keys.actor)
    WHERE actor IN (SELECT 'token:' || name FROM api_tokens)
    """,
    """
    UPDATE idempotency_keys SET actor = (
      SELECT 'administrator/' || a.id FROM administrators a
      WHERE 'admin:' || a.name = idempotency_keys.actor)
    WHERE actor IN (SELECT 'admin:' || name FROM administrators)
    """,
    # Of who is gone: nobody may send the same request again.
    """
    DELETE FROM idempotency_keys
    WHERE actor NOT LIKE 'token/%' AND actor NOT LIKE 'administrator/%'
    """,
)


def upgrade() -> None:
    """Let each administrator, and the users of the machine, have names of their own."""
    for statement in _BY_NUMBER:
        op.execute(statement)
    number = _last_number()
    op.drop_index("ix_api_tokens_administrator_id", "api_tokens")
    with op.batch_alter_table("api_tokens", copy_from=_WAS) as tokens:
        tokens.drop_constraint(op.f("uq_api_tokens_name"), type_="unique")
    _go_on_behind(number)
    op.create_index(
        op.f("ix_api_tokens_administrator_id_name"),
        "api_tokens",
        ["administrator_id", "name"],
        unique=True,
    )
    op.create_index(
        op.f("ix_api_tokens_name"),
        "api_tokens",
        ["name"],
        unique=True,
        sqlite_where=sa.text("administrator_id IS NULL"),
        postgresql_where=sa.text("administrator_id IS NULL"),
    )


def _last_number() -> int | None:
    """Return the last number that SQLite gave to a token, None for no number.

    It forgets that with the table that is copied, and idempotency keys of one that is
    gone would be another's.
    """
    if op.get_context().dialect.name != "sqlite":
        return None
    asked = sa.text("SELECT seq FROM sqlite_sequence WHERE name = 'api_tokens'")
    number: int | None = op.get_bind().execute(asked).scalar()
    return number


def _go_on_behind(number: int | None) -> None:
    if number is None:
        return
    run = op.get_bind().execute
    run(sa.text("DELETE FROM sqlite_sequence WHERE name = 'api_tokens'"))
    told = "INSERT INTO sqlite_sequence (name, seq) VALUES ('api_tokens', :seq)"
    run(sa.text(told), {"seq": number})
