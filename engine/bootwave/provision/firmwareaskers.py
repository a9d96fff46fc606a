"""For whom a phone asks that shows a handle, read once and kept.

After a roll-out each phone has a handle of its own, and of most of them nothing is said
any more that would not be said of their group or domain: those are decided for
together, for their group or domain.

What is kept holds while the stamp of the revocation page does, and until a change is
told that nobody revoked.
"""

from collections import OrderedDict
from collections.abc import Collection
from typing import Final, NamedTuple

from bootwave.errors import StoreError
from bootwave.provision.revocations import RevocationPage
from bootwave.store.firmware.rows import Place
from bootwave.store.serving.firmwarereader import EVERYBODY, FirmwareReader, Scope

MOST_ASKERS: Final = 16_384  # of some 300 bytes
_ROUNDS: Final = 4  # reads of a scope that somebody else changes meanwhile


class _Asker(NamedTuple):
    stamp: int
    scope: Scope
    counts: Scope  # without the device where nothing is said of it


class FirmwareAskers:
    """Whose handles are, for one process; for one thread."""

    def __init__(self, reader: FirmwareReader, revocations: RevocationPage) -> None:
        """Know nobody yet."""
        self._reader = reader
        self._revocations = revocations
        self._kept: OrderedDict[str, _Asker] = OrderedDict()
        self._handles: dict[int, str] = {}  # of the devices among them

    def __len__(self) -> int:
        """Return how many are kept."""
        return len(self._kept)

    def counted(self, handle: str) -> Scope:
        """Return for whom is decided what *handle* is told.

        What is nobody's counts as none, and is not remembered.  Raises StoreError.
        """
        if not handle:
            return EVERYBODY
        kept = self._kept.get(handle)
        if kept is not None and kept.stamp == self.stamp(kept.scope):
            self._kept.move_to_end(handle)
            return kept.counts
        self._drop(handle)
        for _ in range(_ROUNDS):
            scope = self._reader.scope(handle)
            if scope is None:
                return EVERYBODY
            # A stamp must be older than the reads it stands for.
            stamp = self.stamp(scope)
            if self._reader.scope(handle) != scope:
                continue
            counts = scope
            if scope.mac:
                (own,) = self._reader.rules([Place("device", scope.mac)])
                counts = scope._replace(mac=0) if own.says_nothing else scope
            self._keep(handle, _Asker(stamp, scope, counts))
            return counts
        raise StoreError("the scope of a handle changes all the time")

    def stamp(self, scope: Scope) -> int:
        """Return the present stamp of what is said of *scope*."""
        if scope == EVERYBODY:
            return self._revocations.everything()
        return self._revocations.stamp(scope.mac, scope.domain_id)

    def forget_devices(self, macs: Collection[int]) -> None:
        """Forget those of the devices *macs*."""
        for mac in macs:
            self._drop(self._handles.get(mac, ""))

    def clear(self) -> None:
        """Forget all."""
        self._kept.clear()
        self._handles.clear()

    def _keep(self, handle: str, asker: _Asker) -> None:
        self._kept[handle] = asker
        if asker.scope.mac:
            self._handles[asker.scope.mac] = handle
        if len(self._kept) > MOST_ASKERS:
            self._drop(next(iter(self._kept)))

    def _drop(self, handle: str) -> None:
        gone = self._kept.pop(handle, None)
        if gone is not None:
            self._handles.pop(gone.scope.mac, None)
