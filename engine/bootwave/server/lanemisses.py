"""Between the lane and provisioning: what the lane missed, and what it is told.

A document that is ready by now the lane sends itself.  Other answers are the bytes that
h11's side would send.  An answer that ends a connection which the phone would have
kept, or on which more has come, is given by h11's side, which lingers for what may
still be on its way; so is what failed here, because there it fails again and is told.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from bootwave import log
from bootwave.http.challenge import NO_NONCE, Challenge
from bootwave.http.response import Response, response_bytes

if TYPE_CHECKING:
    from bootwave.native.http import Lane, Miss
    from bootwave.provision.misses import Tell

AnswerMissed = Callable[[Sequence["Miss"], "Tell"], None]
# Descriptor, bytes already read, whether a request was answered on it, whether on a
# grant, the ends that a load balancer's header named: what the lane hands over.  A
# header that it did not take is among the bytes, or still to come.
Ends = tuple[str, tuple[str, int]]
HandedOver = tuple[int, bytes, bool, bool, Ends | None]


class Takes(Protocol):
    """What goes on with connections that a lane held (HttpServer)."""

    def take_over(
        self, handed: Sequence[HandedOver] | None, given: Response | None = None
    ) -> None:
        """Serve *handed*; their first request is answered with *given*, if any."""

    def lane_moved(self) -> None:
        """See to what follows when the lane may have closed connections."""

    def date(self) -> bytes:
        """Return the IMF-fixdate of this second."""


class LaneMisses:
    """Has what *lane* missed answered by *ask*; for one loop and its thread.

    Without *ask* all of it is h11's.
    """

    def __init__(self, lane: "Lane", ask: AnswerMissed | None, server: Takes) -> None:
        """Keep the parts."""
        self._lane = lane
        self._ask = ask
        self._server = server
        self._settling = False
        self._said: tuple[Response, bytes, bytes, bool] | None = None
        self._bytes = b""
        self.stopping = False

    def gather(self) -> None:
        """Ask for the answers to what was missed since the last call."""
        missed = self._lane.take_missed()
        if not missed:
            return
        if self._ask is not None:
            self._ask(missed, self._tell)
            return
        for miss in missed:
            self._release(miss)

    def _tell(self, miss: "Miss", outcome: object) -> None:
        try:
            self._answer(miss, outcome)
        except Exception as error:
            log.note(log.SERVER_CONNECTION_FAILED, exception=error, source=miss.source)
            self._release(miss)
        if not self._settling:
            self._settling = True
            asyncio.get_running_loop().call_soon(self._settle)

    def _answer(self, miss: "Miss", outcome: object) -> None:
        ends = self.stopping and miss.keep_alive
        if isinstance(outcome, Response):
            if (
                ends
                or (outcome.close and miss.keep_alive)
                or not self._lane.say(miss, self._bytes_of(outcome, miss))
            ):
                self._release(miss, outcome)
        elif ends or outcome is None or not self._lane.answer(miss):
            self._release(miss)

    def _release(self, miss: "Miss", given: Response | None = None) -> None:
        handed = self._lane.release(miss)
        if handed is not None:
            self._server.take_over([handed], given)

    def _settle(self) -> None:
        self._settling = False
        self._server.take_over(self._lane.settle())
        self._server.lane_moved()

    def _bytes_of(self, response: Response, miss: "Miss") -> bytes:
        """Return *response* as sent; the last one is remembered: a flood of refusals.

        Those differ in their nonces only (http.challenge).
        """
        if isinstance(response, Challenge) and response.template is not None:
            template = self._bytes_of(response.template, miss)
            return template.replace(NO_NONCE, response.nonce)
        date = self._server.date()
        connection = b"close"
        if miss.keep_alive:
            connection = b"keep-alive" if miss.is_1_0 else b""
        said = self._said
        if (
            said is None
            or said[0] is not response
            or said[1:] != (date, connection, miss.head)
        ):
            self._bytes = response_bytes(
                response, date=date, with_body=not miss.head, connection=connection
            )
            self._said = response, date, connection, miss.head
        return self._bytes
