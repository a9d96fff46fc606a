"""``bootwave version``."""

from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from platform import python_version

from bootwave import __version__
from bootwave.cli.output import Json, print_json, print_table

LIBRARIES = ("cryptography", "h11", "orjson", "pydantic", "sqlalchemy", "uvloop")


def version(json: Json = False) -> None:
    """Print the version of bootwave and of what it stands on."""
    import sqlite3

    found = {"bootwave": __version__, "python": python_version()}
    found["sqlite"] = sqlite3.sqlite_version
    for name in LIBRARIES:
        try:
            found[name] = version_of(name)
        except PackageNotFoundError:  # inside a single-file binary
            found[name] = "built in"
    if json:
        print_json(found)
    else:
        print_table(("part", "version"), found.items(), empty="")
