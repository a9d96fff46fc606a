"""What a roll-out of firmware leaves behind when it is cancelled."""

import pytest

from bootwave.errors import OptionError
from bootwave.firmware.definitions import Definition
from bootwave.phone.firmware import FirmwareVersion
from bootwave.sightings import Reason, Sighting
from bootwave.store.changelog import Change
from bootwave.store.firmware.rows import Place
from bootwave.store.rollouts import firmware
from bootwave.store.rollouts.rollouts import loaded
from bootwave.store.rollouts.steps import MOVED_AWAY
from bootwave.store.rollouts.target import is_news, target_of
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


@pytest.fixture
def halfway(staged: Staged) -> tuple[int, int, list[int]]:
    """The roll-out, its canary, which is back, and those of whom none is back yet."""
    number = staged.roll_out()["id"]
    (canary,) = staged.tell()
    staged.comes(canary, NEW)
    return number, canary, staged.tell()


def test_who_is_back_keeps_it_by_a_definition_of_its_own(
    staged: Staged, halfway: tuple[int, int, list[int]]
) -> None:
    number, canary, second = halfway
    done = staged.admin.rollout_cancel(number)
    assert (done["state"], done["kept"], done["withdrawn"]) == ("cancelled", 1, 0)
    assert set(staged.changes[-1]) == {
        Change("device", MAC + one) for one in (canary, *second)
    }
    assert staged.defined("device", text(canary)) == [NEW]
    assert staged.defined() == [OLD]
    assert staged.is_told() == [canary]
    assert staged.asks(canary, NEW) == ""
    # Whoever did not come back has lost it for good.
    assert staged.asks(second[0], NEW) == OLD
    note = notes_of(staged.admin, limit=1)[0]
    assert (note["action"], note["detail"]) == ("rollout.cancelled", {"kept": 1})


def test_withdrawing_takes_it_from_everybody(
    staged: Staged, halfway: tuple[int, int, list[int]]
) -> None:
    number, canary, second = halfway
    done = staged.admin.rollout_cancel(number, withdraw=True)
    assert (done["kept"], done["withdrawn"]) == (0, 1)
    assert staged.is_told() == []
    assert staged.defined("device", text(canary)) == []
    assert staged.asks(canary, NEW) == OLD
    assert staged.asks(second[0], NEW) == OLD
    note = notes_of(staged.admin, limit=1)[0]
    assert note["detail"] == {"withdrawn": 1}


@pytest.mark.usefixtures("wrong_clock")
@pytest.mark.parametrize("withdraw", [False, True])
def test_what_another_tenant_has_meanwhile_is_left_alone(
    staged: Staged, halfway: tuple[int, int, list[int]], *, withdraw: bool
) -> None:
    number, canary, _second = halfway
    staged.step()
    assert staged.fate(canary) == "back"
    staged.move(canary)
    assert staged.asks(canary) == ""
    staged.admin.reach = frozenset({DOMAIN})
    done = staged.admin.rollout_cancel(number, withdraw=withdraw)
    assert (done["kept"], done["withdrawn"]) == (0, 0)
    assert Change("device", MAC + canary) not in staged.changes[-1]
    staged.admin.reach = None
    assert staged.defined("device", text(canary)) == []
    assert staged.asks(canary) == ""


@pytest.mark.usefixtures("wrong_clock")
def test_one_that_ends_defines_nothing_for_its_only_phone_if_that_has_left(
    staged: Staged,
) -> None:
    number = staged.roll_out("device", text(1))["id"]
    assert staged.tell() == [1]
    staged.refuses(1, number)
    assert staged.admin.rollout_show(number)["state"] == "halted"
    staged.move(1)
    staged.admin.rollout_resume(number, skip=True)
    staged.step()
    assert staged.admin.rollout_show(number)["state"] == "done"
    assert staged.defined("device", text(1)) == []
    assert staged.asks(1) == ""


