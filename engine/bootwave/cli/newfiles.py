"""What commands make anew: nothing that exists is touched, and a failure undoes it."""

import os
from contextlib import ExitStack
from pathlib import Path

from bootwave.errors import OptionError


def make_directory(path: Path, undo: ExitStack) -> None:
    """Make *path*, for its owner alone, unless it is there; *undo* takes it away again.

    Raises OptionError where it is no directory or cannot be made.
    """
    try:
        path.mkdir(mode=0o700, parents=True)
        undo.callback(path.rmdir)
    except FileExistsError:
        if not path.is_dir():
            raise OptionError(f"{path} is not a directory.") from None
    except OSError as error:
        raise OptionError(f"{path} cannot be made: {error.strerror}.") from None


def write_new(
    path: Path,
    content: bytes,
    undo: ExitStack,
    mode: int = 0o600,
    *,
    otherwise: str = "move it away first",
) -> None:
    """Make *path* with *content*; *undo* learns how to take it away again.

    It has its mode from the beginning, so that nobody reads a key in between.  Raises
    OptionError where it exists, which says what to do *otherwise*, or cannot be
    written.
    """
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
    except FileExistsError:
        raise exists_already(path, otherwise) from None
    except OSError as error:
        raise OptionError(f"{path} cannot be made: {error.strerror}.") from None
    undo.callback(path.unlink, missing_ok=True)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    except OSError as error:
        raise OptionError(f"{path} cannot be written: {error.strerror}.") from None


def exists_already(path: Path, otherwise: str) -> OptionError:
    """Return the error that *path* exists, and what to do *otherwise*."""
    return OptionError(f"{path} exists already: nothing was made; {otherwise}.")
