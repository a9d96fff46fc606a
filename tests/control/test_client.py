"""The command's end of the control socket, against engines that misbehave."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bootwave.control import client as client_module
from bootwave.control.client import ControlClient
from bootwave.errors import EngineError

NOBODY = 65534


@contextmanager
def engine(path: Path, *parts: bytes, hang: bool = False) -> Iterator[None]:
    """Answer the first request with *parts*, then hang up."""
    release = threading.Event()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            end, _ = listener.accept()
            with end:
                end.recv(65536)
                for part in parts:
                    end.sendall(part)
                if hang:
                    release.wait(10)

        thread = threading.Thread(target=serve)
        thread.start()
        yield
        release.set()
        thread.join(10)


def connected(path: Path) -> ControlClient:
    client = ControlClient.connect(path)
    assert client is not None
    return client


def test_no_socket_means_no_engine(path: Path) -> None:
    assert ControlClient.connect(path) is None


def test_a_socket_nobody_listens_on_means_no_engine(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    assert ControlClient.connect(path) is None


def test_a_socket_of_another_user_says_who_may_use_it(path: Path) -> None:
    with engine(path):
        path.chmod(0)
        if os.geteuid() == 0:  # who may use any socket: ask as somebody else
            os.seteuid(NOBODY)
        try:
            with pytest.raises(EngineError, match="may not be used by this user"):
                ControlClient.connect(path)
        finally:
            os.seteuid(os.getuid())
        path.chmod(0o600)
        connected(path).close()


def test_a_path_that_is_no_socket_is_a_sentence(path: Path) -> None:
    path.write_text("x")
    # Linux refuses the connection as if nobody listened: the server says the rest.
    assert ControlClient.connect(path) is None
    with pytest.raises(EngineError, match="cannot be used"):
        ControlClient.connect(path / "below")


def test_the_result_comes_after_progress_however_the_bytes_are_cut(
    path: Path,
) -> None:
    lines = b'{"id":1,"progress":[1,2]}\n{"id":1,"ok":true,"result":[7]}\n'
    told: list[tuple[int, int]] = []
    with engine(path, lines[:5], lines[5:30], lines[30:]):
        client = connected(path)
        result = client.call("x.y", {}, lambda done, total: told.append((done, total)))
        client.close()
    assert result == [7]
    assert told == [(1, 2)]


def test_an_engine_that_dies_leaves_a_doubt_that_is_told(path: Path) -> None:
    with engine(path, b'{"id":1,"ok'):
        client = connected(path)
        with pytest.raises(EngineError, match="whether the change was made"):
            client.call("x.y", {})
        client.close()


def test_an_engine_that_is_stopped_is_not_waited_for_for_ever(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "ANSWER_SECONDS", 0.1)
    with engine(path, hang=True):
        client = connected(path)
        with pytest.raises(EngineError, match="did not answer within"):
            client.call("x.y", {})
        client.close()


def test_an_answer_that_is_no_answer_is_a_sentence(path: Path) -> None:
    with engine(path, b"HTTP/1.1 200 OK\r\n"):
        client = connected(path)
        with pytest.raises(EngineError, match="cannot be understood"):
            client.call("x.y", {})
        client.close()


def test_a_request_beyond_the_bound_is_not_sent(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "MAX_CONTROL_MESSAGE_BYTES", 1000)
    with engine(path):
        client = connected(path)
        with pytest.raises(EngineError, match="do it in parts"):
            client.call("x.y", {"text": "x" * 1000})
        client.close()
