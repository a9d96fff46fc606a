"""Which options file this command works with, and what it reaches by it.

One process runs one command, so what -o names is kept for the process.
"""

import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bootwave.cli.progress import Progress, is_shown

if TYPE_CHECKING:
    from bootwave.control.client import ControlClient
    from bootwave.control.session import Session
    from bootwave.errors import OperatorError, OptionError
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

    A call of it that takes long shows that it goes on.  Raises OperatorError or
    StoreError.
    """
    found = _opened()
    label = "Waiting for the engine" if found.live else "Working"
    found.waiting = lambda: waiting(label)
    return found


def waiting(label: str) -> AbstractContextManager[object]:
    """Return what shows by *label* that something lasts, unless a bar does already."""
    return nullcontext() if is_shown() else Progress(label)


def _opened() -> "Session":
    from bootwave.control.session import LiveSession, open_session
    from bootwave.errors import OptionError, StoreNotFound

    try:
        found = loaded()
    except OptionError as error:
        return LiveSession(_engine_despite(error)[0])
    try:
        return open_session(found.options)
    except StoreNotFound as error:
        if found.path is not None:
            raise
        raise _nowhere(found) from error


def engine() -> "tuple[ControlClient | None, Path]":
    """Return a connection to the engine, None when none runs, and the socket's path.

    Raises OperatorError, also where there is neither an options file nor a database.
    """
    from bootwave.control.client import ControlClient
    from bootwave.errors import OptionError

    try:
        found = loaded()
    except OptionError as error:
        return _engine_despite(error)
    store = found.options.store
    client = ControlClient.connect(store.control_socket)
    if client is None and found.path is None and not store.database.exists():
        raise _nowhere(found)
    return client, store.control_socket


def _engine_despite(wrong: "OptionError") -> "tuple[ControlClient, Path]":
    """Return a connection to the engine of options that are *wrong*, and its socket.

    Raises *wrong* when no engine answers.

    What an engine needs to be told, a window that must be closed, does not wait until
    its options file is repaired.  The socket is where the options say, as far as they
    can be read, else beside their file.
    """
    from bootwave.cli.output import hint
    from bootwave.control.client import ControlClient
    from bootwave.optionsfile import inspect, locate

    path = locate(_chosen, os.environ)
    if path is not None and not os.path.isfile(path):
        raise wrong
    socket = inspect(path, os.environ).options.store.control_socket
    client = ControlClient.connect(socket)
    if client is None:
        raise wrong
    hint(f"bootwave: warning: {wrong} The engine at {socket} is asked all the same.")
    return client, socket


def _nowhere(found: "Loaded") -> "OperatorError":
    from bootwave.errors import OperatorError

    return OperatorError(
        f"There is no database at {found.options.store.database}, where no options "
        "file says otherwise: name one with -o FILE, or make one with "
        "bootwave init DIR."
    )
