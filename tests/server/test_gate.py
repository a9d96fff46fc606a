import errno
import os
import select
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from bootwave import log
from bootwave.metrics import Counter, CounterPage, CounterRow
from bootwave.server import gate as gates
from bootwave.server.gate import EXHAUSTED, PAUSE_SECONDS, AcceptGate

AWAY = 1e9  # monotonic seconds that no pause reaches


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A listener with somebody in its queue."""
    with (
        socket.create_server(("127.0.0.1", 0)) as made,
        socket.create_connection(made.getsockname()),
    ):
        yield made


@pytest.fixture
def epoll() -> Iterator[select.epoll]:
    with select.epoll() as made:
        yield made


@pytest.fixture
def counters() -> CounterRow:
    return CounterPage(1).row(0)


@pytest.fixture
def gate(
    listener: socket.socket, epoll: select.epoll, counters: CounterRow
) -> AcceptGate[str]:
    made = AcceptGate({listener.fileno(): "the one"}, counters)
    made.open(epoll)
    return made


def is_watched(epoll: select.epoll, listener: socket.socket) -> bool:
    return [number for number, _ in epoll.poll(0.01)] == [listener.fileno()]


def test_an_open_gate_tells_who_waits_and_at_which_listener(
    gate: AcceptGate[str], epoll: select.epoll, listener: socket.socket
) -> None:
    assert is_watched(epoll, listener)
    assert gate.listener(listener.fileno()) == "the one"
    assert gate.listener(epoll.fileno()) is None
    assert not gate.is_paused


@pytest.mark.parametrize("for_place", [True, False])
def test_a_pause_ends_when_its_time_has_come(
    gate: AcceptGate[str],
    epoll: select.epoll,
    listener: socket.socket,
    counters: CounterRow,
    monkeypatch: pytest.MonkeyPatch,
    for_place: bool,
) -> None:
    monkeypatch.setattr(gates.time, "monotonic", lambda: 100.0)
    gate.pause(for_place=for_place)
    gate.tick(100.0 + PAUSE_SECONDS / 2)
    assert gate.is_paused
    assert gate.listener(listener.fileno()) is None
    assert not is_watched(epoll, listener)
    gate.tick(100.0 + PAUSE_SECONDS)
    assert not gate.is_paused
    assert is_watched(epoll, listener)
    assert counters.load(Counter.HTTP_ACCEPT_PAUSES) == 1


def test_only_a_pause_for_want_of_a_place_ends_with_a_place(
    gate: AcceptGate[str], epoll: select.epoll, listener: socket.socket
) -> None:
    gate.pause(for_place=False)
    assert not gate.wants_place
    gate.place_freed()
    assert not is_watched(epoll, listener)
    gate.pause(for_place=True)
    assert gate.wants_place
    gate.place_freed()
    assert is_watched(epoll, listener)
    assert not gate.wants_place
    gate.place_freed()  # nobody waits for one
    assert is_watched(epoll, listener)


def test_a_closed_gate_opens_by_nothing_but_open(
    gate: AcceptGate[str], epoll: select.epoll, listener: socket.socket
) -> None:
    gate.pause(for_place=True)
    gate.close()
    gate.place_freed()
    gate.tick(AWAY)
    assert not gate.is_paused
    assert not is_watched(epoll, listener)
    gate.open(epoll)
    assert is_watched(epoll, listener)
    gate.close()
    assert not is_watched(epoll, listener)


def test_what_has_run_out_is_logged_once_in_a_while(
    gate: AcceptGate[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    noted: list[tuple[log.Event, dict[str, Any]]] = []
    monkeypatch.setattr(log, "note", lambda event, **more: noted.append((event, more)))
    error = os.strerror(errno.EMFILE)
    for now in (100.0, 159.0, 161.0):
        monkeypatch.setattr(gates.time, "monotonic", lambda now=now: now)
        gate.tell_exhausted(error)
    assert noted == [(log.SERVER_OUT_OF_DESCRIPTORS, {"error": error})] * 2
    assert errno.EMFILE in EXHAUSTED
    assert errno.ECONNABORTED not in EXHAUSTED
