"""Connections of the API as they arrive: accepted here, counted from the first byte.

    listener ──► accept ──► a place? ──► TLS handshake ──► ApiConnection ──► lost
                              no: closed     (seconds)        (deadlines)     place free

A connection has its place from before its handshake until its end, so who never ends
his handshake is bounded as who ends it.  Of one address (of IPv6 its /64, which one
host has whole) there are some only; loopback may have all, since behind a proxy on this
machine every client is that, and as many as one address has are kept for it alone: who
watches the engine from its own machine finds a place whatever others do.  As many are
kept for addresses from which somebody proved lately who he is (``acquaintances``).
What has no place is closed at once: it costs an accept.
"""

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from bootwave import log
from bootwave.control.api.acquaintances import LOOPBACK, key_of
from bootwave.control.metricstext import Metric
from bootwave.limits import (
    API_TLS_SECONDS,
    MAX_API_CONNECTIONS,
    MAX_API_CONNECTIONS_OF_ONE,
)

Connect = Callable[[Callable[[], None]], asyncio.Protocol]
"""Returns the protocol of one connection; it calls what it is given when that ends."""

PAUSE_SECONDS = 1.0  # while there is no descriptor for another connection
_AT_ONCE = 32  # accepted before others have their turn
_TLS_CLOSE_SECONDS = 2.0
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Arrivals:
    """Accepts on *listeners*, over *tls* if any, from ``start`` to ``stop``.

    There are at most *most* connections, and *most_of_one* of one address; so many are
    for loopback only, and *kept* for addresses that *knows* tells to be known.
    """

    def __init__(
        self,
        listeners: Sequence[socket.socket],
        connect: Connect,
        tls: ssl.SSLContext | None,
        *,
        most: int = MAX_API_CONNECTIONS,
        most_of_one: int = MAX_API_CONNECTIONS_OF_ONE,
        kept: int = MAX_API_CONNECTIONS_OF_ONE,
        knows: Callable[[str], bool] = lambda key: False,
    ) -> None:
        """Keep them; the listeners stay the caller's."""
        self._listeners = list(listeners)
        self._connect = connect
        self._tls = tls
        self._most = most
        self._most_of_one = most_of_one
        self._kept = kept
        self._knows = knows
        self._by_known = 0  # places that addresses took which were known then
        self._places: dict[str, int] = {}  # taken, by address
        self._taken = 0
        self._arriving: dict[asyncio.Task[None], socket.socket] = {}
        self._resuming: asyncio.TimerHandle | None = None
        self._accepted = 0
        self._failed = 0
        self._refused = {"full": 0, "address": 0, "descriptors": 0}

    def start(self) -> None:
        """Begin to accept, in the running loop."""
        for listener in self._listeners:
            listener.setblocking(False)
            listener.listen(self._most)
        self._resume()

    async def stop(self) -> None:
        """Accept nothing more, and hang up on those whose handshake is under way."""
        self._pause()
        for peer in self._arriving.values():
            # A task that was cancelled might leave its socket open, and its place.
            with suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
        await asyncio.gather(*self._arriving, return_exceptions=True)

    def metrics(self) -> list[Metric]:
        """Return what is counted of connections."""
        arriving = len(self._arriving)
        return [
            Metric(
                "api_connections",
                "gauge",
                "connections of the API",
                {
                    'state="arriving"': arriving,
                    'state="open"': max(self._taken - arriving, 0),
                },
            ),
            Metric(
                "api_connections_total",
                "counter",
                "connections of the API that were given a place",
                {"": self._accepted},
            ),
            Metric(
                "api_connections_refused_total",
                "counter",
                "connections of the API that were closed for want of a place",
                {f'reason="{why}"': count for why, count in self._refused.items()},
            ),
            Metric(
                "api_handshakes_failed_total",
                "counter",
                "TLS handshakes of the API that ended without a connection",
                {"": self._failed},
            ),
        ]

    def _resume(self) -> None:
        loop = asyncio.get_running_loop()
        self._resuming = None
        for listener in self._listeners:
            loop.add_reader(listener, self._accept, listener)

    def _pause(self) -> None:
        loop = asyncio.get_running_loop()
        if self._resuming is not None:
            self._resuming.cancel()
            self._resuming = None
        for listener in self._listeners:
            loop.remove_reader(listener)

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(_AT_ONCE):
            try:
                peer, address = listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno not in _EXHAUSTED:
                    continue  # it was gone before it was taken (accept(2))
                # The listener stays readable: without a pause this would be a loop.
                self._refused["descriptors"] += 1
                log.note(log.API_NOT_ACCEPTED, error=error.strerror)
                self._pause()
                loop = asyncio.get_running_loop()
                self._resuming = loop.call_later(PAUSE_SECONDS, self._resume)
                return
            self._arrived(peer, _key_of(address))

    def _arrived(self, peer: socket.socket, key: str) -> None:
        of_one = self._places.get(key, 0)
        is_local, is_known = key == LOOPBACK, self._knows(key)
        kept = 0
        if not is_local:
            kept += max(self._most_of_one - self._places.get(LOOPBACK, 0), 0)
            if not is_known:
                kept += max(self._kept - self._by_known, 0)
        if self._taken + kept >= self._most:
            why = "full"
        elif not is_local and of_one >= self._most_of_one:
            why = "address"
        else:
            by_known = int(is_known and not is_local)
            self._places[key] = of_one + 1
            self._by_known += by_known
            self._taken += 1
            self._accepted += 1
            peer.setblocking(False)
            place = _Place(lambda: self._left(key, by_known))
            task = asyncio.get_running_loop().create_task(self._take(peer, place))
            self._arriving[task] = peer
            task.add_done_callback(self._arriving.pop)
            return
        self._refused[why] += 1
        peer.close()

    async def _take(self, peer: socket.socket, place: "_Place") -> None:
        is_tls = self._tls is not None
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: self._connect(place.leave),
                peer,
                ssl=self._tls,
                ssl_handshake_timeout=API_TLS_SECONDS if is_tls else None,
                ssl_shutdown_timeout=_TLS_CLOSE_SECONDS if is_tls else None,
            )
        except OSError:  # ssl.SSLError and what takes too long are some
            self._failed += is_tls
            peer.close()
            place.leave()
        except BaseException:
            peer.close()
            place.leave()
            raise

    def _left(self, key: str, by_known: int) -> None:
        self._taken -= 1
        self._by_known -= by_known
        self._places[key] -= 1
        if not self._places[key]:
            del self._places[key]


class _Place:
    """What one connection takes; it may be left more than once."""

    def __init__(self, left: Callable[[], None]) -> None:
        self._left: Callable[[], None] | None = left

    def leave(self) -> None:
        left, self._left = self._left, None
        if left is not None:
            left()


def _key_of(address: Any) -> str:
    """Return what connections from *address* are counted under."""
    return key_of(str(address[0]) if isinstance(address, tuple) else "")
