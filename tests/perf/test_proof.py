"""The long proofs in their short form, and that a proof which fails is told as one."""

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bootwave.errors import EngineError
from perf import proof
from perf.proofs import (
    api,
    enumeration,
    fuzzing,
    guesses,
    memory,
    phones,
    races,
    redirection,
    resync,
)
from perf.proofs.distributions import difference
from perf.proofs.furnishing import people
from perf.proofs.outcome import SHORT, Outcome
from tests.peers.peer import require


def passed(outcomes: list[Outcome]) -> bool:
    for outcome in outcomes:
        assert outcome.wrong == [], outcome
    return bool(outcomes)


@pytest.mark.parametrize("bytewise", [False, True])
def test_the_recogniser_is_fuzzed(tmp_path: Path, bytewise: bool) -> None:
    executions = SHORT.bytewise if bytewise else SHORT.whole
    assert passed(fuzzing.prove(executions, tmp_path, bytewise=bytewise))


def test_a_fuzzer_that_finds_something_fails_the_proof(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    script = "import sys\nsys.exit('GET / was read in two ways')\n"
    (tools / "fuzz_lane.py").write_text(script)
    monkeypatch.setattr(fuzzing, "ROOT", tmp_path)
    (outcome,) = fuzzing.prove(10, tmp_path, bytewise=False)
    assert not outcome.passed
    assert "read in two ways" in outcome.wrong[0]


def test_the_end_of_a_grant_is_raced_against_phones(tmp_path: Path) -> None:
    outcomes = races.prove(SHORT.rounds, tmp_path)
    assert passed(outcomes)
    assert len(outcomes) == 2 * len(races.RACES)
    assert sum(bool(outcome.figures["stopped"]) for outcome in outcomes) >= 5


def test_a_document_given_after_the_close_fails_the_race(tmp_path: Path) -> None:
    """With a race that closes nothing: then phones are given it as before."""

    def nothing(racing: races.Racing) -> None:
        racing.open()
        with racing.phones() as some:
            some.go_on(lambda: some.count("before", phones.GIVEN) >= 5)
            racing.end(some, "domain.list")
            racing.answered(some)
            racing.judge("nothing", some, lambda kind, body: kind == phones.REFUSED)

    (outcome, _) = races.prove(1, tmp_path, races=(nothing,))
    assert "nothing: given to who asked after it" in outcome.wrong


def test_memory_and_descriptors_stay_what_they_are(tmp_path: Path) -> None:
    require("gcc")
    assert passed(memory.prove(SHORT.requests, tmp_path))


def test_nobody_finds_out_which_macs_exist(tmp_path: Path) -> None:
    outcomes = enumeration.prove(SHORT.macs, tmp_path)
    assert passed(outcomes)
    assert [outcome.name for outcome in outcomes] == [
        "enumeration/answers",
        "enumeration/guesses",
        "enumeration/slowed",
    ]


def test_times_that_tell_are_told() -> None:
    alike = [float(number % 97) for number in range(5000)]
    found = difference(alike, alike[::-1])
    assert found.advantage < 4 * found.error
    assert found.distance < 0.01
    slower = [value + 10 for value in alike]
    assert 0.15 < difference(alike, slower).advantage < 0.25
    assert difference(alike, [value + 100 for value in alike]).advantage == 1
    assert difference(alike, slower).median == 10


def test_guesses_open_nothing_and_the_phone_is_served(tmp_path: Path) -> None:
    (outcome,) = guesses.prove(SHORT.guesses, tmp_path)
    assert passed([outcome])
    assert outcome.figures["in"] == 0
    assert outcome.figures["the phone was served"] == 30


@pytest.mark.parametrize("wrong", [[], ["it leaks"]])
def test_results_are_written_and_a_failure_is_the_exit_status(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    wrong: list[str],
) -> None:
    found = [Outcome("memory", {"requests": 7}, wrong)]
    monkeypatch.setattr(memory, "prove", lambda requests, place: found)
    monkeypatch.setattr(proof, "PLACE", tmp_path / "place")
    file = tmp_path / "proof.json"
    status = proof.main(["memory", "--requests", "7", "--json", str(file)])
    assert status == len(wrong)
    results = json.loads(file.read_text())
    assert results["size"]["requests"] == 7
    assert results["machine"]["cores"]
    assert results["versions"]["h11"]
    assert results["proofs"][0]["passed"] == (not wrong)
    assert ("FAILED" in capsys.readouterr().out) == bool(wrong)


def test_a_proof_that_breaks_down_has_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(requests: int, place: Path) -> list[Outcome]:
        raise OSError("no room")

    monkeypatch.setattr(memory, "prove", broken)
    (outcome,) = proof.prove(["memory"], SHORT, tmp_path)
    assert outcome.wrong == ["OSError: no room"]


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("0.0.0.0", 0))
        return int(probe.getsockname()[1])


