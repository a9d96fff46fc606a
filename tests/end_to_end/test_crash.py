"""Processes die and are replaced; phones notice nothing that lasts."""

import os
import re
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.end_to_end.conftest import Serving
from tests.end_to_end.mailbox import PHONE, SNOM370, mailbox
from tests.end_to_end.program import DOMAIN, Program, wait_until

PHONES = 60
FIRST_MAC = 0x000413D00000
CROWD = 400
MACS = [f"{FIRST_MAC + number:012X}" for number in range(CROWD)]
KILLS = 10
QUEUED = 40


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
    """Return how many of something the engine counted so far."""
    number: int = program.command("status")["counters"].get(counter, 0)
    return number


def descriptors(program: Program) -> int:
    """Return how many descriptors the supervisor has open."""
    return len(os.listdir(f"/proc/{program.pid}/fd"))


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


def kill_a_worker(program: Program, victim: int) -> None:
    """Kill the process *victim* and wait until another one is in its place."""
    before = program.children()
    os.kill(victim, signal.SIGKILL)
    wait_until(
        lambda: victim not in program.children() and len(program.children()) == 3,
        "the worker is replaced",
    )
    assert len(program.children() - before) == 1


def test_phones_boot_while_workers_are_killed(serving: Serving) -> None:
    program = serving()
    bind_all(program, CROWD)
    reports: list[Any] = []
    before = descriptors(program)
    rate = ("--rate", str(CROWD // 2))
    with meanwhile(lambda: reports.append(boot_all(program, CROWD, *rate))):
        for number in range(KILLS):
            served = counted(program, "documents")
            wait_until(
                lambda served=served: counted(program, "documents") > served,
                "phones are served",
            )
            workers = program.workers()
            kill_a_worker(program, workers[number % len(workers)])
    assert descriptors(program) == before, "the supervisor lost some"
    for report in reports:
        # Nobody is turned away: at worst a connection died with its worker.
        assert report["refused"] == report["silent"] == 0, report
        for reason in report["reasons"]:
            assert re.search("reset the connection|hung up", reason["reason"]), report
    # Those start again, and then all have their settings.
    assert boot_all(program, CROWD)["booted"] == CROWD
    errors = program.errors()
    assert "was killed by SIGKILL; starting it again" in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize("dead", [1, 2], ids=["one-worker", "both-workers"])
def test_connections_queued_on_a_killed_worker_are_answered(
    serving: Serving, dead: int
) -> None:
    program = serving()
    program.import_accounts({"401": MACS[0]}, minutes=10)
    assert program.get(f"/{MACS[0]}.xml").status == 200
    stopped = program.workers()[:dead]
    for worker in stopped:
        program.pause(worker)
    # Connected, some have asked, and no process has seen any of it.
    queued = [program.client() for _ in range(QUEUED)]
    for client in queued[: QUEUED // 2]:
        client.ask(f"/{MACS[0]}.xml")
    for worker in stopped:
        os.kill(worker, signal.SIGKILL)
    for client in queued[QUEUED // 2 :]:
        client.ask(f"/{MACS[0]}.xml")
    assert [client.answer().status for client in queued] == [200] * QUEUED


def test_a_subscribe_queued_on_killed_workers_is_answered(serving: Serving) -> None:
    program = serving()
    program.import_accounts({"401": PHONE}, minutes=10)
    workers = program.workers()
    for worker in workers:
        program.pause(worker)
    with mailbox(program) as phone:
        phone.send(SNOM370.read_bytes())
        for worker in workers:
            os.kill(worker, signal.SIGKILL)
        first = phone.answers()
        # To the phone its successor is the same server, of which it repeats itself.
        wait_until(lambda: len(program.children()) == 3, "they are replaced")
        for worker in program.workers():
            kill_a_worker(program, worker)
        phone.send(SNOM370.read_bytes())
        second = phone.answers()
    assert second == first


def test_a_grant_and_its_pin_outlive_the_worker_that_made_them(
    serving: Serving,
) -> None:
    program = serving()
    program.import_accounts({"401": MACS[0]}, minutes=10)
    assert program.get(f"/{MACS[0]}.xml", "127.0.4.1").status == 200
    for worker in program.workers():
        kill_a_worker(program, worker)
    for _ in range(8):
        assert program.get(f"/{MACS[0]}.xml", "127.0.4.1").status == 200
        assert program.get(f"/{MACS[0]}.xml", "127.0.4.2").status == 401
    program.command("window", "close", f"401@{DOMAIN}")
    assert program.get(f"/{MACS[0]}.xml", "127.0.4.1").status == 401


def test_commands_work_after_the_control_process_was_killed(serving: Serving) -> None:
    program = serving()
    program.import_accounts({"401": MACS[0]})
    account = f"401@{DOMAIN}"
    for _ in range(3):
        before = program.control()
        os.kill(before, signal.SIGKILL)
        wait_until(
            lambda before=before: program.control() not in (0, before), "it is back"
        )
        program.command("window", "open", account)
        for _ in range(8):
            assert program.get(f"/{MACS[0]}.xml").status == 200
        # What it told the workers before it died, the new one tells them, too.
        program.command("window", "close", account)
        for _ in range(8):
            assert program.get(f"/{MACS[0]}.xml").status == 401
    assert len(program.workers()) == 2


def test_workers_serve_without_a_control_process(serving: Serving) -> None:
    program = serving()
    program.import_accounts({"401": MACS[0]}, minutes=10)
    program.pause(program.control())
    for _ in range(8):
        assert program.get(f"/{MACS[0]}.xml").status == 200
    assert boot_one(program)["outcome"] == "booted"


def boot_one(program: Program) -> Any:
    return program.boot("--server", "{}:{}".format(*program.pnp), "--mac", MACS[0])


@pytest.mark.parametrize("workers", ["2", "0"])
def test_nothing_is_left_of_a_killed_supervisor(serving: Serving, workers: str) -> None:
    program = serving(SERVER__WORKERS=workers)
    program.import_accounts({"401": MACS[0]}, minutes=10)
    assert boot_one(program)["outcome"] == "booted"
    # A connection that is open, and a worker that does nothing by itself any more.
    held = program.client()
    if workers == "2":
        program.pause(program.workers()[0])
    program.environ["HTTP__LISTEN"] = "{}:{}".format(*program.http)
    program.environ["PNP__LISTEN"] = "{}:{}".format(*program.pnp)
    listening = program.lines
    program.kill()
    program.start()  # at once, on the same ports and store
    with held.socket:
        assert program.lines == listening
    assert boot_one(program)["outcome"] == "booted"
    program.command("window", "close", f"401@{DOMAIN}")
    assert program.get(f"/{MACS[0]}.xml").status == 401
    program.kill()
    wait_until(lambda: not program.processes(), "no orphan is left")


def test_workers_are_rolled_without_a_failed_request(serving: Serving) -> None:
    program = serving()
    bind_all(program)
    assert boot_all(program)["booted"] == PHONES
    control = program.control()

    def boot() -> None:
        report = boot_all(program)
        assert report["booted"] == PHONES, report

    def fetch() -> None:
        assert program.get(f"/{MACS[0]}.xml").status == 200

    with meanwhile(boot), meanwhile(fetch), meanwhile(fetch):
        for _ in range(2):
            before = program.workers()
            program.signal(signal.SIGHUP)
            wait_until(
                lambda before=before: (
                    len(program.children()) == 3
                    and not set(before) & program.children()
                ),
                "both workers are new",
            )
    assert program.control() == control
    assert program.stop() == 0
    assert not program.processes()


def test_nobody_waits_for_a_worker_that_is_rolled(serving: Serving) -> None:
    program = serving()
    program.import_accounts({"401": MACS[0]}, minutes=10)
    # Connections that never ask keep their worker until its time is over.
    mute = [program.client() for _ in range(QUEUED)]
    before = set(program.workers())
    wait_until(
        lambda: counted(program, "http_connections") >= QUEUED, "all are accepted"
    )
    program.signal(signal.SIGHUP)
    wait_until(lambda: len(program.children()) == 5, "the next ones are there, too")
    for _ in range(QUEUED):
        assert program.get(f"/{MACS[0]}.xml").status == 200
    assert boot_one(program)["outcome"] == "booted"
    assert before < program.children()
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
    wait_until(lambda: len(before & program.children()) == 1, "the workers are new")
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
