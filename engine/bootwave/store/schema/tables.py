"""The metadata with the tables of every topic in it."""

from typing import Final

from bootwave.store.schema import (
    access,
    books,
    capacity,
    domains,
    firmware,
    layers,
    logs,
    proofs,
    redirection,
    rollouts,
)
from bootwave.store.schema.metadata import metadata

__all__ = ["TOPICS", "metadata"]

# A topic's tables are there once it is loaded.
TOPICS: Final = (
    domains,
    access,
    books,
    capacity,
    firmware,
    layers,
    logs,
    proofs,
    redirection,
    rollouts,
)
