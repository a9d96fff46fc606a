"""Closing, unbinding, revoking and more, raced against load in two workers.

Each round has phones fetch one document from both workers, has one worker stopped in
its tracks at some moment of that (every other round), and then ends the grant.  When
the command has returned, everything that left the server until then is read, and only
then the stopped worker goes on.

Once a command has returned nothing of what it ended leaves any more, whenever it was
asked for.  A worker that was stopped with a document in its hand, granted and not yet
sent, is killed by the command (provision.answering); those are counted as "killed", and
their phones ask again.

A window that expires is not ended by anybody who could wait.  What was asked for before
may be in a stopped worker's hand over its end: a worker has one at a time, so there is
at most one for each worker and round.  They are counted as "in hand".
"""

import base64
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from bootwave.control.client import ControlClient
from perf.programs import Wrong
from perf.proofs.outcome import Outcome, progress
from perf.proofs.phones import GIVEN, LOST, OTHER, REFUSED, Phones
from tests.end_to_end.program import DOMAIN, Program, wait_until

MAC = "0004132E08B4"
ACCOUNT = f"401@{DOMAIN}"
EACH = 24  # connections of the phone
TAKERS = [f"127.0.4.{number}" for number in range(1, 21)]
ENOUGH = 30  # answers before and after
SHORT_SECONDS = 0.4  # of a window that expires
SLACK = 0.02  # the clocks that tell its end and that count it may differ


class Racing:
    """An engine, its control socket, and what was counted."""

    def __init__(self, program: Program, chance: random.Random) -> None:
        """Connect to the control process of *program*, which runs."""
        client = ControlClient.connect(program.directory / "control.sock")
        if client is None:
            raise Wrong("no engine answers")
        self.client = client
        self.program = program
        self.chance = chance
        self.workers = program.workers()
        self.counted: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.secret = 0

    def call(self, op: str, **arguments: Any) -> Any:
        """Return the result of an operation."""
        return self.client.call(op, arguments)

    def open(self, minutes: float = 10) -> Any:
        """Open the account's window."""
        return self.call("window.open", accounts=[ACCOUNT], minutes=minutes)

    def phones(self, *fields: str) -> Phones:
        """Return phones of one address, which ask for the one document."""
        return Phones(self.program.http, f"/{MAC}.xml", ["127.0.0.1"], EACH, *fields)

    @contextmanager
    def stopped(self, phones: Phones) -> Iterator[None]:
        """Have one worker stopped, or in every other round nobody."""
        if self.chance.randrange(2):
            yield
            return
        worker = self.chance.choice(self.workers)
        _go_on_for(phones, self.chance.random() * 0.01)
        self.program.pause(worker)
        while self._is_locked():
            # Within a commit: then every command would wait for it, and be refused.
            self.program.resume(worker)
            _go_on_for(phones, 0.001)
            self.program.pause(worker)
        self.counted["stopped"] += 1
        try:
            yield
        finally:
            with suppress(ProcessLookupError):
                os.kill(worker, signal.SIGCONT)

    def _is_locked(self) -> bool:
        """Whether somebody is within a commit."""
        database = self.program.directory / "bootwave.db"
        with closing(sqlite3.connect(database, timeout=0)) as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return True
            connection.execute("ROLLBACK")
        return False

    def end(self, phones: Phones, op: str, **arguments: Any) -> None:
        """Do *op* while the phones go on; what is asked from then on is "after" it."""
        returned = threading.Event()
        failed: list[BaseException] = []

        def call() -> None:
            try:
                self.call(op, **arguments)
            except BaseException as error:
                failed.append(error)
            returned.set()

        thread = threading.Thread(target=call)
        thread.start()
        phones.go_on(returned.is_set)
        self.over(phones)
        thread.join()
        if failed:
            raise failed[0]

    def over(self, phones: Phones) -> None:
        """Read what left until now: what comes later left after it."""
        phones.drain()
        phones.moment = "after"
        phones.renew()

    def answered(self, phones: Phones) -> None:
        """Go on until everything asked before is answered, and enough after."""
        phones.go_on(
            lambda: (
                not phones.waiting_since("before") and phones.count("after") >= ENOUGH
            )
        )

    def judge(
        self,
        what: str,
        phones: Phones,
        is_right: Callable[[str, bytes], bool],
        *,
        by_command: bool = True,
    ) -> None:
        """Count this round, and complain of each answer after it that is not right."""
        in_hand = 0
        killed = self._killed()
        self.counted["killed"] += killed
        self.counted["rounds"] += 1
        self.counted["given before"] += phones.count("before", GIVEN)
        for seen in phones.seen:
            if seen.kind == LOST and killed:
                self.counted["lost"] += 1
            elif seen.kind in (OTHER, LOST):
                self.wrong.append(f"{what}: {seen.body[:80]!r}")
            elif seen.came == "after":
                self.counted["after"] += 1
                if is_right(seen.kind, seen.body):
                    continue
                if seen.asked == "before":
                    in_hand += 1
                else:
                    self.wrong.append(f"{what}: given to who asked after it")
        self.counted["in hand"] += in_hand
        if in_hand > (0 if by_command else len(self.workers)):
            self.wrong.append(f"{what}: {in_hand} left after it")

    def _killed(self) -> int:
        """Return how many workers had to be killed; they are replaced by now."""
        before = set(self.workers)
        killed = len(before - set(self.program.workers()))
        wait_until(
            lambda: len(self.program.workers()) == len(before), "all workers are there"
        )
        self.workers = self.program.workers()
        return killed


def _go_on_for(phones: Phones, seconds: float) -> None:
    until = time.monotonic() + seconds
    phones.go_on(lambda: time.monotonic() >= until)


