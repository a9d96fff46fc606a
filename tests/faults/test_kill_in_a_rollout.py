"""kill -9 of the control process while phones that it told have not answered yet.

Phones here are sockets that answer when the test says so, at addresses of their own.
What is told again is known by its Call-ID: a repetition has that of the first.
"""

import json
import os
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from bootwave.wave import sip
from tests.end_to_end.program import DOMAIN, Program, wait_until

FIRST_MAC = 0x000413E10000
PHONES = 4
MACS = [f"{FIRST_MAC + number:012X}" for number in range(PHONES)]
WAIT_MINUTES = "0.2"


class SilentPhone:
    """Hears NOTIFYs at its address; answers them all once it is told to."""

    def __init__(self, number: int, port: int) -> None:
        self.mac = MACS[number]
        self.host = f"127.18.0.{1 + number}"
        self.answers = False
        self.calls: list[str] = []  # Call-IDs, each once
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((self.host, port))
        self.socket.setblocking(False)

    def listen(self) -> None:
        while True:
            try:
                data, source = self.socket.recvfrom(4096)
            except BlockingIOError:
                return
            message = sip.read(data)
            call = message.one("call-id")
            if call not in self.calls:
                self.calls.append(call)
            if self.answers:
                fields = ("Via", "From", "To", "Call-ID", "CSeq")
                lines = [f"{name}: {message.one(name.lower())}" for name in fields]
                head = "\r\n".join(["SIP/2.0 200 OK", *lines])
                self.socket.sendto(
                    f"{head}\r\nContent-Length: 0\r\n\r\n".encode(), source
                )

    def fetch(self, program: Program) -> None:
        assert program.get(f"/{self.mac}.xml", self.host).status == 200


@contextmanager
def silent_phones(program: Program, port: int) -> Iterator[list[SilentPhone]]:
    """Give phones that the engine gave their settings, and so knows the places of."""
    with ExitStack() as stack:
        phones = []
        for number in range(PHONES):
            phones.append(SilentPhone(number, port))
            stack.enter_context(phones[-1].socket)
            phones[-1].fetch(program)
        wait_until(
            lambda: all("SERVED_WINDOW" in program.reasons(mac) for mac in MACS),
            "phones are seen",
        )
        yield phones


def shown(program: Program, number: int) -> Any:
    return json.loads(program.run("rollout", "show", str(number), "--json").stdout)


def kill_control(program: Program) -> None:
    before = program.control()
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: program.control() not in (0, before), "another takes over")


@pytest.fixture
def port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("0.0.0.0", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def program(place: Path, tmp_path: Path, port: int) -> Iterator[Program]:
    """A program that is not started; http.lane has no part in this."""
    directory = tmp_path / "place"
    shutil.copytree(place, directory)
    made = Program(directory, WAVES__PHONE_PORT=str(port))
    yield made
    made.clean_up()


@pytest.mark.parametrize("reboot", [False, True])
def test_phones_that_were_in_flight_are_told_again_once(
    program: Program, port: int, reboot: bool
) -> None:
    program.import_accounts(
        {str(400 + number): mac for number, mac in enumerate(MACS)}, minutes=60
    )
    program.start()
    with silent_phones(program, port) as phones:

        def told(times: int, which: list[SilentPhone]) -> bool:
            for phone in phones:
                phone.listen()
            return all(len(phone.calls) == times for phone in which)

        answering, *silent = phones
        answering.answers = True
        started = program.command(
            *("resync", DOMAIN, "--at-once", "--wait", WAIT_MINUTES, "--detach"),
            *(["--reboot"] if reboot else []),
        )
        number = started["id"]
        wait_until(lambda: told(1, phones), "all are told")

        def is_accepted() -> bool:
            told(1, phones)
            return bool(shown(program, number)["results"]["accepted"] == 1)

        wait_until(is_accepted, "the answer is stored")
        answering.fetch(program)
        if reboot:
            # Now one that restarts may be on its way: no NOTIFY would be repeated now.
            at = time.time()
            wait_until(lambda: time.time() > at + 4.5, "T2 is over")
        kill_control(program)
        wait_until(lambda: told(2, silent), "those in flight are told again")
        assert len(answering.calls) == 1
        for phone in silent:
            phone.answers = True
            phone.fetch(program)

        def is_done() -> bool:
            told(2, silent)
            return bool(shown(program, number)["state"] == "done")

        wait_until(is_done, "all are back")
        assert [len(phone.calls) for phone in phones] == [1, 2, 2, 2]
        assert shown(program, number)["fates"]["back"] == PHONES
