"""Tables of firmware: definitions, pins, what is forbidden; images.

``scope`` is whom a row is for, and ``key`` the id of the domain or group, the MAC of
the device, or 0 for the engine.  Versions are kept as ``FirmwareVersion`` writes them,
and ``location`` is a URL or the name of an image (firmware.definitions).
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from bootwave.store.schema.metadata import metadata

_SCOPES = "scope IN ('engine', 'domain', 'group', 'device')"

firmware_definitions = Table(
    "firmware_definitions",
    metadata,
    Column("scope", String(8), nullable=False),
    Column("key", BigInteger, nullable=False),
    Column("model", String(64), nullable=False),
    Column("part", String(8), nullable=False),
    Column("version", String(24), nullable=False),
    Column("location", String(255), nullable=False),
    Column("step", Boolean, nullable=False),
    PrimaryKeyConstraint("scope", "key", "model", "part", "version"),
    CheckConstraint(_SCOPES, name="scope"),
    CheckConstraint("part IN ('', 'rootfs', 'linux')", name="part"),
    CheckConstraint("location <> ''", name="location"),
    sqlite_with_rowid=False,
)

# ``version`` is "keep" where phones stay with what they run.
firmware_pins = Table(
    "firmware_pins",
    metadata,
    Column("scope", String(8), nullable=False),
    Column("key", BigInteger, nullable=False),
    Column("model", String(64), nullable=False),
    Column("version", String(24), nullable=False),
    PrimaryKeyConstraint("scope", "key", "model"),
    CheckConstraint(_SCOPES, name="scope"),
    CheckConstraint("version <> ''", name="version"),
    sqlite_with_rowid=False,
)

firmware_forbidden = Table(
    "firmware_forbidden",
    metadata,
    Column("scope", String(8), nullable=False),
    Column("key", BigInteger, nullable=False),
    Column("model", String(64), nullable=False),
    Column("version", String(24), nullable=False),
    Column("why", Text, nullable=False),
    PrimaryKeyConstraint("scope", "key", "model", "version"),
    CheckConstraint(_SCOPES, name="scope"),
    sqlite_with_rowid=False,
)

# What stands for a scope in the URL at which its phones ask: nobody can guess it, so
# that the URL says nothing about which MACs are known.  A scope keeps its handle when
# it has no rules any more, for phones that were told it.
firmware_scopes = Table(
    "firmware_scopes",
    metadata,
    Column("scope", String(8), nullable=False),
    Column("key", BigInteger, nullable=False),
    Column("handle", String(26), nullable=False),
    PrimaryKeyConstraint("scope", "key"),
    UniqueConstraint("handle"),
    CheckConstraint("scope IN ('domain', 'group', 'device')", name="scope"),
)

# The file of an image is named by its SHA-256 (hex) in the directory of images.
firmware_images = Table(
    "firmware_images",
    metadata,
    Column("sha256", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("name", String(100), nullable=False),
    Column("model", String(64), nullable=False),
    Column("version", String(24), nullable=False),
    Column("uploaded_at", Float, nullable=False),
    Column("uploaded_by", String(128), nullable=False),
    PrimaryKeyConstraint("sha256"),
    UniqueConstraint("name"),
    CheckConstraint("length(sha256) = 64", name="sha256"),
    CheckConstraint("size > 0", name="size"),
)
