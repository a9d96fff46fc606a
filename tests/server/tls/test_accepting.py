import errno
import os
import socket
from collections.abc import Callable
from typing import Any

import pytest

from bootwave.native import http
from bootwave.server.tls import accepting

TAKING: list[Callable[[int, bool], Any]] = [
    accepting.take_connection,
    http.take_connection,
]


@pytest.fixture
def listener() -> Any:
    with socket.create_server(("127.0.0.1", 0)) as made:
        made.setblocking(False)
        yield made


@pytest.mark.parametrize("take", TAKING, ids=["python", "native"])
def test_a_connection_comes_with_its_ends_and_what_it_brought(
    listener: socket.socket, take: Callable[[int, bool], Any]
) -> None:
    assert take(listener.fileno(), True) == errno.EAGAIN
    with socket.create_connection(listener.getsockname()) as client:
        client.sendall(b"\x16\x03\x01")
        number, source, local, data = take(listener.fileno(), True)
        with socket.socket(fileno=number) as accepted:
            assert source == "127.0.0.1"
            assert local == listener.getsockname()
            assert data == b"\x16\x03\x01"
            assert not os.get_blocking(number)
            assert accepted.getpeername() == client.getsockname()
    assert listener.fileno() >= 0  # it is still the caller's


@pytest.mark.parametrize("take", TAKING, ids=["python", "native"])
def test_what_has_not_come_and_what_never_comes_are_told_apart(
    listener: socket.socket, take: Callable[[int, bool], Any]
) -> None:
    with socket.create_connection(listener.getsockname()):
        number, _, local, data = take(listener.fileno(), False)
        socket.socket(fileno=number).close()
        assert (local, data) == (None, None)
    with socket.create_connection(listener.getsockname()) as client:
        client.shutdown(socket.SHUT_WR)
        number, _, _, data = take(listener.fileno(), False)
        socket.socket(fileno=number).close()
        assert data == b""


@pytest.mark.parametrize("take", TAKING, ids=["python", "native"])
def test_the_error_is_told_by_its_number(take: Callable[[int, bool], Any]) -> None:
    reading, writing = socket.socketpair()
    with reading, writing:
        assert take(reading.fileno(), True) in (errno.EINVAL, errno.EOPNOTSUPP)
