"""Roll-outs as administrators start and steer them, and as they are stored."""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from bootwave.errors import OptionError, StoreConflict, StoreNotFound
from bootwave.sightings import Reason, Sighting
from bootwave.store.administration import Administration
from bootwave.store.domains import domains
from bootwave.store.sightings.sightings import SightingLog
from tests.store.clock import Clock
from tests.store.listed import notes_of

DOMAIN = "a.example.com"
MAC = 0x0004132E0800
AT = 1_700_000_000.0


def text(number: int) -> str:
    return f"{MAC + number:012X}"


def seen(
    log: SightingLog,
    numbers: Sequence[int],
    at: float = AT - 100,
    reason: Reason = Reason.SERVED_WINDOW,
    source: str = "10.0.0.{}",
) -> None:
    log.append(
        [Sighting(at, MAC + n, source.format(n + 1), reason, "") for n in numbers]
    )


@pytest.fixture
def phones(
    add: Callable[..., None], admin: Administration, log: SightingLog, clock: Clock
) -> None:
    """Ten phones of one domain, the last never heard of, and one of another."""
    clock.set_wall(AT - 1_000)  # since when they are devices
    for number in range(10):
        add(f"{400 + number}@{DOMAIN}", mac=text(number))
    add("401@b.example.com", mac=text(10))
    clock.set_wall(AT)
    seen(log, [*range(9), 10])


def test_what_a_phone_did_elsewhere_counts_in_no_roll_out_of_its_domain(
    phones: None, admin: Administration, log: SightingLog, clock: Clock
) -> None:
    other = "401@b.example.com"
    admin.account_unbind(f"403@{DOMAIN}")
    admin.account_bind(other, text(3), add=True)
    for reach in (None, frozenset({"b.example.com"})):
        admin.reach = reach
        made = admin.rollout_start("domain", "b.example.com")
        told = {phone["mac"]: phone["result"] for phone in made["phones"]}
        assert told == {text(3): "unreachable"}
        admin.rollout_cancel(made["id"])
    with pytest.raises(StoreConflict, match="never given its settings"):
        admin.rollout_start("device", text(3))
    # Who reaches all domains knows where it was.
    admin.reach = None
    for scope in ("device", "engine"):
        made = admin.rollout_start(scope, text(3) if scope == "device" else "")
        assert text(3) not in {phone["mac"] for phone in made["phones"]}
        admin.rollout_cancel(made["id"])
    clock.pass_seconds(1.0)
    seen(log, [3], at=AT + 1)
    made = admin.rollout_start("domain", "b.example.com")
    assert (made["phones"], made["fates"]["waiting"]) == ([], 2)


def test_a_domain_is_told_stage_by_stage(phones: None, admin: Administration) -> None:
    made = admin.rollout_start("domain", DOMAIN, stages="50%", hours="22-6")
    assert made["selection"] == f"domain {DOMAIN}"
    assert (made["state"], made["action"], made["total"]) == ("running", "resync", 10)
    assert [stage["phones"] for stage in made["stages"]] == [1, 4, 4]
    assert made["hours"] == "22:00-06:00"
    assert made["fates"]["waiting"] == 9
    (never,) = made["phones"]
    assert (never["mac"], never["result"]) == (text(9), "unreachable")
    assert admin.rollout_show(made["id"]) == made
    (listed,) = admin.rollout_list()
    assert listed == {
        k: v for k, v in made.items() if k not in ("stages", "phones", "left_out")
    }


@pytest.mark.parametrize(
    ("scope", "target", "total"),
    [
        ("engine", "", 11),
        ("domain", "b.example.com", 1),
        ("account", f"403@{DOMAIN}", 1),
        ("device", text(3), 1),
        ("group", f"ground floor@{DOMAIN}", 2),
    ],
)
def test_whoever_is_chosen_is_told(
    phones: None, admin: Administration, scope: str, target: str, total: int
) -> None:
    admin.group_add(DOMAIN, "ground floor")
    admin.group_assign(DOMAIN, "ground floor", [text(1), text(2)])
    assert admin.rollout_start(scope, target)["total"] == total


