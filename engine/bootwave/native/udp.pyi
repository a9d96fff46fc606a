from typing import Self, TypeAlias, final

from bootwave.native.pnp import PnpLane

BATCH_DATAGRAMS: int
MAX_BACKLOG_BYTES: int
MAX_BACKLOG_DATAGRAMS: int

_Heard: TypeAlias = tuple[bytes, str, int, str, int, bool]
_Declined: TypeAlias = tuple[bytes, str, int, str, int, bool, float]
_Datagram: TypeAlias = tuple[bytes, str, int, str, int]

@final
class Receiver:
    @property
    def drops(self) -> int: ...
    def __new__(
        cls,
        datagram_bytes: int,
        *,
        drops: int = 0,
        late_seconds: float = ...,
        stale_seconds: float = ...,
    ) -> Self: ...
    def receive(self, fd: int) -> list[_Heard]: ...
    def serve(
        self,
        fd: int,
        requests_fd: int,
        lane: PnpLane | None,
        now: float,
        wall: float,
        *,
        waits: bool = False,
        batches: int = 1,
    ) -> tuple[
        list[_Declined],
        int,
        int,
        int,
        int,
        int,
        bool,
        list[_Datagram],
        list[_Datagram],
    ]: ...

def send(fd: int, datagrams: list[_Datagram]) -> tuple[int, int]: ...
