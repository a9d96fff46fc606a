from typing import Self, final

BATCH_DATAGRAMS: int

@final
class Receiver:
    @property
    def drops(self) -> int: ...
    def __new__(cls, datagram_bytes: int, *, drops: int = 0) -> Self: ...
    def receive(self, fd: int) -> list[tuple[bytes, str, int, str, int, bool]]: ...

def send(
    fd: int, datagrams: list[tuple[bytes, str, int, str, int]]
) -> tuple[int, int]: ...
