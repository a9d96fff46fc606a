import select
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from bootwave import log
from bootwave.http.effects import Note
from bootwave.http.response import Response
from bootwave.metrics import Counter, CounterPage
from bootwave.native.ring import SightingRing
from bootwave.options import Options
from bootwave.provision.cache import DocumentCache, GeneralDocuments
from bootwave.provision.revocations import RevocationPage
from bootwave.server.accepting import MAX_ACCEPTS_PER_WAKE, Accepting
from bootwave.server.gate import PAUSE_SECONDS
from bootwave.server.lane import make_lane
from bootwave.server.lanemisses import HandedOver
from bootwave.server.laneside import LaneSide
from tests.server.exhaustion import no_descriptors

STRANGE = b"OPTIONS * HTTP/1.1\r\n\r\n"  # for no lane


class Places:
    """Who holds what was accepted: *places* connections, none of which must go."""

    def __init__(self, places: int = 1000) -> None:
        self.places = places
        self.taken: list[socket.socket] = []
        self.unproven: list[socket.socket] = []
        self.is_crowded = False
        self.armed = 0

    @property
    def has_room(self) -> bool:
        return self.free_places() > 0

    def free_places(self) -> int:
        return self.places - len(self.taken)

    def held(self) -> int:
        return len(self.taken)

    def take(self, sock: socket.socket, address: tuple[Any, ...]) -> None:
        assert address == sock.getpeername()
        self.taken.append(sock)

    def take_over(
        self, handed: list[HandedOver] | None, given: Response | None = None
    ) -> None:
        for number, *_ in handed or ():
            self.taken.append(socket.socket(fileno=number))

    def drop_unproven(self) -> bool:
        if not self.unproven:
            return False
        self.unproven.pop().close()
        return True

    def tell(self, source: str, note: Note) -> None:
        raise AssertionError(note)

    def lane_moved(self) -> None:
        pass

    def date(self) -> bytes:
        return b"today"

    def arm(self) -> None:
        self.armed += 1


class Case:
    """A listener, who holds what comes of it, and clients."""

    def __init__(self, lane: bool) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.listener.setblocking(False)
        self.places = Places()
        self.counters = CounterPage(1).row(0)
        self.epoll = select.epoll()
        self.clients: list[socket.socket] = []
        self.lane: LaneSide | None = None
        if lane:
            native = make_lane(
                DocumentCache(0),
                GeneralDocuments(),
                RevocationPage(),
                self.counters,
                SightingRing(10),
                Options(),
                "boot",
            )
            self.lane = LaneSide(native, None, self.places)
        self.accepting = Accepting(
            [self.listener], self.places, self.counters, self.lane
        )
        self.accepting.start(self.epoll)

    def connect(self, count: int = 1) -> None:
        for _ in range(count):
            client = socket.create_connection(self.listener.getsockname())
            client.sendall(STRANGE)
            self.clients.append(client)

    def wake(self) -> bool:
        """Accept what the epoll set tells; whether it told anything."""
        told = self.epoll.poll(0.05)
        for number, _ in told:
            self.accepting.accept(number)
        return bool(told)

    def close(self) -> None:
        self.accepting.stop()
        for sock in self.clients + self.places.taken + self.places.unproven:
            sock.close()
        self.epoll.close()
        self.listener.close()


@pytest.fixture(params=[False, True], ids=["alone", "lane"])
def case(request: pytest.FixtureRequest) -> Iterator[Case]:
    made = Case(request.param)
    yield made
    made.close()


def test_whoever_waits_is_accepted_a_bounded_number_at_a_time(case: Case) -> None:
    count = 3 * MAX_ACCEPTS_PER_WAKE
    case.connect(count)
    wakes = 0
    while len(case.places.taken) < count:
        assert case.wake()
        wakes += 1
    assert wakes > 1
    assert case.counters.load(Counter.HTTP_CONNECTIONS) == count
    assert not case.wake()


def test_without_a_place_it_pauses_until_one_is_free(case: Case) -> None:
    case.places.places = 1
    case.connect(2)
    while not case.accepting.wants_place:
        case.wake()
    assert case.accepting.is_paused
    assert case.places.armed
    assert len(case.places.taken) == 1
    assert not case.wake()
    case.places.places = 3
    case.accepting.place_freed()
    assert case.wake()
    assert len(case.places.taken) == 2
    assert case.counters.load(Counter.HTTP_ACCEPT_PAUSES) == 1


def test_without_descriptors_the_unproven_go_and_it_pauses_for_a_while(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted: list[log.Event] = []
    monkeypatch.setattr(log, "note", lambda event, **more: noted.append(event))
    case.places.unproven = list(socket.socketpair())
    case.connect()
    with no_descriptors():
        assert case.wake()
        assert case.places.unproven == []
        assert noted == [log.SERVER_OUT_OF_DESCRIPTORS]
        assert not case.accepting.wants_place
    assert case.accepting.is_paused
    assert not case.wake()
    case.accepting.tick(1e9)
    assert case.wake()
    assert len(case.places.taken) == 1


def test_once_stopped_it_leaves_the_queue_to_others(case: Case) -> None:
    case.accepting.stop()
    case.connect()
    case.accepting.tick(1e9 + PAUSE_SECONDS)
    assert not case.wake()
    accepted, _ = case.listener.accept()
    accepted.close()
