"""Many phones with an account each, and what happens while something else does."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from bootwave.control.client import ControlClient
from tests.end_to_end.program import Program

PHONES = 60
FIRST_MAC = 0x000413D00000
CROWD = 400
MACS = [f"{FIRST_MAC + number:012X}" for number in range(CROWD)]


def bind_all(program: Program, phones: int = PHONES) -> None:
    program.import_accounts(
        {str(400 + number): mac for number, mac in enumerate(MACS[:phones])}, minutes=10
    )


def boot_all(program: Program, phones: int = PHONES, *more: str) -> Any:
    return program.boot(
        *("--server", "{}:{}".format(*program.pnp), "--mac", MACS[0]),
        *("--count", str(phones), *more),
    )


def counted(program: Program, counter: str) -> int:
    """Return how many of something the engine counted so far.

    Asked without a command: that would take longer than what is waited for.
    """
    client = ControlClient.connect(program.directory / "control.sock")
    assert client is not None
    try:
        number: int = client.call("engine.status", {})["counters"][counter]
    finally:
        client.close()
    return number


def boot_one(program: Program, *more: str) -> Any:
    server = "{}:{}".format(*program.pnp)
    return program.boot("--server", server, "--mac", MACS[0], *more)


@contextmanager
def meanwhile(act: Callable[[], None]) -> Iterator[None]:
    """Do *act* over and over beside the block; it has happened, and none has failed."""
    stopping = threading.Event()
    happened = threading.Event()
    errors: list[BaseException] = []

    def run() -> None:
        try:
            while not stopping.is_set():
                act()
                happened.set()
        except BaseException as error:
            errors.append(error)
            happened.set()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        assert happened.wait(60)
        yield
    finally:
        stopping.set()
        thread.join()
        for error in errors:
            raise error
