"""From a request to its answer: at once, in a task, or when others have had their turn.

A request that fails here costs its connection a 500 or 503, which says nothing of why.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Protocol

from bootwave import log
from bootwave.errors import StoreError
from bootwave.http.connection import RETRY_AFTER_SECONDS
from bootwave.http.contact import Contact
from bootwave.http.effects import Effect
from bootwave.http.request import Request
from bootwave.http.response import Response, overloaded, plain_response
from bootwave.metrics import Counter, CounterRow
from bootwave.server.peer import Peer

if TYPE_CHECKING:
    from bootwave.server.tls.side import TlsSide

MAX_REQUESTS_PER_TURN = 4  # of one connection, before the others have theirs
MAX_PUT_OFF_PER_WAKE = 8  # connections with more pipelined than that

Respond = Callable[[Request, Contact], Awaitable[Response] | Response]
Cached = Callable[[Request, Contact], Response | None]


class Resume(Protocol):
    """How a connection goes on that waited for an answer or its turn (HttpServer)."""

    def __call__(self, peer: Peer, make: Callable[[], list[Effect]]) -> None:
        """Make happen for *peer*, unless it is gone, what *make* returns."""


class Answers:
    """Has requests answered; for one loop and its thread.

    *cached* is asked first and must not block; where it has no answer, *respond* is
    called and, if it returns an awaitable, awaited in a task.  What cannot be returned
    at once goes to *resume*.
    """

    def __init__(
        self,
        respond: Respond,
        cached: Cached | None,
        counters: CounterRow,
        tls: "TlsSide | None",
        resume: Resume,
    ) -> None:
        """Keep the parts."""
        self._respond = respond
        self._cached = cached
        self._counters = counters
        self._tls = tls
        self._resume = resume
        self._later: deque[tuple[Peer, Request]] = deque()
        self.tasks: set[asyncio.Task[None]] = set()

    def to(self, peer: Peer, request: Request) -> list[Effect]:
        """Return what follows from *request*; nothing while its answer is awaited."""
        peer.turns += 1
        if peer.turns > MAX_REQUESTS_PER_TURN:
            self._put_off(peer, request)
            return []
        return self._decide(peer, request)

    def _put_off(self, peer: Peer, request: Request) -> None:
        """Decide on *request* when the loop has been round."""
        if not self._later:
            asyncio.get_running_loop().call_soon(self._go_on)
        self._later.append((peer, request))

    def _go_on(self) -> None:
        """Take up some of what was put off, the longest waiting first."""
        some = [
            self._later.popleft()
            for _ in range(min(len(self._later), MAX_PUT_OFF_PER_WAKE))
        ]
        if self._later:
            asyncio.get_running_loop().call_soon(self._go_on)
        for peer, request in some:
            peer.turns = 1
            self._resume(peer, partial(self._decide, peer, request))

    def _decide(self, peer: Peer, request: Request) -> list[Effect]:
        """Have *request* answered, now or by a task."""
        self._counters.add(Counter.HTTP_REQUESTS)
        if peer.proof is not None:
            assert self._tls is not None
            peer.contact = self._tls.contact(peer.contact, peer.proof)
        response, peer.given = peer.given, None
        try:
            if response is None and self._cached is not None:
                response = self._cached(request, peer.contact)
            if response is None:
                answer = self._respond(request, peer.contact)
                if not isinstance(answer, Response):
                    self._await(peer, answer)
                    return []
                response = answer
        except Exception as error:
            response = self._failure(peer, error)
        return self._answer(peer, response)

    def _await(self, peer: Peer, answer: Awaitable[Response]) -> None:
        # The set keeps the task alive: the loop itself does not.
        task = asyncio.get_running_loop().create_task(
            self._answer_when_known(peer, answer)
        )
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _answer_when_known(self, peer: Peer, answer: Awaitable[Response]) -> None:
        try:
            response = await answer
        except Exception as error:
            response = self._failure(peer, error)
        # A peer that went away is not waited for, but its request was finished: what
        # it changed (a window used) stays changed.
        peer.turns = 0
        self._resume(peer, partial(self._answer, peer, response))

    def _answer(self, peer: Peer, response: Response) -> list[Effect]:
        try:
            effects = peer.connection.respond(response, time.monotonic())
        except ValueError as error:
            response = self._failure(peer, error)
            effects = peer.connection.respond(response, time.monotonic())
        peer.answered = True
        if response.proven and response.status in (200, 304):
            peer.proven = True
        return effects

    def _failure(self, peer: Peer, error: Exception) -> Response:
        """Return the answer to a request that failed here; it says nothing of why."""
        self._counters.add(Counter.HTTP_FAILED)
        log.note(log.SERVER_REQUEST_FAILED, exception=error, source=peer.contact.source)
        if isinstance(error, StoreError | MemoryError | OSError):
            return overloaded(RETRY_AFTER_SECONDS)
        return plain_response(500, close=True)
