"""Clients that misbehave, and whether phones beside them are served all the same."""

import itertools
import os
import resource
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from bootwave.control.client import ControlClient
from tests.end_to_end.mailbox import PHONE, mailbox, subscribe
from tests.end_to_end.program import DOMAIN, PATIENCE, Program
from tests.peers.peer import missing

PATH = f"/{PHONE}.xml"
GET = f"GET {PATH} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
CLOSING = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
MISFITS = "127.0.0.3"  # where they are; the phone is at 127.0.0.1
_numbers = itertools.count(1000)


def open_to_the_phone(program: Program) -> None:
    """Bind the phone and have it use its window up, so that its document is ready."""
    program.import_accounts({"401": PHONE}, minutes=60)
    for _ in range(8):  # both workers have it ready then, all but surely
        assert program.get(PATH).status == 200


def enlarge(program: Program, settings: int = 100, size: int = 1800) -> None:
    """Make the documents of the domain some hundred kilobytes large."""
    client = ControlClient.connect(program.directory / "control.sock")
    assert client is not None
    for number in range(settings):
        client.call(
            "settings.set",
            {
                "scope": "domain",
                "target": DOMAIN,
                "name": f"filling_{number}",
                "value": "x" * size,
            },
        )
    client.close()


def assert_phones_are_served(program: Program, times: int = 20) -> None:
    """Phones get their document, and an answer to their SUBSCRIBE."""
    assert [program.get(PATH).status for _ in range(times)] == [200] * times
    with mailbox(program) as phone:
        for _ in range(3):
            phone.send(subscribe(PHONE, next(_numbers)))
            phone.answers()


@contextmanager
def misfits(
    program: Program, count: int, buffer: int = 0
) -> Iterator[list[socket.socket]]:
    """Give *count* connections to the program, with receive buffers of *buffer*."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(misfit(program, buffer=buffer)) for _ in range(count)
        ]


def misfit(program: Program, *, buffer: int = 0) -> socket.socket:
    """Return one connection."""
    client = socket.socket()
    client.settimeout(PATIENCE)
    if buffer:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    client.bind((MISFITS if not buffer else "127.0.0.1", 0))
    client.connect(program.http)
    return client


def reset(client: socket.socket) -> None:
    """End a connection with a RST."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def everything(client: socket.socket) -> bytes:
    """Return what comes until the other side closes."""
    received = bytearray()
    while some := client.recv(1 << 16):
        received += some
    return bytes(received)


def sockets(program: Program) -> dict[int, int]:
    """Return how many sockets each worker has; the store opens its files when used."""
    return {pid: _sockets_of(pid) for pid in program.workers()}


def _sockets_of(pid: int) -> int:
    count = 0
    for entry in os.scandir(f"/proc/{pid}/fd"):
        try:
            count += os.readlink(entry.path).startswith("socket:")
        except FileNotFoundError:  # closed meanwhile
            continue
    return count


@contextmanager
def many_files(count: int) -> Iterator[None]:
    """Let this process have *count* descriptors, or say what hinders it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < count:
        missing(f"{count} descriptors are needed, and the hard limit is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
