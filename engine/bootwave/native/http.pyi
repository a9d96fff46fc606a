from collections.abc import Callable
from typing import Self, final

from typing_extensions import Buffer

from bootwave.native.cache import Cache
from bootwave.native.counters import Counters

_Recognised = tuple[
    int, bool, bool, bool, int, int, bytes | None, bytes | None, bytes | None
]
_Ends = tuple[str, tuple[str, int]]
_Handed = list[tuple[int, bytes, bool, bool, _Ends | None]]

def recognise(data: Buffer) -> _Recognised | None: ...
def read_proxy_header(data: Buffer) -> tuple[int, str, tuple[str, int]] | None: ...

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
        balancers: tuple[tuple[int, int, bytes], ...] = (),
        head: float = 5.0,
    ) -> Self: ...
    def __len__(self) -> int: ...
    def fileno(self) -> int: ...
    @property
    def dropped(self) -> int: ...
    def stamp(self, mac: int, domain: int) -> int: ...
    def accept(
        self, listener: int, limit: int, held: int
    ) -> tuple[int, _Handed | None]: ...
    def turn(self, held: int) -> _Handed | None: ...
    def tick(self, now: float, limit: int) -> list[tuple[str, bool]]: ...
    def shed(self, limit: int) -> _Handed | None: ...
    def close_oldest(self) -> str | None: ...
    def finish(self) -> _Handed | None: ...
    def abort(self) -> None: ...
    def resume(self) -> None: ...
    def drain(self, limit: int) -> list[tuple[float, int, str, int, str]]: ...
