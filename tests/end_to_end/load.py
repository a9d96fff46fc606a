"""Clients that fetch one document over and over, while something else happens."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.end_to_end.program import Answer, Client, Program, wait_until

PHONE = "0004132E08B4"
CLIENTS = 4
QUEUED = 32
ENOUGH = 40


class Load:
    """What the clients got.

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


def ended_by(program: Program, *command: str) -> tuple[Load, list[int]] | None:
    """Run *command*, which ends what PHONE is granted, while a worker is stopped.

    Asserts that nothing asked for afterwards is given.  Returns the load, whose phase
    1 begins with the end of the command, and the statuses of what had been asked for
    before and waited; None when the worker was killed with a document in hand.
    """
    stopped = program.workers()[0]
    with load_on(program) as load:
        wait_until(lambda: len(load.statuses(0)) >= ENOUGH, "both workers are at work")
        program.pause(stopped)
        # About half of these wait at the stopped worker, unseen by it.
        queued = [program.client() for _ in range(QUEUED)]
        for client in queued:
            client.ask(f"/{PHONE}.xml")
        program.command(*command)
        load.phase = 1
        late = [program.client() for _ in range(QUEUED)]
        for client in late:
            client.ask(f"/{PHONE}.xml")
        # One that was stopped with a document in hand is killed by the command.
        if not program.resume(stopped):
            assert load.lost(), load.errors
            assert {status(client) for client in late} <= {401, 0}
            assert {status(client) for client in queued} <= {200, 401, 0}
            return None
        assert [client.answer().status for client in late] == [401] * QUEUED
        statuses = [client.answer().status for client in queued]
        wait_until(lambda: len(load.statuses(1)) >= ENOUGH, "the load goes on")
    assert not load.errors, load.errors
    assert set(statuses) <= {200, 401}
    assert set(load.statuses(1)) == {401}
    assert set(load.statuses(0)) <= {200, 401}
    return load, statuses
