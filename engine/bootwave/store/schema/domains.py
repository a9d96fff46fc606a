"""Tables of domains and of what is in them: accounts, devices, bindings, windows.

What must hold is held by the database too:

* a binding carries the domain of its account and of its device, both by foreign key,
  so one MAC is never in two domains;
* identities are 1 to 12 and unique on a MAC;
* an account has one window, the latest; opening again deletes the one before;
* ``domains.star_subnet`` is set while the domain has a ``*`` account, and unique;
* an opening admits at most ``most_claims`` unknown phones (0: no bound of its own).
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from bootwave.store.schema.metadata import IDENTIFIER, metadata

domains = Table(
    "domains",
    metadata,
    Column("id", IDENTIFIER, nullable=False),
    Column("name", String(253), nullable=False),
    Column("registrar", String(300), nullable=False),
    Column("outbound_proxy", String(300), nullable=False),
    Column("language", String(64), nullable=False),
    Column("timezone", String(64), nullable=False),
    Column("tone_scheme", String(64), nullable=False),
    Column("wildcard_subnet", String(64), nullable=False),
    Column("star_subnet", String(64), nullable=True),
    # Behind the others, as SQLite adds it to a table that is there.
    Column("reach", String(8), nullable=False, server_default=""),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("name"),
    UniqueConstraint("star_subnet"),
    CheckConstraint("reach IN ('', 'direct', 'proxy')", name="reach"),
    CheckConstraint("name = lower(name) AND name <> ''", name="name"),
    CheckConstraint(
        "star_subnet IS NULL OR star_subnet = wildcard_subnet", name="star_subnet"
    ),
    sqlite_autoincrement=True,
)

models = Table(
    "models",
    metadata,
    Column("id", IDENTIFIER, nullable=False),
    Column("name", String(64), nullable=False),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("name"),
    sqlite_autoincrement=True,
)

accounts = Table(
    "accounts",
    metadata,
    Column("id", IDENTIFIER, nullable=False),
    Column("domain_id", BigInteger, nullable=False),
    Column("number", String(32), nullable=False),
    Column("display_name", String(128), nullable=False),
    Column("auth_user", String(128), nullable=False),
    Column("sealed_password", LargeBinary, nullable=False),
    Column("mailbox", String(64), nullable=False),
    Column("wildcard", String(1), nullable=False),
    Column("profile_id", BigInteger, nullable=True),
    # The display name as lists are sorted by it and searched in (names.sort_name).
    Column("sort_name", Text, nullable=False, server_default=""),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("domain_id", "number"),
    UniqueConstraint("id", "domain_id"),
    ForeignKeyConstraint(["domain_id"], ["domains.id"]),
    ForeignKeyConstraint(
        ["profile_id", "domain_id"], ["profiles.id", "profiles.domain_id"]
    ),
    CheckConstraint("wildcard IN ('', '*', '?')", name="wildcard"),
    CheckConstraint("number <> ''", name="number"),
    sqlite_autoincrement=True,
)

# What lists are sorted by (store.listing); administrators' writes alone pay for it.
Index("ix_accounts_number", accounts.c.number, accounts.c.id)
Index("ix_accounts_sort_name", accounts.c.sort_name, accounts.c.id)
Index(
    "ix_accounts_domain_id_sort_name",
    accounts.c.domain_id,
    accounts.c.sort_name,
    accounts.c.id,
)

# Few accounts are wildcards, and every unknown phone asks for them.
Index(
    "ix_accounts_wildcard",
    accounts.c.domain_id,
    sqlite_where=text("wildcard <> ''"),
    postgresql_where=text("wildcard <> ''"),
)

# Who has a profile is asked when the profile changes.
Index(
    "ix_accounts_profile_id",
    accounts.c.profile_id,
    sqlite_where=text("profile_id IS NOT NULL"),
    postgresql_where=text("profile_id IS NOT NULL"),
)

devices = Table(
    "devices",
    metadata,
    Column("mac", IDENTIFIER, nullable=False),
    Column("domain_id", BigInteger, nullable=True),
    # Where the device's own settings were made; another domain must not inherit them.
    Column("last_domain_id", BigInteger, nullable=True),
    Column("model", String(64), nullable=False),
    Column("owns_certificate", Boolean, nullable=False),
    # When it first got its passwords: they may be sent for a time only.
    Column("provisioned_at", Float, nullable=True),
    Column("group_id", BigInteger, nullable=True),
    # The certificate that it had a grant by last, as certificate_blocks has them.
    Column("certificate_serial", String(49), nullable=True),
    Column("certificate_key", String(64), nullable=True),
    # When last_domain_id got it, in seconds since 1970: what was seen of it before is
    # nothing for who administers that domain.
    Column("adopted_at", Float, nullable=True),
    # By which change (changes): what roll-outs that were chosen before it tell is not
    # for the device any more.
    Column("adopted_seq", BigInteger, nullable=True),
    PrimaryKeyConstraint("mac"),
    UniqueConstraint("mac", "domain_id"),
    ForeignKeyConstraint(["domain_id"], ["domains.id"]),
    ForeignKeyConstraint(["last_domain_id"], ["domains.id"], ondelete="SET NULL"),
    # Like its own settings, a device keeps its group while no other domain has it.
    ForeignKeyConstraint(
        ["group_id", "last_domain_id"], ["groups.id", "groups.domain_id"]
    ),
    CheckConstraint("mac BETWEEN 1 AND 281474976710655", name="mac"),
)
Index("ix_devices_domain_id", devices.c.domain_id)
Index("ix_devices_last_domain_id", devices.c.last_domain_id)
# A phone pays for these once, when its model is first told.
for _name, _columns in (
    ("ix_devices_model", (devices.c.model, devices.c.mac)),
    (
        "ix_devices_domain_id_model",
        (devices.c.domain_id, devices.c.model, devices.c.mac),
    ),
):
    Index(
        _name,
        *_columns,
        sqlite_where=text("model <> ''"),
        postgresql_where=text("model <> ''"),
    )
Index(
    "ix_devices_group_id",
    devices.c.group_id,
    sqlite_where=text("group_id IS NOT NULL"),
    postgresql_where=text("group_id IS NOT NULL"),
)

bindings = Table(
    "bindings",
    metadata,
    Column("mac", BigInteger, nullable=False),
    Column("identity", Integer, nullable=False),
    Column("account_id", BigInteger, nullable=False),
    Column("domain_id", BigInteger, nullable=False),
    Column("expires", Float, nullable=True),
    Column("boot_id", String(36), nullable=False),
    PrimaryKeyConstraint("mac", "identity"),
    UniqueConstraint("account_id", "mac"),
    ForeignKeyConstraint(["mac", "domain_id"], ["devices.mac", "devices.domain_id"]),
    ForeignKeyConstraint(
        ["account_id", "domain_id"], ["accounts.id", "accounts.domain_id"]
    ),
    CheckConstraint("identity BETWEEN 1 AND 12", name="identity"),
    CheckConstraint("(expires IS NULL) = (boot_id = '')", name="expires"),
    sqlite_with_rowid=False,
)
# Only claims of '?' end by themselves, and they are looked for by their end.
Index(
    "ix_bindings_expires",
    bindings.c.expires,
    sqlite_where=text("expires IS NOT NULL"),
    postgresql_where=text("expires IS NOT NULL"),
)

windows = Table(
    "windows",
    metadata,
    Column("id", IDENTIFIER, nullable=False),
    Column("account_id", BigInteger, nullable=False),
    Column("boot_id", String(36), nullable=False),
    Column("opened", Float, nullable=False),
    Column("deadline", Float, nullable=False),
    Column("consumed_mac", BigInteger, nullable=False),
    Column("consumed_source", String(64), nullable=False),
    Column("pairing_end", Float, nullable=False),
    Column("closed_at", Float, nullable=True),
    Column("closed_by", String(16), nullable=False),
    # 0 is an opening of a version that did not remember any.
    Column("opening_id", BigInteger, nullable=False, server_default="0"),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("account_id"),
    ForeignKeyConstraint(["account_id"], ["accounts.id"], ondelete="CASCADE"),
    CheckConstraint("deadline >= opened", name="deadline"),
    CheckConstraint("(consumed_mac = 0) = (consumed_source = '')", name="consumed"),
    CheckConstraint("(closed_at IS NULL) = (closed_by = '')", name="closed"),
    sqlite_autoincrement=True,
)

Index("ix_windows_opening_id", windows.c.opening_id)

# One command that opened windows.  It bounds what unknown phones may claim by them:
# how many, of which OUIs and models (separated by blanks), from which subnet; "" and 0
# are no bound of its own.
openings = Table(
    "openings",
    metadata,
    Column("id", IDENTIFIER, nullable=False),
    Column("opened_at", Float, nullable=False),
    Column("opened_by", String(128), nullable=False),
    Column("most_claims", Integer, nullable=False),
    Column("claims", Integer, nullable=False),
    Column("ouis", Text, nullable=False),
    Column("subnet", String(64), nullable=False),
    Column("models", Text, nullable=False),
    PrimaryKeyConstraint("id"),
    CheckConstraint(
        "claims >= 0 AND (most_claims = 0 OR claims <= most_claims)", name="claims"
    ),
    sqlite_autoincrement=True,
)
