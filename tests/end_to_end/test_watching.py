"""What happens, told to listeners of the API and by ``bootwave watch`` to its end."""

import asyncio
import json
import select
import signal
import subprocess
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from bootwave.wave.fleet import Wave
from bootwave.wave.staying import StayingFleet
from tests.end_to_end.conftest import Serving
from tests.end_to_end.program import DOMAIN, PATIENCE, Program, wait_until
from tests.end_to_end.test_api import token_of, url
from tests.end_to_end.test_resync import free_port, said

PHONES = 4
FIRST_MAC = 0x000413E20000
MACS = [f"{FIRST_MAC + number:012X}" for number in range(PHONES)]
OLD, NEW = "8.4.35", "8.5.36"
IMAGE = f"http://downloads.snom.com/fw/snom370-{NEW}-SIP-f.bin"
Event = tuple[str, str, dict[str, Any]]


@pytest.fixture
def lane() -> str:
    """Nothing here depends on it."""
    return "on"


async def events(
    program: Program, token: str, last_id: str, begun: Callable[[], None] = lambda: None
) -> AsyncIterator[Event]:
    """Yield number, kind and content of events, behind the number *last_id*.

    *begun* is called when they are listened for, and then again and again.
    """
    headers = {"Authorization": f"Bearer {token}", "Last-Event-ID": last_id}
    async with (
        httpx.AsyncClient(timeout=PATIENCE) as client,
        client.stream("GET", f"{url(program)}/api/v1/events", headers=headers) as got,
    ):
        assert got.status_code == 200
        fields: dict[str, str] = {}
        async for line in got.aiter_lines():
            begun()
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
            else:
                if "event" in fields:
                    content = json.loads(fields["data"])
                    yield fields.get("id", ""), fields["event"], content
                fields = {}


async def until_over(
    program: Program, token: str, begun: Callable[[], None]
) -> list[Event]:
    """Return the events until a roll-out is over."""
    found = []
    async with asyncio.timeout(2 * PATIENCE):
        async for event in events(program, token, "", begun):
            found.append(event)
            if event[1] == "rollout" and event[2]["state"] != "running":
                break
    return found


def until_begun(program: Program, watching: "subprocess.Popen[str]") -> None:
    """Ask, as a phone that nobody has, until *watching* tells the first of it."""

    def is_told() -> bool:
        program.get(f"/{FIRST_MAC + PHONES:012X}.xml")
        return bool(select.select([watching.stdout], [], [], 0.2)[0])

    wait_until(is_told, "it is watched")


def until_done(watching: "subprocess.Popen[str]") -> list[str]:
    """Return the lines until one tells that a roll-out is done."""
    lines: list[str] = []
    assert watching.stdout is not None
    for line in watching.stdout:
        lines.append(line)
        if '"state":"done"' in line:
            break
    return lines


