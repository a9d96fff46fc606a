"""Connections of the API: uvicorn's, with the deadlines that it has not.

    head awaited ──► body comes ──► answered ──► head awaited …
       (seconds)      (a pace)       (a peer that reads)

A peer that is slower is cut off.  Each connection has one timer at a time for what the
peer owes, and one while it does not read.
"""

import asyncio
import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from bootwave.control.api.outermost import FIELDS
from bootwave.control.api.problems import Problem
from bootwave.limits import (
    API_BODY_PACE_BYTES,
    API_BODY_SECONDS,
    API_HEAD_SECONDS,
    API_WRITE_STALL_SECONDS,
    HTTP_LINGER_SECONDS,
)

# What uvicorn says of each wrong request is for nobody here: anybody can cause it.
_SILENT = logging.getLogger("bootwave.control.connections")
_SILENT.setLevel(logging.CRITICAL + 1)
_NO_HTTP = Problem("bad-request", "This is no HTTP/1.1 that can be understood.")


class ApiConnection(H11Protocol):
    """One connection, which is closed when the peer is too slow; then *left* is called.

    How many there are is bounded where they arrive (``arrivals``).  *answered* is told
    of the status of an answer that no application gave.
    """

    head_seconds = API_HEAD_SECONDS
    body_seconds = API_BODY_SECONDS
    stall_seconds = API_WRITE_STALL_SECONDS

    def __init__(
        self,
        *args: Any,
        left: Callable[[], None],
        answered: Callable[[int], None],
        **values: Any,
    ) -> None:
        """Begin with nothing owed."""
        super().__init__(*args, **values)
        self._left = left
        self._answered = answered
        self.logger, self.access_log = _SILENT, False
        self._owed: asyncio.TimerHandle | None = None
        self._owed_for: object = None
        self._stalled: asyncio.TimerHandle | None = None
        self._received = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection."""
        super().connection_made(transport)
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timers, and leave the place."""
        self._left()
        for timer in (self._owed, self._stalled):
            if timer is not None:
                timer.cancel()
        self._owed = self._stalled = None
        self._owed_for = "lost"
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        self._received += len(data)
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._look()

    def pause_writing(self) -> None:
        """Note that the peer does not read."""
        super().pause_writing()
        self._expect_reading()

    def resume_writing(self) -> None:
        """Note that it reads again."""
        super().resume_writing()
        if self._stalled is not None and not self.transport.is_closing():
            self._stalled.cancel()
            self._stalled = None

    def send_400_response(self, msg: str) -> None:
        """Tell that it is no HTTP, as a problem; an answer under way just ends."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            answer = _NO_HTTP.response()
            self._answered(answer.status_code)
            head = h11.Response(
                status_code=answer.status_code,
                reason=HTTPStatus(answer.status_code).phrase,
                headers=[*answer.raw_headers, *FIELDS, (b"connection", b"close")],
            )
            for event in (head, h11.Data(data=bytes(answer.body)), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
        self._expect_reading()

    def _look(self) -> None:
        """Set the timer for what the peer owes now, unless it is that already."""
        if self._owed_for == "lost":
            return
        if self.transport.is_closing():
            # What waits is perhaps too little to be paused for, and never taken.
            self._expect_reading()
            return
        state: object = self.conn.their_state
        if state is h11.SEND_BODY and self.cycle and self.cycle.response_complete:
            state = "unwanted body"
        if state == self._owed_for:
            return
        self._owed_for = state
        if self._owed is not None:
            self._owed.cancel()
            self._owed = None
        if state is h11.IDLE:
            self._owed = self.loop.call_later(self.head_seconds, self._cut_off)
        elif state is h11.SEND_BODY:
            self._expect_body()
        elif state == "unwanted body":
            self._owed = self.loop.call_later(HTTP_LINGER_SECONDS, self._cut_off)

    def _expect_reading(self) -> None:
        if self._stalled is None:
            self._stalled = self.loop.call_later(self.stall_seconds, self._cut_off)

    def _expect_body(self) -> None:
        self._owed = self.loop.call_later(
            self.body_seconds, self._look_at_pace, self._received
        )

    def _look_at_pace(self, before: int) -> None:
        if self._received - before < API_BODY_PACE_BYTES:
            self._cut_off()
        else:
            self._expect_body()

    def _cut_off(self) -> None:
        if not self.transport.is_closing() or self._stalled is not None:
            self.transport.abort()
