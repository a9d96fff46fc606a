"""What a file of sightings holds: three bounded rings, as Python lists them."""

from collections import deque
from collections.abc import Iterable

Row = tuple[float, int, str, int, str]
NAMELESS, UNKNOWN, KNOWN = range(3)


class Rings:
    """The twin of native.sightingfile, in memory."""

    def __init__(self, rows: tuple[int, int, int], belongs: bytes) -> None:
        """Keep the newest *rows*; *belongs* is the ring of each reason."""
        self.belongs = belongs
        self.rings = [deque[Row](maxlen=count) for count in rows]

    def append(self, batch: Iterable[Row]) -> None:
        """Add *batch* in order."""
        for row in batch:
            _, mac, _, reason, _ = row
            ring = self.belongs[reason] if reason < len(self.belongs) else KNOWN
            self.rings[ring if mac else NAMELESS].append(row)

    def resize(self, rows: tuple[int, int, int]) -> None:
        """Keep the newest *rows* from now on."""
        self.rings = [
            deque(ring, maxlen=count)
            for ring, count in zip(self.rings, rows, strict=True)
        ]

    def find(
        self, mac: int, since: float, most: int, reasons: frozenset[int] | None
    ) -> list[Row]:
        """Return the newest *most* of each ring."""
        found: list[Row] = []
        for ring in reversed(self.rings):
            found += [
                row
                for row in reversed(ring)
                if row[1] == mac
                and row[0] >= since
                and (reasons is None or row[3] in reasons)
            ][:most]
        return found

    def latest(self, macs: list[int], since: float) -> list[Row]:
        """Return the newest of each of *macs*, known before unknown."""
        found = []
        for mac in dict.fromkeys(macs):
            rows = self.find(mac, since, 1 << 30, None)
            if rows:
                found.append(max(rows, key=lambda row: row[0]))
        return found

    def unknown(
        self, since: float
    ) -> set[tuple[int, float, float, int, str, int, str]]:
        """Return who asked and was not known since."""
        found = set()
        for mac in {row[1] for row in self.rings[UNKNOWN]}:
            known = max(
                (
                    at
                    for at, other, *_ in self.rings[KNOWN]
                    if other == mac and at >= since
                ),
                default=0.0,
            )
            rows = [
                row
                for row in self.rings[UNKNOWN]
                if row[1] == mac and row[0] >= since and row[0] > known
            ]
            if rows:
                # Of equal instants the one written last counts.
                newest = max(reversed(rows), key=lambda row: row[0])
                first = min(row[0] for row in rows)
                found.add((mac, first, newest[0], len(rows), *newest[2:]))
        return found

    def trim(self, since: float, until: float) -> int:
        """Drop the oldest of each ring up to the first that is within."""
        gone = 0
        for ring in self.rings:
            while ring and not since <= ring[0][0] <= until:
                ring.popleft()
                gone += 1
        return gone
