"""One source that holds connections and never asks, beside phones that ask."""

from tests.end_to_end.conftest import Serving
from tests.end_to_end.program import Program

PHONE = "0004132E08B4"


def crowded(program: Program, connections: int) -> None:
    for _ in range(connections):
        # One byte, without which the kernel may keep a connection to itself.
        program.client("127.0.0.3").socket.sendall(b"G")


def test_a_host_full_of_idle_connections_keeps_no_phone_out(
    programs: Serving,
) -> None:
    program = programs(SERVER__WORKERS="1").start(files=256)
    program.import_accounts({"401": PHONE}, minutes=10)
    crowded(program, 300)
    answers = [program.get(f"/{PHONE}.xml").status for _ in range(20)]
    assert answers == [200] * 20
    assert "holds 128 connections at most" in program.errors()
    counters = program.command("status")["counters"]
    assert counters["http_crowded_out"] > 0
    assert counters["http_accept_pauses"] == 0
