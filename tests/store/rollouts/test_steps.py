"""Steps of roll-outs: who is told, where, and what comes of it."""

import pytest

from bootwave.errors import StoreConflict
from bootwave.options import WavesOptions
from bootwave.rollout.course import Result
from bootwave.rollout.notifier import Answered
from bootwave.rollout.notify import Attempt
from bootwave.rollout.resolving import Proxy
from bootwave.sightings import Reason
from bootwave.sip.effects import Endpoint
from bootwave.store.administration import Administration
from bootwave.store.rollouts import rollouts
from bootwave.store.rollouts.errands import Errand
from bootwave.store.rollouts.steps import MOVED_AWAY
from bootwave.store.sightings.sightings import SightingLog
from tests.store.clock import Clock
from tests.store.listed import notes_of
from tests.store.rollouts.test_rollouts import AT, DOMAIN, MAC, phones, seen, text

assert phones  # a fixture

NOON = 720

# By which a clock is set in the time in which a phone comes to another domain.
SET_SECONDS = [1.0, -500.0, 500.0]

# What stands in a roll-out of a phone that is another domain's when its turn comes.
NOT_TOLD = {
    "fate": "left",
    "result": "",
    "detail": MOVED_AWAY,
    "notified_at": None,
    "back_at": None,
}


def step(admin: Administration, *answers: Answered, look: bool = True) -> list[Errand]:
    done = admin.rollout_step(list(answers), minute=NOON, room=1_000, look=look)
    return done.errands if done else []


def macs(errands: list[Errand]) -> set[int]:
    return {errand.mac for errand in errands}


def accepted(errand: Errand) -> Answered:
    return Answered(errand.mac, errand.attempt, Result.ACCEPTED)


def test_nothing_is_told_without_a_roll_out(
    phones: None, admin: Administration
) -> None:
    assert admin.rollout_step([], minute=NOON, room=9, look=True) is None


def test_a_phone_on_the_lan_is_told_where_it_was_seen_last(
    phones: None, admin: Administration, log: SightingLog, clock: Clock
) -> None:
    seen(log, [3], at=AT - 10, source="10.0.7.{}", reason=Reason.NOT_MODIFIED)
    seen(log, [3], at=AT - 5, source="10.0.8.{}", reason=Reason.CLOSED)
    number = admin.rollout_start("device", text(3), action="reboot")["id"]
    step(admin)
    clock.pass_seconds(0.25)
    attempt = Attempt(number, AT + 0.25)
    assert step(admin) == [
        Errand(
            *(MAC + 3, attempt, "reboot", "403", DOMAIN),
            (Endpoint("10.0.7.4", 5060),),
        )
    ]
    clock.pass_seconds(60.0)
    assert step(admin) == []


@pytest.mark.parametrize(
    ("proxy", "registrar", "way"),
    [
        ("proxy.example.com", "", Proxy("proxy.example.com")),
        ("[2001:db8::1]:5070;transport=UDP", "", Proxy("2001:db8::1", 5070, "udp")),
        ("198.51.100.7:5080", "reg.example.com", Proxy("198.51.100.7", 5080)),
        ("", "reg.example.com:5061", Proxy("reg.example.com", 5061)),
        ("p.example.com;transport=tls", "", Proxy("p.example.com", 0, "tls")),
        ("", "", Proxy(DOMAIN)),
    ],
)
def test_a_phone_behind_nat_is_told_through_its_domains_proxy(
    phones: None,
    admin: Administration,
    log: SightingLog,
    clock: Clock,
    proxy: str,
    registrar: str,
    way: Proxy,
) -> None:
    admin.domain_set(DOMAIN, outbound_proxy=proxy, registrar=registrar)
    seen(log, [3], at=AT - 10, source="203.0.113.{}")
    number = admin.rollout_start("device", text(3))["id"]
    step(admin)
    clock.pass_seconds(1.0)
    attempt = Attempt(number, AT + 1.0)
    assert step(admin) == [Errand(MAC + 3, attempt, "resync", "403", DOMAIN, (way,))]


