"""Administrators of the API, their tokens and sessions, and idempotency keys.

A migration is history: it spells its tables out and imports none of them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

IDENTIFIER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add what is stored of who may use the API; at first there is nobody."""
    op.create_table(
        "administrators",
        sa.Column("id", IDENTIFIER, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=9), nullable=False),
        sa.Column("everywhere", sa.Boolean(), nullable=False),
        sa.Column("password_hash", sa.String(length=256), nullable=False),
        sa.Column("made_at", sa.Float(), nullable=False),
        sa.Column("made_by", sa.String(length=128), nullable=False),
        sa.Column("password_at", sa.Float(), nullable=False),
        sa.CheckConstraint(
            "role <> 'domain' OR NOT everywhere", name=op.f("ck_administrators_domain")
        ),
        sa.CheckConstraint(
            "role <> 'operator' OR everywhere", name=op.f("ck_administrators_operator")
        ),
        sa.CheckConstraint(
            "role IN ('operator', 'domain', 'read-only')",
            name=op.f("ck_administrators_role"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_administrators")),
        sa.UniqueConstraint("name", name=op.f("uq_administrators_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "administrator_domains",
        sa.Column("administrator_id", sa.BigInteger(), nullable=False),
        sa.Column("domain_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["administrator_id"],
            ["administrators.id"],
            name=op.f("fk_administrator_domains_administrator_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["domain_id"],
            ["domains.id"],
            name=op.f("fk_administrator_domains_domain_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "administrator_id", "domain_id", name=op.f("pk_administrator_domains")
        ),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_administrator_domains_domain_id"),
        "administrator_domains",
        ["domain_id"],
    )
    op.create_table(
        "api_tokens",
        sa.Column("id", IDENTIFIER, nullable=False),
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
            name=op.f("fk_api_tokens_administrator_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_tokens")),
        sa.UniqueConstraint("digest", name=op.f("uq_api_tokens_digest")),
        sa.UniqueConstraint("name", name=op.f("uq_api_tokens_name")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_api_tokens_administrator_id"), "api_tokens", ["administrator_id"]
    )
    op.create_table(
        "api_token_domains",
        sa.Column("token_id", sa.BigInteger(), nullable=False),
        sa.Column("domain_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["domain_id"],
            ["domains.id"],
            name=op.f("fk_api_token_domains_domain_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["token_id"],
            ["api_tokens.id"],
            name=op.f("fk_api_token_domains_token_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "token_id", "domain_id", name=op.f("pk_api_token_domains")
        ),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_api_token_domains_domain_id"), "api_token_domains", ["domain_id"]
    )
    op.create_table(
        "administrator_sessions",
        sa.Column("id", IDENTIFIER, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("administrator_id", sa.BigInteger(), nullable=False),
        sa.Column("boot_id", sa.String(length=36), nullable=False),
        sa.Column("opened", sa.Float(), nullable=False),
        sa.Column("seen", sa.Float(), nullable=False),
        sa.Column("confirmed", sa.Float(), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["administrator_id"],
            ["administrators.id"],
            name=op.f("fk_administrator_sessions_administrator_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_administrator_sessions")),
        sa.UniqueConstraint("digest", name=op.f("uq_administrator_sessions_digest")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_administrator_sessions_administrator_id"),
        "administrator_sessions",
        ["administrator_id"],
    )
    op.create_table(
        "setup_links",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("boot_id", sa.String(length=36), nullable=False),
        sa.Column("deadline", sa.Float(), nullable=False),
        sa.Column("made_by", sa.String(length=128), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_setup_links_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_setup_links")),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.Float(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "status = 0 OR status BETWEEN 200 AND 299",
            name=op.f("ck_idempotency_keys_status"),
        ),
        sa.PrimaryKeyConstraint("actor", "name", name=op.f("pk_idempotency_keys")),
    )
    op.create_index(
        op.f("ix_idempotency_keys_made_at"), "idempotency_keys", ["made_at"]
    )
