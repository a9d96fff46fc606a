"""The first schema: tenants, accounts, devices, windows, settings and the change log.

A migration is history: it spells its tables out and imports none of them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

IDENTIFIER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make all tables in an empty database."""
    op.create_table(
        "changes",
        sa.Column("seq", IDENTIFIER, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("key", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('device', 'domain', 'account', 'model', 'wildcard', 'all')",
            name=op.f("ck_changes_kind"),
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_changes")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "domains",
        sa.Column("id", IDENTIFIER, nullable=False),
        sa.Column("name", sa.String(length=253), nullable=False),
        sa.Column("registrar", sa.String(length=300), nullable=False),
        sa.Column("outbound_proxy", sa.String(length=300), nullable=False),
        sa.Column("language", sa.String(length=64), nullable=False),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("tone_scheme", sa.String(length=64), nullable=False),
        sa.Column("wildcard_subnet", sa.String(length=64), nullable=False),
        sa.Column("star_subnet", sa.String(length=64), nullable=True),
        sa.CheckConstraint(
            "name = lower(name) AND name <> ''", name=op.f("ck_domains_name")
        ),
        sa.CheckConstraint(
            "star_subnet IS NULL OR star_subnet = wildcard_subnet",
            name=op.f("ck_domains_star_subnet"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_domains")),
        sa.UniqueConstraint("name", name=op.f("uq_domains_name")),
        sa.UniqueConstraint("star_subnet", name=op.f("uq_domains_star_subnet")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "function_keys",
        sa.Column("scope", sa.String(length=8), nullable=False),
        sa.Column("key", sa.BigInteger(), nullable=False),
        sa.Column("idx", sa.Integer(), nullable=False),
        sa.Column("context", sa.String(length=6), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("label", sa.String(length=128), nullable=False),
        sa.Column("permission", sa.String(length=2), nullable=False),
        sa.CheckConstraint(
            "permission IN ('R', 'RW', '!')", name=op.f("ck_function_keys_permission")
        ),
        sa.CheckConstraint(
            "scope IN ('engine', 'model', 'domain', 'account', 'device')",
            name=op.f("ck_function_keys_scope"),
        ),
        sa.CheckConstraint("idx >= 0", name=op.f("ck_function_keys_idx")),
        sa.PrimaryKeyConstraint("scope", "key", "idx", name=op.f("pk_function_keys")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "models",
        sa.Column("id", IDENTIFIER, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_models")),
        sa.UniqueConstraint("name", name=op.f("uq_models_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "settings",
        sa.Column("scope", sa.String(length=8), nullable=False),
        sa.Column("key", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("idx", sa.Integer(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("permission", sa.String(length=2), nullable=False),
        sa.CheckConstraint(
            "permission IN ('R', 'RW', '!')", name=op.f("ck_settings_permission")
        ),
        sa.CheckConstraint(
            "scope IN ('engine', 'model', 'domain', 'account', 'device')",
            name=op.f("ck_settings_scope"),
        ),
        sa.CheckConstraint("idx BETWEEN -1 AND 999", name=op.f("ck_settings_idx")),
        sa.PrimaryKeyConstraint(
            "scope", "key", "name", "idx", name=op.f("pk_settings")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "accounts",
        sa.Column("id", IDENTIFIER, nullable=False),
        sa.Column("domain_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.String(length=32), nullable=False),
        sa.Column("display_name", sa.String(length=128), nullable=False),
        sa.Column("auth_user", sa.String(length=128), nullable=False),
        sa.Column("sealed_password", sa.LargeBinary(), nullable=False),
        sa.Column("mailbox", sa.String(length=64), nullable=False),
        sa.Column("wildcard", sa.String(length=1), nullable=False),
        sa.CheckConstraint("number <> ''", name=op.f("ck_accounts_number")),
        sa.CheckConstraint(
            "wildcard IN ('', '*', '?')", name=op.f("ck_accounts_wildcard")
        ),
        sa.ForeignKeyConstraint(
            ["domain_id"], ["domains.id"], name=op.f("fk_accounts_domain_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint(
            "domain_id", "number", name=op.f("uq_accounts_domain_id_number")
        ),
        sa.UniqueConstraint("id", "domain_id", name=op.f("uq_accounts_id_domain_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_accounts_wildcard",
        "accounts",
        ["domain_id"],
        unique=False,
        sqlite_where=sa.text("wildcard <> ''"),
        postgresql_where=sa.text("wildcard <> ''"),
    )
    op.create_table(
        "devices",
        sa.Column("mac", IDENTIFIER, nullable=False),
        sa.Column("domain_id", sa.BigInteger(), nullable=True),
        sa.Column("last_domain_id", sa.BigInteger(), nullable=True),
        sa.Column("model", sa.String(length=64), nullable=False),
        sa.Column("owns_certificate", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "mac BETWEEN 1 AND 281474976710655", name=op.f("ck_devices_mac")
        ),
        sa.ForeignKeyConstraint(
            ["domain_id"], ["domains.id"], name=op.f("fk_devices_domain_id")
        ),
        sa.ForeignKeyConstraint(
            ["last_domain_id"],
            ["domains.id"],
            name=op.f("fk_devices_last_domain_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("mac", name=op.f("pk_devices")),
        sa.UniqueConstraint("mac", "domain_id", name=op.f("uq_devices_mac_domain_id")),
    )
    op.create_index("ix_devices_domain_id", "devices", ["domain_id"], unique=False)
    op.create_index(
        "ix_devices_last_domain_id", "devices", ["last_domain_id"], unique=False
    )
    op.create_table(
        "bindings",
        sa.Column("mac", sa.BigInteger(), nullable=False),
        sa.Column("identity", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("domain_id", sa.BigInteger(), nullable=False),
        sa.Column("expires", sa.Float(), nullable=True),
        sa.Column("boot_id", sa.String(length=36), nullable=False),
        sa.CheckConstraint(
            "(expires IS NULL) = (boot_id = '')", name=op.f("ck_bindings_expires")
        ),
        sa.CheckConstraint(
            "identity BETWEEN 1 AND 12", name=op.f("ck_bindings_identity")
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "domain_id"],
            ["accounts.id", "accounts.domain_id"],
            name=op.f("fk_bindings_account_id_domain_id"),
        ),
        sa.ForeignKeyConstraint(
            ["mac", "domain_id"],
            ["devices.mac", "devices.domain_id"],
            name=op.f("fk_bindings_mac_domain_id"),
        ),
        sa.PrimaryKeyConstraint("mac", "identity", name=op.f("pk_bindings")),
        sa.UniqueConstraint(
            "account_id", "mac", name=op.f("uq_bindings_account_id_mac")
        ),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_bindings_expires",
        "bindings",
        ["expires"],
        unique=False,
        sqlite_where=sa.text("expires IS NOT NULL"),
        postgresql_where=sa.text("expires IS NOT NULL"),
    )
    op.create_table(
        "windows",
        sa.Column("id", IDENTIFIER, nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("boot_id", sa.String(length=36), nullable=False),
        sa.Column("opened", sa.Float(), nullable=False),
        sa.Column("deadline", sa.Float(), nullable=False),
        sa.Column("consumed_mac", sa.BigInteger(), nullable=False),
        sa.Column("consumed_source", sa.String(length=64), nullable=False),
        sa.Column("pairing_end", sa.Float(), nullable=False),
        sa.Column("closed_at", sa.Float(), nullable=True),
        sa.Column("closed_by", sa.String(length=16), nullable=False),
        sa.CheckConstraint(
            "(closed_at IS NULL) = (closed_by = '')", name=op.f("ck_windows_closed")
        ),
        sa.CheckConstraint(
            "(consumed_mac = 0) = (consumed_source = '')",
            name=op.f("ck_windows_consumed"),
        ),
        sa.CheckConstraint("deadline >= opened", name=op.f("ck_windows_deadline")),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name=op.f("fk_windows_account_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_windows")),
        sa.UniqueConstraint("account_id", name=op.f("uq_windows_account_id")),
        sqlite_autoincrement=True,
    )
