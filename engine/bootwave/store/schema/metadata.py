"""What every table belongs to, and the type of numbers that rows are told apart by."""

from sqlalchemy import BigInteger, Integer, MetaData

# SQLite makes an INTEGER PRIMARY KEY, and nothing else, the row's own address.
IDENTIFIER = BigInteger().with_variant(Integer(), "sqlite")

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
