"""Layers of firmware ranges and button profiles; groups of devices.

A migration is history: it spells its tables out and imports none of them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

IDENTIFIER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_NEW_SCOPES = (
    "scope IN ('engine', 'model', 'firmware', 'domain', 'profile', 'account', 'device')"
)
_NEW_KINDS = (
    "kind IN ('device', 'domain', 'account', 'profile', 'model', 'wildcard', 'all')"
)
# SQLite reflects neither CHECK constraints nor what a table is made with, so that
# copying one needs it as it was.
_WAS = sa.MetaData()
_SETTINGS = sa.Table(
    "settings",
    _WAS,
    sa.Column("scope", sa.String(length=8), nullable=False),
    sa.Column("key", sa.BigInteger(), nullable=False),
    sa.Column("name", sa.String(length=64), nullable=False),
    sa.Column("idx", sa.Integer(), nullable=False),
    sa.Column("value", sa.Text(), nullable=False),
    sa.Column("permission", sa.String(length=2), nullable=False),
    sa.CheckConstraint("permission IN ('R', 'RW', '!')", name="ck_settings_permission"),
    sa.CheckConstraint(
        "scope IN ('engine', 'model', 'domain', 'account', 'device')",
        name="ck_settings_scope",
    ),
    sa.CheckConstraint("idx BETWEEN -1 AND 999", name="ck_settings_idx"),
    sa.PrimaryKeyConstraint("scope", "key", "name", "idx", name="pk_settings"),
    sqlite_with_rowid=False,
)
_FUNCTION_KEYS = sa.Table(
    "function_keys",
    _WAS,
    sa.Column("scope", sa.String(length=8), nullable=False),
    sa.Column("key", sa.BigInteger(), nullable=False),
    sa.Column("idx", sa.Integer(), nullable=False),
    sa.Column("context", sa.String(length=6), nullable=False),
    sa.Column("value", sa.Text(), nullable=False),
    sa.Column("label", sa.String(length=128), nullable=False),
    sa.Column("permission", sa.String(length=2), nullable=False),
    sa.CheckConstraint(
        "permission IN ('R', 'RW', '!')", name="ck_function_keys_permission"
    ),
    sa.CheckConstraint(
        "scope IN ('engine', 'model', 'domain', 'account', 'device')",
        name="ck_function_keys_scope",
    ),
    sa.CheckConstraint("idx >= 0", name="ck_function_keys_idx"),
    sa.PrimaryKeyConstraint("scope", "key", "idx", name="pk_function_keys"),
    sqlite_with_rowid=False,
)
_CHANGES = sa.Table(
    "changes",
    _WAS,
    sa.Column("seq", IDENTIFIER, nullable=False),
    sa.Column("kind", sa.String(length=8), nullable=False),
    sa.Column("key", sa.BigInteger(), nullable=False),
    sa.CheckConstraint(
        "kind IN ('device', 'domain', 'account', 'model', 'wildcard', 'all')",
        name="ck_changes_kind",
    ),
    sa.PrimaryKeyConstraint("seq", name="pk_changes"),
    sqlite_autoincrement=True,
)
_ACCOUNTS = sa.Table(
    "accounts",
    _WAS,
    sa.Column("id", IDENTIFIER, nullable=False),
    sa.Column("domain_id", sa.BigInteger(), nullable=False),
    sa.Column("number", sa.String(length=32), nullable=False),
    sa.Column("display_name", sa.String(length=128), nullable=False),
    sa.Column("auth_user", sa.String(length=128), nullable=False),
    sa.Column("sealed_password", sa.LargeBinary(), nullable=False),
    sa.Column("mailbox", sa.String(length=64), nullable=False),
    sa.Column("wildcard", sa.String(length=1), nullable=False),
    sa.CheckConstraint("number <> ''", name="ck_accounts_number"),
    sa.CheckConstraint("wildcard IN ('', '*', '?')", name="ck_accounts_wildcard"),
    sa.ForeignKeyConstraint(
        ["domain_id"], ["domains.id"], name="fk_accounts_domain_id"
    ),
    sa.PrimaryKeyConstraint("id", name="pk_accounts"),
    sa.UniqueConstraint("domain_id", "number", name="uq_accounts_domain_id_number"),
    sa.UniqueConstraint("id", "domain_id", name="uq_accounts_id_domain_id"),
    sqlite_autoincrement=True,
)
_DEVICES = sa.Table(
    "devices",
    _WAS,
    sa.Column("mac", IDENTIFIER, nullable=False),
    sa.Column("domain_id", sa.BigInteger(), nullable=True),
    sa.Column("last_domain_id", sa.BigInteger(), nullable=True),
    sa.Column("model", sa.String(length=64), nullable=False),
    sa.Column("owns_certificate", sa.Boolean(), nullable=False),
    sa.Column("provisioned_at", sa.Float(), nullable=True),
    sa.CheckConstraint("mac BETWEEN 1 AND 281474976710655", name="ck_devices_mac"),
    sa.ForeignKeyConstraint(["domain_id"], ["domains.id"], name="fk_devices_domain_id"),
    sa.ForeignKeyConstraint(
        ["last_domain_id"],
        ["domains.id"],
        name="fk_devices_last_domain_id",
        ondelete="SET NULL",
    ),
    sa.PrimaryKeyConstraint("mac", name="pk_devices"),
    sa.UniqueConstraint("mac", "domain_id", name="uq_devices_mac_domain_id"),
)


def upgrade() -> None:
    """Add ranges, profiles and groups, and let settings and keys be said for them."""
    op.create_table(
        "firmware_ranges",
        sa.Column("id", IDENTIFIER, nullable=False),
        sa.Column("model", sa.String(length=64), nullable=False),
        sa.Column("low", sa.String(length=24), nullable=False),
        sa.Column("high", sa.String(length=24), nullable=False),
        sa.CheckConstraint(
            "low <> '' OR high <> ''", name=op.f("ck_firmware_ranges_ends")
        ),
        sa.ForeignKeyConstraint(
            ["model"], ["models.name"], name=op.f("fk_firmware_ranges_model")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_firmware_ranges")),
        sa.UniqueConstraint(
            "model", "low", "high", name=op.f("uq_firmware_ranges_model_low_high")
        ),
        sqlite_autoincrement=True,
    )
    for table in ("profiles", "groups"):
        op.create_table(
            table,
            sa.Column("id", IDENTIFIER, nullable=False),
            sa.Column("domain_id", sa.BigInteger(), nullable=False),
            sa.Column("name", sa.String(length=64), nullable=False),
            sa.CheckConstraint("name <> ''", name=op.f(f"ck_{table}_name")),
            sa.ForeignKeyConstraint(
                ["domain_id"], ["domains.id"], name=op.f(f"fk_{table}_domain_id")
            ),
            sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
            sa.UniqueConstraint(
                "domain_id", "name", name=op.f(f"uq_{table}_domain_id_name")
            ),
            sa.UniqueConstraint(
                "id", "domain_id", name=op.f(f"uq_{table}_id_domain_id")
            ),
            sqlite_autoincrement=True,
        )
    for was in (_SETTINGS, _FUNCTION_KEYS):
        with op.batch_alter_table(was.name, copy_from=was) as layers:
            layers.drop_constraint(op.f(f"ck_{was.name}_scope"), type_="check")
            layers.create_check_constraint(op.f(f"ck_{was.name}_scope"), _NEW_SCOPES)
    numbers = _Numbers()
    with op.batch_alter_table("changes", copy_from=_CHANGES) as changes:
        changes.drop_constraint(op.f("ck_changes_kind"), type_="check")
        changes.create_check_constraint(op.f("ck_changes_kind"), _NEW_KINDS)
    op.drop_index("ix_accounts_wildcard", "accounts")
    with op.batch_alter_table("accounts", copy_from=_ACCOUNTS) as accounts:
        accounts.add_column(sa.Column("profile_id", sa.BigInteger(), nullable=True))
        accounts.create_foreign_key(
            op.f("fk_accounts_profile_id_domain_id"),
            "profiles",
            ["profile_id", "domain_id"],
            ["id", "domain_id"],
        )
    op.drop_index("ix_devices_domain_id", "devices")
    op.drop_index("ix_devices_last_domain_id", "devices")
    with op.batch_alter_table("devices", copy_from=_DEVICES) as devices:
        devices.add_column(sa.Column("group_id", sa.BigInteger(), nullable=True))
        devices.create_foreign_key(
            op.f("fk_devices_group_id_last_domain_id"),
            "groups",
            ["group_id", "last_domain_id"],
            ["id", "domain_id"],
        )
    numbers.restore()
    _create_partial_index("accounts", "wildcard", "domain_id", "wildcard <> ''")
    _create_partial_index("accounts", "profile_id", "profile_id")
    op.create_index("ix_devices_domain_id", "devices", ["domain_id"])
    op.create_index("ix_devices_last_domain_id", "devices", ["last_domain_id"])
    _create_partial_index("devices", "group_id", "group_id")


def _create_partial_index(table: str, name: str, column: str, where: str = "") -> None:
    condition = sa.text(where or f"{column} IS NOT NULL")
    op.create_index(
        f"ix_{table}_{name}",
        table,
        [column],
        sqlite_where=condition,
        postgresql_where=condition,
    )


class _Numbers:
    """Which numbers SQLite gave to rows already, those deleted since included.

    It forgets them with the table that is copied.  An id given twice would be that of
    another account's password and windows, and readers of the log of changes would
    wait for numbers they have seen.
    """

    _TABLES = ("accounts", "changes")

    def __init__(self) -> None:
        """Remember the numbers of the tables that are going to be copied."""
        self._given: dict[str, int] = {}
        if op.get_context().dialect.name == "sqlite":
            given = sa.text("SELECT name, seq FROM sqlite_sequence")
            rows = op.get_bind().execute(given)
            self._given = {name: seq for name, seq in rows if name in self._TABLES}

    def restore(self) -> None:
        """Let SQLite go on behind them."""
        run = op.get_bind().execute
        for name, seq in self._given.items():
            run(sa.text("DELETE FROM sqlite_sequence WHERE name = :n"), {"n": name})
            run(
                sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES (:n, :s)"),
                {"n": name, "s": seq},
            )
