"""A firmware rolled out in stages: who is told of it, and from when on."""

from pathlib import Path

import pytest

from bootwave.errors import FirmwareError, StoreConflict, StoreNotFound
from bootwave.firmware.definitions import Definition
from bootwave.options import FirmwareOptions
from bootwave.phone.firmware import FirmwareVersion
from bootwave.quoting import MASK
from bootwave.rollout.plan import DEFAULT_RATE, FIRMWARE_WAIT_MINUTES
from bootwave.store.changelog import Change
from bootwave.store.firmware.rows import Place
from bootwave.store.rollouts.firmware import TOLD_ALONG, _going_down, _nobody
from bootwave.store.rollouts.roster import LeftOut
from bootwave.store.rollouts.target import Target
from bootwave.store.secrets import KeyRing
from tests.store.listed import notes_of
from tests.store.staged import (
    AT,
    DOMAIN,
    MAC,
    MODEL,
    NEW,
    OLD,
    OTHER,
    PHONES,
    Staged,
    text,
)


def test_nobody_is_told_the_version_before_its_turn(staged: Staged) -> None:
    made = staged.roll_out()
    assert (made["action"], made["version"], made["state"]) == (
        *("firmware", NEW),
        "running",
    )
    assert [stage["phones"] for stage in made["stages"]] == [1, 4, 5]
    assert staged.is_told() == []
    assert staged.defined() == [OLD]
    (canary,) = staged.tell()
    # A phone that restarts by itself is told nothing, and the canary is.
    assert staged.is_told() == [canary]
    staged.comes(canary, NEW)
    second = staged.tell()
    assert len(second) == 4
    assert staged.is_told() == sorted([canary, *second])
    assert staged.asks(canary, NEW) == ""


def test_the_step_that_tells_a_phone_touches_that_phone_alone(staged: Staged) -> None:
    staged.roll_out()
    before = len(staged.changes)
    (canary,) = staged.tell()
    assert staged.changes[before:] == [[Change("device", MAC + canary)]]
    staged.comes(canary, NEW)
    before = len(staged.changes)
    second = staged.tell()
    changes = {one for each in staged.changes[before:] for one in each}
    assert changes == {Change("device", MAC + one) for one in second}


def test_the_version_is_defined_when_everybody_was_told(staged: Staged) -> None:
    number = staged.roll_out()["id"]
    while told := staged.tell():
        for one in told:
            staged.comes(one, NEW)
    assert staged.admin.rollout_show(number)["state"] == "done"
    assert staged.defined() == [NEW]
    assert staged.is_told() == list(range(PHONES))
    for one in range(PHONES):
        assert staged.defined("device", text(one)) == []
        assert staged.asks(one, NEW) == ""
    defined = [
        row for row in notes_of(staged.admin) if row["action"] == "firmware.defined"
    ]
    assert defined[0]["subject"] == f"domain {DOMAIN}, {MODEL}"
    assert defined[0]["detail"]["removed"] == [f"{MODEL} {OLD}"]


def test_the_audit_log_is_told_no_credentials_of_an_image(staged: Staged) -> None:
    staged.roll_out(location=f"{AT}new.bin?token=canary-word")
    while told := staged.tell():
        for one in told:
            staged.comes(one, NEW)
    assert staged.defined() == [NEW]
    (defined,) = [
        row for row in notes_of(staged.admin) if row["action"] == "firmware.defined"
    ][:1]
    assert f"token={MASK}" in str(defined["detail"]["added"])
    assert "canary" not in str(notes_of(staged.admin))


def test_a_phone_is_back_when_it_runs_the_version_in_all_four_numbers(
    staged: Staged,
) -> None:
    staged.roll_out(version="8.5.36.7")
    (canary,) = staged.tell()
    for version in (OLD, "8.5.36", "8.5.36.6", ""):
        staged.comes(canary, version)
        assert staged.tell() == []
        assert staged.fate(canary) == "out"
    staged.comes(canary, "8.5.36.7")
    assert len(staged.tell()) == 4
    assert staged.fate(canary) == "back"


