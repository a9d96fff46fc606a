"""Redirection of many phones, while the control process is killed again and again.

An engine of two workers is told so many bindings and the account with a stand-in for
the vendor's service, which is a process of its own.  Some MACs belong to another user
there, and some of the calls fail: with an error, or with the answer lost after they
were done.  The control process is killed (-9) in the middle, ten times over the whole
of it; between kills accounts are bound to other MACs and unbound.  Then the service
must hold exactly what is bound and not another's, each of the others must be told with
the service's own words, and every call that failed must have been counted.  At last
somebody changes what the service holds, and one sync has to make it right.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bootwave.control.client import ControlClient
from bootwave.errors import EngineError
from perf.programs import Wrong
from perf.proofs.outcome import Outcome, progress
from tests.end_to_end.program import DOMAIN, Program
from tests.peers.redirectionservice import Service

FIRST_MAC = 0x000413260000  # of the 370
BASE = "https://pbx.example.com"
URL = BASE + "/{mac}.xml"
ELSEWHERE = "https://else.example.com/"
KILLS, FEW_KILLS = 10, 2  # the latter for few phones
OWNED, MOVED, UNBOUND, DRIFTED = 10, 100, 100, 5
FAILS_EVERY, LOST_EVERY = 50, 70
PATIENCE = 900.0


def prove(phones: int, place: Path) -> list[Outcome]:
    """Redirect so many phones; return the one outcome."""
    directory = place / "redirection"
    shutil.rmtree(directory, ignore_errors=True)
    subprocess.run(
        [sys.executable, "-m", "bootwave", "init", str(directory)],
        check=True,
        capture_output=True,
    )
    with Service(directory / "service") as service:
        program = Program(
            directory,
            REDIRECTION__SERVICE=service.url,
            REDIRECTION__CAS=str(service.ca),
            REDIRECTION__CALLS_PER_SECOND="1000",
        )
        program.command("domain", "add", DOMAIN)
        try:
            return [_Redirection(program, service, phones).run()]
        finally:
            program.clean_up()


class _Redirection:
    def __init__(self, program: Program, service: Service, phones: int) -> None:
        self.program = program
        self.service = service
        self.phones = phones
        self.kills = KILLS if phones >= 1_000 else FEW_KILLS
        self.few = max(1, phones // 100)
        self.bound = {10_000 + n: _mac(n) for n in range(phones)}
        self.owned = {_mac(7 * n + 3) for n in range(min(OWNED, self.few))}
        self.outcome = Outcome("redirection")

    def run(self) -> Outcome:
        self.service.put(*((mac, "rival", ELSEWHERE) for mac in self.owned))
        self.service.steer(
            faults=[
                {"kind": "500", "every": FAILS_EVERY},
                {"kind": "lost", "every": LOST_EVERY},
            ]
        )
        rows = {str(number): mac for number, mac in self.bound.items()}
        self.program.import_accounts(rows)
        self.program.start()
        began = time.monotonic()
        self.program.command(
            *("redirection", "set", "--user", "reseller", "--password-stdin"),
            *("--url", BASE),
            stdin="swordfish\n",
        )
        self._killed_again_and_again()
        calls = len(self.service.calls)
        failed = self.service.failed
        self.service.fail()
        self._settled("everything is as it is bound")
        took = time.monotonic() - began
        self._compared()
        counters = self._call("engine.status")["counters"]
        counted = counters["redirection_failures"]
        # Of a call that was under way when the process was killed nobody knows.
        self._want(
            failed - self.kills <= counted <= failed + self.kills,
            f"{counted} failures were counted, of {failed}",
        )
        progress(f"as it is bound after {took:.0f} s, {failed} calls failed")
        self._drifted()
        self.outcome.figures |= {
            "phones": self.phones,
            "kills": self.kills,
            "settled after s": round(took, 1),
            "calls until then": calls,
            "calls that failed": failed,
            "of other users": len(self.owned),
        }
        return self.outcome

    def _killed_again_and_again(self) -> None:
        """Kill the control process as more and more is registered, and bind anew."""
        for kill in range(1, self.kills + 1):
            wanted = kill * self.phones // (self.kills + 1)
            self._killed_when(wanted)
            progress(f"kill {kill} of {self.kills} when {wanted} phones were told")
            if kill == self.kills // 2:
                self._bind_anew()

    def _killed_when(self, wanted: int) -> None:
        """Kill the control process once so many were told, and wait for the next."""
        self._until(lambda shown: _told(shown) >= wanted, f"{wanted} phones were told")
        before = self.program.control()
        if before:
            os.kill(before, signal.SIGKILL)
        self._wait(lambda: self.program.control() not in (0, before), "the next one")

    def _bind_anew(self) -> None:
        moved, unbound = (min(most, self.few) for most in (MOVED, UNBOUND))
        numbers = [
            number for number, mac in self.bound.items() if mac not in self.owned
        ]
        # Of those told first and those told last.
        for at, number in enumerate(numbers[::2][:moved] + numbers[::-2][:moved]):
            mac = _mac(self.phones + at)
            account = f"{number}@{DOMAIN}"
            self._call("account.bind", account=account, mac=mac)
            self.bound[number] = mac
        for number in numbers[1::2][:unbound] + numbers[-2::-2][:unbound]:
            self._call("account.unbind", account=f"{number}@{DOMAIN}")
            del self.bound[number]

    @property
    def wanted(self) -> dict[str, str]:
        return {mac: URL for mac in self.bound.values() if mac not in self.owned}

    def _settled(self, what: str) -> dict[str, Any]:
        wanted = len(self.wanted)

        def is_settled(shown: dict[str, Any]) -> bool:
            counts: dict[str, int] = shown["phones"]
            return (
                bool(shown["listed"])
                and counts["registered"] == wanted
                and counts["owned"] == len(self.owned)
                and sum(counts.values()) == wanted + len(self.owned)
            )

        return self._until(is_settled, what)

    def _compared(self) -> None:
        """Look at the service itself, and at what is told of who is not there."""
        there, wanted = self.service.entries, self.wanted
        missing = wanted.keys() - there.keys()
        more = there.keys() - wanted.keys()
        wrong = [mac for mac in wanted.keys() & there.keys() if there[mac] != URL]
        self._want(
            not missing, f"{len(missing)} phones are missing: {sorted(missing)[:3]}"
        )
        self._want(not more, f"{len(more)} phones too many: {sorted(more)[:3]}")
        self._want(not wrong, f"{len(wrong)} phones have a wrong URL: {wrong[:3]}")
        troubled = self._call("redirection.status")["troubled"]
        told = {one["mac"]: one["words"] for one in troubled}
        self._want(
            told == dict.fromkeys(self.owned, "Error:owned_by_other_user"),
            f"of those in trouble it is told: {troubled[:3]}",
        )

    def _drifted(self) -> None:
        """Change what the service holds, and have one sync make it right."""
        some = sorted(self.wanted)[: 2 * DRIFTED]
        self.service.put(*((mac, "reseller", ELSEWHERE) for mac in some[:DRIFTED]))
        self.service.take(*some[DRIFTED:])
        stray = _mac(60_000)
        self.service.put((stray, "reseller", URL))
        began = time.monotonic()
        self._call("redirection.sync")
        self._settled("a sync repaired what was changed")
        self._wait(lambda: stray not in self.service.entries, "the stray is gone")
        took = time.monotonic() - began
        self._compared()
        for mac in some[:DRIFTED]:
            found = self._call("redirection.status", mac=mac)
            self._want(
                found["elsewhere"] == ELSEWHERE.rstrip("/"),
                f"of {mac} it is told that it went to {found['elsewhere']!r}",
            )
        progress(f"a sync repaired {len(some)} phones in {took:.0f} s")
        self.outcome.figures["sync s"] = round(took, 1)

    def _until(
        self, condition: Callable[[dict[str, Any]], bool], what: str
    ) -> dict[str, Any]:
        found: dict[str, Any] = {}

        def holds() -> bool:
            nonlocal found
            found = self._call("redirection.status")
            return condition(found)

        self._wait(holds, what, lambda: f"{found.get('state')}, {found.get('phones')}")
        return found

    def _wait(
        self,
        condition: Callable[[], bool],
        what: str,
        shown: Callable[[], str] = lambda: "",
    ) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > deadline:
                raise Wrong(f"it never happened: {what} ({shown()})")
            time.sleep(0.1)

    def _call(self, op: str, **args: Any) -> dict[str, Any]:
        """Return the result of *op*, by the next control process if one was killed."""
        deadline = time.monotonic() + PATIENCE
        while True:
            client = ControlClient.connect(self.program.directory / "control.sock")
            try:
                if client is not None:
                    found: dict[str, Any] = client.call(op, args)
                    return found
            except EngineError as error:
                if "went away" not in str(error):
                    raise
            finally:
                if client is not None:
                    client.close()
            if time.monotonic() > deadline:
                raise Wrong("no engine answers")
            time.sleep(0.05)

    def _want(self, condition: bool, wrong: str) -> None:
        if not condition:
            self.outcome.wrong.append(wrong)


def _told(shown: dict[str, Any]) -> int:
    """Return how many phones were told, whatever came of it."""
    counts: dict[str, int] = shown["phones"]
    return sum(counts.values()) - counts["waiting"]


def _mac(number: int) -> str:
    return f"{FIRST_MAC + number:012X}"
