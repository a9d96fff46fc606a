"""Signals to the supervisor: new workers, and the end."""

import signal
import threading

import pytest

from tests.end_to_end.conftest import Serving
from tests.end_to_end.crowd import (
    MACS,
    PHONES,
    bind_all,
    boot_all,
    boot_one,
    counted,
    meanwhile,
)
from tests.end_to_end.program import wait_until

MUTE = 40


def test_workers_are_rolled_without_a_failed_request(serving: Serving) -> None:
    program = serving()
    bind_all(program)
    assert boot_all(program)["booted"] == PHONES

    def boot() -> None:
        report = boot_all(program)
        assert report["booted"] == PHONES, report

    def fetch() -> None:
        status = program.get(f"/{MACS[0]}.xml").status
        assert status == 200, (program.reasons(MACS[0]), program.errors())

    with meanwhile(boot), meanwhile(fetch), meanwhile(fetch):
        for _ in range(2):
            before = program.children()
            program.signal(signal.SIGHUP)
            wait_until(
                lambda before=before: (
                    len(program.children()) == 3 and not before & program.children()
                ),
                "every process is new",
            )
    assert boot_all(program)["booted"] == PHONES
    assert program.stop() == 0
    assert not program.processes()


def test_nobody_waits_for_a_worker_that_is_rolled(serving: Serving) -> None:
    program = serving()
    program.import_accounts({"401": MACS[0]}, minutes=10)
    # Connections that never ask keep their worker until its time is over.
    mute = [program.client() for _ in range(MUTE)]
    before = program.children()
    wait_until(lambda: counted(program, "http_connections") >= MUTE, "all are accepted")
    program.signal(signal.SIGHUP)
    at_once = 0

    def are_there() -> bool:
        nonlocal at_once
        children = program.children()
        at_once = max(at_once, len(children))
        return len(children - before) == 3

    wait_until(are_there, "the next ones are there")
    assert at_once > 3  # beside those before them, however long these stay
    for _ in range(MUTE):
        assert program.get(f"/{MACS[0]}.xml").status == 200
    assert boot_one(program)["outcome"] == "booted"
    for client in mute:
        client.socket.close()
    wait_until(lambda: not before & program.children(), "they are gone")
    assert program.stop() == 0


def test_wrong_options_change_nothing(serving: Serving) -> None:
    program = serving()
    program.import_accounts({"401": MACS[0]}, minutes=10)
    before = program.children()
    options = program.directory / "bootwave.toml"
    right = options.read_text()
    options.write_text("[pairing]\nwindow_minutes = 'long'\n")
    program.signal(signal.SIGHUP)
    wait_until(lambda: "window_minutes" in program.errors(), "it is said what is wrong")
    assert program.get(f"/{MACS[0]}.xml").status == 200
    assert program.children() == before
    options.write_text(right)
    program.signal(signal.SIGHUP)
    wait_until(lambda: not before & program.children(), "every process is new")
    assert program.get(f"/{MACS[0]}.xml").status == 200


@pytest.mark.parametrize("workers", ["2", "0"])
def test_term_ends_it_cleanly_under_load(serving: Serving, workers: str) -> None:
    program = serving(SERVER__WORKERS=workers)
    bind_all(program)
    answered = threading.Event()

    def fetch() -> None:
        try:
            status = program.get(f"/{MACS[0]}.xml").status
        except OSError:  # nobody listens any more
            return
        # A connection the kernel queued for nobody may end without an answer.
        assert status in (0, 200)
        answered.set()

    with meanwhile(fetch):
        assert answered.wait(30)
        assert program.stop() == 0
    assert not program.processes()
    assert "Traceback" not in program.errors()
