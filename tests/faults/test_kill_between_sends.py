"""kill -9 at each call by which a worker sends what it owes a phone.

A phone that has its 200 asks no more (RFC 3261 section 17.1.2.2), and no successor
knows that its NOTIFY is still owed: nothing may be killed between the two.
"""

import pytest

from tests.end_to_end.conftest import Serving
from tests.end_to_end.crowd import MACS, boot_one
from tests.peers.peer import require


# Killed at its first call each worker would be, and no phone ever answered.
@pytest.mark.parametrize("call", [2, 3])
@pytest.mark.parametrize("way", ["unicast", "multicast"])
@pytest.mark.parametrize("lane", ["on"], indirect=True)
def test_no_phone_is_accepted_by_a_worker_and_told_by_none(
    programs: Serving, way: str, call: int
) -> None:
    program = programs(SERVER__WORKERS="1").start(
        under=[
            *(require("strace"), "-D", "-f", "-qq", "-o", "/dev/null"),
            *("-e", "trace=sendmmsg"),
            *("-e", f"inject=sendmmsg:signal=KILL:when={call}"),
        ]
    )
    program.import_accounts({"401": MACS[0]}, minutes=10)
    more = ("--multicast", "--interface", "127.0.0.1", "--group", program.group)
    # The core answers the first, and teaches the lane to answer the others.
    for _ in range(3):
        verdict = boot_one(program, *(more if way == "multicast" else ()))
        assert verdict["outcome"] == "booted", verdict
    assert "was killed by SIGKILL" in program.errors()