def shared(admin: Administration, log: SightingLog, *numbers: int) -> None:
    """Bind 403 to the phones of *numbers* as well, and put them all behind NAT."""
    for number in numbers:
        admin.account_unbind(f"{400 + number}@{DOMAIN}")
        admin.account_bind(f"403@{DOMAIN}", text(number), add=True)
    seen(log, [3, *numbers], at=AT - 10, source="203.0.113.{}")


def test_phones_of_one_extension_are_told_once_and_judged_each(
    phones: None, admin: Administration, log: SightingLog, clock: Clock
) -> None:
    shared(admin, log, 4, 5)
    number = admin.rollout_start("account", f"403@{DOMAIN}", stages="", canary=1)["id"]
    shown = admin.rollout_show(number)
    assert [stage["phones"] for stage in shown["stages"]] == [3]
    step(admin)
    clock.pass_seconds(1.0)
    (errand,) = step(admin)
    assert {errand.mac, *errand.riders} == {MAC + 3, MAC + 4, MAC + 5}
    assert admin.rollout_show(number)["fates"]["out"] == 3
    step(admin, *(accepted(errand._replace(mac=MAC + n)) for n in (3, 4, 5)))
    seen(log, [3, 4], at=AT + 2.0, source="203.0.113.{}")
    clock.pass_seconds(2.0)
    step(admin)
    fates = admin.rollout_show(number)["fates"]
    assert (fates["back"], fates["out"]) == (2, 1)


def test_an_extension_that_got_another_phone_meanwhile_tells_it_nothing(
    phones: None, admin: Administration, log: SightingLog, clock: Clock
) -> None:
    seen(log, [3], at=AT - 10, source="203.0.113.{}")
    number = admin.rollout_start("device", text(3))["id"]
    shared(admin, log, 4)
    step(admin)
    clock.pass_seconds(1.0)
    assert step(admin) == []
    step(admin)
    shown = admin.rollout_show(number)
    assert shown["state"] == "halted"
    assert shown["phones"][0]["result"] == "unreachable"
    assert f"would tell {text(4)}, too" in shown["phones"][0]["detail"]


def test_a_phone_that_was_unbound_meanwhile_is_told_nothing(
    phones: None, admin: Administration, clock: Clock
) -> None:
    number = admin.rollout_start("device", text(3))["id"]
    admin.account_unbind(f"403@{DOMAIN}")
    step(admin)
    clock.pass_seconds(1.0)
    assert step(admin) == []
    assert "bound to no account" in admin.rollout_show(number)["phones"][0]["detail"]


@pytest.mark.parametrize("seconds", SET_SECONDS)
@pytest.mark.parametrize("action", ["resync", "reboot"])
@pytest.mark.parametrize("scope", ["domain", "group", "account", "device", "engine"])
def test_a_phone_that_another_domain_has_meanwhile_is_told_nothing_for_the_first(
    phones: None,
    admin: Administration,
    clock: Clock,
    scope: str,
    action: str,
    seconds: float,
) -> None:
    mine, account, other = text(3), f"403@{DOMAIN}", "1@other.example.com"
    admin.group_add(DOMAIN, "north")
    admin.group_assign(DOMAIN, "north", [mine])
    targets = {"domain": DOMAIN, "group": f"north@{DOMAIN}", "account": account}
    target = {**targets, "device": mine}.get(scope, "")
    number = admin.rollout_start(scope, target, action=action, at_once=True)["id"]
    admin.domain_add("other.example.com")
    admin.account_add(other, password="other-word")
    clock.set_wall(AT + seconds)
    admin.account_unbind(account)
    admin.account_bind(other, mine)
    clock.set_wall(AT + 1)
    step(admin)
    clock.pass_seconds(1.0)
    told = macs(step(admin))
    if scope == "engine":  # of who administers both
        assert MAC + 3 in told
        admin.reach = frozenset({"other.example.com"})
        assert admin.device_show(mine)["rollouts"] == []
        return
    assert MAC + 3 not in told
    step(admin)
    shown = admin.rollout_show(number)
    assert {"mac": mine, **NOT_TOLD} in shown["phones"]
    assert shown["results"]["unreachable"] == (scope == "domain")  # never heard of
    assert scope == "domain" or shown["state"] == "done"
    admin.reach = frozenset({"other.example.com"})
    assert admin.device_show(mine)["rollouts"] == []
    assert admin.device_check(mine)["rollouts"] == []
    assert admin.rollout_list() == []