def test_phones_are_resynced_after_a_canary_that_failed(tmp_path: Path) -> None:
    (outcome,) = resync.prove(SHORT.phones, tmp_path, free_port())
    assert passed([outcome])
    assert outcome.figures["canary"] == 5
    assert outcome.figures["stages"] == [5, 20, 25]


def test_the_rate_of_a_roll_out_is_that_of_its_slowest_stretch() -> None:
    fast = [number / 200 for number in range(1_000)]
    slow = [10.0 + number / 100 for number in range(400)]
    assert resync._slowest_stretch([], ()) is None
    assert resync._slowest_stretch(fast, ()) == pytest.approx(200)
    assert resync._slowest_stretch(fast + slow, ()) == pytest.approx(100)
    # Too short to judge, or cut short.
    assert resync._slowest_stretch(fast + slow[:200], ()) == pytest.approx(200)
    assert resync._slowest_stretch(fast, (2.501,)) is None


def test_a_canary_that_lets_all_go_on_fails_the_proof(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With phones of which none need come back."""
    ask = resync._Resync._ask

    def lax(self: resync._Resync, op: str, args: dict[str, Any]) -> dict[str, Any]:
        more = {"share_percent": 0.0} if op == "rollout.start" else {}
        return ask(self, op, {**args, **more})

    monkeypatch.setattr(resync._Resync, "_ask", lax)
    monkeypatch.setattr(resync, "WAIT_SECONDS", 1.0)
    with pytest.raises(EngineError, match="cannot be resumed"):
        resync.prove(20, tmp_path, free_port())


def test_redirection_ends_as_it_shall_though_it_is_killed(tmp_path: Path) -> None:
    (outcome,) = redirection.prove(SHORT.redirected, tmp_path)
    assert passed([outcome])
    assert outcome.figures["kills"] == redirection.FEW_KILLS


def test_a_service_that_forgets_what_it_was_told_fails_the_proof(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled = redirection._Redirection._settled

    def forgetful(self: redirection._Redirection, what: str) -> dict[str, Any]:
        found = settled(self, what)
        self.service.take(sorted(self.wanted)[0])
        return found

    monkeypatch.setattr(redirection._Redirection, "_settled", forgetful)
    (outcome,) = redirection.prove(10, tmp_path)
    assert "1 phones are missing" in outcome.wrong[0]


def test_the_api_does_nothing_that_it_should_not(tmp_path: Path) -> None:
    outcomes = api.prove(SHORT.examples, tmp_path)
    assert passed(outcomes)
    assert [outcome.name for outcome in outcomes] == [
        *("api/signed in", "api/other", "api/nobody", "api/reader", "api/operator"),
        *("api/rude", "api/live", "api/duties", "api/log"),
    ]


def test_what_is_shown_changed_or_let_in_fails_the_proof(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With tokens that may more than they should."""

    def lax(call: Callable[..., Any]) -> dict[str, str]:
        tokens = people(call)
        operator = tokens["operator"]
        return {**tokens, "reader": operator, "nobody": tokens["reader"]}

    monkeypatch.setattr(api, "people", lax)
    nobody, reader, operator, live, duties, _log = api.prove(
        *(SHORT.examples, tmp_path, ["nobody", "reader", "operator"]),
        paths="^/api/v1/(domains|session)$",
    )
    assert "nobody was let in: GET /api/v1/domains" in nobody.wrong
    assert "a reader changed domains" in reader.wrong
    assert any("Another domain is shown" in wrong for wrong in nobody.wrong)
    # Who has a token has no session to end.
    assert "of 5 operations were never carried out" in operator.wrong[-1]
    assert "DELETE /api/v1/session" in operator.figures["never carried out"]
    assert live.passed
    assert duties.passed