def test_a_phone_on_its_way_through_a_step_is_not_back(staged: Staged) -> None:
    staged.define("8.5.21", step=True)
    staged.roll_out()
    (canary,) = staged.tell()
    staged.comes(canary, "8.5.21")
    staged.step()
    assert staged.fate(canary) == "out"
    assert staged.asks(canary, "8.5.21") == NEW
    staged.step(seconds=61.0)
    (shown,) = staged.admin.rollout_show(1)["phones"]
    assert (shown["fate"], shown["detail"]) == ("missing", "it runs 8.5.21")


def test_a_halt_takes_the_version_from_those_that_are_not_back(staged: Staged) -> None:
    number = staged.roll_out(share_percent=100.0)["id"]
    (canary,) = staged.tell()
    staged.comes(canary, NEW)
    second = staged.tell()
    returned, refusing, *_ = second
    staged.comes(returned, NEW)
    staged.step()
    staged.refuses(refusing, number)
    assert staged.admin.rollout_show(number)["state"] == "halted"
    assert staged.is_told() == sorted([canary, returned])
    assert staged.asks(refusing) == ""
    # Who was loading it comes up with it, and is not sent back.
    late = second[2]
    assert staged.asks(late, NEW) == ""
    staged.comes(late, NEW)
    staged.step(seconds=40.0)
    assert staged.fate(late) == "back"
    assert staged.asks(late, NEW) == ""


def test_who_is_not_back_is_told_again_when_it_goes_on(staged: Staged) -> None:
    number = staged.roll_out()["id"]
    (canary,) = staged.tell()
    staged.refuses(canary, number)
    assert staged.is_told() == []
    staged.admin.rollout_resume(number)
    # Not before its turn, which is next.
    assert staged.is_told() == []
    assert staged.tell() == [canary]
    assert staged.is_told() == [canary]


def test_a_pause_takes_it_too_and_going_on_tells_again(staged: Staged) -> None:
    number = staged.roll_out(at_once=True, rate=None, stages=None)["id"]
    assert len(staged.tell()) == PHONES
    staged.comes(3, NEW)
    staged.step()
    staged.admin.rollout_pause(number)
    assert staged.is_told() == [3]
    assert [staged.asks(one, NEW) for one in range(PHONES)] == [""] * PHONES
    staged.comes(4, NEW)
    staged.step()
    assert staged.fate(4) == "back"
    staged.admin.rollout_resume(number)
    assert staged.is_told() == [3, 4]
    told = staged.tell()
    assert told == [0, 1, 2, 5, 6, 7, 8, 9]
    assert staged.is_told() == list(range(PHONES))


def test_who_is_back_before_it_is_told_again_is_not_told_again(staged: Staged) -> None:
    number = staged.roll_out()["id"]
    (canary,) = staged.tell()
    staged.admin.rollout_pause(number)
    staged.admin.rollout_resume(number)
    staged.comes(canary, NEW)
    second = staged.tell()
    assert canary not in second
    assert len(second) == 4


def test_a_process_that_is_killed_loses_nothing_of_it(staged: Staged) -> None:
    number = staged.roll_out()["id"]
    (canary,) = staged.tell()
    staged.accepts(canary, number)
    staged.restart()
    assert staged.is_told() == [canary]
    staged.comes(canary, OLD)
    assert staged.tell() == []
    staged.comes(canary, NEW)
    second = staged.tell()
    assert len(second) == 4
    staged.refuses(second[0], number)
    staged.restart()
    assert staged.is_told() == [canary]
    while told := staged.tell():
        for one in told:
            staged.comes(one, NEW)
    assert staged.admin.rollout_show(number)["state"] == "halted"
    staged.admin.rollout_resume(number)
    staged.restart()
    while told := staged.tell():
        for one in told:
            staged.comes(one, NEW)
    assert staged.defined() == [NEW]


def test_who_runs_it_already_is_none_of_its_phones(staged: Staged) -> None:
    staged.comes(0, NEW)
    staged.comes(1, f"{NEW}.0")
    staged.comes(2, "")
    staged.comes(3, "8.5.30")
    made = staged.roll_out()
    assert made["already"] == 2
    assert made["total"] == PHONES - 2
    assert made["fates"]["waiting"] == PHONES - 3
    assert made["left_out"] == [
        {"why": "it did not say which version it runs", "phones": 1}
    ]


