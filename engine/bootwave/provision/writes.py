"""The store's writer, as provisioning uses it: a decision in, the commit's word out."""

from collections.abc import Callable
from concurrent.futures import Future
from sqlite3 import Connection
from typing import Any, Protocol

from bootwave.pairing.decisions import Claim, Consume
from bootwave.pairing.instant import Instant
from bootwave.store.phonewrites import (
    Taken,
    claim,
    consume,
    note_taken,
    own_certificate,
    remember_model,
)
from bootwave.store.tokens import give, note_device_used, note_domain_used


class Submits(Protocol):
    """What runs operations in the store's transactions (store.writer.Writer)."""

    def submit(self, operation: Callable[[Connection], Any], /) -> "Future[Any]":
        """Return the future of *operation*, resolved after its commit."""


class StoreWrites:
    """Writes decisions through the store's writer."""

    def __init__(self, writer: Submits, clock: Callable[[], Instant]) -> None:
        """Submit to *writer*; *clock* gives the instant of the write itself.

        It is called in the writer's thread.
        """
        self._writer = writer
        self._clock = clock

    def consume(self, decision: Consume, model: str) -> "Future[bool]":
        """Return whether all windows of *decision* were taken, once that is stored."""

        def operation(connection: Connection) -> bool:
            taken = consume(connection, decision, self._clock())
            if taken and model:
                remember_model(connection, mac=decision.mac, model=model)
            return taken

        return self._writer.submit(operation)

    def claim(self, decision: Claim, model: str) -> "Future[bool]":
        """Return whether a candidate of *decision* was bound, once that is stored."""

        def operation(connection: Connection) -> bool:
            taken = claim(connection, decision, self._clock())
            if taken and model:
                remember_model(connection, mac=decision.mac, model=model)
            return taken

        return self._writer.submit(operation)

    def own_certificate(self, mac: int) -> "Future[bool]":
        """Remember that the device *mac* owns a certificate."""

        def operation(connection: Connection) -> bool:
            return own_certificate(connection, mac=mac)

        return self._writer.submit(operation)

    def give_token(self, mac: int, sealed: bytes) -> "Future[bool]":
        """Return that the device has a token, once that is stored."""

        def operation(connection: Connection) -> bool:
            return give(connection, mac, sealed, self._clock())

        return self._writer.submit(operation)

    def device_token_used(self, mac: int, sealed: bytes) -> "Future[None]":
        """Write down that the phone came with its token; nobody waits for it."""

        def operation(connection: Connection) -> None:
            note_device_used(connection, mac, sealed, self._clock())

        return self._writer.submit(operation)

    def domain_token_used(self, domain_id: int, sealed: bytes) -> "Future[None]":
        """Write down that a phone came with its domain's; nobody waits for it."""

        def operation(connection: Connection) -> None:
            note_domain_used(connection, domain_id, sealed, self._clock())

        return self._writer.submit(operation)

    def taken(self, taken: Taken) -> "Future[None]":
        """Write down that a phone took its secrets; nobody waits for it."""

        def operation(connection: Connection) -> None:
            note_taken(connection, taken, self._clock())

        return self._writer.submit(operation)
