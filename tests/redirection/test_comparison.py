"""What the service holds against what is bound, with others in between."""

import sqlite3
from collections.abc import Callable

import pytest

from bootwave.redirection import comparison as module
from bootwave.redirection import plan
from bootwave.redirection.comparison import Comparison, Strays
from bootwave.redirection.ledger import Ledger
from bootwave.redirection.plan import Action, Result
from bootwave.redirection.survey import Survey
from bootwave.store.administration import Administration
from bootwave.store.redirection.account import TROUBLES
from bootwave.store.redirection.urls import digest_of
from tests.redirection.test_ledger import (
    BASE,
    DAY,
    URL,
    Add,
    half,
    ledger,
    mac,
    orders,
    outcomes,
    ready,
    step,
)
from tests.store.clock import Clock

__all__ = ["ledger", "ready"]  # fixtures


def through(step: Callable[[int], int | None]) -> int:
    """Take all steps, and return how many those were."""
    after: int | None = 0
    steps = 0
    while after is not None:
        after = step(after)
        steps += 1
    return steps


def begun(ledger: Ledger, clock: Clock, *, for_sync: bool = False) -> Comparison:
    found = ledger.comparison(ledger.account(), clock().wall, for_sync=for_sync)
    through(found.gather)
    return found


def filled(survey: Survey, held: dict[str, str]) -> Survey:
    """Give *survey* what a service holds, of which every MAC is of a snom370."""
    while (wanted := survey.next_list()) is not None:
        type_, url = wanted
        macs = [m for m, target in held.items() if url in ("", target)]
        survey.receive(int(m, 16) for m in macs if type_ == "snom370")
    return survey


def compared(found: Comparison, held: dict[str, str]) -> Survey:
    return compared_to_the_end(found, held)[0]


def compared_to_the_end(
    found: Comparison, held: dict[str, str]
) -> tuple[Survey, Strays]:
    survey = filled(found.survey(), held)
    through(lambda after: found.compare(survey, after))
    through(found.sort_strays)
    return survey, found.finish(survey)


def registered(ledger: Ledger, add: Add, *numbers: int) -> None:
    for number in numbers:
        add(f"{400 + number}@pbx.example.com", mac=mac(number))
    step(ledger, *outcomes(step(ledger)))


def test_drift_is_found_and_strays_are_taken_away_by_a_sync_only(
    ready: Administration, ledger: Ledger, add: Add, clock: Clock
) -> None:
    registered(ledger, add, 1, 2, 3, 4)
    clock.pass_seconds(5)
    held = {mac(1): URL, mac(2): "https://else.example.com/x"}
    held |= {mac(4): URL, mac(9): URL}
    assert compared(begun(ledger, clock), held).differing == 2
    found = step(ledger)
    assert sorted(orders(found)) == [
        (mac(2), Action.LOOK, URL),
        (mac(3), Action.REGISTER, URL),
    ]
    assert not found.survey
    status = ready.redirection_status()
    assert (status["strays"], status["listed"]) == (1, True)
    step(ledger, *outcomes(found))
    clock.pass_seconds(5)
    ready.redirection_sync()
    wanted = step(ledger)
    assert (wanted.survey, wanted.for_sync) == (True, True)
    held |= {mac(2): URL, mac(3): URL}
    compared(begun(ledger, clock, for_sync=True), held)
    found = step(ledger)
    assert orders(found) == [(mac(9), Action.DEREGISTER, "")]
    assert found.orders[0].ours == (digest_of(URL),)
    assert ready.redirection_status()["strays"] == 0


def another(admin: Administration) -> Ledger:
    service = "https://other.example.com/"
    return Ledger(admin, service=service, list_seconds=DAY, chance=half)


