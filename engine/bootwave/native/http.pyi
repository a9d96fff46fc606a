from collections.abc import Callable
from typing import Self, final

from typing_extensions import Buffer

from bootwave.native.cache import Cache
from bootwave.native.counters import Counters
from bootwave.native.ring import SightingRing

_Recognised = tuple[
    int, bool, bool, bool, int, int, bytes | None, bytes | None, bytes | None
]
_Handed = list[tuple[int, bytes, bool, bool]]

def recognise(data: Buffer) -> _Recognised | None: ...

@final
class Lane:
    def __new__(
        cls,
        *,
        documents: Cache,
        general: Cache,
        revocations: Counters,
        layout: tuple[int, int, int, int, int],
        counters: Counters,
        row: int,
        counted: tuple[int, ...],
        sightings: SightingRing,
        reasons: tuple[int, int, int],
        boot: int,
        url: str,
        url_of: Callable[[str, int], str],
        describe: Callable[[str], tuple[str, str, int, int]],
        model_of: Callable[[str], str],
        vendors: tuple[int, ...],
        idle: float,
        stall: float,
        capacity: int,
        crowded: int,
    ) -> Self: ...
    def __len__(self) -> int: ...
    def fileno(self) -> int: ...
    def stamp(self, mac: int, domain: int) -> int: ...
    def accept(
        self, listener: int, limit: int, held: int
    ) -> tuple[int, _Handed | None]: ...
    def turn(self, held: int) -> _Handed | None: ...
    def tick(self, now: float, limit: int) -> list[str]: ...
    def shed(self, limit: int) -> _Handed | None: ...
    def close_oldest(self) -> str | None: ...
    def finish(self) -> _Handed | None: ...
    def abort(self) -> None: ...
    def resume(self) -> None: ...