def test_only_those_of_a_model_are_told(
    phones: None, admin: Administration, connection: sqlite3.Connection
) -> None:
    connection.execute("UPDATE devices SET model = 'snom370' WHERE mac < ?", (MAC + 3,))
    made = admin.rollout_start("domain", DOMAIN, model="370")
    assert made["total"] == 3
    assert made["selection"] == f"domain {DOMAIN}, snom370"


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"scope": "domain", "target": "x.example.com"}, StoreNotFound, "no domain"),
        ({"scope": "phone", "target": text(1)}, OptionError, "is none of engine"),
        ({"scope": "device", "target": "000413999999"}, StoreConflict, "no phones of"),
        ({"scope": "device", "target": text(9)}, StoreConflict, "refresh timer"),
        ({"scope": "engine", "action": "erase"}, OptionError, "resync or reboot"),
        ({"scope": "engine", "canary": 0}, OptionError, "--at-once"),
    ],
)
def test_what_cannot_be_told_is_refused(
    phones: None,
    admin: Administration,
    arguments: dict[str, Any],
    error: type[Exception],
    words: str,
) -> None:
    with pytest.raises(error, match=words):
        admin.rollout_start(**arguments)
    assert admin.rollout_list() == []


@pytest.mark.parametrize(
    "reason", [Reason.SERVED_GENERAL, Reason.PNP_CONFIRMED, Reason.CLOSED]
)
def test_an_address_that_proved_no_mac_is_told_nothing(
    add: Callable[..., None], admin: Administration, log: SightingLog, reason: Reason
) -> None:
    add(f"401@{DOMAIN}", mac=text(0))
    seen(log, [0], reason=reason)
    with pytest.raises(StoreConflict, match="nobody knows where"):
        admin.rollout_start("device", text(0))


def test_a_phone_is_part_of_one_roll_out_at_a_time(
    phones: None, admin: Administration
) -> None:
    first = admin.rollout_start("domain", DOMAIN)["id"]
    with pytest.raises(StoreConflict, match=f"roll-out {first}, which is not over"):
        admin.rollout_start("device", text(3))
    admin.rollout_start("domain", "b.example.com")
    admin.rollout_cancel(first)
    assert admin.rollout_start("device", text(3))["total"] == 1


def test_commands_steer_it_and_leave_audit_notes(
    phones: None, admin: Administration, clock: Clock
) -> None:
    admin.actor = "anna"
    number = admin.rollout_start("domain", DOMAIN, at_once=True)["id"]
    assert admin.rollout_pause(number)["state"] == "paused"
    assert admin.rollout_resume(number, skip=True)["state"] == "running"
    clock.pass_seconds(10.0)
    gone = admin.rollout_cancel(number)
    assert (gone["state"], gone["ended_at"]) == ("cancelled", AT + 10.0)
    with pytest.raises(StoreConflict, match="cannot be resumed: it is cancelled"):
        admin.rollout_resume(number)
    with pytest.raises(StoreNotFound, match="no roll-out 4711"):
        admin.rollout_pause(4711)
    rows = [row for row in notes_of(admin) if row["action"].startswith("rollout.")]
    assert [(row["actor"], row["action"]) for row in rows[::-1]] == [
        ("anna", "rollout.started"),
        ("anna", "rollout.paused"),
        ("anna", "rollout.resumed"),
        ("anna", "rollout.cancelled"),
    ]
    assert rows[-1]["detail"]["at_once"] is True
    assert rows[-1]["subject"] == f"roll-out {number}"


def behind_nat(admin: Administration, log: SightingLog) -> None:
    """Give 403 to three phones behind NAT: 3, 6 and one that was never heard of."""
    for number in (6, 9):
        admin.account_unbind(f"{400 + number}@{DOMAIN}")
        admin.account_bind(f"403@{DOMAIN}", text(number), add=True)
    seen(log, [3, 6], at=AT - 10, source="203.0.113.{}")


