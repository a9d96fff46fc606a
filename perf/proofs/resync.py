"""A resync wave over live phones: a canary that fails halts it, and it is finished.

So many simulated phones boot against an engine of two workers and stay, each at an
address of its own.  They are resynced at 200 a second with a canary of 20, of whom all
confirm and none comes back: it must halt, and nobody but the canary may have been told.
The control process is killed while it is halted, so that the next one has to go on.
Then the phones behave and it is resumed.  It is paused in the middle for a moment,
during which nobody may be told; in its largest stage the control process is killed
again, while phones are told.  It has to finish: everybody back, everybody told once,
but for the canary and those that were in flight at the second kill, and phones told at
the rate: never more in a second than that and what may be made up for, and while
nothing stood in the way not much less.
"""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bootwave.control.client import ControlClient
from bootwave.wave.fleet import Wave
from bootwave.wave.staying import StayingFleet
from perf.programs import Wrong
from perf.proofs.outcome import Outcome, progress
from tests.end_to_end.program import DOMAIN, Program

FIRST_MAC = 0x000413A00000
RATE = 200.0
CANARY = 20
WAIT_SECONDS = 6.0
PAUSE_SECONDS = 2.0
SEEN_SECONDS = 1.0  # until what phones did is in the file of sightings
# What is under way when a command is given: one step of the control process.
UNDER_WAY_SECONDS = 0.5
# A quarter may be made up for, and a stall of the machine delivers what was sent over
# some tenths of a second at once.
MOST_IN_A_SECOND = 1.5 * RATE
# Of the rate, while a stage of some seconds is told.
LEAST_SHARE = 0.8
LEAST_SECONDS = 3.0
STAGE_SECONDS = 0.5  # without anybody told, and it is another stretch
# Told when the control process is killed, and whose answer is not stored: those of the
# last two steps, or the phones of this machine were too slow to answer.
IN_FLIGHT_SECONDS = 1.0
IN_FLIGHT = 200
PATIENCE = 600.0


def prove(phones: int, place: Path, port: int) -> list[Outcome]:
    """Resync so many phones, which listen on UDP *port*; return the one outcome."""
    directory = place / "resync"
    shutil.rmtree(directory, ignore_errors=True)
    subprocess.run(
        [sys.executable, "-m", "bootwave", "init", str(directory)],
        check=True,
        capture_output=True,
    )
    program = Program(directory, WAVES__PHONE_PORT=str(port))
    program.command("domain", "add", DOMAIN)
    macs = {str(10_000 + n): f"{FIRST_MAC + n:012X}" for n in range(phones)}
    program.import_accounts(macs, minutes=600)
    program.start()
    try:
        return [asyncio.run(_Resync(program, phones, port).run())]
    finally:
        program.clean_up()


