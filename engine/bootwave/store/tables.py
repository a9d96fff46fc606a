"""The metadata with the tables of every topic in it."""

from typing import Final

from bootwave.store import (
    schema,
    schema_access,
    schema_books,
    schema_capacity,
    schema_firmware,
    schema_layers,
    schema_logs,
    schema_proofs,
    schema_redirection,
    schema_rollouts,
)
from bootwave.store.schema_metadata import metadata

__all__ = ["TOPICS", "metadata"]

# A topic's tables are there once it is loaded.
TOPICS: Final = (
    schema,
    schema_access,
    schema_books,
    schema_capacity,
    schema_firmware,
    schema_layers,
    schema_logs,
    schema_proofs,
    schema_redirection,
    schema_rollouts,
)
