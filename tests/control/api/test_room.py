"""What the API knows of the engine around it."""

import asyncio
import sqlite3
import time
from contextlib import closing

import httpx
import pytest

from bootwave.control import eventfeed
from bootwave.control.api.room import Room
from bootwave.errors import StoreUnavailable
from bootwave.metrics import CounterPage
from bootwave.sightings import Reason, Sighting
from bootwave.store.administration import Administration
from bootwave.store.rollouts import rollouts
from bootwave.store.secrets import KeyRing
from bootwave.store.sightings.sightings import SightingLog
from tests.control.api.conftest import MAC, A, Served

MACS = [MAC, "0004132E08B5"]


@pytest.fixture
def room(api: Served, monkeypatch: pytest.MonkeyPatch) -> Room:
    """A room whose feed nobody began, and of which no roll-out has ended just now."""
    monkeypatch.setattr(rollouts, "JUST_ENDED_SECONDS", 0.0)
    api.call("account.add", account=f"402@{A}", password="s3cret-of-sip")
    for account, mac in zip((f"401@{A}", f"402@{A}"), MACS, strict=True):
        api.call("account.bind", account=account, mac=mac)
        seen = Sighting(
            time.time(), int(mac, 16), "127.0.0.9", Reason.SERVED_WINDOW, ""
        )
        SightingLog(api.options.store.sightings).append([seen])
    assert api.plane._api is not None
    keyring = KeyRing.load(api.options.store.key)
    room = Room(api.options, keyring, CounterPage(1).totals, 0.0)
    room._readers = api.plane._api._desk._readers
    return room


def paused(api: Served, mac: str) -> int:
    """Return the number of a new roll-out to one phone, which is paused."""
    started = api.call("rollout.start", scope="device", target=mac)
    api.call("rollout.pause", rollout=started["id"])
    return int(started["id"])


def states(api: Served, room: Room) -> dict[int, str]:
    """Return the states of the roll-outs that *room* tells now, by their number."""
    return {one["id"]: one["state"] for one in api.run(room._rollouts())}


def test_roll_outs_are_told_until_after_they_ended(api: Served, room: Room) -> None:
    number = paused(api, MAC)
    assert states(api, room) == {number: "paused"}
    api.call("rollout.cancel", rollout=number)
    assert states(api, room) == {number: "cancelled"}
    assert states(api, room) == {}


def test_the_end_of_a_roll_out_is_told_beside_one_that_was_forgotten(
    api: Served, room: Room
) -> None:
    forgotten, ended = (paused(api, mac) for mac in MACS)
    assert states(api, room) == {forgotten: "paused", ended: "paused"}
    for number in (forgotten, ended):
        api.call("rollout.cancel", rollout=number)
    with closing(sqlite3.connect(api.options.store.database)) as connection:
        connection.execute("DELETE FROM rollouts WHERE id = ?", (forgotten,))
        connection.commit()
    assert states(api, room) == {ended: "cancelled"}
    assert states(api, room) == {}


def test_the_end_of_a_roll_out_is_told_after_the_store_was_too_busy(
    api: Served, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = paused(api, MAC)
    assert states(api, room) == {number: "paused"}
    api.call("rollout.cancel", rollout=number)

    def refused(store: Administration, number: int) -> None:
        raise StoreUnavailable("It is away.")

    with monkeypatch.context() as away:
        away.setattr(Administration, "rollout_show", refused)
        with pytest.raises(StoreUnavailable):
            states(api, room)
    assert states(api, room) == {number: "cancelled"}


def test_nobody_is_told_of_ends_of_while_nobody_listened(
    api: Served, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = paused(api, MAC)
    assert states(api, room) == {number: "paused"}
    monkeypatch.setattr(eventfeed, "LOOK_SECONDS", 0.01)

    async def nobody_listens() -> None:
        room.feed.start()
        async with asyncio.timeout(20):
            while room._told:
                await asyncio.sleep(0.01)
        await room.stop()

    api.run(nobody_listens())
    api.call("rollout.cancel", rollout=number)
    assert states(api, room) == {}


def test_a_room_that_was_never_used_is_left(api: Served) -> None:
    keyring = KeyRing.load(api.options.store.key)
    room = Room(api.options, keyring, CounterPage(1).totals, 12.5)
    told = asyncio.run(room.metrics())
    assert b"\nbootwave_start_time_seconds 12.5\n" in told
    asyncio.run(room.stop())


STUCK = """
INSERT INTO redirection_phones (mac, target, known, told, trouble, words, attempts,
  next_at, elsewhere) VALUES (5, 'd', '', 'd', 'owned', '', 1, 1e9, '')
"""
STORED = (
    '\nbootwave_redirection_phones{state="pending"} 0\n',
    '\nbootwave_redirection_phones{state="owned"} 1\n',
    '\nbootwave_rollouts{state="running"} 0\n',
    '\nbootwave_rollouts{state="paused"} 1\n',
)


def told(api: Served, admin: httpx.Client) -> tuple[str, str]:
    """Return the metrics as the API tells them, and the socket."""
    return admin.get("/metrics").text, api.call("engine.metrics")["text"]


def test_what_is_counted_in_the_store_is_told_by_the_api_and_by_the_socket(
    api: Served, room: Room, admin: httpx.Client
) -> None:
    paused(api, MAC)
    with closing(sqlite3.connect(api.options.store.database)) as connection:
        connection.execute(STUCK)
        connection.commit()
    for text in told(api, admin):
        assert [line for line in STORED if line not in text] == []


def test_other_metrics_are_told_while_the_store_is_away(
    api: Served, admin: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(store: Administration) -> None:
        raise StoreUnavailable("It is away.")

    monkeypatch.setattr(Administration, "watch_counts", away)
    for text in told(api, admin):
        assert "\nbootwave_documents_total 0\n" in text
        assert "bootwave_rollouts" not in text