def test_what_administrators_said_counts_more(staged: Staged) -> None:
    staged.admin.firmware_pin("device", text(0), "keep", model=MODEL)
    staged.admin.firmware_pin("device", text(1), OLD, model=MODEL)
    staged.define("8.5.21", "device", text(2))
    staged.admin.firmware_forbid("device", text(3), MODEL, NEW)
    staged.comes(4, "7.3.30")
    staged.comes(5, OLD, model="snom320")
    made = staged.roll_out()
    assert {one["why"]: one["phones"] for one in made["left_out"]} == {
        "it is pinned to what it runs": 1,
        f"it is pinned to {OLD}": 1,
        "8.5.21 is defined for it, its group or its domain": 1,
        "the version is forbidden": 1,
        "no way leads there from what it runs": 1,
        "it says that it is a snom320": 1,
    }
    assert made["fates"]["waiting"] == PHONES - 6


def test_what_administrators_say_meanwhile_counts_more_too(staged: Staged) -> None:
    staged.roll_out(stages="")
    (canary,) = staged.tell()
    staged.comes(canary, NEW)
    others = [number for number in range(PHONES) if number != canary]
    for number in others[:-1]:
        staged.admin.firmware_pin("device", text(number), "keep", model=MODEL)
    told = []
    for _ in range(5):
        told += staged.tell()
    assert told == [others[-1]]
    for number in others[:-1]:
        assert staged.fate(number) == "left"
        assert staged.asks(number) == ""


def test_a_canary_that_is_left_out_does_not_let_the_others_follow(
    staged: Staged,
) -> None:
    number = staged.roll_out()["id"]
    staged.admin.firmware_pin("domain", DOMAIN, "keep", model=MODEL)
    assert staged.tell() == []
    shown = staged.admin.rollout_show(number)
    assert shown["state"] == "halted"
    assert shown["why"] == "All phones of stage 1 were left out."
    (left,) = shown["phones"]
    assert left["detail"] == "it is pinned to what it runs"
    staged.admin.firmware_unpin("domain", DOMAIN, model=MODEL)
    staged.admin.rollout_resume(number)
    assert len(staged.tell()) == 4


def test_a_canary_that_gets_a_version_of_its_own_does_not_let_the_others_follow(
    staged: Staged,
) -> None:
    number = staged.roll_out(rate=0.5)["id"]
    staged.step()
    (canary,) = staged.connection.execute(
        "SELECT mac FROM rollout_phones WHERE place = 0"
    ).fetchall()[0]
    staged.define("8.5.21", "device", text(canary - MAC))
    for _ in range(5):
        assert staged.tell() == []
    shown = staged.admin.rollout_show(number)
    assert (shown["state"], shown["stage"]) == ("halted", 0)
    assert shown["why"] == "All phones of stage 1 were left out."
    assert staged.is_told() == []
    staged.admin.rollout_resume(number)
    assert len(staged.tell() + staged.tell()) > 0


def test_who_got_it_by_itself_before_its_turn_is_not_restarted(staged: Staged) -> None:
    staged.roll_out()
    (canary,) = staged.tell()
    by_hand = next(number for number in range(PHONES) if number != canary)
    staged.comes(canary, NEW)
    staged.comes(by_hand, NEW)
    told: list[int] = []
    while more := staged.tell():
        told += more
        for one in more:
            staged.comes(one, NEW)
    assert len(told) == PHONES - 2
    assert by_hand not in told
    assert staged.fate(by_hand) == "back"
    assert staged.defined() == [NEW]


def test_a_definition_of_its_own_takes_a_phone_out_of_it(staged: Staged) -> None:
    staged.roll_out()
    (canary,) = staged.tell()
    staged.define("8.5.21", "device", text(canary))
    assert staged.asks(canary) == "8.5.21"
    assert staged.fate(canary) == "left"
    staged.comes(canary, NEW)
    staged.step()
    assert staged.asks(canary, NEW) == "8.5.21"


@pytest.mark.parametrize(
    ("version", "sentence"),
    [
        (OLD, "8.5.20 is defined there already, so phones load it"),
        ("8.9.3", "can be told to load 8.9.3: no way leads there"),
    ],
)
def test_a_roll_out_of_nothing_says_why_and_stores_nothing(
    staged: Staged, version: str, sentence: str
) -> None:
    with pytest.raises(StoreConflict, match=sentence):
        staged.roll_out(version=version)
    assert staged.admin.rollout_list() == []
    assert staged.defined() == [OLD]


