"""What a phone's time-line says of the roll-outs that it was part of."""

from bootwave.store.reports.rolloutreport import of_device
from tests.store.staged import MAC, MODEL, NEW, OLD, Staged, text


def sentences(staged: Staged, number: int) -> list[str]:
    found = of_device(staged.connection, MAC + number)
    return [one["sentence"] for one in found]


def test_a_phone_knows_what_it_was_told_and_what_came_of_it(staged: Staged) -> None:
    staged.admin.firmware_pin("device", text(2), "keep", model=MODEL)
    staged.roll_out(wait_minutes=1.5)
    waiting = next(n for n in range(9, 2, -1) if staged.fate(n) == "waiting")
    (canary,) = staged.tell()
    assert sentences(staged, canary) == [
        "roll-out 1 told it to restart and load 8.5.36: it is awaited"
    ]
    staged.comes(canary, OLD)
    staged.step(seconds=100.0)
    assert sentences(staged, canary) == [
        "roll-out 1 told it to restart and load 8.5.36: it did not come back "
        "(it runs 8.5.20)"
    ]
    staged.comes(canary, NEW)
    staged.step(seconds=600.0)
    (said,) = sentences(staged, canary)
    assert said.startswith(
        "roll-out 1 told it to restart and load 8.5.36: it was back after 10"
    )
    assert sentences(staged, 2) == [
        "roll-out 1 left it out: it is pinned to what it runs"
    ]
    if waiting != canary:
        assert sentences(staged, waiting) == [
            "roll-out 1 has yet to tell it to restart and load 8.5.36"
        ]
    staged.admin.rollout_cancel(1)
    staged.admin.rollout_start("device", text(2))
    assert [one["rollout"] for one in of_device(staged.connection, MAC + 2)] == [2, 1]


def test_device_show_and_check_tell_it(staged: Staged) -> None:
    number = staged.admin.rollout_start("device", text(1), action="reboot")["id"]
    staged.tell()
    staged.refuses(1, number)
    (told,) = staged.admin.device_show(text(1))["rollouts"]
    assert told["sentence"] == (
        "roll-out 1 told it to restart: refused, it did not come back (it says 489)"
    )
    assert told["at"] == told["notified_at"]
    assert staged.admin.device_check(text(1))["rollouts"] == [told]
    assert staged.admin.device_show(text(3))["rollouts"] == []
