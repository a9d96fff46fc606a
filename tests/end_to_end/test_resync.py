"""Live phones told by command: they fetch again, or the command says what is wrong."""

import asyncio
import json
import socket
import time
from collections.abc import Callable
from typing import Any

from bootwave.wave.fleet import Wave
from bootwave.wave.staying import StayingFleet
from tests.end_to_end.conftest import Serving
from tests.end_to_end.program import DOMAIN, PATIENCE, Program

PHONES = 12
FIRST_MAC = 0x000413E00000
MACS = [f"{FIRST_MAC + number:012X}" for number in range(PHONES)]


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("0.0.0.0", 0))
        return int(probe.getsockname()[1])


async def said(program: Program, *arguments: str) -> tuple[int, Any, str]:
    """Return status, JSON and errors of a command, while phones go on."""
    done = await asyncio.to_thread(program.run, *arguments, "--json")
    return done.returncode, json.loads(done.stdout), done.stderr


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


def test_commands_have_live_phones_fetch_again(programs: Serving) -> None:
    port = free_port()
    program = programs(WAVES__PHONE_PORT=str(port))
    rows = {str(400 + number): mac for number, mac in enumerate(MACS)}
    program.import_accounts(rows, minutes=60)
    program.start()

    async def main() -> None:
        host, http = program.http
        fleet = StayingFleet(
            Wave(
                FIRST_MAC,
                url=f"http://{host}:{http}/{{mac}}.xml",
                count=PHONES,
                sources=tuple(f"127.17.0.{number}" for number in range(1, 1 + PHONES)),
            ),
            port,
        )
        assert (await fleet.start()).all_booted
        try:
            await until(lambda: "SERVED_WINDOW" in program.reasons(MACS[-1]))
            status, shown, _ = await said(program, "resync", MACS[3], "--reboot")
            assert (status, shown["state"], shown["action"]) == (0, "done", "reboot")
            assert fleet.fetched == {FIRST_MAC + 3: 1}
            status, shown, _ = await said(program, "resync", f"405@{DOMAIN}")
            assert (status, shown["fates"]["back"]) == (0, 1)
            status, shown, _ = await said(program, "resync", DOMAIN, "--rate", "100")
            assert (status, shown["results"]["accepted"]) == (0, PHONES)
            assert [stage["back"] for stage in shown["stages"]] == [1, 1, 4, 6]
            assert fleet.fetched[FIRST_MAC + 3] == 2
            fleet.deaf = range(FIRST_MAC, FIRST_MAC + PHONES)
            told = len(fleet.notified)
            wait = ("--wait", "0.03")
            status, shown, _ = await said(program, "resync", "--all", *wait)
            assert (status, shown["state"]) == (1, "halted")
            assert len(fleet.notified) == told + 1
            _, shown, _ = await said(program, "rollout", "cancel", str(shown["id"]))
            assert shown["state"] == "cancelled"
            assert fleet.faults == []
        finally:
            await fleet.stop()

    asyncio.run(main())
    actions = {row["action"] for row in program.command("audit", "list")}
    assert {"rollout.started", "rollout.done", "rollout.halted"} <= actions
