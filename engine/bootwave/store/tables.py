"""The metadata with the tables of every topic in it."""

from typing import Final

from bootwave.store import schema, schema_layers

TOPICS: Final = (schema, schema_layers)  # a topic's tables are there once it is loaded

metadata = schema.metadata
