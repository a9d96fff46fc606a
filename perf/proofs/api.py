"""The API of a running engine, asked by whoever might: nothing that it should not do.

``bootwave serve`` with domains that have everything, and a stand-in for the vendor's
redirection service.  schemathesis makes requests up from ``/openapi.json``, right ones
and wrong ones and sequences of them, as somebody who signed in, as nobody, as a reader,
as the administrator of the other domain and as an operator; rude clients
(``proofs.rude``) do what no program should.  There may be no fault of the server and no
answer that the description does not have; nobody gets in, a reader changes nothing, and
the other domain's administrator neither sees nor changes anything of the first.  Of all
operations at most a tenth may never have been carried out.  At the end the control
process has as much memory and the same descriptors as before, did what it has to all
the while, and tells of no fault in its log.
"""

import json
import re
import shutil
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from bootwave.control.api.readers import READERS
from bootwave.control.client import ControlClient
from perf.machine import own_bytes
from perf.programs import Wrong
from perf.proofs import footprint, loglines, madeup
from perf.proofs.furnishing import (
    AGENT,
    ANNA,
    ANNAS_PASSWORD,
    FIRST,
    OTHER,
    SITES,
    STRANGER,
    Authority,
    Site,
    furnish,
    people,
)
from perf.proofs.liveness import watched
from perf.proofs.madeup import Asking, Found
from perf.proofs.outcome import Outcome, progress
from perf.proofs.rude import Rude, filled
from perf.proofs.sameness import differences
from tests.end_to_end.program import Program
from tests.peers.redirectionservice import Service
from tests.store.authority import certificate

SEED = 20261128
FEW = 20  # examples of an operation; less is a try and no proof
ROUNDS, FEW_ROUNDS = 12, 1  # of the rude clients
PATIENCE = 60.0
IDLE_SECONDS = 20.0  # after which connections that nobody uses are closed
# Those that do not change what the one beside them looks at, side by side: making
# requests up takes as long as answering them, so that one alone leaves a core idle.
TOGETHER = (("signed in", "other"), ("nobody", "reader"), ("operator",), ("rude",))
STAGES = tuple(stage for together in TOGETHER for stage in together)
KEPT = ("operator-own", "reader-own", "other-own", "other-admin", ANNA)
SIGNED_IN = f"^{madeup.API}/(session|setup)"  # what only who signs in is concerned with
MOST_NEVER = 10  # one of so many operations may never be carried out
# What reading writes: when a token was used last, and how the service does.
TOLD = ("api_tokens", "redirection_accounts", "sqlite_sequence")
WORDS = (FIRST.word, FIRST.domain, *FIRST.macs)
# Faults that are none of the engine's: requests made up give accounts of redirection
# that the service does not know.
EXPECTED = ("control.redirection_refused",)