def test_a_roll_out_of_firmware_is_told_to_its_end(programs: Serving) -> None:
    port = free_port()
    program = programs(WAVES__PHONE_PORT=str(port), CONTROL__LISTEN="127.0.0.1:0")
    rows = {str(400 + number): mac for number, mac in enumerate(MACS)}
    program.import_accounts(rows, minutes=60)
    program.start()
    token = token_of(program, "watcher", "--scope", "read")

    async def main(watching: "subprocess.Popen[str]") -> list[Event]:
        host, http = program.http
        begun = asyncio.Event()
        wave = Wave(
            FIRST_MAC,
            url=f"http://{host}:{http}/{{mac}}.xml",
            firmware=OLD,
            count=PHONES,
            sources=tuple(f"127.19.0.{number}" for number in range(1, 1 + PHONES)),
        )
        fleet = StayingFleet(wave, port)
        assert (await fleet.start()).all_booted
        try:
            await asyncio.to_thread(
                wait_until,
                lambda: "SERVED_WINDOW" in program.reasons(MACS[-1]),
                "its settings are seen",
            )
            listening = asyncio.create_task(until_over(program, token, begun.set))
            async with asyncio.timeout(PATIENCE):
                await begun.wait()
            await asyncio.to_thread(until_begun, program, watching)
            status, shown, err = await said(
                program,
                *("rollout", "firmware", "snom370", NEW, IMAGE, "--domain", DOMAIN),
                *("--stages", "50%", "--rate", "100"),
            )
            assert (status, shown["state"]) == (0, "done"), (shown, err)
            assert shown["fates"]["back"] == PHONES
            # They came back with what they were told to load.
            assert set(fleet.versions.values()) == {NEW}
            assert len(fleet.versions) == PHONES
            assert fleet.faults == []
            return await listening
        finally:
            await fleet.stop()

    with program.begin("watch", "--json") as watching:
        found = asyncio.run(main(watching))
        lines = [json.loads(line) for line in until_done(watching)]
        watching.send_signal(signal.SIGINT)
        assert watching.wait(PATIENCE) == 0
    kinds = [kind for _, kind, _ in found]
    assert "sighting" in kinds
    assert found[-1][2]["fates"]["back"] == PHONES
    for told in ([content for _, kind, content in found if kind == "rollout"], lines):
        rolled = [one for one in told if "fates" in one]
        assert [one["state"] for one in rolled[:-1]] == ["running"] * (len(rolled) - 1)
        assert rolled[-1]["state"] == "done"
        assert rolled[-1]["version"] == NEW
    # Numbers are those of sightings: a roll-out is told anew to who comes back.
    assert {kind for number, kind, _ in found if not number} == {"rollout"}


def test_who_was_away_for_too_long_is_told_how_much_he_missed(
    programs: Serving,
) -> None:
    program = programs(SIGHTINGS__UNKNOWN_ROWS="20", CONTROL__LISTEN="127.0.0.1:0")
    program.start()
    token = token_of(program, "watcher", "--scope", "read")

    def ask(first: int, many: int) -> None:
        client = program.client()
        for number in range(first, first + many):
            client.ask_and_stay(f"/{FIRST_MAC + number:012X}.xml")
            assert client.one_answer().status == 401
        client.socket.close()
        last = f"{FIRST_MAC + first + many - 1:012X}"
        wait_until(lambda: "UNKNOWN_MAC" in program.reasons(last), "it is seen")

    async def first() -> Event:
        async with asyncio.timeout(PATIENCE):
            async for event in events(program, token, ""):
                return event
        raise AssertionError("nothing was told")

    async def asked() -> tuple[int, Event]:
        """Ask until a listener is told; return how many asked, and the first event."""
        listening, many = asyncio.create_task(first()), 0
        while not listening.done():
            await asyncio.to_thread(ask, many, 1)
            many += 1
        return many, await listening

    async def told(last_id: str, wanted: int) -> list[Event]:
        found = []
        async with asyncio.timeout(PATIENCE):
            async for event in events(program, token, last_id):
                found.append(event)
                if len(found) == wanted:
                    break
        return found

    many, (number, _, content) = asyncio.run(asked())
    behind = many - (int(content["mac"], 16) - FIRST_MAC + 1)
    ask(many, 50)
    lost, *kept = asyncio.run(told(number, 21))
    assert lost[1:] == ("lost", {"sightings": behind + 50 - 20})
    assert [content["mac"] for _, _, content in kept] == [
        f"{FIRST_MAC + number:012X}" for number in range(many + 30, many + 50)
    ]
    # The same by the command, which tells it beside its lines.
    with program.begin("watch", "--json", "--after", "0-0-0") as watching:
        assert watching.stdout is not None
        place = json.loads(watching.stdout.readline())["place"]
        watching.send_signal(signal.SIGINT)
        watching.communicate(timeout=PATIENCE)
    ask(many + 50, 50)
    with program.begin("watch", "--json", "--after", place) as watching:
        assert watching.stdout is not None
        for _ in range(20):
            assert json.loads(watching.stdout.readline())["event"] == "sighting"
        watching.send_signal(signal.SIGINT)
        _, errors = watching.communicate(timeout=PATIENCE)
    assert "49 sightings were overwritten before they could be read" in errors
