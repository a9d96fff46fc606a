import errno
import os
import select
import socket
from collections.abc import Iterator

import pytest

from bootwave.native.accepting import take_connection

PATIENCE = 20.0


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        made.setblocking(False)
        yield made


def taken(
    listener: socket.socket, with_local: bool
) -> tuple[int, str, tuple[str, int] | None, bytes | None]:
    select.select([listener], [], [], PATIENCE)
    found = take_connection(listener.fileno(), with_local)
    assert not isinstance(found, int)
    return found


def test_a_connection_comes_with_its_ends_and_what_it_brought(
    listener: socket.socket,
) -> None:
    assert take_connection(listener.fileno(), True) == errno.EAGAIN
    with socket.create_connection(listener.getsockname()) as client:
        client.sendall(b"\x16\x03\x01")
        number, source, local, data = taken(listener, True)
        with socket.socket(fileno=number) as accepted:
            assert source == "127.0.0.1"
            assert local == listener.getsockname()
            assert data == b"\x16\x03\x01"
            assert not os.get_blocking(number)
            assert not os.get_inheritable(number)
            assert accepted.getpeername() == client.getsockname()
    assert listener.fileno() >= 0  # it is still the caller's


def test_what_has_not_come_and_what_never_comes_are_told_apart(
    listener: socket.socket,
) -> None:
    with socket.create_connection(listener.getsockname()):
        number, source, local, data = taken(listener, False)
        os.close(number)
        assert (source, local, data) == ("127.0.0.1", None, None)
    with socket.create_connection(listener.getsockname()) as client:
        client.shutdown(socket.SHUT_WR)
        number, _, _, data = taken(listener, False)
        os.close(number)
        assert data == b""


def test_the_error_is_told_by_its_number() -> None:
    reading, writing = socket.socketpair()
    with reading, writing:
        number = reading.fileno()
        assert take_connection(number, True) in (errno.EINVAL, errno.EOPNOTSUPP)
    assert take_connection(-1, True) == errno.EBADF
