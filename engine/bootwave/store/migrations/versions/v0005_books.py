"""Phone books, dial plans, language files, and CA certificates that phones trust.

A migration is history: it spells its tables out and imports none of them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

IDENTIFIER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add what the phones of a domain are told beside settings and keys."""
    op.create_table(
        "phone_books",
        sa.Column("id", IDENTIFIER, nullable=False),
        sa.Column("domain_id", sa.BigInteger(), nullable=True),
        sa.Column("account_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(domain_id IS NULL) <> (account_id IS NULL)",
            name=op.f("ck_phone_books_owner"),
        ),
        sa.ForeignKeyConstraint(
            ["domain_id"],
            ["domains.id"],
            name=op.f("fk_phone_books_domain_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name=op.f("fk_phone_books_account_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phone_books")),
        sa.UniqueConstraint("domain_id", name=op.f("uq_phone_books_domain_id")),
        sa.UniqueConstraint("account_id", name=op.f("uq_phone_books_account_id")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "phone_book_entries",
        sa.Column("book_id", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("number", sa.String(length=128), nullable=False),
        sa.Column("number_type", sa.String(length=16), nullable=False),
        sa.Column("category", sa.String(length=16), nullable=False),
        sa.CheckConstraint("place >= 0", name=op.f("ck_phone_book_entries_place")),
        sa.CheckConstraint(
            "name <> '' AND number <> ''", name=op.f("ck_phone_book_entries_said")
        ),
        sa.ForeignKeyConstraint(
            ["book_id"],
            ["phone_books.id"],
            name=op.f("fk_phone_book_entries_book_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("book_id", "place", name=op.f("pk_phone_book_entries")),
        sa.UniqueConstraint(
            "book_id",
            "name",
            "number",
            name=op.f("uq_phone_book_entries_book_id_name_number"),
        ),
        sqlite_with_rowid=False,
    )
    for table, key, columns in (
        ("dial_plans", (), ()),
        (
            "dial_templates",
            ("pattern",),
            (
                sa.Column("pattern", sa.String(length=64), nullable=False),
                sa.Column("timeout", sa.Integer(), nullable=False),
                sa.Column("user", sa.String(length=8), nullable=False),
                sa.Column("rewrite", sa.String(length=64), nullable=False),
            ),
        ),
        (
            "language_files",
            ("kind", "name", "model"),
            (
                sa.Column("kind", sa.String(length=3), nullable=False),
                sa.Column("name", sa.String(length=64), nullable=False),
                sa.Column("model", sa.String(length=64), nullable=False),
                sa.Column("url", sa.String(length=512), nullable=False),
            ),
        ),
        (
            "trusted_certificates",
            ("digest",),
            (
                sa.Column("digest", sa.String(length=64), nullable=False),
                sa.Column("der", sa.LargeBinary(), nullable=False),
                sa.Column("subject", sa.String(length=512), nullable=False),
                sa.Column("not_after", sa.Float(), nullable=False),
            ),
        ),
    ):
        op.create_table(
            table,
            sa.Column("domain_id", sa.BigInteger(), nullable=False),
            *columns,
            sa.ForeignKeyConstraint(
                ["domain_id"],
                ["domains.id"],
                name=op.f(f"fk_{table}_domain_id"),
                ondelete="CASCADE",
            ),
            sa.PrimaryKeyConstraint("domain_id", *key, name=op.f(f"pk_{table}")),
            sqlite_with_rowid=False,
        )
