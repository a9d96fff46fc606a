"""How a command reaches what is stored: through a running engine, else directly."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Any

from bootwave.control.actors import this_actor
from bootwave.control.client import ControlClient
from bootwave.control.operations import ProgressFunction, run
from bootwave.options import Options
from bootwave.store.lock import is_served

# How long a command waits for the control process of an engine that runs.
RESTART_SECONDS = 3.0
RETRY_SECONDS = 0.02


class Session(ABC):
    """Calls operations; ``live`` says whether an engine runs and answers them.

    ``waiting`` is entered while a call lasts that tells nobody of its steps.
    """

    live: bool
    waiting: Callable[[], AbstractContextManager[object]] = nullcontext

    @abstractmethod
    def call(
        self, op: str, *, progress: ProgressFunction | None = None, **args: Any
    ) -> Any:
        """Return the result of *op* (``window.open``), committed.

        *progress* is told of the steps of a long one.  Raises OperatorError or
        StoreError with one sentence.
        """

    @abstractmethod
    def take_back(self) -> None:
        """Take back the call that was left before it returned, if one was.

        What it has not committed is not stored.  Raises EngineError.
        """

    @abstractmethod
    def close(self) -> None:
        """Give back the connection."""

    def __enter__(self) -> "Session":
        """Return the session."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the session."""
        self.close()


class LiveSession(Session):
    """Operations are run by the engine."""

    live = True

    def __init__(self, client: ControlClient) -> None:
        """Talk by *client*, which ``close`` closes."""
        self._client = client

    def call(
        self, op: str, *, progress: ProgressFunction | None = None, **args: Any
    ) -> Any:
        """Return the result of *op*, which the engine knows already."""
        with self.waiting() if progress is None else nullcontext():
            return self._client.call(op, args, progress)

    def take_back(self) -> None:
        """Hang up, by which the engine ends what it does, and connect again."""
        self._client.take_back()

    def close(self) -> None:
        """Hang up."""
        self._client.close()


class DirectSession(Session):
    """Operations are run here, on the files of the store.

    An engine that is running all the same finds the change in the log of changes
    within a second.
    """

    live = False

    def __init__(self, options: Options) -> None:
        """Open the database and the key; raises StoreError or OperatorError."""
        from bootwave.store.administration import Administration
        from bootwave.store.boot import instant
        from bootwave.store.connection import connect
        from bootwave.store.secrets import KeyRing
        from bootwave.store.sightings.contactkeeper import ContactKeeper
        from bootwave.store.sightings.sightings import SightingLog

        self._connection = connect(options.store.database)
        try:
            keyring = KeyRing.load(options.store.key)
            sightings = SightingLog(options.store.sightings, options.sightings)
            self._contacts = ContactKeeper(sightings, options.store.database)
            self.administration = Administration(
                self._connection,
                keyring,
                options.pairing,
                now=instant,
                committed=lambda changes: None,
                sightings=sightings,
                firmware=options.firmware,
                images=options.store.images,
            )
        except BaseException:
            self._connection.close()
            raise

    def call(
        self, op: str, *, progress: ProgressFunction | None = None, **args: Any
    ) -> Any:
        """Return the result of *op*, committed."""
        with self.waiting() if progress is None else nullcontext():
            if op == "records.page" and asks_for_contacts(args):
                self._contacts.catch_up()  # which the engine does while it runs
            return run(self.administration, op, args, progress, actor=this_actor())

    def take_back(self) -> None:
        """Do nothing: what left the call has ended it."""

    def close(self) -> None:
        """Close the database."""
        self._connection.close()


def asks_for_contacts(args: Mapping[str, Any]) -> bool:
    """Whether the page that is asked for is of devices and tells what they did last."""
    from bootwave.store.listing import devicecontacts

    return args.get("resource") == "devices" and (
        args.get("seen") is True
        or devicecontacts.is_one(str(args.get("sort", "")), args.get("filters") or {})
    )


def open_session(options: Options) -> Session:
    """Return a session of the engine of these options, or of their store.

    Raises EngineError when an engine may be running but cannot be talked to, and
    StoreError or OperatorError when the store cannot be opened.
    """
    until = time.monotonic() + RESTART_SECONDS
    while True:
        client = ControlClient.connect(options.store.control_socket)
        if client is not None:
            return LiveSession(client)
        # A control process that was killed or rolled is back in a moment; written past
        # it, a closed window would end a little later than the command says.
        if not is_served(options.store.database) or time.monotonic() >= until:
            return DirectSession(options)
        time.sleep(RETRY_SECONDS)
