"""A closed window is closed for a worker that is stopped, too."""

from typing import Any

import pytest

from bootwave.control.client import ControlClient
from tests.end_to_end.conftest import Serving
from tests.end_to_end.load import CLIENTS, PHONE, QUEUED, ended_by, load_on
from tests.end_to_end.program import DOMAIN, Program, wait_until

ACCOUNT = f"401@{DOMAIN}"
CYCLES = 4


def settle(program: Program) -> None:
    """Return when no worker has anything in hand any more that was granted.

    A worker puts away what it answered with before it looks for other requests, so
    whoever has answered one of these, which need no grant, has done so.
    """
    for _ in range(QUEUED):  # by every worker
        assert program.get("/nothing.here").status == 404


def test_nobody_is_served_after_the_close_returned(serving: Serving) -> None:
    program = serving()
    program.import_accounts({"401": PHONE}, minutes=10)
    assert program.get(f"/{PHONE}.xml").status == 200
    ended = ended_by(program, "window", "close", ACCOUNT)
    # The other worker may have answered before the window was closed; what waited at
    # the stopped one was decided after it.
    assert ended is None or 401 in ended[1]


def test_what_waits_for_stopped_workers_is_refused_after_the_close(
    serving: Serving,
) -> None:
    program = serving()
    program.import_accounts({"401": PHONE}, minutes=10)
    # Each worker holds the document ready: several connections reach both.
    for _ in range(QUEUED):
        assert program.get(f"/{PHONE}.xml").status == 200
    settle(program)
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
    settle(program)
    program.pause(stopped)
    program.command("window", "open", ACCOUNT)
    waiting = [program.client(second) for _ in range(QUEUED)]
    for client in waiting:
        client.ask(f"/{PHONE}.xml")
    assert program.resume(stopped)
    assert {client.answer().status for client in waiting} == {200}
    for _ in range(8):
        assert program.get(f"/{PHONE}.xml", first).status == 401


@pytest.mark.parametrize("op", ["window.open", "bulk"])
def test_who_had_the_window_before_uses_the_next_one_up(
    serving: Serving, op: str
) -> None:
    program = serving()
    program.import_accounts({"401": PHONE}, minutes=10)
    first, second = "127.0.3.1", "127.0.3.2"
    row = {"extension": "401", "domain": DOMAIN, "mac": PHONE}
    args: dict[str, dict[str, Any]] = {
        "window.open": {"accounts": [ACCOUNT]},
        "bulk": {"accounts": [row], "open_minutes": 10, "update": True},
    }
    for _ in range(8):  # so that each worker holds the document ready
        assert program.get(f"/{PHONE}.xml", first).status == 200
    client = ControlClient.connect(program.directory / "control.sock")
    assert client is not None
    client.call(op, args[op])
    client.close()
    assert program.get(f"/{PHONE}.xml", first).status == 200
    assert program.get(f"/{PHONE}.xml", second).status == 401


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