def test_a_roll_out_to_those_that_run_it_says_so(staged: Staged) -> None:
    for number in range(PHONES):
        staged.comes(number, NEW)
    with pytest.raises(StoreConflict, match=r"All 10 phones .* run 8\.5\.36 already"):
        staged.roll_out()
    with pytest.raises(StoreConflict, match=r"The phone .* runs 8\.5\.36 already\."):
        staged.roll_out("device", text(1))


def test_many_phones_are_counted() -> None:
    definition = Definition(MODEL, FirmwareVersion(8, 5, 36), "a.bin")
    target = Target("all phones", Place("engine", 0), definition)
    assert "All 12,345 phones of" in _nobody(target, [], 12_345)
    left = [LeftOut(mac, "no way leads there") for mac in range(1_234)]
    assert _nobody(target, left, 12_345).endswith(
        "8.5.36: it runs it already (12,345), no way leads there (1,234)."
    )
    newer = FirmwareVersion(8, 7, 5)
    assert _going_down(definition, [newer] * 1_234).startswith(
        f"1,234 phones of {MODEL} run newer firmware (8.7.5)"
    )


def test_whom_it_cannot_be_for_is_refused(staged: Staged) -> None:
    with pytest.raises(StoreConflict, match="no phones of"):
        staged.roll_out("domain", OTHER)
    with pytest.raises(StoreNotFound):
        staged.roll_out("domain", "x.example.com")
    with pytest.raises(FirmwareError, match=r"firmware\.hosts"):
        staged.roll_out(location="http://other.example/a.bin")
    with pytest.raises(FirmwareError, match="No image of"):
        staged.roll_out(location="")
    assert staged.admin.rollout_list() == []


def test_a_place_has_one_who_says_what_its_phones_run(staged: Staged) -> None:
    number = staged.roll_out()["id"]
    with pytest.raises(StoreConflict, match=f"Roll-out {number} is on the way"):
        staged.roll_out(version="8.5.37")
    with pytest.raises(StoreConflict, match="is part of roll-out"):
        staged.roll_out("device", text(1))
    (canary,) = staged.tell()
    staged.comes(canary, NEW)
    staged.step(seconds=0.0)
    # It is back, and would be told two versions.
    with pytest.raises(StoreConflict, match="is part of roll-out"):
        staged.roll_out("device", text(canary), version="8.5.37")
    assert staged.admin.rollout_start("device", text(canary))["state"] == "running"


@pytest.mark.parametrize("is_back", [False, True])
@pytest.mark.usefixtures("wrong_clock")
def test_the_next_tenant_of_a_phone_is_held_up_by_no_roll_out_of_the_first(
    staged: Staged, *, is_back: bool
) -> None:
    first = staged.roll_out()["id"]
    (canary,) = staged.tell()
    if is_back:
        staged.comes(canary, NEW)
        staged.step(seconds=0.0)
    staged.move(canary)
    staged.clock.pass_seconds(1.0)
    staged.comes(canary, OLD)
    told = staged.admin.rollout_start("device", text(canary))["id"]
    staged.admin.rollout_cancel(told)
    staged.admin.reach = frozenset({OTHER})
    second = staged.roll_out("domain", OTHER)["id"]
    # Nor does the second hold the first up.
    staged.admin.reach = frozenset({DOMAIN})
    staged.admin.rollout_pause(first)
    assert staged.admin.rollout_resume(first)["state"] == "running"
    staged.admin.reach = None
    with pytest.raises(StoreConflict, match=f"is part of roll-out {second}"):
        staged.roll_out("device", text(canary), version="8.5.37")


def test_a_roll_out_to_all_phones_holds_them_wherever_they_are(
    staged: Staged,
) -> None:
    number = staged.admin.rollout_start("engine")["id"]
    staged.move(1)
    staged.clock.pass_seconds(1.0)
    staged.comes(1, OLD)
    with pytest.raises(StoreConflict, match=f"is part of roll-out {number}"):
        staged.admin.rollout_start("device", text(1))
    staged.admin.rollout_pause(number)
    assert staged.admin.rollout_resume(number)["fates"]["waiting"] == PHONES