def close(racing: Racing) -> None:
    """The window is closed."""
    racing.open()
    with racing.phones() as phones:
        phones.go_on(lambda: phones.count("before", GIVEN) >= ENOUGH)
        with racing.stopped(phones):
            racing.end(phones, "window.close", accounts=[ACCOUNT])
        racing.answered(phones)
        racing.judge("close", phones, lambda kind, body: kind == REFUSED)


def unbind(racing: Racing) -> None:
    """The phone is unbound."""
    racing.open()
    with racing.phones() as phones:
        phones.go_on(lambda: phones.count("before", GIVEN) >= ENOUGH)
        with racing.stopped(phones):
            racing.end(phones, "account.unbind", account=ACCOUNT, mac=MAC)
        racing.answered(phones)
        racing.judge("unbind", phones, lambda kind, body: kind == REFUSED)
    racing.call("account.bind", account=ACCOUNT, mac=MAC)


def rotate(racing: Racing) -> None:
    """The account gets another password: the document with the old one is over."""
    racing.open()
    racing.secret += 1
    old, new = f"secret-{racing.secret - 1}<", f"secret-{racing.secret}<"
    racing.call("account.set", account=ACCOUNT, password=old[:-1])
    with racing.phones() as phones:
        phones.go_on(lambda: phones.count("before", GIVEN) >= ENOUGH)
        with racing.stopped(phones):
            racing.end(phones, "account.set", account=ACCOUNT, password=new[:-1])
        racing.answered(phones)
        racing.judge(
            "rotate",
            phones,
            lambda kind, body: (
                kind == GIVEN and new.encode() in body and old.encode() not in body
            ),
        )


def revoke(racing: Racing) -> None:
    """The phone's own credentials are revoked."""
    racing.open()
    answer = racing.program.get(f"/{MAC}.xml")
    found = re.findall(rb"<http_client_(?:user|pass) [^>]*>([^<]+)<", answer.body)
    racing.call("window.close", accounts=[ACCOUNT])
    shown = base64.b64encode(b":".join(found)).decode()
    with racing.phones(f"Authorization: Basic {shown}") as phones:
        phones.go_on(lambda: phones.count("before", GIVEN) >= ENOUGH)
        with racing.stopped(phones):
            racing.end(phones, "device.credentials.revoke", mac=MAC)
        racing.answered(phones)
        racing.judge("revoke", phones, lambda kind, body: kind == REFUSED)


def expire(racing: Racing) -> None:
    """The window's time passes, with a worker stopped over its end or not."""
    until = racing.open(SHORT_SECONDS / 60)["until"]
    with racing.phones() as phones:
        phones.go_on(lambda: phones.count("before", GIVEN) >= ENOUGH)
        with racing.stopped(phones):
            phones.go_on(lambda: time.time() > until + SLACK)
            racing.over(phones)
        racing.answered(phones)
        racing.judge(
            "expire", phones, lambda kind, body: kind == REFUSED, by_command=False
        )


def consumed(racing: Racing) -> None:
    """One of many addresses takes the window; nobody else is given anything."""
    racing.open()
    with Phones(racing.program.http, f"/{MAC}.xml", TAKERS, 4) as phones:
        with racing.stopped(phones):
            # A worker that is stopped within its commit keeps the store locked: then
            # nobody is answered until it goes on.
            until = time.monotonic() + 0.5
            phones.go_on(
                lambda: time.monotonic() > until or len(phones.seen) >= len(TAKERS) * 4
            )
        phones.moment = "after"
        racing.answered(phones)
        winners = {seen.source for seen in phones.seen if seen.kind == GIVEN}
        if len(winners) != 1:
            racing.wrong.append(f"consumed: {sorted(winners)} were given the document")
        racing.judge(
            "consumed",
            phones,
            lambda kind, body: kind in (GIVEN, REFUSED),
            by_command=False,
        )


Race = Callable[[Racing], None]
RACES: tuple[Race, ...] = (close, unbind, rotate, revoke, expire, consumed)


def prove(
    rounds: int, place: Path, seed: int = 0, races: tuple[Race, ...] = RACES
) -> list[Outcome]:
    """Run *races* so often each, with the lane and without; one outcome for each."""
    outcomes = []
    for lane in ("on", "off"):
        directory = place / f"races-{lane}"
        shutil.rmtree(directory, ignore_errors=True)
        subprocess.run(
            [sys.executable, "-m", "bootwave", "init", str(directory)],
            check=True,
            capture_output=True,
        )
        program = Program(
            directory,
            HTTP__LANE=lane,
            HTTP__BASIC="true",
            PAIRING__PAIRING_MINUTES="0",
        )
        program.command("domain", "add", DOMAIN)
        program.import_accounts({"401": MAC})
        program.start()
        try:
            outcomes += [_raced(race, lane, rounds, program, seed) for race in races]
        finally:
            program.clean_up()
    return outcomes


def _raced(race: Race, lane: str, rounds: int, program: Program, seed: int) -> Outcome:
    racing = Racing(program, random.Random(seed))
    began = shown = time.monotonic()
    name = f"race/{race.__name__}/lane-{lane}"
    try:
        for number in range(1, rounds + 1):
            race(racing)
            if time.monotonic() - shown > 10:
                shown = time.monotonic()
                progress(f"{name}: {number} of {rounds} rounds")
    except Wrong as error:
        racing.wrong.append(str(error))
    finally:
        racing.client.close()
    figures: dict[str, object] = {"stopped": 0, **racing.counted}
    figures |= {"seconds": round(time.monotonic() - began, 1)}
    return Outcome(name, figures, racing.wrong[:10])
