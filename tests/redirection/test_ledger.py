"""Entries follow bindings and tokens, and orders are written down before a call."""

import sqlite3
from collections.abc import Callable

import pytest

from bootwave.errors import StoreNotFound
from bootwave.redirection import ledger as module
from bootwave.redirection import plan
from bootwave.redirection.ledger import Done, Ledger, Step
from bootwave.redirection.plan import Action, Outcome, Result
from bootwave.store.administration import Administration
from bootwave.store.redirection.rows import due
from tests.store.clock import Clock

BASE = "https://pbx.example.com"
URL = BASE + "/{mac}.xml"
SERVICE = "https://service.example.com/xmlrpc/"
DAY = 86_400.0
Add = Callable[..., None]


def half() -> float:
    return 0.5


@pytest.fixture
def ledger(admin: Administration) -> Ledger:
    return Ledger(admin, service=SERVICE, list_seconds=DAY, chance=half)


@pytest.fixture
def ready(admin: Administration) -> Administration:
    """With an account of which everything was compared just now."""
    admin.redirection_set(user="reseller", password="swordfish", url=BASE + "/")
    return admin


def mac(number: int) -> str:
    return f"{0x000413260000 + number:012X}"


def step(ledger: Ledger, *done: Done, room: int = 100) -> Step:
    found = ledger.step(done, room)
    assert found is not None
    return found


def orders(found: Step) -> list[tuple[str, Action, str]]:
    return [(f"{one.mac:012X}", one.action, one.url) for one in found.orders]


def outcomes(found: Step, result: Result = Result.DONE, words: str = "") -> list[Done]:
    return [
        Done(found.account.version, order, Outcome(result, words))
        for order in found.orders
    ]


def test_without_an_account_nothing_is_to_be_done(ledger: Ledger, add: Add) -> None:
    add("401@pbx.example.com", mac=mac(1))
    assert ledger.step((), 100) is None


def test_an_account_that_is_made_anew_between_two_looks_is_another(
    ready: Administration, ledger: Ledger, add: Add
) -> None:
    add("401@pbx.example.com", mac=mac(1))
    first = step(ledger)
    assert step(ledger, *outcomes(first)).account.version == first.account.version
    ready.redirection_unset()
    ready.redirection_set(
        user="berta", password="her-word", url="https://pbx.example.com"
    )
    again = step(ledger)
    assert again.account.user == "berta"
    assert again.account.version != first.account.version
    assert orders(again) == [(mac(1), Action.REGISTER, URL)]


def test_bindings_of_before_are_registered_and_then_it_is_quiet(
    ready: Administration, ledger: Ledger, add: Add, connection: sqlite3.Connection
) -> None:
    add("401@pbx.example.com", mac=mac(1))
    first = step(ledger)
    assert orders(first) == [(mac(1), Action.REGISTER, URL)]
    second = step(ledger, *outcomes(first))
    assert not second.orders
    written = connection.total_changes
    assert not step(ledger).orders
    assert connection.total_changes == written
    assert ready.redirection_status()["phones"]["registered"] == 1


def test_a_binding_that_changes_is_registered_and_the_old_one_taken_away(
    ready: Administration, ledger: Ledger, add: Add
) -> None:
    add("401@pbx.example.com", mac=mac(1))
    step(ledger, *outcomes(step(ledger)))
    ready.account_bind("401@pbx.example.com", mac(2))
    changed = step(ledger)
    assert sorted(orders(changed)) == [
        (mac(1), Action.DEREGISTER, ""),
        (mac(2), Action.REGISTER, URL),
    ]
    step(ledger, *outcomes(changed))
    ready.account_unbind("401@pbx.example.com")
    last = step(ledger)
    assert orders(last) == [(mac(2), Action.DEREGISTER, "")]
    step(ledger, *outcomes(last))
    assert not any(ready.redirection_status()["phones"].values())


