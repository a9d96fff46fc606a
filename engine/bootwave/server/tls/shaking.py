"""The connections that shake hands or have yet to ask, and which of them makes room."""

import itertools
import socket
from collections.abc import Iterator

from OpenSSL import SSL

from bootwave.http.contact import plain_address
from bootwave.limits import TLS_HANDSHAKE_SECONDS, TLS_PATIENCE_SECONDS
from bootwave.pairing.sources import source_key
from bootwave.server.tls.identity import Proof, Shown

# Handshakes among which one is chosen that makes room.
MOST_LOOKED_AT = 512


class TlsListener:
    """A listening socket and the context its handshakes begin with.

    ``legacy`` is whether it is for old firmware, and weak certificates count.
    """

    __slots__ = ("context", "legacy", "likely", "local", "socket")

    def __init__(
        self, sock: socket.socket, context: SSL.Context, *, legacy: bool = False
    ) -> None:
        """Find out what the socket is bound to."""
        self.socket = sock
        self.context = context
        self.legacy = legacy
        host, port = sock.getsockname()[:2]
        # Where it is one address, every connection is to that one.
        fixed = host not in ("0.0.0.0", "::")
        self.local = (plain_address(host), port) if fixed else None
        # How many are likely to wait in its queue: asking for one more than there is
        # costs as much as a fifth of a handshake's own calls.
        self.likely = 1


class Shaking:
    """One connection before its first request, on the descriptor *number*.

    ``hello`` is what came first, ``legacy`` whether that listener was reached,
    ``waiting`` since when the peer has to move, ``left`` what the kernel has not taken
    yet.
    """

    __slots__ = (
        "buffer",
        "connection",
        "context",
        "deadline",
        "hello",
        "interest",
        "left",
        "legacy",
        "local",
        "number",
        "proof",
        "shown",
        "source",
        "waiting",
    )

    def __init__(
        self,
        number: int,
        context: SSL.Context,
        source: str,
        local: tuple[str, int],
        now: float,
        *,
        legacy: bool = False,
    ) -> None:
        """Let a connection begin *now*: monotonic seconds."""
        self.number = number
        self.context = context
        self.legacy = legacy
        self.source = source
        self.local = local
        self.connection: SSL.Connection | None = None  # made when the first bytes came
        self.shown: Shown | None = None
        self.proof: Proof | None = None  # once the handshake is done
        self.buffer: bytes | None = None  # of a PROXY header that is to come
        self.hello = b""
        self.left = b""
        self.interest = 0
        self.deadline = now + TLS_HANDSHAKE_SECONDS
        self.waiting = now


class Handshakes:
    """All of them by descriptor, in the order in which they wait for their peers."""

    def __init__(self) -> None:
        """Begin without any."""
        # Insertion order is order of waiting: the first has waited longest.
        self._waiting: dict[int, Shaking] = {}

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._waiting)

    def __iter__(self) -> Iterator[Shaking]:
        """Return them, longest waiting first; they may be removed meanwhile."""
        return iter(list(self._waiting.values()))

    def __contains__(self, shaking: Shaking) -> bool:
        """Return whether *shaking* is there, and not another on its descriptor."""
        return self._waiting.get(shaking.number) is shaking

    def at(self, number: int) -> Shaking | None:
        """Return the one on the descriptor *number*, or None."""
        return self._waiting.get(number)

    def add(self, shaking: Shaking) -> None:
        """Take in *shaking*, which begins to wait."""
        self._waiting[shaking.number] = shaking

    def remove(self, shaking: Shaking) -> None:
        """Forget *shaking*, which is there."""
        del self._waiting[shaking.number]

    def moved(self, shaking: Shaking, now: float) -> None:
        """Note that the peer of *shaking* moved: whoever waits longest is another."""
        del self._waiting[shaking.number]
        self._waiting[shaking.number] = shaking
        shaking.waiting = now

    def longest(self) -> Shaking:
        """Return the one that has waited longest; there must be one."""
        return next(iter(self._waiting.values()))

    def left_alone(self, now: float) -> Shaking | None:
        """Return whose handshake makes room, or None when nobody's may be ended.

        Among those that waited for too long an old phone may be, which computes for
        seconds: it is not the one while somebody else left more alone.
        """
        since = now - TLS_PATIENCE_SECONDS
        waiting: dict[str, list[Shaking]] = {}
        for shaking in itertools.islice(self._waiting.values(), MOST_LOOKED_AT):
            if shaking.waiting >= since:
                break
            if shaking.proof is None:
                waiting.setdefault(source_key(shaking.source), []).append(shaking)
        return max(waiting.values(), key=len)[0] if waiting else None
