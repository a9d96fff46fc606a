"""The API of a running engine, asked by whoever might: nothing that it should not do.

``bootwave serve`` with two domains that have everything, and a stand-in for the
vendor's redirection service.  schemathesis makes requests up from ``/openapi.json``,
right ones and wrong ones and sequences of them, as nobody, as a reader, as the
administrator of the other domain and as an operator; rude clients (``proofs.rude``) do
what no program should.  There may be no fault of the server and no answer that the
description does not have; nobody gets in, a reader changes nothing, and the other
domain's administrator neither sees nor changes anything of the first.  At the end the
control process has as much memory and as many descriptors as before, and does all that
it has to.
"""

import json
import os
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any

from bootwave.control.client import ControlClient
from perf.machine import own_bytes
from perf.programs import Wrong
from perf.proofs import madeup
from perf.proofs.furnishing import FIRST, OTHER, STRANGER, furnish, people
from perf.proofs.madeup import Found
from perf.proofs.outcome import Outcome, progress
from perf.proofs.rude import Rude, filled
from tests.end_to_end.program import Program
from tests.peers.redirectionservice import Service

SEED = 20261128
FEW = 20  # examples of an operation; less is a try and no proof
ROUNDS, FEW_ROUNDS = 6, 1  # of the rude clients
PATIENCE = 60.0
LOOK_SECONDS = 0.25
STAGES = ("nobody", "reader", "other", "operator", "rude")
KEPT = ("operator-own", "reader-own", "other-own", "other-admin", "anna")
# From the middle third of the rounds to the last: a leak of a hundred bytes in each
# request is more.  Buffers grow with the largest of what came at once so far.
MOST_GROWTH = 4 * 1024 * 1024
# What reading writes: when a token was used last, and how the service does.
TOLD = ("api_tokens", "redirection_accounts", "sqlite_sequence")
# Told by a clock that the window is not stored by: the last digits come and go.
TIMES = re.compile(rb'"(?:seconds_left|until)":[\d.]+')
WORDS = (FIRST.word, FIRST.domain, *FIRST.macs)
FAULTS = re.compile(
    r".*(?:Traceback|failed unexpectedly|Fatal error|never retrieved).*"
)


def prove(examples: int, place: Path, stages: Sequence[str] = STAGES) -> list[Outcome]:
    """Ask for so many examples of each operation, as each; return the outcomes.

    By some *stages* only, whoever wants no more.
    """
    directory = place / "api"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    subprocess.run(
        [sys.executable, "-m", "bootwave", "init", str(directory / "place")],
        check=True,
        capture_output=True,
    )
    with Service(directory / "service") as service:
        program = Program(
            directory / "place",
            CONTROL__LISTEN="127.0.0.1:0",
            PAIRING__WINDOW_MINUTES="1440",
            FIRMWARE__HOSTS="images.example.com",
            REDIRECTION__SERVICE=service.url,
            REDIRECTION__CAS=str(service.ca),
            REDIRECTION__CALLS_PER_SECOND="100",
        )
        program.start()
        try:
            return _Proof(program, service, directory, examples).run(stages)
        finally:
            program.clean_up()