def test_accounts_and_domains_that_are_removed_have_their_phones_taken_away(
    ready: Administration, ledger: Ledger, add: Add
) -> None:
    add("401@pbx.example.com", mac=mac(1))
    add("401@other.example.com", mac=mac(2))
    step(ledger, *outcomes(step(ledger)))
    ready.account_remove("401@pbx.example.com")
    ready.account_remove("401@other.example.com")
    ready.domain_remove("other.example.com")
    assert orders(step(ledger)) == [
        (mac(1), Action.DEREGISTER, ""),
        (mac(2), Action.DEREGISTER, ""),
    ]


def test_very_many_changes_are_a_walk_over_all(
    ready: Administration,
    ledger: Ledger,
    add: Add,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    step(ledger)
    monkeypatch.setattr(module, "MOST_CHANGES", 2)
    monkeypatch.setattr(module, "WALK", 2)
    for number in range(3):
        add(f"{400 + number}@pbx.example.com", mac=mac(number))
    assert len(orders(step(ledger))) == 2
    assert len(orders(step(ledger))) == 1
    assert not ledger.is_walking


def test_wildcards_claims_for_a_time_and_other_makers_phones_are_not_registered(
    ready: Administration, ledger: Ledger, add: Add, connection: sqlite3.Connection
) -> None:
    add("401@pbx.example.com", mac="*")
    add("402@pbx.example.com", mac="805E0C000001")
    add("403@pbx.example.com", mac=mac(3))
    connection.execute(
        "UPDATE bindings SET expires = 9e9, boot_id = 'b' WHERE mac = ?",
        (int(mac(3), 16),),
    )
    assert not step(ledger).orders


def test_a_domain_with_a_token_has_it_in_its_urls_and_a_new_one_is_told(
    ready: Administration, ledger: Ledger, add: Add
) -> None:
    add("401@pbx.example.com", mac=mac(1))
    add("401@other.example.com", mac=mac(2))
    step(ledger, *outcomes(step(ledger)))
    token = ready.token_make("pbx.example.com")["token"]
    found = step(ledger)
    assert orders(found) == [(mac(1), Action.REGISTER, f"{BASE}/{token}/{{mac}}.xml")]
    step(ledger, *outcomes(found))
    ready.settings_set("domain", "pbx.example.com", "language", "German")
    assert not step(ledger).orders
    ready.token_remove("pbx.example.com")
    assert orders(step(ledger)) == [(mac(1), Action.REGISTER, URL)]


def test_no_token_stands_in_the_database(
    ready: Administration,
    ledger: Ledger,
    add: Add,
    connection: sqlite3.Connection,
) -> None:
    add("401@pbx.example.com", mac=mac(1))
    token = ready.token_make("pbx.example.com")["token"]
    step(ledger, *outcomes(step(ledger)))
    dumped = "\n".join(connection.iterdump())
    assert token not in dumped
    assert "swordfish" not in dumped
    assert "swordfish" not in repr(ready.redirection_status())
    assert token not in repr(ready.redirection_status(mac=mac(1)))


def test_the_url_is_of_the_dialect_of_the_model(
    ready: Administration, ledger: Ledger, add: Add
) -> None:
    add("401@pbx.example.com", mac="000413560001")  # an m9
    add("402@pbx.example.com", mac="000413630001")  # an M700
    assert [url for _, _, url in orders(step(ledger))] == [
        f"{BASE}/snomm9-{{mac}}.htm",
        f"{BASE}/snomM700-{{mac}}.htm",
    ]


def test_an_order_is_written_down_as_an_attempt_that_failed(
    ready: Administration,
    ledger: Ledger,
    add: Add,
    clock: Clock,
    connection: sqlite3.Connection,
) -> None:
    add("401@pbx.example.com", mac=mac(1))
    first = step(ledger)
    now = clock().wall
    assert due(connection, now, now + DAY * 9, 10) == []
    # Whoever was killed here does not remember it; the next one goes on.
    other = Ledger(ready, service=SERVICE, list_seconds=DAY, chance=half)
    assert not step(other).orders
    clock.pass_seconds(plan.UNREACHABLE_SECONDS[0] + 1)
    assert orders(step(other)) == orders(first)


def test_only_so_many_are_handed_out_and_none_twice(
    ready: Administration, ledger: Ledger, add: Add
) -> None:
    for number in range(7):
        add(f"{400 + number}@pbx.example.com", mac=mac(number))
    seen = []
    for _ in range(3):
        seen += orders(step(ledger, room=3))
    assert len(seen) == len(set(seen)) == 7


def test_what_came_of_orders_before_the_account_changed_is_not_stored(
    ready: Administration, ledger: Ledger, add: Add
) -> None:
    add("401@pbx.example.com", mac=mac(1))
    before = step(ledger)
    ready.redirection_set(user="other", password="word")
    after = step(ledger, *outcomes(before))
    assert orders(after) == orders(before)
    assert ready.redirection_status()["phones"]["registered"] == 0


def test_another_user_has_everything_registered_anew(
    ready: Administration, ledger: Ledger, add: Add
) -> None:
    add("401@pbx.example.com", mac=mac(1))
    step(ledger, *outcomes(step(ledger)))
    ready.redirection_set(password="another")
    assert not step(ledger).orders
    ready.redirection_set(user="other", password="word")
    assert orders(step(ledger)) == [(mac(1), Action.REGISTER, URL)]


def test_another_url_of_the_engine_is_told_for_every_phone(
    ready: Administration, ledger: Ledger, add: Add
) -> None:
    add("401@pbx.example.com", mac=mac(1))
    step(ledger, *outcomes(step(ledger)))
    ready.redirection_set(url="https://new.example.com/prov")
    assert orders(step(ledger)) == [
        (mac(1), Action.REGISTER, "https://new.example.com/prov/{mac}.xml")
    ]


def test_all_macs_are_walked_over_some_at_a_time(
    ready: Administration,
    ledger: Ledger,
    add: Add,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "WALK", 2)
    for number in range(7):
        add(f"{400 + number}@pbx.example.com", mac=mac(number))
    walked = 0
    step(ledger, room=0)
    while ledger.is_walking:
        step(ledger, room=0)
        walked += 1
    assert walked == 3
    assert ready.redirection_status()["phones"]["waiting"] == 7


def test_a_log_of_changes_that_was_cut_is_a_walk_over_all(
    ready: Administration, ledger: Ledger, add: Add, connection: sqlite3.Connection
) -> None:
    add("401@pbx.example.com", mac=mac(1))
    step(ledger)
    add("402@pbx.example.com", mac=mac(2))
    connection.execute("DELETE FROM changes WHERE seq < (SELECT MAX(seq) FROM changes)")
    connection.execute("UPDATE changes SET kind = 'account'")
    assert orders(step(ledger)) == [(mac(2), Action.REGISTER, URL)]


def test_a_service_that_is_left_alone_is_asked_for_nothing(
    ready: Administration, ledger: Ledger, add: Add, clock: Clock
) -> None:
    add("401@pbx.example.com", mac=mac(1))
    account = ledger.account()
    refused = plan.refused(account, "HTTP 401", clock().wall, 0.5)
    ledger.save_health(refused, account)
    found = step(ledger)
    assert (found.orders, found.survey) == ((), False)
    assert found.account.words == "HTTP 401"
    clock.pass_seconds(61)
    assert step(ledger).orders


def test_how_the_service_behaved_before_a_command_is_not_stored_after_it(
    ready: Administration, ledger: Ledger, clock: Clock
) -> None:
    known = ledger.account()
    stale = plan.refused(known, "HTTP 401", clock().wall, 0.5)
    ready.redirection_set(password="right")
    ledger.save_health(stale, known)
    assert ready.redirection_status()["state"] == ""


def test_no_wait_is_shortened_that_was_stored_since(
    ready: Administration, ledger: Ledger, clock: Clock
) -> None:
    now, known = clock().wall, ledger.account()
    failed = plan.failed(known, "HTTP 500", now, 0.5)
    ledger.save_health(failed, known)
    assert ledger.account().failures == 1
    asked = plan.failed(failed, "HTTP 429", now, 0.5, asked=3_600.0)
    ledger.save_health(asked, failed)
    brief = plan.failed(failed, "HTTP 429", now, 0.5, asked=60.0)
    for stale in (failed, brief, plan.answered(known, now)):
        ledger.save_health(stale, known)
        assert plan.is_left_alone(ledger.account(), now + 3_599.0)
    # Who waited for its end may say that it is over.
    ledger.save_health(plan.answered(asked, now), asked)
    assert ledger.account().state == "answers"
    ready.redirection_unset()
    ledger.save_health(failed, known)
    with pytest.raises(StoreNotFound):
        ledger.account()


def test_how_one_service_behaved_holds_for_no_other(
    ready: Administration, admin: Administration, ledger: Ledger, add: Add, clock: Clock
) -> None:
    add("401@pbx.example.com", mac=mac(1))
    known, now = ledger.account(), clock().wall
    away = plan.failed(known, "HTTP 429", now, 0.5, asked=3_600.0)
    ledger.save_health(away, known)
    assert plan.is_left_alone(ledger.account(), now)
    other = Ledger(
        admin, service="https://other.example.com/", list_seconds=DAY, chance=half
    )
    found = other.account()
    assert (found.state, found.words, found.failures) == ("", "", 0)
    assert not plan.is_left_alone(found, now)
    assert step(other).orders
    status = ready.redirection_status()
    assert (status["state"], status["words"], status["next_at"]) == ("", "", None)
    # What the other one does is stored as its own, and nothing is left of the first.
    other.save_health(plan.failed(found, "HTTP 500", now, 0.5), found)
    assert (other.account().failures, ledger.account().failures) == (1, 0)


def test_a_failed_turn_walks_over_everything_again(
    ready: Administration,
    ledger: Ledger,
    add: Add,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    add("401@pbx.example.com", mac=mac(1))

    def fail(*_: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as broken:
        broken.setattr(module.rows, "due", fail)
        with pytest.raises(RuntimeError):
            ledger.step((), 100)
    assert orders(step(ledger)) == [(mac(1), Action.REGISTER, URL)]


def test_phones_of_a_domain_whose_token_cannot_be_opened_are_left_as_they_are(
    ready: Administration,
    ledger: Ledger,
    add: Add,
    connection: sqlite3.Connection,
    noted: list[str],
) -> None:
    add("401@pbx.example.com", mac=mac(1))
    add("401@other.example.com", mac=mac(2))
    step(ledger, *outcomes(step(ledger)))
    ready.token_make("pbx.example.com")
    connection.execute("UPDATE domain_tokens SET sealed_token = x'00112233'")
    other = Ledger(ready, service=SERVICE, list_seconds=DAY, chance=half)
    assert not step(other).orders
    assert noted == ["control.redirection_skipped"]
    assert ready.redirection_status()["phones"]["registered"] == 2


def test_the_password_is_of_the_account_only(
    ready: Administration, ledger: Ledger
) -> None:
    account = ledger.account()
    assert ledger.password(account) == "swordfish"
    ready.redirection_unset()
    with pytest.raises(StoreNotFound):
        ledger.account()


def test_an_entry_of_an_order_that_is_gone_is_not_made_again(
    ready: Administration, ledger: Ledger, add: Add, connection: sqlite3.Connection
) -> None:
    add("401@pbx.example.com", mac=mac(1))
    found = step(ledger)
    connection.execute("DELETE FROM redirection_phones")
    connection.execute("DELETE FROM bindings")
    step(ledger, *outcomes(found))
    assert not any(ready.redirection_status()["phones"].values())
