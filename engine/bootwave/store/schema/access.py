"""Tables of administrators' access: who they are, and what opens the API for them.

Nothing here opens anything by itself: of passwords there is an argon2id hash, of
tokens, sessions and set-up links the SHA-256 of 256 random bits.  Who is not
``everywhere`` reaches the domains that are listed for him and no other; where the
last of them is removed, none.

``opened``, ``seen``, ``confirmed`` and ``deadline`` are instants within ``boot_id``
(store.schema), so that nobody opens a session again by setting a clock.
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

administrators = Table(
    "administrators",
    metadata,
    Column("id", IDENTIFIER, nullable=False),
    Column("name", String(64), nullable=False),
    Column("role", String(9), nullable=False),
    Column("everywhere", Boolean, nullable=False),
    Column("password_hash", String(256), nullable=False),
    Column("made_at", Float, nullable=False),
    Column("made_by", String(128), nullable=False),
    Column("password_at", Float, nullable=False),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("name"),
    CheckConstraint("role IN ('operator', 'domain', 'read-only')", name="role"),
    CheckConstraint("role <> 'operator' OR everywhere", name="operator"),
    CheckConstraint("role <> 'domain' OR NOT everywhere", name="domain"),
    sqlite_autoincrement=True,
)

administrator_domains = Table(
    "administrator_domains",
    metadata,
    Column("administrator_id", BigInteger, nullable=False),
    Column("domain_id", BigInteger, nullable=False),
    PrimaryKeyConstraint("administrator_id", "domain_id"),
    ForeignKeyConstraint(
        ["administrator_id"], ["administrators.id"], ondelete="CASCADE"
    ),
    ForeignKeyConstraint(["domain_id"], ["domains.id"], ondelete="CASCADE"),
    sqlite_with_rowid=False,
)
# For the cascade.
Index("ix_administrator_domains_domain_id", administrator_domains.c.domain_id)

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("id", IDENTIFIER, nullable=False),
    Column("name", String(64), nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("scopes", String(64), nullable=False),
    Column("everywhere", Boolean, nullable=False),
    # Whose token it is: it can do what he can, and goes with him.  Without one it was
    # made by a user of this machine.
    Column("administrator_id", BigInteger, nullable=True),
    Column("made_at", Float, nullable=False),
    Column("made_by", String(128), nullable=False),
    Column("expires_at", Float, nullable=True),
    Column("used_at", Float, nullable=True),
    Column("used_from", String(64), nullable=False),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("digest"),
    ForeignKeyConstraint(
        ["administrator_id"], ["administrators.id"], ondelete="CASCADE"
    ),
    sqlite_autoincrement=True,
)
# Names are each administrator's own, so that none tells of the tokens of others; those
# that the users of this machine made have names of their own, too.
Index(
    "ix_api_tokens_administrator_id_name",
    api_tokens.c.administrator_id,
    api_tokens.c.name,
    unique=True,
)
_NOBODYS = text("administrator_id IS NULL")
Index(
    "ix_api_tokens_name",
    api_tokens.c.name,
    unique=True,
    sqlite_where=_NOBODYS,
    postgresql_where=_NOBODYS,
)

api_token_domains = Table(
    "api_token_domains",
    metadata,
    Column("token_id", BigInteger, nullable=False),
    Column("domain_id", BigInteger, nullable=False),
    PrimaryKeyConstraint("token_id", "domain_id"),
    ForeignKeyConstraint(["token_id"], ["api_tokens.id"], ondelete="CASCADE"),
    ForeignKeyConstraint(["domain_id"], ["domains.id"], ondelete="CASCADE"),
    sqlite_with_rowid=False,
)
Index("ix_api_token_domains_domain_id", api_token_domains.c.domain_id)

administrator_sessions = Table(
    "administrator_sessions",
    metadata,
    Column("id", IDENTIFIER, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("administrator_id", BigInteger, nullable=False),
    Column("boot_id", String(36), nullable=False),
    Column("opened", Float, nullable=False),
    Column("seen", Float, nullable=False),
    Column("confirmed", Float, nullable=False),
    Column("source", String(64), nullable=False),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("digest"),
    ForeignKeyConstraint(
        ["administrator_id"], ["administrators.id"], ondelete="CASCADE"
    ),
    sqlite_autoincrement=True,
)
Index(
    "ix_administrator_sessions_administrator_id",
    administrator_sessions.c.administrator_id,
)

setup_links = Table(
    "setup_links",
    metadata,
    Column("id", Integer, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("boot_id", String(36), nullable=False),
    Column("deadline", Float, nullable=False),
    Column("made_by", String(128), nullable=False),
    PrimaryKeyConstraint("id"),
    CheckConstraint("id = 1", name="one"),  # the newest is the only one
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    # By number, as administrator/1 or token/1: a name may be another's later.
    Column("actor", String(128), nullable=False),
    Column("name", String(255), nullable=False),
    Column("request", LargeBinary, nullable=False),
    Column("made_at", Float, nullable=False),
    Column("status", Integer, nullable=False),
    Column("headers", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    PrimaryKeyConstraint("actor", "name"),
    CheckConstraint("status = 0 OR status BETWEEN 200 AND 299", name="status"),
)
Index("ix_idempotency_keys_made_at", idempotency_keys.c.made_at)
