from pathlib import Path

from bootwave.options import StoreOptions
from bootwave.store.files import store_files


def test_relative_files_are_beside_the_options() -> None:
    files = store_files(StoreOptions(), Path("/etc/bootwave"))
    assert files.database == Path("/etc/bootwave/bootwave.db")
    assert files.key == Path("/etc/bootwave/bootwave.key")


def test_absolute_files_stay_where_they_are() -> None:
    options = StoreOptions(sightings=Path("/var/lib/bootwave/seen.db"))
    files = store_files(options, Path("/etc/bootwave"))
    assert files.sightings == Path("/var/lib/bootwave/seen.db")
