"""Which options file this command works with, and what it reaches by it.

One process runs one command, so what -o names is kept for the process.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from bootwave.control.session import Session
    from bootwave.optionsfile import Loaded

OptionsFile = Annotated[
    Path | None,
    typer.Option(
        "--options",
        "-o",
        metavar="FILE",
        help="The options file; else $BOOTWAVE_OPTIONS, else ./bootwave.toml.",
        show_default=False,
    ),
]

_chosen: Path | None = None


def choose(path: Path | None) -> None:
    """Work with the options file *path*; None leaves the choice as it is."""
    global _chosen
    if path is not None:
        _chosen = path


def chosen() -> Path | None:
    """Return the file that -o names, or None."""
    return _chosen


def loaded() -> "Loaded":
    """Return the options of this command; raises OptionError."""
    from bootwave.optionsfile import load

    return load(_chosen, os.environ)


def session() -> "Session":
    """Return a session of the engine or the store that the options name.

    Raises OperatorError or StoreError.
    """
    from bootwave.control.session import open_session
    from bootwave.errors import OperatorError, StoreNotFound

    found = loaded()
    try:
        return open_session(found.options)
    except StoreNotFound as error:
        if found.path is not None:
            raise
        raise OperatorError(
            f"There is no database at {found.options.store.database}, where no options "
            "file says otherwise: name one with -o FILE, or make one with "
            "bootwave init DIR."
        ) from error