def test_a_phone_whose_notify_tells_others_is_refused_unless_they_are_taken_in(
    phones: None, admin: Administration, log: SightingLog
) -> None:
    behind_nat(admin, log)
    with pytest.raises(StoreConflict, match=f"tells all 3 phones of 403@{DOMAIN}") as (
        refused
    ):
        admin.rollout_start("device", text(3))
    assert "--shared" in str(refused.value)
    made = admin.rollout_start("device", text(3), shared=True)
    assert made["total"] == 3
    assert [stage["phones"] for stage in made["stages"]] == [2]
    assert admin.rollout_list()[0]["staged"] == made["staged"] == 2
    (never,) = made["phones"]
    assert (never["mac"], never["fate"]) == (text(9), "left")
    detail = next(
        row["detail"] for row in notes_of(admin) if row["action"] == "rollout.started"
    )
    assert detail["taken_in"] == 2


def test_such_phones_are_left_out_of_larger_choices_with_the_reason(
    phones: None, admin: Administration, log: SightingLog, clock: Clock
) -> None:
    behind_nat(admin, log)
    admin.group_add(DOMAIN, "desks")
    admin.group_assign(DOMAIN, "desks", [text(3), text(4)])
    made = admin.rollout_start("group", f"desks@{DOMAIN}")
    assert (made["total"], made["fates"]["waiting"]) == (2, 1)
    (left_out,) = made["phones"]
    assert (left_out["mac"], left_out["result"]) == (text(3), "")
    assert f"{text(6)}, {text(9)} would be told, too" in left_out["detail"]


def test_no_stage_ends_between_phones_that_are_told_together(
    phones: None, admin: Administration, log: SightingLog
) -> None:
    behind_nat(admin, log)
    bounds = set()
    for canary in range(1, 9):
        made = admin.rollout_start("domain", DOMAIN, canary=canary, stages="")
        bounds.add(tuple(stage["phones"] for stage in made["stages"]))
        admin.rollout_cancel(made["id"])
    assert {sum(one) for one in bounds} == {9}
    # Of the eight places to end a canary at, one is within the two.
    assert len(bounds) == 7


def test_one_of_those_taken_in_may_be_part_of_another_roll_out(
    phones: None, admin: Administration, log: SightingLog
) -> None:
    behind_nat(admin, log)
    admin.domain_set(DOMAIN, reach="direct")
    admin.rollout_start("device", text(6))
    admin.domain_set(DOMAIN, reach="")
    with pytest.raises(StoreConflict, match=f"{text(6)} is part of roll-out"):
        admin.rollout_start("device", text(3), shared=True)


@pytest.mark.parametrize("action", ["resync", "reboot"])
def test_phones_are_waited_for_as_long_as_they_are_told_to_wait(
    phones: None, admin: Administration, action: str
) -> None:
    def wait(number: int, **asked: Any) -> float:
        started = admin.rollout_start("device", text(number), action=action, **asked)
        found: float = started["wait_seconds"]
        return found

    assert wait(0) == 600
    admin.settings_set("domain", DOMAIN, "max_boot_delay", "300")
    assert wait(1) == 1_200
    assert wait(2, wait_minutes=1.0) == 60


def test_who_is_told_is_chosen_before_anybody_is_kept_from_writing(
    phones: None, admin: Administration, connection: sqlite3.Connection
) -> None:
    heard: list[str] = []
    connection.set_trace_callback(heard.append)
    admin.rollout_start("domain", DOMAIN)
    connection.set_trace_callback(None)
    locked = next(at for at, one in enumerate(heard) if "BEGIN IMMEDIATE" in one)
    assert not [one for one in heard[locked:] if "FROM bindings" in one]


def test_none_is_begun_for_a_domain_that_was_removed_while_its_phones_were_chosen(
    phones: None, admin: Administration
) -> None:
    admin.before = lambda work: domains.remove(work, DOMAIN, force=True)
    with pytest.raises(StoreNotFound, match=f"There is no domain {DOMAIN}"):
        admin.rollout_start("domain", DOMAIN)
    assert admin.rollout_list() == []


def test_one_that_ended_just_now_is_told_to_who_watches(
    phones: None, admin: Administration, clock: Clock
) -> None:
    made = admin.rollout_start("domain", DOMAIN)
    admin.rollout_cancel(rollout=made["id"])
    (told,) = admin.rollout_progress()
    assert (told["id"], told["state"]) == (made["id"], "cancelled")
    clock.pass_seconds(-1)  # a clock that was set back
    assert admin.rollout_progress() == []
    clock.pass_seconds(10)
    assert admin.rollout_progress() == []
