"""What the API knows of the engine around it."""

import asyncio
import time

from bootwave.control.api.room import Room
from bootwave.metrics import CounterPage
from bootwave.sightings import Reason, Sighting
from bootwave.store.secrets import KeyRing
from bootwave.store.sightings.sightings import SightingLog
from tests.control.api.conftest import MAC, A, Served


def test_roll_outs_are_told_until_after_they_ended(api: Served) -> None:
    api.call("account.bind", account=f"401@{A}", mac=MAC)
    seen = Sighting(time.time(), int(MAC, 16), "127.0.0.9", Reason.SERVED_WINDOW, "")
    SightingLog(api.options.store.sightings).append([seen])
    assert api.plane._api is not None
    room = api.plane._api._desk.room
    started = api.call("rollout.start", scope="domain", target=A)
    api.call("rollout.pause", rollout=started["id"])

    def states() -> list[str]:
        return [one["state"] for one in api.run(room._rollouts())]

    assert states() == ["paused"]
    api.call("rollout.cancel", rollout=started["id"])
    assert states() == ["cancelled"]
    assert states() == []


def test_a_room_that_was_never_used_is_left(api: Served) -> None:
    keyring = KeyRing.load(api.options.store.key)
    room = Room(api.options, keyring, CounterPage(1).totals, 12.5)
    assert b"\nbootwave_start_time_seconds 12.5\n" in room.metrics()
    asyncio.run(room.stop())