class _Proof:
    def __init__(
        self, program: Program, service: Service, directory: Path, examples: int
    ) -> None:
        self.program = program
        self.service = service
        self.directory = directory
        self.examples = examples
        (line,) = (line for line in program.lines if line.startswith("control "))
        host, _, port = line.split()[1].rpartition(":")
        self.address = host, int(port)
        self.url = f"http://{host}:{port}"
        self.tokens: dict[str, str] = {}

    def run(self, stages: Sequence[str]) -> list[Outcome]:
        furnish(self._call, FIRST, OTHER)
        for mac in (*FIRST.macs, *OTHER.macs, STRANGER):
            self.program.get(f"/{mac}.xml")  # which leaves sightings
        self._wait(lambda: bool(self.program.reasons(FIRST.macs[0])), "a sighting")
        # With roll-outs, of phones that were seen.
        refused = furnish(self._call, FIRST, OTHER)
        if refused:
            raise Wrong(f"the store was not furnished: {refused}")
        self.tokens = people(self._call)
        self._redirect()
        control = self.program.control()
        outcomes: list[Outcome] = []
        with self._watched() as waits:
            for stage, carry_out in {
                "nobody": self._as_nobody,
                "reader": self._as_reader,
                "other": self._as_other,
                "operator": self._as_operator,
                "rude": self._rudely,
            }.items():
                if stage in stages:
                    outcomes += carry_out()
        return [*outcomes, self._duties(control, waits)]

    # Requests that are made up

    def _as_nobody(self) -> list[Outcome]:
        outcome, found = self._asked("nobody")
        described = self._described()
        open_to_all = {each for each in described if not described[each]["security"]}
        let_in = sorted(found.succeeded - open_to_all)
        outcome.wrong += [f"nobody was let in: {each}" for each in let_in]
        return [outcome]

    def _as_reader(self) -> list[Outcome]:
        before = self._stored()
        outcome, _ = self._asked("reader")
        after = self._stored()
        changed = [name for name in after if after[name] != before.get(name)]
        outcome.wrong += [f"a reader changed {name}" for name in changed]
        outcome.figures["tables compared"] = len(after)
        return [outcome]

    def _as_other(self) -> list[Outcome]:
        before = self._of_first()
        outcome, _ = self._asked("other")
        after = self._of_first()
        changed = [path for path in after if after[path] != before[path]]
        outcome.wrong += [f"what is at {path} was changed" for path in changed]
        outcome.figures["answers compared"] = len(after)
        return [outcome]

    def _as_operator(self) -> list[Outcome]:
        # Who stands in the examples of the description.
        self._call("admin.add", name="anna", password="correct horse battery staple")
        outcome, found = self._asked("operator")
        never = sorted(found.operations - found.succeeded)
        outcome.figures["never carried out"] = never
        if self.examples >= FEW and len(never) > len(found.operations) // 5:
            outcome.wrong.append(f"{len(never)} operations were never carried out")
        return [outcome]

    def _asked(self, who: str) -> tuple[Outcome, Found]:
        outcome = Outcome(f"api/{who}")
        began = time.monotonic()
        found = madeup.ask(
            *(self.url, self.directory, who, self.tokens[who]),
            examples=self.examples,
            seed=SEED,
            forbidden=() if who in ("operator", "reader") else WORDS,
            kept=KEPT,
            socket=self.program.directory / "control.sock",
            furnishes={"operator": (FIRST, OTHER), "other": (OTHER,)}.get(who, ()),
            deep=self.examples >= FEW,
        )
        outcome.wrong += found.failures
        unasked = self._described().keys() - found.operations
        outcome.wrong += [f"never asked for: {each}" for each in sorted(unasked)]
        outcome.figures |= {
            "operations": len(found.operations),
            "carried out": len(found.succeeded),
            "requests": found.requests,
            "statuses": found.statuses,
            "seconds": round(time.monotonic() - began, 1),
        }
        progress(f"{who}: {found.requests} requests, {len(found.failures)} failures")
        return outcome, found

    def _described(self) -> dict[str, Any]:
        """Return what is described of each operation that requests are made up for."""
        return {
            f"{method.upper()} {path}": told
            for path, methods in self._get("/openapi.json")["paths"].items()
            for method, told in methods.items()
            if path not in madeup.UNASKED
        }

    # What may not change

    def _stored(self) -> dict[str, list[Any]]:
        """Return the rows of each table, but of those that tell who read."""
        file = self.program.directory / "bootwave.db"
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
            names = [
                name
                for (name,) in connection.execute(
                    "SELECT name FROM sqlite_schema WHERE type = 'table'"
                )
                if name not in TOLD
            ]
            return {
                name: sorted(map(repr, connection.execute(f'SELECT * FROM "{name}"')))
                for name in names
            }

    def _of_first(self) -> dict[str, bytes]:
        """Return what an operator is shown of the first domain, by path."""
        found = {}
        for path, methods in self._get("/openapi.json")["paths"].items():
            place = filled(path)
            if "get" not in methods or place == path or "would-serve" in path:
                continue
            try:
                found[place] = TIMES.sub(b"", self._got(place))
            except urllib.error.HTTPError as error:
                found[place] = str(error.code).encode()
        assert sum(FIRST.word.encode() in body for body in found.values()) > 10
        return found

    # Rude clients

    def _rudely(self) -> list[Outcome]:
        manners, memory = Outcome("api/rude"), Outcome("api/memory")
        description = self._get("/openapi.json")
        few = self.examples < FEW
        rude = Rude(self.address, self.tokens["operator"], description, few=few)
        rounds = FEW_ROUNDS if few else ROUNDS
        control = self.program.control()
        sizes: list[int] = []
        opened: list[int] = []
        began = time.monotonic()
        for number in range(rounds):
            rude.misbehave()
            if not few and number in (0, rounds - 1):
                rude.dawdle()
            if not few:
                opened.append(self._settled_files(control, opened[:1]))
            sizes.append(own_bytes(control))
            progress(f"rude: round {number + 1} of {rounds}, {sizes[-1] >> 10} KB")
        manners.wrong += rude.wrong
        manners.figures |= {
            "rounds": rounds,
            "answers": dict(sorted(rude.statuses.items())),
            "seconds": round(time.monotonic() - began, 1),
        }
        third = max(1, rounds // 3)
        middle = statistics.median(sizes[third : 2 * third] or sizes)
        last = statistics.median(sizes[-third:])
        memory.figures |= {
            "bytes at first": sizes[0],
            "bytes in the middle": int(middle),
            "bytes at last": int(last),
            "sockets": opened[-1:],
        }
        if rounds == ROUNDS and last - middle > MOST_GROWTH:
            memory.wrong.append(
                f"the control process grew by {last - middle:.0f} bytes"
            )
        if opened[-1:] != opened[:1]:
            memory.wrong.append(f"it has {opened[-1]} sockets, and had {opened[0]}")
        return [manners, memory]

    def _settled_files(self, pid: int, first: list[int]) -> int:
        """Return how many sockets *pid* has, once as many as at *first* if ever.

        Files of the store are as many as there were reads at once, up to a bound.
        """
        if not first:
            time.sleep(20.0)  # what is idle is closed by then
        until = time.monotonic() + PATIENCE
        while True:
            found = sum(_is_socket(pid, name) for name in os.listdir(f"/proc/{pid}/fd"))
            if not first or found == first[0] or time.monotonic() > until:
                return found
            time.sleep(0.2)

    # That it still does what it has to

    def _duties(self, control: int, waits: list[float]) -> Outcome:
        outcome = Outcome("api/duties")
        furnish(self._call, FIRST, OTHER)
        mac = OTHER.macs[0]
        self._call("window.open", accounts=[OTHER.accounts[0]])
        status = self.program.get(f"/{mac}.xml").status
        self._want(outcome, status == 200, f"a phone was answered {status}")
        self._redirect()
        self._want(
            outcome,
            self.program.control() == control,
            "the control process is another one",
        )
        self._want(
            outcome, self._get("/health/ready")["status"] == "ready", "it is not ready"
        )
        self._want(
            outcome,
            b"bootwave_redirection_calls_total" in self._got("/metrics"),
            "there are no metrics of redirection",
        )
        listeners = re.search(rb"bootwave_event_listeners (\d+)", self._got("/metrics"))
        self._want(
            outcome,
            listeners is not None and listeners[1] == b"0",
            f"listeners are left: {listeners and listeners[0]!r}",
        )
        faults = FAULTS.findall(self.program.errors())
        outcome.wrong += [f"the log says: {fault[:300]}" for fault in faults[:20]]
        outcome.figures |= {
            "looks": len(waits),
            "longest wait for /health/live s": round(max(waits, default=0.0), 2),
        }
        self._want(outcome, max(waits, default=99.0) < 5.0, "it did not answer for 5 s")
        return outcome

    def _redirect(self) -> None:
        """Have phones redirected, by the account that the stand-in knows."""
        self._call(
            "redirection.set",
            user="reseller",
            password="swordfish",
            url="https://pbx.example.com",
        )
        wanted = {*FIRST.macs, *OTHER.macs}

        def is_done() -> bool:
            shown = self._call("redirection.status")
            return (
                wanted <= self.service.entries.keys()
                and shown["phones"]["registered"] >= len(wanted)
                and not shown["outstanding"]
            )

        self._wait(is_done, "phones are redirected")

    @contextmanager
    def _watched(self) -> Iterator[list[float]]:
        """Look every now and then whether it lives; yields how long that took."""
        waits: list[float] = []
        ended = threading.Event()

        def look() -> None:
            while not ended.wait(LOOK_SECONDS):
                began = time.monotonic()
                with suppress(OSError, HTTPException):
                    # It took too long, or was closed: too many connections.
                    self._got("/health/live", token="")
                waits.append(time.monotonic() - began)

        thread = threading.Thread(target=look)
        thread.start()
        try:
            yield waits
        finally:
            ended.set()
            thread.join()

    # Asking

    def _call(self, op: str, **args: Any) -> Any:
        client = ControlClient.connect(self.program.directory / "control.sock")
        if client is None:
            raise Wrong("no engine answers")
        try:
            return client.call(op, args)
        finally:
            client.close()

    def _got(self, path: str, token: str | None = None) -> bytes:
        secret = self.tokens["operator"] if token is None else token
        headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        request = urllib.request.Request(self.url + path, headers=headers)
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            found: bytes = answer.read()
        return found

    def _get(self, path: str) -> Any:
        return json.loads(self._got(path))

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > deadline:
                raise Wrong(f"it never happened: {what}")
            time.sleep(0.1)

    @staticmethod
    def _want(outcome: Outcome, condition: bool, wrong: str) -> None:
        if not condition:
            outcome.wrong.append(wrong)


def _is_socket(pid: int, name: str) -> bool:
    try:
        return os.readlink(f"/proc/{pid}/fd/{name}").startswith("socket:")
    except OSError:
        return False  # closed meanwhile