@pytest.mark.parametrize("seconds", SET_SECONDS)
def test_a_phone_that_is_missed_and_moves_is_not_told_again_when_it_goes_on(
    phones: None,
    admin: Administration,
    log: SightingLog,
    clock: Clock,
    seconds: float,
) -> None:
    other = "1@other.example.com"
    admin.domain_add("other.example.com")
    admin.account_add(other, password="other-word")
    number = admin.rollout_start("device", text(3))["id"]
    step(admin)
    clock.pass_seconds(1.0)
    (errand,) = step(admin)
    step(admin, Answered(errand.mac, errand.attempt, Result.REFUSED, "489"))
    clock.set_wall(AT + 2 + seconds)
    admin.account_unbind(f"403@{DOMAIN}")
    admin.account_bind(other, text(3))
    clock.set_wall(AT + 600)
    seen(log, [3], at=AT + 600, reason=Reason.SERVED_CREDENTIALS)
    # That its own domain tells it in one of its own is in nobody's way, nor is this.
    own = admin.rollout_start("device", text(3), action="reboot")["id"]
    admin.rollout_resume(number)
    admin.rollout_cancel(own)
    for _ in range(3):
        assert step(admin) == []
        clock.pass_seconds(1.0)
    shown = admin.rollout_show(number)
    assert (shown["state"], shown["phones"]) == (
        "done",
        [{"mac": text(3), **NOT_TOLD}],
    )
    admin.reach = frozenset({"other.example.com"})
    (shown,) = admin.device_show(text(3))["rollouts"]
    assert shown["rollout"] == own


def test_a_phone_that_moves_within_one_import_is_told_nothing_for_the_first(
    phones: None, admin: Administration, clock: Clock
) -> None:
    number = admin.rollout_start("device", text(3))["id"]
    rows = [
        {"extension": "403", "domain": DOMAIN, "mac": text(33)},
        {"extension": "401", "domain": "b.example.com", "mac": text(3)},
    ]
    done = admin.account_import(rows, update=True, all_or_nothing=True)
    assert (done["updated"], done["stored"]) == (2, True)
    step(admin)
    clock.pass_seconds(1.0)
    assert step(admin) == []
    shown = admin.rollout_show(number)
    assert shown["phones"] == [{"mac": text(3), **NOT_TOLD}]


def test_a_clock_that_was_ahead_keeps_no_domain_from_telling_its_phone(
    phones: None, admin: Administration, log: SightingLog, clock: Clock
) -> None:
    clock.set_wall(AT + 500)
    admin.account_unbind(f"403@{DOMAIN}")
    admin.account_bind("401@b.example.com", text(3), add=True)
    seen(log, [3], at=AT + 501)
    clock.set_wall(AT + 10)
    admin.reach = frozenset({"b.example.com"})
    number = admin.rollout_start("device", text(3))["id"]
    step(admin)
    clock.pass_seconds(1.0)
    assert macs(step(admin)) == {MAC + 3}
    assert [one["id"] for one in admin.rollout_list()] == [number]
    assert [one["rollout"] for one in admin.device_show(text(3))["rollouts"]] == [
        number
    ]


@pytest.mark.parametrize("seconds", SET_SECONDS)
@pytest.mark.parametrize("scope", ["domain", "account", "device"])
def test_a_phone_that_moves_while_it_is_chosen_is_told_nothing_for_the_first(
    phones: None,
    admin: Administration,
    log: SightingLog,
    clock: Clock,
    scope: str,
    seconds: float,
) -> None:
    account, other = f"403@{DOMAIN}", "401@b.example.com"
    target = {"domain": DOMAIN, "account": account, "device": text(3)}[scope]
    asked = {"at_once": True}
    with admin._look() as work:
        chosen = rollouts.choose(
            *(work, log, scope, target),
            **{"action": "reboot", "model": "", "asked": asked},
            waves=WavesOptions(),
        )
    clock.set_wall(AT + seconds)
    admin.account_unbind(account)
    admin.account_bind(other, text(3), add=True)
    clock.set_wall(AT + 2)
    with admin._change() as work:
        number = rollouts.begin(work, chosen)["id"]
    step(admin)
    clock.pass_seconds(1.0)
    assert MAC + 3 not in macs(step(admin))
    assert {"mac": text(3), **NOT_TOLD} in admin.rollout_show(number)["phones"]
    admin.reach = frozenset({"b.example.com"})
    assert admin.device_show(text(3))["rollouts"] == []


