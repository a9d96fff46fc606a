"""Processes die and are replaced; phones notice nothing that lasts."""

import os
import re
import signal
from typing import Any

import pytest

from tests.end_to_end.conftest import Serving
from tests.end_to_end.crowd import (
    CROWD,
    MACS,
    bind_all,
    boot_all,
    boot_one,
    counted,
    meanwhile,
)
from tests.end_to_end.mailbox import PHONE, SNOM370, mailbox
from tests.end_to_end.program import DOMAIN, Program, wait_until

KILLS = 10
QUEUED = 40


def descriptors(program: Program) -> int:
    """Return how many descriptors the supervisor has open."""
    return len(os.listdir(f"/proc/{program.pid}/fd"))


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
    program.environ["HTTPS__LISTEN"] = "{}:{}".format(*program.https)
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
