"""The key of stored secrets in a variable: served with, and shown by nothing."""

import os
import signal
from pathlib import Path

from tests.end_to_end.conftest import Serving
from tests.end_to_end.program import DOMAIN, wait_until

PHONE = "0004132E08B4"


def test_workers_that_come_later_have_the_key_and_proc_has_not(
    programs: Serving,
) -> None:
    made = programs()
    line = (made.directory / "bootwave.key").read_text().strip()
    (made.directory / "bootwave.key").unlink()
    program = programs(STORE__KEY="env:BOOTWAVE_KEY", KEY=line)
    program.start()
    program.import_accounts({"401": PHONE}, minutes=10)
    assert b"<user_pass" in program.get(f"/{PHONE}.xml").body
    before = program.children()
    program.signal(signal.SIGHUP)
    wait_until(
        lambda: not program.children() & before and program.control(),
        "the processes are replaced",
    )
    program.command("window", "open", f"401@{DOMAIN}")
    assert b"<user_pass" in program.get(f"/{PHONE}.xml").body
    killed = program.workers()[0]
    os.kill(killed, signal.SIGKILL)
    wait_until(
        lambda: killed not in program.children() and len(program.workers()) == 2,
        "the worker is replaced",
    )
    for pid in program.processes():
        shown = Path(f"/proc/{pid}/environ").read_bytes()
        assert b"BOOTWAVE_STORE__KEY" in shown
        assert line.split()[1].encode() not in shown
