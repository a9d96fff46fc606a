from typing import Self, TypeAlias, final

from bootwave.native.pnp import PnpLane

BATCH_DATAGRAMS: int

_Heard: TypeAlias = tuple[bytes, str, int, str, int, bool]
_Datagram: TypeAlias = tuple[bytes, str, int, str, int]

@final
class Receiver:
    @property
    def drops(self) -> int: ...
    def __new__(cls, datagram_bytes: int, *, drops: int = 0) -> Self: ...
    def receive(self, fd: int) -> list[_Heard]: ...
    def serve(
        self,
        fd: int,
        requests_fd: int,
        lane: PnpLane,
        now: float,
        wall: float,
        *,
        waits: bool = False,
    ) -> tuple[list[_Heard], int, int, int, int, list[_Datagram], list[_Datagram]]: ...

def send(fd: int, datagrams: list[_Datagram]) -> tuple[int, int]: ...
