"""The store's writer, as provisioning uses it: a decision in, the commit's word out."""

from collections.abc import Callable
from concurrent.futures import Future
from sqlite3 import Connection
from typing import Any, Protocol

from bootwave.pairing.decisions import Claim, Consume
from bootwave.pairing.instant import Instant
from bootwave.store.proofs import credentials
from bootwave.store.proofs.credentials import Draw, random_number
from bootwave.store.proofs.tokens import give, note_device_used, note_domain_used
from bootwave.store.secrets import KeyRing
from bootwave.store.serving.phonewrites import (
    Taken,
    claim,
    consume,
    note_taken,
    own_certificate,
    remember_model,
)


class Submits(Protocol):
    """What runs operations in the store's transactions (store.serving.writer)."""

    def submit(self, operation: Callable[[Connection], Any], /) -> "Future[Any]":
        """Return the future of *operation*, resolved after its commit."""


class StoreWrites:
    """Writes decisions through the store's writer.

    A device that gets its first document is given credentials with that.
    """

    def __init__(
        self,
        writer: Submits,
        clock: Callable[[], Instant],
        keyring: KeyRing,
        draw: Draw = random_number,
    ) -> None:
        """Submit to *writer*; *clock* gives the instant of the write itself.

        It is called, *keyring* seals, and credentials are made by *draw*, in the
        writer's thread.
        """
        self._writer = writer
        self._clock = clock
        self._keyring = keyring
        self._draw = draw

    def consume(self, decision: Consume, model: str) -> "Future[bool]":
        """Return whether all windows of *decision* were taken, once that is stored."""

        def operation(connection: Connection) -> bool:
            now = self._clock()
            taken = consume(connection, decision, now)
            if taken:
                self._taken(connection, decision.mac, model, now)
            return taken

        return self._writer.submit(operation)

    def claim(self, decision: Claim, model: str) -> "Future[bool]":
        """Return whether a candidate of *decision* was bound, once that is stored."""

        def operation(connection: Connection) -> bool:
            now = self._clock()
            taken = claim(connection, decision, now)
            if taken:
                self._taken(connection, decision.mac, model, now)
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

    def issue(self, mac: int) -> "Future[bool]":
        """Return whether the device *mac* was given credentials, once that is stored.

        Not when it has some already, or is bound to nothing.
        """
        return self._writer.submit(
            lambda connection: credentials.issue(
                connection, self._keyring, mac, self._clock().wall, self._draw
            )
        )

    def use(self, mac: int, user: str) -> "Future[bool]":
        """Return whether those of *user* were used for the first time, once stored."""
        return self._writer.submit(
            lambda connection: credentials.use(
                connection, mac, user, self._clock().wall
            )
        )

    def _taken(
        self, connection: Connection, mac: int, model: str, now: Instant
    ) -> None:
        credentials.make(connection, self._keyring, mac, now.wall, self._draw)
        if model:
            remember_model(connection, mac=mac, model=model)
