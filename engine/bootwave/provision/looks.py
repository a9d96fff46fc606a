"""What the store says of some MACs at one moment, and how long that holds.

All of a look is read in one transaction, whatever is known of the MACs: what a bound
phone needs is read for unknown ones, too, and they are given a *decoy* to spend the
rest of the time on.  They must not be told by the time it takes.
"""

from collections.abc import Callable, Sequence

from bootwave.pairing.instant import Instant
from bootwave.pairing.rules import live_device
from bootwave.provision.ports import Reader
from bootwave.provision.revocations import RevocationPage
from bootwave.provision.steps import Look


class Looks:
    """Looks of one process; for one thread."""

    def __init__(
        self,
        reader: Reader,
        revocations: RevocationPage,
        clock: Callable[[], Instant],
    ) -> None:
        """Read from *reader*."""
        self._reader = reader
        self._revocations = revocations
        self._clock = clock
        self._overtaken = 0

    def read(self, macs: Sequence[int]) -> dict[int, Look]:
        """Return what the store says of each of *macs*; raises StoreError."""
        reader, overtaken = self._reader, self._overtaken
        marks = self._revocations.marks(macs)
        with reader.moment():
            devices = reader.devices(macs)
            wildcards = reader.wildcards()
            tokens = reader.domain_tokens()
        at = self._clock()
        looks: dict[int, Look] = {}
        for mac, mark in zip(macs, marks, strict=True):
            device, decoy = devices.get(mac), reader.decoy(mac)
            live = decoy if device is None else device
            if live is not None:
                live = live_device(live, at)
            looks[mac] = Look(
                None if device is None else live,
                decoy,
                wildcards,
                tokens,
                mark,
                overtaken,
                at,
            )
        return looks

    def overtake(self) -> None:
        """Have nothing kept of the looks in hand: they are older than what was told."""
        self._overtaken += 1

    def stamp(self, look: Look, mac: int, domain_id: int) -> int | None:
        """Return the stamp under which what comes of *look* may be kept.

        None when anything of it may be over: look again.
        """
        if look.overtaken != self._overtaken:
            return None
        return self._revocations.stamp_if_unrevoked(look.mark, mac, domain_id)