@pytest.mark.usefixtures("wrong_clock")
@pytest.mark.parametrize("action", ["firmware", "resync"])
def test_what_a_phone_does_for_its_next_tenant_is_not_told_the_first(
    staged: Staged, action: str
) -> None:
    if action == "firmware":
        number = staged.roll_out("device", text(1))["id"]
    else:
        number = staged.admin.rollout_start("account", f"401@{DOMAIN}")["id"]
    assert staged.tell() == [1]
    staged.move(1)
    before = staged.admin.rollout_show(number)
    for version in (OLD, "8.5.30", NEW):
        staged.clock.pass_seconds(1.0)
        staged.comes(1, version)
        assert staged.step() == []
    assert staged.admin.rollout_show(number) == before
    # What will never count is not written for time and again.
    written: list[str] = []
    staged.connection.set_trace_callback(written.append)
    for _ in range(3):
        staged.comes(1, NEW)
        staged.step()
    staged.connection.set_trace_callback(None)
    assert not [one for one in written if one.startswith("BEGIN IMMEDIATE")]


@pytest.mark.usefixtures("wrong_clock")
@pytest.mark.parametrize("action", ["firmware", "resync"])
def test_a_phone_that_has_left_and_come_again_is_not_told_and_then_missed(
    staged: Staged, action: str
) -> None:
    if action == "firmware":
        number = staged.roll_out(at_once=True, rate=None, stages=None)["id"]
    else:
        number = staged.admin.rollout_start("domain", DOMAIN, at_once=True)["id"]
    staged.move(1)
    staged.admin.account_unbind(f"401@{OTHER}")
    staged.admin.account_bind(f"401@{DOMAIN}", text(1))
    staged.clock.pass_seconds(1.0)
    staged.comes(1, OLD)
    assert staged.tell() == [0, *range(2, PHONES)]
    (left,) = staged.admin.rollout_show(number)["phones"]
    assert left["mac"] == text(1)
    assert "any more" in left["detail"]


@pytest.mark.usefixtures("wrong_clock")
@pytest.mark.parametrize("scope", ["domain", "device"])
def test_a_phone_that_leaves_while_it_is_chosen_is_told_nothing(
    staged: Staged, scope: str
) -> None:
    target = DOMAIN if scope == "domain" else text(1)
    wanted = Definition(MODEL, FirmwareVersion.required(NEW), f"{AT}{MODEL}-{NEW}.bin")
    admin = staged.admin
    with admin._look() as work:
        chosen = firmware.choose(
            *(work, admin._allowed(), staged.log, scope, target, wanted), shared=False
        )
    ready = firmware.startable(chosen, {"at_once": True})
    staged.move(1)
    staged.clock.pass_seconds(1.0)
    with admin._change() as work:
        number = firmware.start(work, chosen, ready)["id"]
    assert 1 not in staged.tell()
    left = {one["mac"]: one["detail"] for one in admin.rollout_show(number)["phones"]}
    assert left[text(1)] == MOVED_AWAY
    assert staged.asks(1, OLD) == ""
    admin.reach = frozenset({OTHER})
    assert admin.device_show(text(1))["rollouts"] == []


@pytest.mark.usefixtures("wrong_clock")
@pytest.mark.parametrize("version", [NEW, "", "7.3.30"])
@pytest.mark.parametrize("scope", ["domain", "device"])
def test_a_phone_that_has_left_is_not_judged_when_its_turn_comes(
    staged: Staged, scope: str, version: str
) -> None:
    target = DOMAIN if scope == "domain" else text(1)
    number = staged.roll_out(scope, target, at_once=True, rate=None, stages=None)["id"]
    staged.move(1)
    staged.clock.pass_seconds(1.0)
    staged.comes(1, version)
    assert 1 not in staged.tell()
    (left,) = [
        one
        for one in staged.admin.rollout_show(number)["phones"]
        if one["mac"] == text(1)
    ]
    assert (left["fate"], left["notified_at"]) == ("left", None)
    assert left["detail"] == MOVED_AWAY
    handles = staged.connection.execute(
        "SELECT 1 FROM firmware_scopes WHERE scope = 'device' AND key = ?", (MAC + 1,)
    ).fetchall()
    assert handles == []


@pytest.mark.usefixtures("wrong_clock")
def test_what_the_next_tenant_says_of_a_phone_is_all_that_it_is_told(
    staged: Staged, halfway: tuple[int, int, list[int]]
) -> None:
    _number, canary, (second, *_) = halfway
    staged.step()
    for one in (canary, second):
        staged.move(one)
        # Now it asks by a handle of its own.
        staged.admin.firmware_forbid("device", text(one), MODEL, "8.4.35")
        assert staged.asks(one) == ""
    staged.define("8.5.21", "domain", OTHER)
    assert [staged.asks(one) for one in (canary, second)] == ["8.5.21"] * 2
    assert staged.asks(canary, NEW) == "8.5.21"


