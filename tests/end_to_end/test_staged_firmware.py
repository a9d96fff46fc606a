"""A firmware rolled out by the installed program: stages, and a halt that withdraws."""

import os
import re
import select
import signal
import socket
from collections.abc import Iterator

import pytest

from bootwave.wave.checksync import check_sync_from
from tests.end_to_end.conftest import Serving
from tests.end_to_end.program import DOMAIN, PATIENCE, Program, wait_until
from tests.end_to_end.test_resync import free_port

OLD, NEW = "8.5.20", "8.5.36"
AT = "http://downloads.snom.com/fw"
FIRST_MAC = 0x000413E10000
AGENT = "User-Agent: Mozilla/4.0 (compatible; snom370-SIP {} 1.1.3-u)"
STATUS = re.compile(rb"<firmware_status[^>]*>(?:https?://[^/<]+)?([^<]+)<")
TOLD = re.compile(rb"<firmware [^>]*>[^<]*snom370-([0-9.]+)\.bin<")


class Phone:
    """One phone at an address of its own, that restarts when the test says so."""

    def __init__(self, program: Program, number: int, port: int) -> None:
        self.program = program
        self.mac = f"{FIRST_MAC + number:012X}"
        self.address = f"127.18.0.{number + 1}"
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((self.address, port))
        self.calls: set[str] = set()

    def hears(self) -> bool:
        """Confirm what waits; whether it was told to restart for the first time."""
        data, source = self.socket.recvfrom(4096)
        asked = check_sync_from(data, source, self.socket.getsockname())
        self.socket.sendto(asked.answer, source)
        is_new = asked.call_id not in self.calls
        self.calls.add(asked.call_id)
        assert asked.reboot
        return is_new

    def boots(self, version: str) -> str:
        """Fetch its settings running *version*; return which one it is told to load."""
        settings = self._get(f"/{self.mac}.xml", version)
        found = STATUS.search(settings)
        assert found is not None, settings
        told = TOLD.search(self._get(found[1].decode().replace("&amp;", "&"), version))
        return "" if told is None else told[1].decode()

    def _get(self, path: str, version: str) -> bytes:
        client = self.program.client(self.address)
        client.ask(path, AGENT.format(version))
        answer = client.answer()
        assert answer.status == 200, answer.raw
        return answer.body


@pytest.fixture
def phones(programs: Serving) -> Iterator[list[Phone]]:
    """Four phones that run what their domain defines."""
    port = free_port()
    program = programs(WAVES__PHONE_PORT=str(port))
    made = [Phone(program, number, port) for number in range(4)]
    rows = {str(400 + number): one.mac for number, one in enumerate(made)}
    program.import_accounts(rows, minutes=60)
    program.command(
        *("firmware", "set", "snom370", OLD, f"{AT}/snom370-{OLD}.bin"),
        *("--domain", DOMAIN),
    )
    program.start()
    assert [phone.boots(OLD) for phone in made] == [""] * 4
    for phone in made:
        wait_until(
            lambda mac=phone.mac: "SERVED_WINDOW" in program.reasons(mac),
            "its settings are seen",
        )
    yield made
    for phone in made:
        phone.socket.close()


def next_told(phones: list[Phone]) -> Phone:
    """Return the next phone that is told to restart."""
    while True:
        ready, _, _ = select.select([one.socket for one in phones], [], [], PATIENCE)
        assert ready, "nobody was told"
        for phone in phones:
            if phone.socket in ready and phone.hears():
                return phone


def test_a_firmware_reaches_phones_in_stages_and_a_halt_withdraws_it(
    phones: list[Phone],
) -> None:
    program = phones[0].program
    program.command(
        *("rollout", "firmware", "snom370", NEW, f"{AT}/snom370-{NEW}.bin"),
        *("--domain", DOMAIN, "--stages", "50%", "--wait", "0.15", "--detach"),
    )
    canary = next_told(phones)
    others = [phone for phone in phones if phone is not canary]
    # Who restarts by itself is told nothing of it, and the canary is.
    assert [phone.boots(OLD) for phone in others] == [""] * 3
    assert canary.boots(OLD) == NEW
    # Or the next process would tell it again: nobody restarts as fast as it did.  Nor
    # is it back before that one is there, or the first may have told the next phone.
    wait_until(
        lambda: program.command("rollout", "show", "1")["results"]["accepted"] > 0,
        "it confirmed",
    )
    control = program.control()
    os.kill(control, signal.SIGKILL)
    wait_until(lambda: program.control() not in (0, control), "control is there again")
    assert canary.boots(NEW) == ""
    failing = next_told(phones)
    assert failing is not canary
    assert failing.boots(OLD) == NEW
    # It comes back as it was, again and again.
    wait_until(
        lambda: program.command("rollout", "show", "1")["state"] == "halted",
        "it halts",
    )
    shown = program.command("rollout", "show", "1")
    assert [stage["back"] for stage in shown["stages"]] == [1, 0, 0]
    assert shown["phones"][0]["detail"] == f"it runs {OLD}"
    assert [phone.boots(OLD) for phone in others] == [""] * 3
    assert canary.boots(NEW) == ""
    assert failing.boots(NEW) == ""
    (told,) = program.command("device", "show", canary.mac)["rollouts"]
    assert told["sentence"].startswith(f"roll-out 1 told it to restart and load {NEW}")
    assert "it was back after" in told["sentence"]
    done = program.command("rollout", "cancel", "1", "--withdraw")
    assert done["state"] == "cancelled"
    assert canary.boots(NEW) == OLD
    assert [phone.boots(OLD) for phone in phones] == [""] * 4
