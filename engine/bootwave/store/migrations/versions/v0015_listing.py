"""Indexes that lists are read along, and the name that accounts are sorted by.

A migration is history: it spells its tables out and imports none of them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_TOGETHER = 10_000  # accounts in memory at once


def upgrade() -> None:
    """Add the column, fill it, and make the indexes."""
    column = sa.Column("sort_name", sa.Text(), nullable=False, server_default="")
    op.add_column("accounts", column)
    _fill()
    op.create_index("ix_accounts_number", "accounts", ["number", "id"])
    op.create_index("ix_accounts_sort_name", "accounts", ["sort_name", "id"])
    op.create_index(
        "ix_accounts_domain_id_sort_name", "accounts", ["domain_id", "sort_name", "id"]
    )
    told = sa.text("model <> ''")
    for name, columns in (
        ("ix_devices_model", ["model", "mac"]),
        ("ix_devices_domain_id_model", ["domain_id", "model", "mac"]),
    ):
        op.create_index(
            name, "devices", columns, sqlite_where=told, postgresql_where=told
        )


def _fill() -> None:
    """Write down every display name without regard to case, some at a time."""
    connection, last = op.get_bind(), 0
    some = sa.text(
        "SELECT id, display_name FROM accounts WHERE id > :last ORDER BY id LIMIT :most"
    )
    fill = sa.text("UPDATE accounts SET sort_name = :sort_name WHERE id = :id")
    while rows := connection.execute(some, {"last": last, "most": _TOGETHER}).all():
        last = rows[-1][0]
        named = [
            {"id": id_, "sort_name": name.casefold()} for id_, name in rows if name
        ]
        if named:
            connection.execute(fill, named)
