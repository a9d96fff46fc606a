"""The file of contacts is kept while the engine runs, at a pace."""

import asyncio
import time
from pathlib import Path

import pytest

from bootwave import log as logging
from bootwave.control import contactwatch
from bootwave.control.contactwatch import LATER_SECONDS, LOOK_SECONDS, ContactWatch
from bootwave.errors import StoreUnavailable
from bootwave.sightings import Reason, Sighting
from bootwave.store.connection import connect
from bootwave.store.create import create
from bootwave.store.sightings.contactkeeper import ContactKeeper
from bootwave.store.sightings.contacts import ContactFile
from bootwave.store.sightings.sightings import SightingLog

MAC = 0x0004132E08B4


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "bootwave.db"
    create(path)
    connection = connect(path)
    connection.execute(
        "INSERT INTO devices (mac, model, owns_certificate) VALUES (?, '', 0)", (MAC,)
    )
    connection.close()
    return path


@pytest.fixture
def log(tmp_path: Path) -> SightingLog:
    return SightingLog(tmp_path / "sightings.db")


def heard(log: SightingLog) -> float:
    with ContactFile(log.contacts).reading() as connection:
        ((at,),) = connection.execute("SELECT at FROM contacts").fetchall()
    return float(at)


def taken_in(log: SightingLog) -> int:
    with ContactFile(log.contacts).reading() as connection:
        ((count,),) = connection.execute("SELECT unknown + known FROM progress")
    return int(count)


def seen(count: int = 1) -> list[Sighting]:
    return [
        Sighting(time.time(), MAC, "192.0.2.7", Reason.CLOSED) for _ in range(count)
    ]


def test_what_happens_is_taken_in_from_start_to_stop(
    database: Path, log: SightingLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contactwatch, "LOOK_SECONDS", 0.01)
    log.append(seen())

    async def scenario() -> None:
        watch = ContactWatch(ContactKeeper(log, database))
        watch.start()
        for _ in range(500):
            await asyncio.sleep(0.01)
            if log.contacts.exists():
                try:
                    if heard(log):
                        break
                except StoreUnavailable:
                    continue
        await watch.stop()
        await watch.stop()

    asyncio.run(scenario())
    assert heard(log)
    assert not Path(f"{log.contacts}-wal").exists()  # it was closed


@pytest.fixture
def slowly(
    database: Path, log: SightingLog, monkeypatch: pytest.MonkeyPatch
) -> ContactWatch:
    """A watch each of whose steps takes half a second, of ten sightings or of two."""
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    monkeypatch.setattr(time, "thread_time", lambda: now)
    monkeypatch.setattr(contactwatch, "RECORDS", 10)
    monkeypatch.setattr(contactwatch, "WAVE_RECORDS", 2)
    keeper = ContactKeeper(log, database)
    step = keeper.step

    def slow_step(most: int) -> bool:
        nonlocal now
        now += 0.5
        return step(most)

    monkeypatch.setattr(keeper, "step", slow_step)
    return ContactWatch(keeper)


CALM, WAVE = 0.5 * 3, 0.5 * 199


def test_the_pace_is_a_quarter_of_the_time_and_next_to_nothing_in_a_wave(
    slowly: ContactWatch, log: SightingLog
) -> None:
    log.append(seen(60))  # before the start: no wave
    assert {slowly._step() for _ in range(4)} == {CALM}
    log.append(seen(2_100))
    assert [slowly._step() for _ in range(4)] == [WAVE] * 2 + [CALM] * 2
    while slowly._step() != LOOK_SECONDS:
        pass
    slowly._keeper.close()
    assert heard(log)


def test_a_wave_that_begins_while_something_waits_is_known_by_the_next_step(
    slowly: ContactWatch, log: SightingLog
) -> None:
    log.append(seen(5_000))
    assert {slowly._step() for _ in range(5)} == {CALM}
    log.append(seen(1_010))  # in half a second, after 2.5
    assert slowly._step() == WAVE


def test_a_step_of_a_wave_takes_in_few_sightings(
    slowly: ContactWatch, log: SightingLog
) -> None:
    log.append(seen(60))
    while slowly._step() != LOOK_SECONDS:
        pass
    assert taken_in(log) == 60
    log.append(seen(2_100))
    assert slowly._step() == WAVE
    assert taken_in(log) == 62


def test_a_failure_is_told_once_and_tried_again_later(
    tmp_path: Path, log: SightingLog, monkeypatch: pytest.MonkeyPatch, database: Path
) -> None:
    told: list[str] = []
    monkeypatch.setattr(
        logging, "note", lambda event, **values: told.append(event.identifier)
    )
    away = tmp_path / "away.db"
    database.rename(away)
    watch = ContactWatch(ContactKeeper(log, database))
    assert [watch._step(), watch._step()] == [LATER_SECONDS] * 2
    assert told == ["control.contacts_not_kept"]
    away.rename(database)
    assert LATER_SECONDS not in [watch._step() for _ in range(20)]
    assert watch._step() == LOOK_SECONDS
    database.rename(away)
    log.contacts.unlink()
    assert watch._step() == LATER_SECONDS
    assert len(told) == 2