def prove(
    examples: int, place: Path, stages: Sequence[str] = STAGES, paths: str = ""
) -> list[Outcome]:
    """Ask for so many examples of each operation, as each; return the outcomes.

    By some *stages* only, and for *paths* that match, whoever wants no more.
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
            LOG__FORMAT="json",
        )
        program.start()
        try:
            proof = _Proof(program, service, directory, examples, paths)
            return proof.run(stages)
        finally:
            program.clean_up()


class _Proof:
    def __init__(
        self,
        program: Program,
        service: Service,
        directory: Path,
        examples: int,
        paths: str,
    ) -> None:
        self.program = program
        self.service = service
        self.directory = directory
        self.examples = examples
        self.paths = paths
        self.authority = Authority(certificate())
        (line,) = (line for line in program.lines if line.startswith("control "))
        host, _, port = line.split()[1].rpartition(":")
        self.address = host, int(port)
        self.url = f"http://{host}:{port}"
        self.tokens: dict[str, str] = {}
        self.carried_out: set[str] = set()  # by who signed in

    @property
    def is_few(self) -> bool:
        """Whether this is a try, which proves little."""
        return self.examples < FEW

    def run(self, stages: Sequence[str]) -> list[Outcome]:
        self._furnish(*SITES)
        macs = [mac for site in SITES for mac in site.macs]
        for mac in (*macs, STRANGER):
            self._boot(mac)  # which leaves sightings
        self._wait(
            lambda: all(
                self._call("device.show", mac=mac)["time_line"] for mac in macs
            ),
            "sightings of phones",
        )
        # With roll-outs, of phones that were seen.
        refused = self._furnish(*SITES)
        if refused:
            raise Wrong(f"the store was not furnished: {refused}")
        self.tokens = people(self._call)
        self._sign_in()
        self._redirect()
        control = self.program.control()
        outcomes: list[Outcome] = []
        carry_out = {
            "signed in": self._as_signed_in,
            "other": self._as_other,
            "nobody": self._as_nobody,
            "reader": self._as_reader,
            "operator": self._as_operator,
            "rude": self._rudely,
        }
        with watched(self.address) as looks, ThreadPoolExecutor(2) as asking:
            for together in TOGETHER:
                running = [
                    asking.submit(carry_out[stage])
                    for stage in together
                    if stage in stages
                ]
                for each in running:
                    outcomes += each.result()
        return [
            *(*outcomes, looks.outcome("api/live")),
            *(self._duties(control), self._log()),
        ]

    def _sign_in(self) -> None:
        """Sign in once, after which wrong passwords of others do not keep one out."""
        who = json.dumps({"name": ANNA, "password": ANNAS_PASSWORD}).encode()
        request = urllib.request.Request(
            f"{self.url}{madeup.API}/session", who, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            answer.read()

    def _boot(self, mac: str) -> int:
        """Ask for the settings of *mac* as its phone; return the status."""
        client = self.program.client()
        client.ask(f"/{mac}.xml", f"User-Agent: {AGENT}")
        return client.answer().status

    # Requests that are made up

    def _as_signed_in(self) -> list[Outcome]:
        """Ask for what is of sessions, as who has one; the others are for tokens."""
        outcome, found = self._asked(
            "signed in", (), signs_in=self.address, paths=SIGNED_IN
        )
        self.carried_out = found.succeeded
        # The description has her name and password: others must not sign in by them.
        self._call("admin.remove", name=ANNA)
        return [outcome]

    def _as_nobody(self) -> list[Outcome]:
        outcome, found = self._asked("nobody", (), forbidden=WORDS)
        described = self._described()
        open_to_all = {each for each in described if not described[each]["security"]}
        let_in = sorted(found.succeeded - open_to_all)
        outcome.wrong += [f"nobody was let in: {each}" for each in let_in]
        return [outcome]

    def _as_reader(self) -> list[Outcome]:
        before = self._stored()
        outcome, _ = self._asked("reader", ())
        after = self._stored()
        changed = [name for name in after if after[name] != before.get(name)]
        outcome.wrong += [f"a reader changed {name}" for name in changed]
        outcome.figures["tables compared"] = len(after)
        return [outcome]

    def _as_other(self) -> list[Outcome]:
        began, before = time.monotonic(), self._of_first()
        outcome, _ = self._asked("other", (OTHER,), forbidden=WORDS)
        seconds, after = time.monotonic() - began, self._of_first()
        for changed in differences(before, after, seconds):
            outcome.wrong.append(f"what is shown of the first domain: {changed}")
        outcome.figures["answers compared"] = len(after)
        return [outcome]

    def _as_operator(self) -> list[Outcome]:
        outcome, found = self._asked("operator", SITES)
        never = found.operations - found.succeeded - self.carried_out
        outcome.figures["never carried out"] = {
            each: found.refusals.get(each, []) for each in sorted(never)
        }
        if len(never) * MOST_NEVER > len(found.operations):
            outcome.wrong.append(
                f"{len(never)} of {len(found.operations)} operations were never "
                "carried out"
            )
        return [outcome]

    def _asked(
        self, who: str, furnishes: Sequence[Site], *, paths: str = "", **more: Any
    ) -> tuple[Outcome, Found]:
        outcome = Outcome(f"api/{who}")
        began = time.monotonic()
        asking = Asking(
            self.url,
            self.directory,
            self.program.directory / "control.sock",
            self.authority,
            self.examples,
            seed=SEED,
            kept=KEPT,
            deep=not self.is_few,
            furnishes=furnishes,
            paths=paths or self.paths,
            **more,
        )
        found = madeup.ask(asking, who, self.tokens.get(who, ""))
        outcome.wrong += found.failures
        unasked = self._described(asking.paths).keys() - found.operations
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

    def _described(self, paths: str = "") -> dict[str, Any]:
        """Return what is described of each operation that requests are made up for."""
        return {
            f"{method.upper()} {path}": told
            for path, methods in self._get("/openapi.json")["paths"].items()
            for method, told in methods.items()
            if path not in madeup.UNASKED and re.search(paths, path)
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
        for place, path in self._places().items():
            if place == path or "would-serve" in path:
                continue
            try:
                found[place] = self._got(place)
            except urllib.error.HTTPError as error:
                found[place] = str(error.code).encode()
        if sum(FIRST.word.encode() in body for body in found.values()) <= 10:
            raise Wrong("an operator is shown next to nothing of the first domain")
        return found

    def _places(self) -> dict[str, str]:
        """Return what can be read, by names of what there is, each with its path."""
        return {
            filled(path): path
            for path, methods in self._get("/openapi.json")["paths"].items()
            if "get" in methods and path not in madeup.UNASKED
        }

    # Rude clients

    def _rudely(self) -> list[Outcome]:
        manners, memory = Outcome("api/rude"), Outcome("api/memory")
        files = Outcome("api/descriptors")
        description = self._get("/openapi.json")
        rude = Rude(self.address, self.tokens["operator"], description, few=self.is_few)
        rounds = FEW_ROUNDS if self.is_few else ROUNDS
        control = self.program.control()
        sizes: list[int] = []
        opened: Counter[str] | None = None
        began = time.monotonic()
        if not self.is_few:
            self._read_at_once(control)
        for number in range(rounds):
            rude.misbehave()
            if not self.is_few:
                if number in (0, rounds - 1):
                    rude.dawdle()
                if opened is None:
                    time.sleep(IDLE_SECONDS)
                found = footprint.settled(control, opened)
                opened = opened or found
                files.wrong += [
                    f"round {number + 1}: {unlike}"
                    for unlike in footprint.unlike(opened, found)
                ]
            sizes.append(own_bytes(control))
            progress(f"rude: round {number + 1} of {rounds}, {sizes[-1] >> 10} KB")
        manners.wrong += rude.wrong
        manners.figures |= {
            "rounds": rounds,
            "answers": dict(sorted(rude.statuses.items())),
            "seconds": round(time.monotonic() - began, 1),
        }
        memory.figures["bytes by round"] = sizes
        if self.is_few:
            return [manners]
        grown = footprint.growth(sizes)
        memory.figures |= {
            "bytes at first": grown.first,
            "bytes in the middle": grown.middle,
            "bytes at last": grown.last,
        }
        memory.wrong += grown.wrong
        files.figures |= dict(sorted((opened or {}).items()))
        return [manners, memory, files]

    def _read_at_once(self, control: int) -> None:
        """Have all readers of the API read everything, and a file at the same time.

        Each has a connection of its own, which keeps the statements and pages that it
        read.  SQLite keeps the descriptor of a file that is closed while another
        connection of the process is within it, for the next that opens it: of the file
        of contacts there are as many as there were reads of it at once, and so many
        are at once at most as there are readers.
        """
        name = "sightings.db.contacts"
        most = 1 + READERS  # its keeper's, and one of each reader
        contacts = "/api/v1/devices?sort=last-contact&limit=1000"

        def read(place: str, number: int) -> None:
            # Of one who asks half of them read.
            token = self.tokens["operator" if number % 2 else "reader"]
            with suppress(urllib.error.HTTPError):
                self._got(place, token)

        def all_read(place: str, times: int) -> None:
            with ThreadPoolExecutor(4 * READERS) as asking:
                list(asking.map(read, times * [place], range(times)))

        def is_reached() -> bool:
            all_read(contacts, 16 * READERS)
            return footprint.descriptors(control)[name] >= most

        for place in self._places():
            all_read(place, 4 * READERS)
        self._wait(is_reached, f"{most} descriptors of {name}")

    # That it still does what it has to

    def _duties(self, control: int) -> Outcome:
        outcome = Outcome("api/duties")
        self._furnish(*SITES)
        self._call("window.open", accounts=[OTHER.accounts[0]])
        status = self._boot(OTHER.macs[0])
        self._redirect()
        metrics = self._got("/metrics")
        listeners = re.search(rb"bootwave_event_listeners (\d+)", metrics)
        for wrong, condition in {
            f"a phone was answered {status}": status == 200,
            "the control process is another one": self.program.control() == control,
            "it is not ready": self._get("/health/ready")["status"] == "ready",
            "there are no metrics of redirection": (
                b"bootwave_redirection_calls_total" in metrics
            ),
            f"listeners are left: {listeners and listeners[0]!r}": (
                listeners is not None and listeners[1] == b"0"
            ),
        }.items():
            if not condition:
                outcome.wrong.append(wrong)
        return outcome

    def _log(self) -> Outcome:
        """Return what the log tells, of which no fault may be but those expected."""
        text = self.program.errors()
        wrong = [f"{fault:.300}" for fault in loglines.faults(text, EXPECTED)[:20]]
        return Outcome("api/log", dict(loglines.counted(text)), wrong)

    def _redirect(self) -> None:
        """Have phones redirected, by the account that the stand-in knows."""
        self._call(
            "redirection.set",
            user="reseller",
            password="swordfish",
            url="https://pbx.example.com",
        )
        wanted = {mac for site in SITES for mac in site.macs}

        def is_done() -> bool:
            shown = self._call("redirection.status")
            return (
                wanted <= self.service.entries.keys()
                and shown["phones"]["registered"] >= len(wanted)
                and not shown["outstanding"]
            )

        self._wait(is_done, "phones are redirected")

    # Asking

    def _furnish(self, *sites: Site) -> Mapping[str, str]:
        return furnish(self._call, self.authority, *sites)

    def _call(self, op: str, **args: Any) -> Any:
        client = ControlClient.connect(self.program.directory / "control.sock")
        if client is None:
            raise Wrong("no engine answers")
        try:
            return client.call(op, args)
        finally:
            client.close()

    def _got(self, path: str, token: str = "") -> bytes:
        secret = token or self.tokens["operator"]
        headers = {"Authorization": f"Bearer {secret}"}
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
