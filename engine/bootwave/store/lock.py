"""The lock that says which engine serves a store."""

import fcntl
import os
from pathlib import Path

from bootwave.errors import OperatorError

_MODE = 0o600


class EngineLock:
    """Held from its making to ``release``, or to the end of every process that has it.

    Children inherit it, so no engine starts beside the workers of one that was killed.
    Raises OperatorError when another engine holds it.
    """

    def __init__(self, database: Path) -> None:
        """Take the lock of the store at *database*."""
        path = _path(database)
        try:
            self._descriptor = os.open(
                path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE
            )
        except OSError as error:
            raise OperatorError(
                f"The lock {path} cannot be made: {error.strerror}."
            ) from None
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._descriptor)
            raise OperatorError(
                f"Another engine serves {database} already: stop it first, or give "
                "this one a store of its own."
            ) from None

    def release(self) -> None:
        """Give the lock back."""
        os.close(self._descriptor)


def is_served(database: Path) -> bool:
    """Whether an engine holds the lock of the store at *database* now."""
    try:
        descriptor = os.open(_path(database), os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _path(database: Path) -> Path:
    return database.with_name(database.name + ".lock")
