"""``bootwave pnp probe`` beside an engine that runs, and beside another server."""

import re
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.end_to_end.conftest import LANES, Serving
from tests.end_to_end.program import Program, wait_until
from tests.namespaces import Machine, in_namespace, ip
from tests.server.test_rival import answers

PHONE = "0004132E08B4"
HERE, THERE = "10.1.0.1", "10.1.0.2"

pytestmark = pytest.mark.parametrize("lane", LANES[:1])  # of HTTP, which has no part


@contextmanager
def another_server(machine: Machine) -> Iterator[None]:
    """Have another server answer every phone, on *machine*."""
    ears = machine.udp_socket("0.0.0.0", 5060)
    mouth = machine.udp_socket(THERE, 5061)
    group = socket.inet_aton("224.0.1.75") + socket.inet_aton(THERE)
    ears.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)
    over = threading.Event()
    replies = answers(b"http://10.1.0.2/{mac}.xml")

    def serve() -> None:
        while not over.is_set():
            for ready in select.select([ears, mouth], [], [], 0.05)[0]:
                data, source = ready.recvfrom(4096)
                if data.startswith(b"SUBSCRIBE "):
                    for reply in replies(data):
                        mouth.sendto(reply, source)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        ears.close()
        mouth.close()


def answered(program: Program, *probe: str) -> Any:
    """Return the one row of *probe*, begun again while its second was too short."""
    rows: list[Any] = []

    def is_answered() -> bool:
        rows[:] = program.command(*probe)
        return bool(rows[0]["who"] != "nobody")

    wait_until(is_answered, "somebody answers")
    (row,) = rows
    return row


def test_who_answers_is_reported_for_each_interface(programs: Serving) -> None:
    def run() -> None:
        machine = Machine()
        machine.plug("lan", "eth0", f"{THERE}/24")
        ip(f"addr add {HERE}/24 dev lan")
        ip("link set lan up")
        program = programs(PNP__LISTEN="0.0.0.0:5060", HTTP__LISTEN=f"{HERE}:8080")
        try:
            reported(program.start(), machine)
        finally:
            program.clean_up()

    def reported(program: Program, machine: Machine) -> None:
        program.import_accounts({"401": PHONE})
        probe = ("pnp", "probe", "--seconds", "1")

        row = answered(program, *probe)
        assert (row["interface"], row["who"], row["from"]) == ("lan", "this engine", "")
        assert "its MAC is bound to no account" in row["says"]
        assert "020413000000" not in str(program.command("device", "list"))

        row = answered(program, *probe, "--mac", PHONE)
        assert (row["who"], row["from"]) == ("this engine", HERE)
        assert row["says"] == f"http://{HERE}:8080/{{mac}}.xml"
        wait_until(lambda: "PNP_CONFIRMED" in program.reasons(PHONE), "it is confirmed")

        with another_server(machine):
            lines = [
                rf"lan +{HERE} +another server +{THERE} +http://",
                rf"lan +{HERE} +this engine +{HERE} +http://",
            ]

            def are_reported() -> bool:
                done = program.run(*probe, "--mac", PHONE)
                found = [re.search(line, done.stdout) for line in lines]
                assert done.returncode == (1 if found[0] else 0), done
                return all(found)

            wait_until(are_reported, "both answer")

        program.stop()
        (row,) = program.command(*probe)
        assert row["who"] == "nobody"

    in_namespace(run)
