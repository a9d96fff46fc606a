"""Where the store's files are."""

from pathlib import Path
from typing import NamedTuple

from bootwave.options import StoreOptions


class StoreFiles(NamedTuple):
    """Absolute paths of the database, the sightings, the key and the control socket."""

    database: Path
    sightings: Path
    key: Path
    control_socket: Path


def store_files(options: StoreOptions, directory: Path) -> StoreFiles:
    """Return the files *options* name; relative ones are taken from *directory*."""
    base = directory.absolute()
    return StoreFiles(
        database=base / options.database,
        sightings=base / options.sightings,
        key=base / options.key,
        control_socket=base / options.control_socket,
    )