def test_a_canary_that_came_back_lets_the_others_follow_until_it_is_done(
    phones: None, admin: Administration, log: SightingLog, clock: Clock
) -> None:
    number = admin.rollout_start("domain", DOMAIN, stages="", rate=100.0)["id"]
    step(admin)
    clock.pass_seconds(1.0)
    (canary,) = step(admin)
    clock.pass_seconds(1.0)
    assert step(admin, Answered(canary.mac, canary.attempt, Result.ACCEPTED)) == []
    seen(log, [canary.mac - MAC], at=AT + 2.5, reason=Reason.SERVED_CREDENTIALS)
    clock.pass_seconds(1.0)
    others = step(admin)
    clock.pass_seconds(0.25)
    others += step(admin)
    assert macs(others) == {MAC + n for n in range(9)} - {canary.mac}
    for errand in others:
        seen(log, [errand.mac - MAC], at=AT + 3.5)
    clock.pass_seconds(1.0)
    assert step(admin, *map(accepted, others)) == []
    done = admin.rollout_show(number)
    assert (done["state"], done["ended_at"]) == ("done", AT + 4.25)
    assert done["fates"] == {
        **{"waiting": 0, "out": 0, "back": 9, "missing": 0, "left": 1}
    }
    assert done["results"]["accepted"] == 9
    last = notes_of(admin, limit=1)[0]
    assert (last["action"], last["actor"]) == ("rollout.done", "(engine)")


@pytest.mark.parametrize("reason", [Reason.PHONE_BOOK_SERVED, Reason.FIRMWARE_SENT])
def test_only_a_fetch_of_settings_brings_a_phone_back(
    phones: None,
    admin: Administration,
    log: SightingLog,
    clock: Clock,
    reason: Reason,
) -> None:
    number = admin.rollout_start("device", text(3))["id"]
    step(admin)
    clock.pass_seconds(1.0)
    assert macs(step(admin)) == {MAC + 3}
    seen(log, [3], at=AT + 1.5, reason=reason)
    clock.pass_seconds(1.0)
    step(admin)
    assert admin.rollout_show(number)["fates"]["out"] == 1
    seen(log, [3], at=AT + 2.5, reason=Reason.NOT_MODIFIED)
    clock.pass_seconds(1.0)
    step(admin)
    assert admin.rollout_show(number)["fates"]["back"] == 1


def test_a_canary_that_refuses_halts_and_resuming_tells_it_again(
    phones: None, admin: Administration, clock: Clock
) -> None:
    number = admin.rollout_start("domain", DOMAIN)["id"]
    step(admin)
    clock.pass_seconds(1.0)
    (canary,) = step(admin)
    clock.pass_seconds(1.0)
    assert (
        step(admin, Answered(canary.mac, canary.attempt, Result.REFUSED, "it says 489"))
        == []
    )
    halted = admin.rollout_show(number)
    assert halted["state"] == "halted"
    assert halted["phones"][0]["detail"] == "it says 489"
    assert notes_of(admin, limit=1)[0]["action"] == "rollout.halted"
    clock.pass_seconds(60.0)
    assert step(admin) == []
    admin.rollout_resume(number)
    assert step(admin) == []
    clock.pass_seconds(1.0)
    assert macs(step(admin)) == {canary.mac}