def test_one_phone_may_be_told_beside_what_is_defined_for_it(staged: Staged) -> None:
    staged.define("8.5.21", "device", text(1))
    staged.roll_out("device", text(1))
    assert staged.tell() == [1]
    assert staged.asks(1) == NEW
    staged.comes(1, NEW)
    staged.step()
    assert staged.defined("device", text(1)) == [NEW]
    assert staged.defined() == [OLD]


def test_those_that_go_down_are_counted(staged: Staged) -> None:
    staged.comes(1, "8.5.40")
    assert staged.roll_out()["warnings"] == [
        "1 phone of snom370 runs newer firmware (8.5.40) and will go down to 8.5.36."
    ]


def test_phones_are_awaited_for_every_image_on_their_way(staged: Staged) -> None:
    made = staged.roll_out("device", text(1), wait_minutes=None)
    assert made["wait_seconds"] == 60 * FIRMWARE_WAIT_MINUTES
    staged.define("8.4", step=True)
    staged.comes(2, "7.3.30")
    made = staged.roll_out("device", text(2), wait_minutes=None)
    assert made["wait_seconds"] == 2 * 60 * FIRMWARE_WAIT_MINUTES
    staged.admin.settings_set("domain", DOMAIN, "max_boot_delay", "300")
    made = staged.roll_out("device", text(3), wait_minutes=None)
    assert made["wait_seconds"] == 60 * (FIRMWARE_WAIT_MINUTES + 10)
    made = staged.admin.rollout_start("device", text(4), action="reboot")
    assert made["wait_seconds"] == 60 * 20.0


def test_no_more_phones_are_told_than_can_load_their_images(
    path: Path, keyring: KeyRing
) -> None:
    staged = Staged(path, keyring, FirmwareOptions(bytes_per_second=10_000))
    assert staged.roll_out("device", text(1), rate=None)["rate"] == DEFAULT_RATE
    name = f"{MODEL}-{NEW}-SIP-f.bin"
    staged.upload(name, bytes(20_000))
    made = staged.roll_out("device", text(2), rate=None, location=name)
    assert made["rate"] == 0.5
    made = staged.roll_out("device", text(3), rate=3.0, location=name)
    assert made["rate"] == 3.0
    staged.close()


@pytest.fixture
def sharing(staged: Staged) -> Staged:
    """Phones 1, 2 and 3 have one extension, and are behind NAT."""
    for number in (2, 3):
        staged.admin.account_unbind(f"{400 + number}@{DOMAIN}")
        staged.admin.account_bind(f"401@{DOMAIN}", text(number), add=True)
    for number in (1, 2, 3):
        staged.comes(number, OLD, source=f"203.0.113.{number}")
    return staged


def test_phones_that_one_notify_restarts_are_told_together(sharing: Staged) -> None:
    made = sharing.roll_out(stages="")
    assert made["left_out"] == []
    told: list[set[int]] = []
    while errands := sharing.tell_by():
        told += [
            {errand.mac - MAC, *(one - MAC for one in errand.riders)}
            for errand in errands
        ]
        for number in set().union(*told):
            sharing.comes(number, NEW, source=f"203.0.113.{number}")
    assert {1, 2, 3} in told
    assert len(told) == PHONES - 2
    assert sharing.defined() == [NEW]


def test_who_would_restart_another_is_left_out_unless_that_is_meant(
    sharing: Staged,
) -> None:
    sharing.comes(2, NEW, source="203.0.113.2")
    sharing.admin.firmware_pin("device", text(3), "keep", model=MODEL)
    with pytest.raises(StoreConflict, match="tells all 3 phones of 401@") as refused:
        sharing.roll_out("device", text(1))
    assert text(2) in str(refused.value)
    made = sharing.roll_out()
    because = {one["why"][:12] for one in made["left_out"]}
    assert because == {"its proxy te", "it is pinned"}
    sharing.admin.rollout_cancel(made["id"])
    made = sharing.roll_out("device", text(1), shared=True)
    assert made["fates"]["waiting"] == 1
    assert made["left_out"] == [{"why": TOLD_ALONG, "phones": 2}]
    assert sharing.tell() == [1]
    assert (sharing.asks(1), sharing.asks(3)) == (NEW, "")
