"""Every refusal is one answer after one work, whatever is shown and how it is asked.

All phones are in one store, so that nothing but the MAC of the request differs.
"""

from collections.abc import Callable

import pytest

from bootwave.directory.records import Token
from bootwave.http.challenge import nonce
from bootwave.http.response import Response
from tests.provision.bench import AGENT, ELSEWHERE, HERE, Bench, nonceless
from tests.provision.client import basic, digest
from tests.provision.memory import pair_of

FIRST = "t" + "a" * 26
MACS = {
    state: 0x000413200000 + number
    for number, state in enumerate(
        ("unknown", "known", "closed", "open", "consumed", "ended", "pair", "many")
    )
}


def store(required: bool) -> Bench:
    bench = Bench()
    bench.store.know(MACS["known"])
    bound = [state for state in MACS if state not in ("unknown", "known")]
    for number, state in enumerate(bound):
        bench.store.add_account(401 + number)
        bench.store.bind(401 + number, MACS[state])
    for number in range(411, 421):
        bench.store.add_account(number)
        bench.store.bind(number, MACS["many"])
    bench.store.tokens[1] = Token(
        f"{FIRST} of domain-token/1".encode(), b"", True, required=required
    )
    bench.store.credentials[MACS["pair"]] = pair_of(MACS["pair"])
    for state, seconds in (("ended", 10.0), ("consumed", 600.0)):
        bench.open(401 + bound.index(state), seconds)
        path = f"/{FIRST}/{MACS[state]:012X}.xml"
        assert bench.get(path, source=ELSEWHERE).status == 200
    bench.clock.pass_seconds(400)
    bench.open(401 + bound.index("open"))
    return bench


def nonce_for(bench: Bench, mac: int) -> str:
    return nonce(bench.clock().boottime, b"n" * 16, HERE, mac)


def from_digest(**how: bool) -> Callable[[Bench, int, str, str], bytes]:
    def shown(bench: Bench, mac: int, uri: str, method: str) -> bytes:
        made = nonce_for(bench, mac)
        return digest("401", "guessed", uri, made, method=method, **how)

    return shown


def too_old(bench: Bench, mac: int, uri: str, method: str) -> bytes:
    shown = from_digest()(bench, mac, uri, method)
    bench.clock.pass_seconds(100)
    return shown


SHOWN: dict[str, Callable[[Bench, int, str, str], bytes | None]] = {
    "nothing": lambda *_: None,
    "what cannot be read": lambda *_: b"Digest nothing",
    "Basic": lambda *_: basic("401", "guessed"),
    "Digest": from_digest(),
    "Digest with a hashed name": from_digest(userhash=True),
    "Digest with a nonce too old": too_old,
    "Digest of another's nonce": lambda _, mac, uri, method: digest(
        "401", "guessed", uri, "A" * 32, method=method
    ),
}


@pytest.mark.parametrize("required", [False, True])
@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("agent", [AGENT, "curl/8.0"])
@pytest.mark.parametrize("shown", SHOWN)
def test_every_refusal_is_one_answer_after_one_work(
    required: bool, secure: bool, method: str, agent: str, shown: str
) -> None:
    answers: dict[str, tuple[Response, int]] = {}
    for state, mac in MACS.items():
        if state == "open" and method == "GET" and not required:
            continue  # it is given its document
        bench = store(required)
        uri = f"/{mac:012X}.xml"
        proof = SHOWN[shown](bench, mac, uri, method)
        before = bench.keys.opened
        answer = bench.get(
            uri,
            authorization=proof,
            method=method.encode(),
            secure=secure,
            agent=agent,
        )
        assert answer.status == 401, state
        answers[state] = nonceless(answer), bench.keys.opened - before
    wanted = answers["unknown"]
    assert {state for state in answers if answers[state] != wanted} == set()
