"""Many phones want one window of two workers: one gets it."""

import pytest

from tests.end_to_end.conftest import Serving
from tests.end_to_end.program import DOMAIN, Answer, Program, wait_until

TAKERS = 200
PHONE = "0004132E08B4"
FIRST_MAC = 0x000413B00000
ACCOUNT = f"401@{DOMAIN}"


def sources() -> list[str]:
    return [f"127.0.1.{number}" for number in range(1, TAKERS + 1)]


def ask_at_once(program: Program, paths: list[str]) -> list[Answer]:
    """Return the answer to each of *paths*, asked from one address each, all at once.

    All connections are there before the first request, spread over the workers by the
    kernel, and all requests before the first answer is read.
    """
    clients = [program.client(source) for source in sources()]
    for client, path in zip(clients, paths, strict=True):
        client.ask(path)
    return [client.answer() for client in clients]


def the_winner(answers: list[Answer]) -> int:
    """Return who got the document; all others must have got the same refusal."""
    (winner,) = (n for n, answer in enumerate(answers) if answer.status == 200)
    assert b"secret-401<" in answers[winner].body
    refused = {answer.timeless for answer in answers if answer.status == 401}
    assert len(refused) == 1
    assert sum(answer.status == 401 for answer in answers) == TAKERS - 1
    assert b"secret" not in refused.pop()
    return winner


def test_one_of_two_hundred_addresses_gets_the_document(serving: Serving) -> None:
    program = serving()
    program.import_accounts({"401": PHONE}, minutes=10)
    winner = the_winner(ask_at_once(program, [f"/{PHONE}.xml"] * TAKERS))
    for _ in range(8):
        assert program.get(f"/{PHONE}.xml", sources()[winner]).status == 200
    second = sources()[winner - 1]
    assert program.get(f"/{PHONE}.xml", second).status == 401
    (window,) = program.command("window", "list")
    assert window["mac"] == PHONE
    assert window["source"] == sources()[winner]

    def is_named() -> bool:
        return any(
            (seen["source"], seen["reason"]) == (second, "CONSUMED_BY_OTHER")
            for seen in program.command("device", "show", PHONE)["time_line"]
        )

    wait_until(is_named, "the second taker is named")


@pytest.mark.parametrize("wildcard", ["*", "?"])
def test_one_of_two_hundred_phones_gets_a_wildcard_account(
    serving: Serving, wildcard: str
) -> None:
    program = serving()
    program.import_accounts({"401": wildcard}, minutes=10)
    macs = [f"{FIRST_MAC + number:012X}" for number in range(TAKERS)]
    winner = the_winner(ask_at_once(program, [f"/{mac}.xml" for mac in macs]))
    (bound,) = program.command("account", "show", ACCOUNT)["bound"]
    assert bound["mac"] == macs[winner]
    assert program.get(f"/{macs[winner]}.xml", sources()[winner]).status == 200
    loser = macs[winner - 1]
    assert program.get(f"/{loser}.xml", sources()[winner - 1]).status == 401
