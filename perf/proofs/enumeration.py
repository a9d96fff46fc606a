"""Asking for the MACs of a block tells nobody which of them exist.

One million requests for MACs of one OUI to an engine of two workers: a quarter of them
at random, a quarter for MACs that are bound and closed, a quarter for such as are known
and bound to nothing, and a quarter for as many that nobody knows: what is asked for
again may take less, existing or not.  A twentieth as many show a wrong password.  All
answers are the same bytes but for date and nonce, none holds a secret, and the alarm is
raised.  The times they took are compared class by class: the
*advantage* is what an attacker gains over tossing a coin, per pair of answers, who
measures on the same machine, where nothing but the loopback is between (see
``perf.proofs.distributions``).

That runs with ``limits.delay_seconds`` at 0, or it would take weeks: which is shown
afterwards, with the limits as they are by default.
"""

import base64
import random
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

from bootwave.control.client import ControlClient
from perf.programs import Wrong
from perf.proofs.distributions import difference
from perf.proofs.guests import Guest, status, timeless
from perf.proofs.outcome import Outcome, progress
from tests.end_to_end.program import DOMAIN, Program

OUI = 0x000413
BOUND = 500
CONNECTIONS = 4
# More than this per pair of answers, and a class would be told by its times.
MOST_ADVANTAGE = 0.03
_CLASSES = ("closed", "unbound", "unknown", "random")
_AGENT = "Mozilla/4.0 (compatible; snom370-SIP 8.4.35 1.1.3-s)"
_WRONG = "Authorization: Basic " + base64.b64encode(b"1000:a wrong one").decode()
_SLOWED_SECONDS = 10.0
_SLOWED_CONNECTIONS = 200