class _Resync:
    def __init__(self, program: Program, phones: int, port: int) -> None:
        self.program = program
        self.phones = phones
        self.outcome = Outcome("resync")
        host, http = program.http
        self.fleet = StayingFleet(
            Wave(
                FIRST_MAC,
                url=f"http://{host}:{http}/{{mac}}.xml",
                count=phones,
                rate=4 * RATE,
                in_flight=IN_FLIGHT,
                sources=tuple(map(_address, range(phones))),
            ),
            port,
        )

    async def run(self) -> Outcome:
        progress(f"{self.phones} phones boot at {4 * RATE:.0f} a second")
        booted = await self.fleet.start()
        try:
            progress(f"{booted.phones} phones booted in {booted.seconds:.1f} s")
            self._want(booted.all_booted, f"not all booted: {booted.reasons[:3]}")
            await asyncio.sleep(SEEN_SECONDS)
            canary = min(CANARY, self.phones // 10)
            number = await self._halted(canary)
            await self._killed()
            await self._finished(number, canary)
        finally:
            await self.fleet.stop()
        self._want(not self.fleet.faults, f"faults: {self.fleet.faults[:3]}")
        return self.outcome

    async def _halted(self, canary: int) -> int:
        """Start it with phones that confirm and do not come back; return its number."""
        self.fleet.deaf = range(FIRST_MAC, FIRST_MAC + self.phones)
        began = time.monotonic()
        started = await self._call(
            "rollout.start",
            scope="domain",
            target=DOMAIN,
            rate=RATE,
            canary=canary,
            stages="10%,50%",
            wait_minutes=WAIT_SECONDS / 60,
        )
        number: int = started["id"]
        halted = await self._until(number, lambda one: one["state"] != "running")
        took = time.monotonic() - began
        told = len(self.fleet.notified)
        progress(f"{halted['state']} after {took:.1f} s, {told} phones told")
        self._want(halted["state"] == "halted", f"it is {halted['state']}")
        self._want(told == canary, f"{told} phones were told, not the {canary} first")
        self._want(
            halted["results"]["accepted"] == canary,
            f"{halted['results']} and not {canary} accepted",
        )
        self.outcome.figures |= {
            "phones": self.phones,
            "canary": canary,
            "halted after s": round(took, 1),
        }
        return number

    async def _killed(self) -> None:
        """Kill the control process, and wait for the next one."""
        before = self.program.control()
        os.kill(before, signal.SIGKILL)
        deadline = time.monotonic() + PATIENCE
        while self.program.control() in (0, before):
            if time.monotonic() > deadline:
                raise Wrong("nobody took over from the control process")
            await asyncio.sleep(0.05)

    async def _finished(self, number: int, canary: int) -> None:
        self.fleet.deaf = ()
        before = len(self.fleet.notified)
        await asyncio.sleep(1.0)
        told = len(self.fleet.notified)
        self._want(told == before, "phones were told while it was halted")
        began = time.monotonic()
        await self._call("rollout.resume", rollout=number)
        half = self.phones // 4
        await self._until(number, lambda one: one["fates"]["back"] >= half)
        await self._call("rollout.pause", rollout=number)
        paused = time.monotonic()
        await asyncio.sleep(UNDER_WAY_SECONDS)
        paused_at = len(self.fleet.notified)
        await asyncio.sleep(PAUSE_SECONDS)
        self._want(len(self.fleet.notified) == paused_at, "phones were told in a pause")
        await self._call("rollout.resume", rollout=number)
        last = self.phones - self.phones // 4
        await self._until(number, lambda one: one["fates"]["back"] >= last)
        killed_at = time.monotonic()
        await self._killed()
        progress(f"killed while {last} phones were back")
        done = await self._until(number, lambda one: one["state"] != "running")
        took = time.monotonic() - began
        self._want(done["state"] == "done", f"it is {done['state']}: {done['why']}")
        self._want(done["fates"]["back"] == self.phones, f"{done['fates']}")
        counts = Counter(mac for _at, mac in self.fleet.notified)
        twice = sum(many == 2 for many in counts.values()) - canary
        in_flight = self._told_between(killed_at - IN_FLIGHT_SECONDS, killed_at)
        self._want(len(counts) == self.phones, f"{len(counts)} phones were told")
        self._want(
            0 <= twice <= in_flight and max(counts.values()) == 2,
            f"{twice} phones were told twice of {in_flight} in flight, "
            f"{max(counts.values())} times at most",
        )
        fetched = self.fleet.fetched
        self._want(
            len(fetched) == self.phones
            and sum(fetched.values()) <= self.phones + twice,
            f"{len(fetched)} phones fetched, {sum(fetched.values())} times",
        )
        times = [at for at, _mac in self.fleet.notified]
        most = _most_in_a_second(times)
        self._want(most <= MOST_IN_A_SECOND, f"{most} phones were told in a second")
        least = _slowest_stretch(times, (began, paused, killed_at))
        self._want(
            least is None or least >= LEAST_SHARE * RATE,
            f"only {least or 0:.0f} phones were told in a second",
        )
        progress(
            f"{done['state']} after {took:.1f} s, {most} told in a second at most, "
            f"{least or 0:.0f} on average, {twice} told again"
        )
        self.outcome.figures |= {
            "finished after s": round(took, 1),
            "told in a second at most": most,
            "told in a second": None if least is None else round(least),
            "told again after kill -9": twice,
            "stages": [stage["phones"] for stage in done["stages"]],
        }

    def _told_between(self, begin: float, end: float) -> int:
        return sum(begin <= at <= end for at, _mac in self.fleet.notified)

    def _want(self, condition: bool, wrong: str) -> None:
        if not condition:
            self.outcome.wrong.append(wrong)

    async def _until(
        self, number: int, condition: Callable[[dict[str, Any]], bool]
    ) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE
        while True:
            shown = await self._call("rollout.show", rollout=number)
            if condition(shown):
                return shown
            if time.monotonic() > deadline or shown["state"] == "cancelled":
                raise Wrong(f"it goes nowhere: {shown['state']}, {shown['fates']}")
            await asyncio.sleep(0.2)

    async def _call(self, op: str, **args: Any) -> dict[str, Any]:
        return await asyncio.to_thread(self._ask, op, args)

    def _ask(self, op: str, args: dict[str, Any]) -> dict[str, Any]:
        client = ControlClient.connect(self.program.directory / "control.sock")
        if client is None:
            raise Wrong("no engine answers")
        try:
            found: dict[str, Any] = client.call(op, args)
        finally:
            client.close()
        return found


def _address(phone: int) -> str:
    """Return the address of a phone, which no other has."""
    return f"127.{16 + (phone >> 16)}.{phone >> 8 & 255}.{phone & 255}"


def _most_in_a_second(times: list[float]) -> int:
    most = first = 0
    for last, at in enumerate(times):
        while times[first] <= at - 1.0:
            first += 1
        most = max(most, last - first + 1)
    return most


def _slowest_stretch(times: list[float], ends: tuple[float, ...]) -> float | None:
    """Return the least rate at which a stretch was told, None without any to judge.

    A stretch is what was told without half a second in between, and without one of
    *ends* in it: stages wait for phones, and nobody is told while a process begins.
    """
    found: list[float] = []
    first = 0
    for last, at in enumerate(times):
        following = times[last + 1] if last + 1 < len(times) else at + 1.0
        if following - at < STAGE_SECONDS and not any(at < e < following for e in ends):
            continue
        seconds = at - times[first]
        if seconds >= LEAST_SECONDS:
            found.append((last - first) / seconds)
        first = last + 1
    return min(found, default=None)