@pytest.mark.usefixtures("wrong_clock")
def test_what_the_next_tenant_defines_is_not_told_the_first(
    staged: Staged, halfway: tuple[int, int, list[int]]
) -> None:
    number, canary, _second = halfway
    staged.step()
    staged.move(canary)
    before = staged.admin.rollout_show(number)
    staged.define("8.5.21", "device", text(canary))
    assert staged.admin.rollout_show(number) == before
    assert staged.asks(canary) == "8.5.21"


@pytest.mark.usefixtures("wrong_clock")
def test_whoever_is_told_with_all_phones_keeps_it_wherever_it_is(
    staged: Staged,
) -> None:
    staged.admin.firmware_unset("domain", DOMAIN, MODEL)
    number = staged.roll_out("engine", "", stages="")["id"]
    (canary,) = staged.tell()
    staged.comes(canary, NEW)
    staged.step()
    staged.move(canary)
    staged.admin.firmware_forbid("device", text(canary), MODEL, "8.4.35")
    assert staged.asks(canary) == NEW
    assert staged.admin.rollout_cancel(number)["kept"] == 1
    assert staged.defined("device", text(canary)) == [NEW]


def test_only_firmware_can_be_withdrawn(staged: Staged) -> None:
    number = staged.admin.rollout_start("device", text(1))["id"]
    with pytest.raises(OptionError, match="rolls no firmware out"):
        staged.admin.rollout_cancel(number, withdraw=True)
    assert staged.admin.rollout_show(number)["state"] == "running"
    assert staged.admin.rollout_cancel(number)["kept"] == 0
    assert target_of(staged.connection, number) is None


def test_the_place_is_that_of_the_definition(staged: Staged) -> None:
    staged.admin.group_add(DOMAIN, "early")
    staged.admin.group_assign(DOMAIN, "early", [text(1), text(2)])
    number = staged.roll_out(
        "group", f"early@{DOMAIN}", at_once=True, **{"rate": None, "stages": None}
    )["id"]
    target = target_of(staged.connection, number)
    assert target is not None
    assert target.place == Place("group", 1)
    assert str(target.definition) == f"{MODEL} {NEW}"
    for one in staged.tell():
        staged.comes(one, NEW)
    staged.step()
    assert staged.defined("group", f"early@{DOMAIN}") == [NEW]
    assert staged.is_told() == [1, 2]


def test_a_group_that_is_gone_at_the_end_defines_nothing(staged: Staged) -> None:
    staged.admin.group_add(DOMAIN, "early")
    staged.admin.group_assign(DOMAIN, "early", [text(1)])
    number = staged.roll_out("group", f"early@{DOMAIN}")["id"]
    (only,) = staged.tell()
    staged.admin.group_remove(DOMAIN, "early")
    staged.comes(only, NEW)
    staged.step()
    assert staged.admin.rollout_show(number)["state"] == "done"
    rows = staged.connection.execute(
        "SELECT scope FROM firmware_definitions WHERE version = ?", (NEW,)
    ).fetchall()
    assert rows == []
    assert staged.is_told() == []


def test_the_whole_fleet_is_told_of_it_in_one_row(
    staged: Staged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bootwave.store.changelog.MOST_IN_ONE", 5)
    staged.roll_out(at_once=True, rate=None, stages=None)
    assert len(staged.tell()) == PHONES
    staged.admin.rollout_pause(1)
    assert staged.changes[-1] == [Change("all", 0)]
    assert staged.is_told() == []


def test_a_phone_that_comes_again_as_it_was_is_no_news(staged: Staged) -> None:
    number = staged.roll_out()["id"]
    (canary,) = staged.tell()
    target = target_of(staged.connection, number)
    assert target is not None
    course = loaded(staged.connection, number)

    def sighting(version: str) -> Sighting:
        at, served = staged.clock.at.wall, Reason.SERVED_CREDENTIALS
        return Sighting(at, MAC + canary, "10.0.0.1", served, f"{MODEL} {version}")

    assert is_news(target, course, sighting(OLD))
    staged.comes(canary, OLD)
    staged.step()
    written = staged.connection.total_changes
    for _ in range(3):
        staged.comes(canary, OLD)
        staged.step()
    assert staged.connection.total_changes == written
    course = loaded(staged.connection, number)
    assert not is_news(target, course, sighting(OLD))
    assert is_news(target, course, sighting(NEW))
