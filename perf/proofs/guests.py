"""Whoever is no phone of ours: one connection that asks, and times the answers."""

import re
import socket
import time

from perf.programs import Wrong

PATIENCE = 60.0
_LENGTH = re.compile(rb"\nContent-Length: (\d+)")
_NONCE = re.compile(rb'nonce="([^"]{32})"')


class Guest:
    """Asks over one connection that stays open, anew when the server ends it."""

    def __init__(self, address: tuple[str, int], source: str) -> None:
        """Ask *address* from *source*."""
        self._address = address
        self._source = source
        self._socket: socket.socket | None = None

    def close(self) -> None:
        """Hang up."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def ask(self, path: str, *fields: str, agent: str = "") -> tuple[bytes, float]:
        """Return head and body of the answer, and the seconds it took."""
        lines = [f"GET {path} HTTP/1.1", "Host: x"]
        if agent:
            lines.append(f"User-Agent: {agent}")
        request = "\r\n".join([*lines, *fields, "", ""]).encode()
        connection = self._connected()
        began = time.perf_counter()
        connection.sendall(request)
        answer = connection.recv(1 << 16)
        took = time.perf_counter() - began
        while not _is_whole(answer):
            some = connection.recv(1 << 16)
            if not some:
                raise Wrong(f"an answer ended after {answer[:80]!r}")
            answer += some
        if b"\nConnection: close" in answer:
            self.close()
        return answer, took

    def _connected(self) -> socket.socket:
        if self._socket is None:
            self._socket = socket.socket()
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket.settimeout(PATIENCE)
            self._socket.bind((self._source, 0))
            self._socket.connect(self._address)
        return self._socket


def _is_whole(answer: bytes) -> bool:
    head, blank, body = answer.partition(b"\r\n\r\n")
    found = _LENGTH.search(head)
    return bool(blank) and found is not None and len(body) >= int(found[1])


def status(answer: bytes) -> int:
    """Return the status of *answer*."""
    return int(answer[9:12])


def nonce(answer: bytes) -> str:
    """Return the nonce of the challenge in *answer*."""
    found = _NONCE.search(answer)
    if found is None:
        raise Wrong(f"there is no nonce in {answer[:80]!r}")
    return found[1].decode()


def timeless(answer: bytes) -> bytes:
    """Return *answer* without date and nonces."""
    answer = re.sub(rb"\nDate: [^\r]*", b"\nDate: *", answer)
    return _NONCE.sub(b'nonce="*"', answer)
