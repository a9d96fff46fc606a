"""The table of what was measured of this server, and of what its phones are told.

One row, or none before an engine ran.  ``phones`` and ``requests_per_second`` are what
the pace of the fleet (settings.pacing) is computed from now; ``request_seconds`` of CPU
were measured over ``requests_measured`` (settings.capacity).
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Float,
    Integer,
    PrimaryKeyConstraint,
    Table,
)

from bootwave.store.schema.metadata import metadata

fleet_pace = Table(
    "fleet_pace",
    metadata,
    Column("id", Integer, nullable=False),
    Column("phones", BigInteger, nullable=False),
    Column("requests_per_second", Float, nullable=False),
    Column("request_seconds", Float, nullable=False),
    Column("requests_measured", BigInteger, nullable=False),
    PrimaryKeyConstraint("id"),
    CheckConstraint("id = 1", name="id"),
    CheckConstraint("requests_per_second > 0", name="requests_per_second"),
)
