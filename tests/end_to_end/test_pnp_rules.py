"""``[pnp] rules``: who is answered by the whole program, compiled code included."""

import re
import signal
import socket
from pathlib import Path

import pytest

from tests.end_to_end.conftest import LANES, Serving
from tests.end_to_end.program import Program, wait_until

PHONE, OTHER = "0004132E08B4", "00041341AABB"
SUBSCRIBE = (
    (Path(__file__).parents[1] / "captures/snom370-8.7.5.48.txt").read_bytes().decode()
)

pytestmark = pytest.mark.parametrize("lane", LANES[:1])  # of HTTP, which has no part


class Phone:
    """A phone that asks from an address of its own; each question is a new one."""

    def __init__(self, program: Program, mac: str, source: str) -> None:
        self.program, self.mac = program, mac
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((source, 0))
        self.socket.settimeout(30)
        self.asked = self.ignored = 0

    def ask(self) -> None:
        self.asked += 1
        text = SUBSCRIBE.replace("0004132E08B4", self.mac).replace(
            "Call-ID: ", f"Call-ID: {self.asked}x"
        )
        self.socket.sendto(text.encode(), self.program.pnp)

    def is_told(self) -> bool:
        """Whether 200 and NOTIFY come for the question; the NOTIFY is confirmed."""
        missing = {b"SIP/2.0", b"NOTIFY "}
        while missing:
            data, server = self.socket.recvfrom(4096)
            if f"Call-ID: {self.asked}x".encode() in data:
                missing.discard(data[:7])
            if data.startswith(b"NOTIFY "):
                fields = re.findall(rb"^(?:Via|From|To|C\S+): .*\r\n", data, re.M)
                kept = [each for each in fields if not each.startswith(b"Con")]
                response = b"SIP/2.0 200 OK\r\n" + b"".join(kept) + b"\r\n"
                self.socket.sendto(response, server)
        return True

    def is_ignored(self) -> bool:
        """Whether what was asked last was ignored, as soon as it is known."""
        self.ignored += 1
        wait_until(
            lambda: self.program.reasons(self.mac).count("PNP_IGNORED") == self.ignored,
            "the phone is ignored",
        )
        self.socket.setblocking(False)
        try:
            return f"{self.asked}x".encode() not in self.socket.recv(4096)
        except BlockingIOError:
            return True
        finally:
            self.socket.settimeout(30)


def test_a_phone_that_is_answered_here_is_ignored_there(serving: Serving) -> None:
    # Asked twice, compiled code would answer, had it been told of the phone.
    program = serving(PNP__RULES="ignore subnet=127.0.0.2/32")
    program.import_accounts({"401": PHONE})
    here, there = Phone(program, PHONE, "127.0.0.1"), Phone(program, PHONE, "127.0.0.2")
    with here.socket, there.socket:
        for _ in range(3):
            here.ask()
            assert here.is_told()
        there.ask()
        assert there.is_ignored()


def test_rules_of_macs_hold_when_compiled_code_answers(serving: Serving) -> None:
    program = serving(
        PNP__LISTS=f"other-pbx {OTHER}", PNP__RULES="ignore list=other-pbx"
    )
    program.import_accounts({"401": PHONE, "402": OTHER})
    bound, other = (
        Phone(program, PHONE, "127.0.0.1"),
        Phone(program, OTHER, "127.0.0.3"),
    )
    with bound.socket, other.socket:
        for _ in range(3):
            bound.ask()
            assert bound.is_told()
            other.ask()
            assert other.is_ignored()


def test_rules_change_when_the_options_are_read_again(serving: Serving) -> None:
    program = serving()
    program.import_accounts({"401": PHONE})
    phone = Phone(program, PHONE, "127.0.0.1")
    with phone.socket:
        phone.ask()
        assert phone.is_told()
        options = program.directory / "bootwave.toml"
        text = options.read_text()
        assert "#rules = []" in text
        options.write_text(text.replace("#rules = []", 'rules = ["ignore"]'))
        before = program.children()
        program.signal(signal.SIGHUP)
        wait_until(
            lambda: not before & program.children(), "every process is a new one"
        )
        phone.ask()
        assert phone.is_ignored()
