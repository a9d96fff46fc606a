"""The one writer of a process: what phones cause, committed in groups.

    submit ──► bounded queue ──► thread: BEGIN IMMEDIATE
                                         SAVEPOINT, operation, RELEASE   (each)
                                         COMMIT
    futures ◄──────────────────────────  resolved after the COMMIT returned

A wave of phones costs one fsync per group instead of one per phone: operations that
arrive while a commit runs make the next group, so the group grows with the load and
nobody waits for a timer.  When BEGIN, an operation's rollback or the COMMIT fails,
every operation of the group fails and the connection is replaced: after a failed fsync
nothing that was in it may be believed, let alone tried again (fsync reports an error
once).
"""

import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from bootwave.errors import StoreConflict, StoreUnavailable
from bootwave.store.changelog import trim
from bootwave.store.connection import connect, roll_back

T = TypeVar("T")
Operation = Callable[[sqlite3.Connection], Any]

QUEUED = 10_000  # operations; a phone asks once, so this is a wave of ten thousand
GROUP = 256  # operations in one commit; more would make the first wait for the last
_TRIM_EVERY = 64  # groups


class _Waiting(NamedTuple):
    operation: Operation
    future: "Future[Any]"


class Writer:
    """A thread with its own connection.  Make and start it after fork."""

    def __init__(self, path: Path, *, queued: int = QUEUED, group: int = GROUP) -> None:
        """Write to the store at *path*; at most *queued* operations wait."""
        self._path = path
        self._group = group
        self._queue: queue.Queue[_Waiting | None] = queue.Queue(queued)
        self._connection: sqlite3.Connection | None = None
        self._groups = 0
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._stopping = threading.Lock()
        self._stopped = False

    def start(self) -> None:
        """Start the thread; the database is opened at the first operation."""
        self._thread.start()

    def submit(self, operation: Callable[[sqlite3.Connection], T]) -> "Future[T]":
        """Return the future of *operation*, run in the writer's transaction.

        The result is set after the commit that contains it returned.  The operation
        must not begin, commit or roll back; what it raises undoes its own writes only.
        The future fails with StoreUnavailable when the queue is full, the writer is
        stopped or the database fails, and with StoreConflict when a constraint does.
        Never blocks.
        """
        future: Future[T] = Future()
        with self._stopping:
            if self._stopped:
                future.set_exception(StoreUnavailable("The store's writer is stopped."))
                return future
            try:
                self._queue.put_nowait(_Waiting(operation, future))
            except queue.Full:
                future.set_exception(
                    StoreUnavailable("Too many writes are waiting for the store.")
                )
        return future

    def stop(self) -> None:
        """Refuse new operations, finish those that wait, and close.  Blocks."""
        with self._stopping:
            if self._stopped:
                return
            self._stopped = True
        if self._thread.ident is not None:
            self._queue.put(None)
            self._thread.join()
        else:
            self._fail_waiting()

    def _run(self) -> None:
        last = False
        while not last:
            group: list[_Waiting] = []
            waiting = self._queue.get()
            while waiting is not None:
                if waiting.future.set_running_or_notify_cancel():
                    group.append(waiting)
                if len(group) >= self._group or self._queue.empty():
                    break
                waiting = self._queue.get()
            else:
                last = True  # the mark of stop() is behind everything submitted
            if group:
                self._commit(group)
        self._close()

    def _commit(self, group: list[_Waiting]) -> None:
        """Run *group* in one transaction, then resolve every future of it."""
        outcomes: list[tuple[Any, BaseException | None]] = []
        try:
            connection = self._connection
            if connection is None:
                connection = self._connection = connect(self._path)
            connection.execute("BEGIN IMMEDIATE")
            for waiting in group:
                outcomes.append(_attempt(connection, waiting.operation))
            self._groups += 1
            if self._groups % _TRIM_EVERY == 0:
                trim(connection)
            connection.execute("COMMIT")
        except Exception as error:
            self._close()
            failure = StoreUnavailable(f"The store could not be written: {error}")
            failure.__cause__ = error
            outcomes = [(None, failure)] * len(group)
        for waiting, (result, exception) in zip(group, outcomes, strict=True):
            if exception is None:
                waiting.future.set_result(result)
            else:
                waiting.future.set_exception(exception)

    def _close(self) -> None:
        if self._connection is not None:
            roll_back(self._connection)
            self._connection.close()
            self._connection = None

    def _fail_waiting(self) -> None:
        while True:
            try:
                waiting = self._queue.get_nowait()
            except queue.Empty:
                return
            if waiting is not None and waiting.future.set_running_or_notify_cancel():
                waiting.future.set_exception(
                    StoreUnavailable("The store's writer is stopped.")
                )


def _attempt(
    connection: sqlite3.Connection, operation: Operation
) -> tuple[Any, BaseException | None]:
    """Return the operation's result or what it raised, its writes undone.

    Raises sqlite3.Error when the database itself failed: then no operation of the
    group can be trusted, for SQLite may have rolled all of them back.
    """
    connection.execute("SAVEPOINT operation")
    try:
        result = operation(connection)
    except sqlite3.IntegrityError as error:
        conflict = StoreConflict(f"The write contradicts what is stored ({error}).")
        conflict.__cause__ = error
        outcome: tuple[Any, BaseException | None] = (None, conflict)
    except sqlite3.Error:
        raise
    except Exception as error:
        outcome = (None, error)
    else:
        connection.execute("RELEASE operation")
        return result, None
    connection.execute("ROLLBACK TO operation")
    connection.execute("RELEASE operation")
    return outcome