def prove(macs: int, place: Path, seed: int = 0) -> list[Outcome]:
    """Ask for so many MACs; return two outcomes, without and with delays."""
    directory = place / "enumeration"
    shutil.rmtree(directory, ignore_errors=True)
    subprocess.run(
        [sys.executable, "-m", "bootwave", "init", str(directory)],
        check=True,
        capture_output=True,
    )
    chance = random.Random(seed)
    named = _stored(directory, chance)
    return [
        _told_apart(directory, named, macs, chance),
        _told_apart(directory, named, max(macs // 20, 500), chance, _WRONG),
        _slowed(directory, chance),
    ]


def _stored(directory: Path, chance: random.Random) -> dict[str, list[int]]:
    """Make a store with MACs that are closed and unbound; return them by class."""
    program = Program(directory)
    program.command("domain", "add", DOMAIN)
    chosen = [OUI << 24 | low for low in chance.sample(range(1 << 24), 3 * BOUND)]
    macs = chosen[: 2 * BOUND]
    program.import_accounts(
        {str(1000 + number): f"{mac:012X}" for number, mac in enumerate(macs)}
    )
    rows = {str(1000 + number): "" for number in range(BOUND, 2 * BOUND)}
    program.start()
    client = ControlClient.connect(directory / "control.sock")
    if client is None:
        raise Wrong("no engine answers")
    try:
        for extension in rows:
            client.call("account.unbind", {"account": f"{extension}@{DOMAIN}"})
    finally:
        client.close()
        program.clean_up()
    unknown = chosen[2 * BOUND :]
    return {"closed": macs[:BOUND], "unbound": macs[BOUND:], "unknown": unknown}


def _told_apart(
    directory: Path,
    named: dict[str, list[int]],
    macs: int,
    chance: random.Random,
    *fields: str,
) -> Outcome:
    """Ask for so many MACs, with *fields* in each request."""
    many = {"LIMITS__GUESSES": "1000000", "LIMITS__ACCOUNT_GUESSES": "1000000"}
    program = Program(
        directory, LIMITS__DELAY_SECONDS="0", HTTP__BASIC="true", **many
    ).start()
    began = shown = time.monotonic()
    outcome = Outcome("enumeration/" + ("guesses" if fields else "answers"))
    taken: dict[str, list[float]] = {kind: [] for kind in _CLASSES}
    answers: Counter[bytes] = Counter()
    guests = [Guest(program.http, "127.0.5.1") for _ in range(CONNECTIONS)]
    try:
        for number in range(macs):
            kind = chance.choice(_CLASSES)
            mac = chance.choice(named[kind]) if kind in named else _random(chance)
            guest = guests[number % CONNECTIONS]
            answer, seconds = guest.ask(f"/{mac:012X}.xml", *fields, agent=_AGENT)
            taken[kind].append(seconds)
            answers[timeless(answer)] += 1
            if time.monotonic() - shown > 10:
                shown = time.monotonic()
                progress(f"enumeration: {number} of {macs} MACs")
        time.sleep(0.3)
        counted = _counters(program)
    finally:
        for guest in guests:
            guest.close()
        program.clean_up()
    _judge(outcome, answers, program)
    for kind in ("closed", "unbound"):
        found = difference(taken["unknown"], taken[kind])
        outcome.figures |= {
            f"advantage {kind}": round(found.advantage, 4),
            f"its error {kind}": round(found.error, 4),
            f"distance {kind}": round(found.distance, 4),
            f"median {kind} µs": round(found.median * 1e6, 2),
        }
        if found.advantage > MOST_ADVANTAGE + 4 * found.error:
            outcome.wrong.append(
                f"{kind} and unknown MACs are told apart by their times: {found}"
            )
    medians = {kind: sorted(times)[len(times) // 2] for kind, times in taken.items()}
    outcome.figures |= {
        "macs": macs,
        "median µs": round(medians["unknown"] * 1e6, 1),
        "wrong passwords": counted["credentials_wrong"],
        "alarms": counted["enumerations"],
        "misses counted": counted["misses"],
        "seconds": round(time.monotonic() - began, 1),
    }
    if not fields:
        _judge_alarm(outcome, counted, program)
    return outcome


def _slowed(directory: Path, chance: random.Random) -> Outcome:
    """Ask with the default limits, on many connections of one address."""
    program = Program(directory).start()
    outcome = Outcome("enumeration/slowed")
    answers: Counter[bytes] = Counter()
    statuses: Counter[int] = Counter()
    lock = threading.Lock()
    until = time.monotonic() + _SLOWED_SECONDS
    macs = [_random(chance) for _ in range(100_000)]

    def ask(number: int) -> None:
        guest = Guest(program.http, "127.0.5.1")
        own = random.Random(number)
        try:
            while time.monotonic() < until:
                answer, _ = guest.ask(f"/{own.choice(macs):012X}.xml", agent=_AGENT)
                with lock:
                    statuses[status(answer)] += 1
                    answers[timeless(answer)] += 1
        except (OSError, Wrong) as error:
            outcome.wrong.append(f"{type(error).__name__}: {error}")
        finally:
            guest.close()

    threads = [
        threading.Thread(target=ask, args=(number,))
        for number in range(_SLOWED_CONNECTIONS)
    ]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        elsewhere = Guest(program.http, "127.0.6.1")
        answer, took = elsewhere.ask(f"/{_random(chance):012X}.xml", agent=_AGENT)
        elsewhere.close()
        if status(answer) != 401 or took > 1.0:
            outcome.wrong.append(f"another address: {status(answer)} in {took:.2f} s")
        time.sleep(0.3)
        counted = _counters(program)
    finally:
        program.clean_up()
    if not counted["misses_slowed"] or not counted["misses_shed"]:
        outcome.wrong.append("nothing was slowed")
    _judge_alarm(outcome, counted, program)
    outcome.figures |= {
        "401": statuses[401],
        "503": statuses[503],
        "401 a second": round(statuses[401] / _SLOWED_SECONDS, 1),
        "alarms": counted["enumerations"],
    }
    if set(statuses) - {401, 503}:
        outcome.wrong.append(f"statuses {sorted(statuses)}")
    return outcome


def _judge(outcome: Outcome, answers: Counter[bytes], program: Program) -> None:
    outcome.figures |= {"different answers": len(answers)}
    if len(answers) != 1:
        outcome.wrong.append(f"{len(answers)} different answers: {list(answers)[:3]}")
    for answer in answers:
        if status(answer) != 401 or b"secret-" in answer:
            outcome.wrong.append(f"not a refusal: {answer[:200]!r}")
    if "secret-" in program.errors():
        outcome.wrong.append("a secret is in the log")


def _judge_alarm(outcome: Outcome, counted: dict[str, int], program: Program) -> None:
    if not counted["enumerations"] or "MACs were asked for" not in program.errors():
        outcome.wrong.append("no alarm was raised")


def _counters(program: Program) -> dict[str, int]:
    client = ControlClient.connect(program.directory / "control.sock")
    if client is None:
        raise Wrong("no engine answers")
    try:
        counted: dict[str, int] = client.call("engine.status", {})["counters"]
    finally:
        client.close()
    return counted


def _random(chance: random.Random) -> int:
    return OUI << 24 | chance.randrange(1 << 24)
