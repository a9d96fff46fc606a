"""The connection table: bounded, and fair about who must go when it fills.

No address has a fixed share, because a thousand phones may stand behind one NAT.  When
the table is crowded (80 % full) the source with the most *unproven* connections that
wait loses the one that has waited longest.  A connection waits while the next move is
the peer's; it is unproven until it was given a document on a grant.  So whoever opens
connections and keeps them loses its own first, and a lone phone is never in the way.
Only when the table is full are proven connections closed, the longest idle first.
"""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)

CROWDED = 0.8


def _nobody() -> int:
    return 0


class ConnectionTable(Generic[T]):
    """At most *capacity* connections; every operation takes constant time.

    *elsewhere* tells how many others take of that capacity without being in the table.
    """

    def __init__(self, capacity: int, elsewhere: Callable[[], int] = _nobody) -> None:
        """Make an empty table."""
        self._capacity = capacity
        self._elsewhere = elsewhere
        self._crowded_at = max(1, int(capacity * CROWDED))
        self._sources: dict[T, str] = {}  # every connection, and where it is from
        self._proven: set[T] = set()
        # Insertion order is order of waiting: the first has waited longest.
        self._waiting_proven: dict[T, None] = {}
        self._waiting: dict[str, dict[T, None]] = {}  # unproven, by source
        self._ranks: dict[int, dict[str, None]] = {}  # sources by how many those are
        self._most = 0

    def __len__(self) -> int:
        """Return how many connections there are."""
        return len(self._sources)

    def __contains__(self, connection: object) -> bool:
        """Return whether *connection* is in the table."""
        return connection in self._sources

    @property
    def is_crowded(self) -> bool:
        """Whether one more connection is worth closing another for."""
        return len(self._sources) + self._elsewhere() >= self._crowded_at

    @property
    def is_full(self) -> bool:
        """Whether there is no place for one more."""
        return len(self._sources) + self._elsewhere() >= self._capacity

    def add(self, connection: T, source: str) -> None:
        """Take in *connection*, unproven and waiting; *source* is what it counts to."""
        self._sources[connection] = source
        self._add_waiting(connection, source)

    def remove(self, connection: T) -> None:
        """Forget *connection*; one that is not there is no error."""
        if connection in self._sources:
            self.busy(connection)
            self._proven.discard(connection)
            del self._sources[connection]

    def busy(self, connection: T) -> None:
        """Note that the next move is ours: *connection* cannot be closed for others."""
        self._waiting_proven.pop(connection, None)
        source = self._sources[connection]
        waiting = self._waiting.get(source)
        if waiting is None or connection not in waiting:
            return
        del waiting[connection]
        count = len(waiting)
        if not count:
            del self._waiting[source]
        self._rank(source, count + 1, count)

    def waiting(self, connection: T) -> None:
        """Note that the next move is the peer's, from now on."""
        self.busy(connection)
        if connection in self._proven:
            self._waiting_proven[connection] = None
        else:
            self._add_waiting(connection, self._sources[connection])

    def prove(self, connection: T) -> None:
        """Note that *connection* was given a document on a grant."""
        if connection in self._proven:
            return
        was_waiting = connection in self._waiting.get(self._sources[connection], {})
        self.busy(connection)
        self._proven.add(connection)
        if was_waiting:
            self._waiting_proven[connection] = None

    def victim(self) -> T | None:
        """Return the connection to close to make room; None when there is none.

        An unproven one when the table is crowded, a proven one only when it is full.
        """
        found = self.unproven() if self.is_crowded else None
        if found is None and self.is_full:
            found = next(iter(self._waiting_proven), None)
        return found

    def unproven(self) -> T | None:
        """Return the unproven connection that has to go first; None without any."""
        if not self._most:
            return None
        source = next(iter(self._ranks[self._most]))
        return next(iter(self._waiting[source]))

    def _add_waiting(self, connection: T, source: str) -> None:
        waiting = self._waiting.setdefault(source, {})
        waiting[connection] = None
        self._rank(source, len(waiting) - 1, len(waiting))

    def _rank(self, source: str, before: int, after: int) -> None:
        """Move *source* between ranks; the two differ by one."""
        if before:
            rank = self._ranks[before]
            del rank[source]
            if not rank:
                del self._ranks[before]
        if after:
            self._ranks.setdefault(after, {})[source] = None
        if after > self._most or self._most not in self._ranks:
            self._most = after
