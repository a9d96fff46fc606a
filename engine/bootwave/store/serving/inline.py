"""A writer without a thread: each operation is one transaction on the caller's thread.

For an engine without sockets, where whoever gives it bytes waits for the answer anyway.
"""

import sqlite3
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

from bootwave.errors import StoreError
from bootwave.store.connection import connect, transaction

T = TypeVar("T")


class InlineWriter:
    """Writes to the store at a path as ``writer.Writer`` does, but at once."""

    def __init__(self, path: Path) -> None:
        """Write to the store at *path*; it is opened at the first operation."""
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def submit(self, operation: Callable[[sqlite3.Connection], T]) -> "Future[T]":
        """Return the future of *operation*, committed or failed already."""
        future: Future[T] = Future()
        try:
            if self._connection is None:
                self._connection = connect(self._path)
            with transaction(self._connection):
                result = operation(self._connection)
        except StoreError as error:
            # After a failed commit nothing the connection remembers may be believed.
            self.close()
            future.set_exception(error)
        else:
            future.set_result(result)
        return future

    def close(self) -> None:
        """Close the connection; the next operation opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
