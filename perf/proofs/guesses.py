"""Guessing passwords opens nothing, and locks no phone out.

100,000 guesses at one phone, with Digest and with Basic over clear HTTP (``http.basic``
is on), for its account and for its own credentials, from many addresses into an engine
of two workers.  None opens the document.  In between the real phone fetches it: with
its own credentials, each time from an address never seen before, and with its account's
password from the address where it was served first.
"""

import base64
import hashlib
import random
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from bootwave.control.client import ControlClient
from perf.programs import Wrong
from perf.proofs.guests import Guest, nonce, status
from perf.proofs.outcome import Outcome, progress
from tests.end_to_end.program import DOMAIN, Program

MAC = "0004132E08B4"
PATH = f"/{MAC}.xml"
ACCOUNT = f"401@{DOMAIN}"
SOURCES = 40
EVERY = 250  # guesses between two fetches of the real phone
_RENEW = 2_000  # guesses with one nonce; its minute is not over then
_AGENT = "proof"


class _Guesser:
    """One address that guesses; every other time by Digest."""

    def __init__(self, address: tuple[str, int], source: str) -> None:
        self.guest = Guest(address, source)
        self._nonce = ""
        self._left = 0

    def digest(self, user: str, password: str) -> str:
        if not self._left:
            answer, _ = self.guest.ask(PATH, agent=_AGENT)
            self._nonce, self._left = nonce(answer), _RENEW // SOURCES
        self._left -= 1
        return _digest(user, password, self._nonce)


def prove(guesses: int, place: Path, seed: int = 0) -> list[Outcome]:
    """Guess so often; return the one outcome."""
    directory = place / "guesses"
    shutil.rmtree(directory, ignore_errors=True)
    subprocess.run(
        [sys.executable, "-m", "bootwave", "init", str(directory)],
        check=True,
        capture_output=True,
    )
    program = Program(directory, HTTP__BASIC="true", LIMITS__DELAY_SECONDS="0")
    program.command("domain", "add", DOMAIN)
    program.import_accounts({"401": MAC})
    program.start()
    try:
        return [_guessed(program, guesses, random.Random(seed))]
    finally:
        program.clean_up()


def _guessed(program: Program, guesses: int, chance: random.Random) -> Outcome:
    outcome = Outcome("guesses")
    began = shown = time.monotonic()
    program.command("window", "open", ACCOUNT)
    home = Guest(program.http, "127.0.0.1")
    answer, _ = home.ask(PATH, agent=_AGENT)
    found = re.findall(rb"<http_client_(?:user|pass) [^>]*>([^<]+)<", answer)
    if status(answer) != 200 or len(found) != 2:
        raise Wrong(f"no credentials were given: {answer[:80]!r}")
    user, password = (value.decode() for value in found)
    program.command("window", "close", ACCOUNT)
    statuses: Counter[int] = Counter()
    served: Counter[str] = Counter()
    waits: list[float] = []
    guessers = [_Guesser(program.http, f"127.0.7.{n + 1}") for n in range(SOURCES)]
    for number in range(guesses):
        guesser = guessers[number % SOURCES]
        name = chance.choice((user, "401", ACCOUNT))
        guess = f"{chance.getrandbits(64):x}"
        if number // SOURCES % 2:
            shown_proof = guesser.digest(name, guess)
        else:
            shown_proof = _basic(name, guess)
        answer, _ = guesser.guest.ask(
            PATH, f"Authorization: {shown_proof}", agent=_AGENT
        )
        statuses[status(answer)] += 1
        if number % EVERY == EVERY - 1:
            fresh = Guest(
                program.http,
                f"127.1.{number // EVERY // 250}.{number // EVERY % 250 + 1}",
            )
            for who, guest, pair in (
                ("own, new address", fresh, (user, password)),
                ("own, at home", home, (user, password)),
                ("account, at home", home, ("401", "secret-401")),
            ):
                waits.append(_fetch(guest, pair, who, served, outcome))
            fresh.close()
        if time.monotonic() - shown > 10:
            shown = time.monotonic()
            progress(f"guesses: {number} of {guesses}")
    for guesser in guessers:
        guesser.guest.close()
    home.close()
    counted = _counters(program)
    waits.sort()
    outcome.figures |= {
        "guesses": guesses,
        "in": statuses[200],
        "compared with an account": counted["credentials_wrong"],
        "not compared": counted["credentials_limited"],
        "the phone asked": 3 * (guesses // EVERY),
        "the phone was served": sum(served.values()),
        "its wait, p50 ms": round(waits[len(waits) // 2] * 1e3, 2),
        "its wait, p99 ms": round(waits[len(waits) * 99 // 100] * 1e3, 2),
        "seconds": round(time.monotonic() - began, 1),
    }
    if set(statuses) != {401}:
        outcome.wrong.append(f"guesses were answered with {dict(statuses)}")
    if sum(served.values()) != 3 * (guesses // EVERY):
        outcome.wrong.append(f"the phone was served {dict(served)}")
    if guesses > 2_000 and counted["credentials_wrong"] > guesses // 10:
        outcome.wrong.append("guesses are not bounded")
    return outcome


def _fetch(
    guest: Guest,
    pair: tuple[str, str],
    who: str,
    served: Counter[str],
    outcome: Outcome,
) -> float:
    """Return how long the phone waited for its document, challenge included."""
    challenge, first = guest.ask(PATH, agent=_AGENT)
    proof = _digest(*pair, nonce(challenge))
    answer, second = guest.ask(PATH, f"Authorization: {proof}", agent=_AGENT)
    if status(answer) == 200 and b"secret-401" in answer:
        served[who] += 1
    elif len(outcome.wrong) < 5:
        outcome.wrong.append(f"{who}: {status(answer)}")
    return first + second


def _counters(program: Program) -> dict[str, int]:
    client = ControlClient.connect(program.directory / "control.sock")
    if client is None:
        raise Wrong("no engine answers")
    try:
        counted: dict[str, int] = client.call("engine.status", {})["counters"]
    finally:
        client.close()
    return counted


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _digest(user: str, password: str, nonce: str) -> str:
    def hashed(text: str) -> str:
        return hashlib.sha256(text.encode()).hexdigest()

    secret = hashed(f"{user}:bootwave:{password}")
    response = hashed(f"{secret}:{nonce}:00000001:c:auth:{hashed('GET:' + PATH)}")
    return (
        f'Digest username="{user}", realm="bootwave", nonce="{nonce}", uri="{PATH}", '
        f'algorithm=SHA-256, qop=auth, nc=00000001, cnonce="c", response="{response}"'
    )