def test_what_one_service_holds_is_asked_of_another_anew(
    ready: Administration, ledger: Ledger, add: Add, clock: Clock
) -> None:
    registered(ledger, add, 1, 2)
    add("403@pbx.example.com", mac=mac(3))
    step(ledger, *outcomes(step(ledger), Result.OWNED))
    compared(begun(ledger, clock), {mac(1): URL, mac(2): URL, mac(9): URL})
    assert not step(ledger).survey
    clock.pass_seconds(5)
    other = another(ready)
    found = step(other)
    assert (found.survey, found.for_sync) == (True, False)
    # What the first one refused is tried at once.
    assert orders(found) == [(mac(3), Action.REGISTER, URL)]
    status = ready.redirection_status()
    assert (status["listed"], status["strays"]) == (False, 0)
    assert not any(status["phones"][trouble] for trouble in TROUBLES)
    assert step(other, *outcomes(found)).survey
    compared(begun(other, clock), {mac(1): URL})
    found = step(other)
    assert not found.survey
    assert orders(found) == [(mac(2), Action.REGISTER, URL)]


def test_a_sync_with_one_service_is_none_with_another_unless_it_is_still_to_be_done(
    ready: Administration, ledger: Ledger, clock: Clock
) -> None:
    ready.redirection_sync()
    compared(begun(ledger, clock, for_sync=True), {})
    assert not step(another(ready)).for_sync
    clock.pass_seconds(5)
    ready.redirection_sync()
    assert step(ledger).for_sync


def test_a_sync_of_one_user_is_none_of_another_unless_it_is_still_to_be_done(
    ready: Administration, ledger: Ledger, clock: Clock
) -> None:
    ready.redirection_sync()
    compared(begun(ledger, clock, for_sync=True), {})
    ready.redirection_set(user="other", password="word")
    found = step(ledger)
    assert (found.survey, found.for_sync) == (True, False)
    ready.redirection_sync()
    ready.redirection_set(user="third", password="word")
    assert step(ledger).for_sync


def test_how_another_service_failed_is_stored_with_nothing_of_the_first(
    ready: Administration, ledger: Ledger, clock: Clock
) -> None:
    compared(begun(ledger, clock), {})
    other = another(ready)
    known = other.account()
    assert known.listed_at is None
    other.save_health(plan.failed(known, "HTTP 500", clock().wall, 0.5), known)
    assert other.account().failures == 1
    assert not ready.redirection_status()["listed"]


@pytest.mark.parametrize(("for_sync", "taken"), [(False, 0), (True, 2)])
def test_strays_are_told_of_as_found_and_as_taken_away(
    ready: Administration, ledger: Ledger, clock: Clock, *, for_sync: bool, taken: int
) -> None:
    begun_now = begun(ledger, clock, for_sync=for_sync)
    _, strays = compared_to_the_end(begun_now, {mac(8): URL, mac(9): URL})
    assert strays == Strays(found=2, taken=taken)


def test_a_look_at_everything_is_due_at_first_each_day_and_by_a_sync(
    ready: Administration, ledger: Ledger, clock: Clock
) -> None:
    assert step(ledger).survey
    compared(begun(ledger, clock), {})
    assert not step(ledger).survey
    clock.pass_seconds(86_401)
    found = step(ledger)
    assert (found.survey, found.for_sync) == (True, False)