def test_an_answer_to_an_older_notify_is_not_taken_for_one_to_the_newer(
    phones: None, admin: Administration, clock: Clock
) -> None:
    first = admin.rollout_start("device", text(3))["id"]
    step(admin)
    clock.pass_seconds(1.0)
    (older,) = step(admin)
    admin.rollout_cancel(first)
    second = admin.rollout_start("device", text(3), wait_minutes=1.0)["id"]
    step(admin)
    clock.pass_seconds(1.0)
    (newer,) = step(admin)
    assert (older.attempt.rollout, newer.attempt.rollout) == (first, second)
    step(admin, Answered(older.mac, older.attempt, Result.REFUSED, "it says 489"))
    shown = admin.rollout_show(second)
    assert (shown["state"], shown["results"]["sent"]) == ("running", 1)
    clock.pass_seconds(61.0)
    step(admin)
    assert admin.rollout_show(second)["state"] == "halted"
    admin.rollout_resume(second)
    step(admin)
    clock.pass_seconds(1.0)
    (newest,) = step(admin)
    step(admin, Answered(newer.mac, newer.attempt, Result.REFUSED, "it says 489"))
    shown = admin.rollout_show(second)
    assert (shown["state"], shown["results"]["sent"]) == ("running", 1)
    step(admin, accepted(newest))
    assert admin.rollout_show(second)["results"]["accepted"] == 1


def test_who_is_out_when_a_halt_is_resumed_has_its_whole_time_anew(
    phones: None, admin: Administration, clock: Clock
) -> None:
    number = admin.rollout_start(
        "domain", DOMAIN, canary=8, stages="", rate=1.0, wait_minutes=1.0
    )["id"]
    step(admin)
    for _ in range(8):
        clock.pass_seconds(1.0)
        step(admin)
    clock.pass_seconds(53.5)
    step(admin)
    halted = admin.rollout_show(number)
    assert (halted["state"], halted["fates"]["out"]) == ("halted", 7)
    admin.rollout_resume(number)
    step(admin)
    for _ in range(2):
        clock.pass_seconds(29.5)
        step(admin)
        resumed = admin.rollout_show(number)
        assert (resumed["state"], resumed["fates"]["out"]) == ("running", 8)
    clock.pass_seconds(1.5)
    step(admin)
    halted = admin.rollout_show(number)
    assert (halted["state"], halted["fates"]["missing"]) == ("halted", 7)


def test_a_pause_is_heard_of(phones: None, admin: Administration, clock: Clock) -> None:
    number = admin.rollout_start("domain", DOMAIN, at_once=True)["id"]
    step(admin)
    admin.rollout_pause(number)
    clock.pass_seconds(1.0)
    assert step(admin) == []
    admin.rollout_resume(number)
    step(admin)
    clock.pass_seconds(1.0)
    assert len(step(admin)) == 9


def test_who_was_missing_and_is_told_by_another_meanwhile_is_not_told_by_both(
    phones: None, admin: Administration, clock: Clock
) -> None:
    first = admin.rollout_start("device", text(3), action="reboot")["id"]
    step(admin)
    clock.pass_seconds(1.0)
    (told,) = step(admin)
    step(admin, Answered(told.mac, told.attempt, Result.UNREACHABLE))
    assert admin.rollout_show(first)["state"] == "halted"
    second = admin.rollout_start("device", text(3), action="reboot")["id"]
    with pytest.raises(StoreConflict, match=f"is part of roll-out {second}"):
        admin.rollout_resume(first)
    assert admin.rollout_show(first)["state"] == "halted"
    assert admin.rollout_resume(first, skip=True)["fates"]["left"] == 1


def test_those_that_have_not_halted_go_on(
    phones: None, admin: Administration, clock: Clock
) -> None:
    def going() -> frozenset[int]:
        done = admin.rollout_step([], minute=NOON, room=9, look=True)
        assert done is not None
        return done.going

    numbers = [admin.rollout_start("device", text(n))["id"] for n in range(4)]
    assert going() == frozenset(numbers)
    clock.pass_seconds(1.0)
    (told, *_) = step(admin)
    step(admin, Answered(told.mac, told.attempt, Result.UNREACHABLE))
    admin.rollout_pause(numbers[2])
    admin.rollout_cancel(numbers[3])
    assert admin.rollout_show(told.attempt.rollout)["state"] == "halted"
    assert going() == frozenset(numbers[:3]) - {told.attempt.rollout}
