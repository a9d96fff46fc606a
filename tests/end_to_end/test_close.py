"""A closed window is closed for a worker that is stopped, too."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.end_to_end.conftest import Serving
from tests.end_to_end.program import DOMAIN, Answer, Client, Program, wait_until

PHONE = "0004132E08B4"
ACCOUNT = f"401@{DOMAIN}"
CLIENTS = 4
QUEUED = 32
ENOUGH = 40
CYCLES = 4
# Until a worker that has answered has its turn behind it, and nothing in hand.
IDLE_SECONDS = 0.1


class Load:
    """Clients that fetch one document over and over, and what they got.

    Each answer is kept with the number of the phase in which its request was *begun*:
    a request begun in an earlier phase may have been decided there.
    """

    def __init__(self, program: Program) -> None:
        self._program = program
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._run, daemon=True) for _ in range(CLIENTS)
        ]
        self.phase = 0
        self.answers: list[tuple[int, Answer]] = []
        self.errors: list[Exception] = []

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def statuses(self, phase: int) -> list[int]:
        with self._lock:
            return [answer.status for began, answer in self.answers if began == phase]

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                phase = self.phase
                answer = self._program.get(f"/{PHONE}.xml")
                with self._lock:
                    self.answers.append((phase, answer))
        except Exception as error:
            self.errors.append(error)

    def lost(self) -> bool:
        """Whether whatever failed was a connection that somebody was killed on."""
        return all(isinstance(error, ConnectionError) for error in self.errors)


def status(client: Client) -> int:
    """Return the status of the answer, 0 when the connection was reset."""
    try:
        return client.answer().status
    except ConnectionError:
        return 0


@contextmanager
def load_on(program: Program) -> Iterator[Load]:
    load = Load(program)
    load.start()
    try:
        yield load
    finally:
        load.stop()


def test_nobody_is_served_after_the_close_returned(serving: Serving) -> None:
    program = serving()
    program.import_accounts({"401": PHONE}, minutes=10)
    assert program.get(f"/{PHONE}.xml").status == 200
    stopped = program.workers()[0]
    with load_on(program) as load:
        wait_until(lambda: len(load.statuses(0)) >= ENOUGH, "both workers are at work")
        program.pause(stopped)
        # About half of these wait at the stopped worker, unseen by it.
        queued = [program.client() for _ in range(QUEUED)]
        for client in queued:
            client.ask(f"/{PHONE}.xml")
        program.command("window", "close", ACCOUNT)
        load.phase = 1
        late = [program.client() for _ in range(QUEUED)]
        for client in late:
            client.ask(f"/{PHONE}.xml")
        # One that was stopped with a document in hand is killed by the command.
        if not program.resume(stopped):
            assert load.lost(), load.errors
            assert {status(client) for client in late} <= {401, 0}
            assert {status(client) for client in queued} <= {200, 401, 0}
            return
        assert [client.answer().status for client in late] == [401] * QUEUED
        statuses = [client.answer().status for client in queued]
        wait_until(lambda: len(load.statuses(1)) >= ENOUGH, "the load goes on")
    assert not load.errors, load.errors
    # The other worker may have answered before the window was closed; what waited at
    # the stopped one was decided after it.
    assert set(statuses) <= {200, 401}
    assert 401 in statuses
    assert set(load.statuses(1)) == {401}
    assert set(load.statuses(0)) <= {200, 401}


def test_what_waits_for_stopped_workers_is_refused_after_the_close(
    serving: Serving,
) -> None:
    program = serving()
    program.import_accounts({"401": PHONE}, minutes=10)
    # Each worker holds the document ready: several connections reach both.
    for _ in range(QUEUED):
        assert program.get(f"/{PHONE}.xml").status == 200
    time.sleep(IDLE_SECONDS)
    for worker in program.workers():
        program.pause(worker)
    waiting = [program.client() for _ in range(QUEUED)]
    for client in waiting:
        client.ask(f"/{PHONE}.xml")
    program.command("window", "close", ACCOUNT)
    for worker in program.workers():
        assert program.resume(worker)
    assert [client.answer().status for client in waiting] == [401] * QUEUED


def test_neither_an_open_connection_nor_an_entity_tag_is_a_grant(
    serving: Serving,
) -> None:
    program = serving()
    program.import_accounts({"401": PHONE}, minutes=10)
    path = f"/{PHONE}.xml"
    kept = [program.client() for _ in range(8)]
    for client in kept:
        client.ask_and_stay(path)
        answer = client.one_answer()
        assert answer.status == 200
    condition = f"If-None-Match: {answer.etag}"
    for client in kept:
        client.ask_and_stay(path, condition)
        assert client.one_answer().status == 304
    program.command("window", "close", ACCOUNT)
    for client in kept:
        client.ask(path, condition)
        assert client.answer().status == 401


def test_a_window_opened_again_is_another_window(serving: Serving) -> None:
    program = serving()
    program.import_accounts({"401": PHONE}, minutes=10)
    first, second = "127.0.3.1", "127.0.3.2"
    for _ in range(8):
        assert program.get(f"/{PHONE}.xml", first).status == 200
    stopped = program.workers()[0]
    time.sleep(IDLE_SECONDS)
    program.pause(stopped)
    program.command("window", "open", ACCOUNT)
    waiting = [program.client(second) for _ in range(QUEUED)]
    for client in waiting:
        client.ask(f"/{PHONE}.xml")
    assert program.resume(stopped)
    assert {client.answer().status for client in waiting} == {200}
    for _ in range(8):
        assert program.get(f"/{PHONE}.xml", first).status == 401


@pytest.mark.parametrize("lane", ["on", "off"])
def test_windows_opened_and_closed_under_load_never_serve_after_the_close(
    serving: Serving, lane: str
) -> None:
    # The first requests of each phase find nothing ready: what they are given was
    # looked up, written and made while the window may be closed by others.
    program = serving(HTTP__LANE=lane)
    program.import_accounts({"401": PHONE}, minutes=10)
    with load_on(program) as load:
        for phase in range(0, 2 * CYCLES, 2):
            wait_until(lambda p=phase: 200 in load.statuses(p), "phones are served")
            program.command("window", "close", ACCOUNT)
            load.phase = phase + 1
            wait_until(
                lambda p=phase: len(load.statuses(p + 1)) >= 2 * CLIENTS,
                "phones are refused",
            )
            load.phase = phase + 2
            program.command("window", "open", ACCOUNT)
    assert not load.errors, load.errors
    for phase in range(1, 2 * CYCLES, 2):
        assert set(load.statuses(phase)) == {401}


def test_a_phone_unbound_under_load_is_never_served_after_that(
    serving: Serving,
) -> None:
    program = serving()
    program.import_accounts({"401": PHONE}, minutes=10)
    with load_on(program) as load:
        for phase in range(0, 2 * CYCLES, 2):
            wait_until(lambda p=phase: 200 in load.statuses(p), "phones are served")
            program.command("account", "unbind", ACCOUNT, PHONE)
            load.phase = phase + 1
            wait_until(
                lambda p=phase: len(load.statuses(p + 1)) >= 2 * CLIENTS,
                "phones are refused",
            )
            load.phase = phase + 2
            program.command("account", "bind", ACCOUNT, PHONE)
            program.command("window", "open", ACCOUNT)
    assert not load.errors, load.errors
    for phase in range(1, 2 * CYCLES, 2):
        assert set(load.statuses(phase)) == {401}