def test_macs_are_walked_over_some_at_a_time(
    ready: Administration,
    ledger: Ledger,
    add: Add,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    registered(ledger, add, *range(5))
    monkeypatch.setattr(module, "WALK", 2)
    monkeypatch.setattr(module, "STRAYS", 2)
    found = ledger.comparison(ledger.account(), clock().wall + 1, for_sync=True)
    assert through(found.gather) == 3
    survey = filled(found.survey(), {mac(number): URL for number in range(10)})
    assert through(lambda after: found.compare(survey, after)) == 3
    assert through(found.sort_strays) == 3
    assert {each[0] for each in orders(step(ledger))} == {
        mac(number) for number in range(5, 10)
    }


def test_who_is_bound_meanwhile_is_no_stray(
    ready: Administration, ledger: Ledger, add: Add, clock: Clock
) -> None:
    found = begun(ledger, clock, for_sync=True)
    survey = filled(found.survey(), {mac(1): URL, mac(2): URL, mac(3): URL})
    through(lambda after: found.compare(survey, after))
    add("401@pbx.example.com", mac=mac(1))
    add("402@pbx.example.com", mac=mac(2))
    ready.account_unbind("402@pbx.example.com")
    through(found.sort_strays)
    found.finish(survey)
    assert sorted(orders(step(ledger))) == [
        (mac(1), Action.REGISTER, URL),
        (mac(2), Action.DEREGISTER, ""),
        (mac(3), Action.DEREGISTER, ""),
    ]


def test_nothing_is_stored_of_an_account_that_was_changed_meanwhile(
    ready: Administration,
    ledger: Ledger,
    add: Add,
    clock: Clock,
    connection: sqlite3.Connection,
) -> None:
    registered(ledger, add, 1)
    found = begun(ledger, clock, for_sync=True)
    clock.pass_seconds(5)
    survey = filled(found.survey(), {mac(9): URL})
    ready.redirection_unset()
    through(lambda after: found.compare(survey, after))
    through(found.sort_strays)
    found.finish(survey)
    assert not connection.execute("SELECT * FROM redirection_phones").fetchall()


def test_how_far_the_lists_are_is_told(
    ready: Administration, ledger: Ledger, clock: Clock
) -> None:
    found = begun(ledger, clock)
    survey = found.survey()
    survey.receive([])
    found.save_lists(survey)
    status = ready.redirection_status()
    assert (status["lists_done"], status["lists"]) == (1, survey.lists)


def test_a_preview_says_what_a_sync_would_do_and_changes_nothing(
    ready: Administration,
    ledger: Ledger,
    add: Add,
    clock: Clock,
    connection: sqlite3.Connection,
) -> None:
    registered(ledger, add, 1, 2, 3)
    add("404@pbx.example.com", mac=mac(4))
    step(ledger, *outcomes(step(ledger), Result.OWNED, "Error:owned_by_other_user"))
    ready.account_unbind("403@pbx.example.com")
    before = "\n".join(connection.iterdump())
    found = begun(ledger, clock, for_sync=True)
    survey = filled(found.survey(), {mac(1): URL, mac(3): URL, mac(9): URL})
    through(lambda after: found.preview(survey, after))
    assert found.found == {
        "right": [int(mac(1), 16)],
        "nowhere": [int(mac(2), 16)],
        "elsewhere": [],
        "unseen": [],
        "refused": [int(mac(4), 16)],
        "removing": [int(mac(3), 16)],
        "strays": [int(mac(9), 16)],
    }
    assert "\n".join(connection.iterdump()) == before


def test_lists_are_asked_for_the_urls_in_use_and_the_plain_ones(
    ready: Administration, ledger: Ledger, add: Add, clock: Clock
) -> None:
    add("401@pbx.example.com", mac=mac(1))
    token = ready.token_make("pbx.example.com")["token"]
    survey = begun(ledger, clock).survey()
    asked = []
    while (wanted := survey.next_list()) is not None:
        asked.append(wanted)
        survey.receive([])
    of_370 = [url for type_, url in asked if type_ == "snom370"]
    assert of_370 == sorted(["", f"{BASE}/{token}/{{mac}}.xml", URL])
    assert ("snomm9", f"{BASE}/snomm9-{{mac}}.htm") in asked


def test_a_clock_that_was_set_back_makes_nobody_ask_again_and_again(
    ready: Administration, ledger: Ledger, add: Add, clock: Clock
) -> None:
    registered(ledger, add, 1)
    compared(begun(ledger, clock), {mac(1): URL})
    clock.pass_seconds(3_600)
    ready.redirection_sync()
    step(ledger, *outcomes(step(ledger)))
    clock.set_wall(clock().wall - 10 * 86_400)
    wanted = step(ledger)
    assert (wanted.survey, wanted.for_sync) == (True, True)
    compared(begun(ledger, clock, for_sync=True), {mac(1): URL})
    assert not step(ledger).survey
    assert ready.redirection_status()["listed"]
    # What was done "later" than now is judged all the same.
    clock.pass_seconds(86_401)
    assert compared(begun(ledger, clock), {}).differing == 1
