BATCH_DATAGRAMS: int

class Receiver:
    drops: int
    def __init__(self, datagram_bytes: int, *, drops: int = 0) -> None: ...
    def receive(self, fd: int) -> list[tuple[bytes, str, int, str, int, bool]]: ...

def send(
    fd: int, datagrams: list[tuple[bytes, str, int, str, int]]
) -> tuple[int, int]: ...
