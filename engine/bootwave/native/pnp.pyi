from typing import Self, final

from typing_extensions import Buffer

from bootwave.native.ring import SightingRing
from bootwave.native.transactions import Transactions

MAX_ECHOED_BYTES: int
REASONS: tuple[int, int, int]

def names_key(secret: bytes) -> bytes: ...
def names(key: bytes, data: bytes) -> bytes: ...

@final
class BoundMacs:
    def __new__(cls, counters: Buffer, places: int) -> Self: ...
    def keep(
        self,
        mac: int,
        first: int,
        second: int,
        third: int,
        stamp: int,
        *,
        certified: bool = False,
    ) -> None: ...
    def drop(self, mac: int) -> None: ...
    def clear(self) -> None: ...
    def __contains__(self, mac: int) -> bool: ...

@final
class PnpLane:
    def __new__(
        cls,
        table: Transactions,
        macs: BoundMacs,
        sightings: SightingRing,
        *,
        secret: bytes,
        port: int,
        most_sends: int,
    ) -> Self: ...
    def learn(self, mac: int, address: str, url: str) -> None: ...
    def tell(self, address: str, url: str, *, certified: bool = False) -> None: ...
    def set_links(
        self, subnets: list[tuple[int, int, int]], own: list[int]
    ) -> None: ...
    def answer(
        self,
        data: Buffer,
        source: str,
        port: int,
        local: str,
        interface: int,
        now: float,
        wall: float,
        received: float | None = None,
    ) -> tuple[bytes, bytes, str, int] | None: ...
