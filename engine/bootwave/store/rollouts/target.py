"""What a roll-out of firmware does to what phones are told, while it goes on and after.

No row of its own says who is told to load it: a phone's place in the roll-out does
(store.firmware.rows), so that what is told and how far the roll-out is are one thing,
also after a restart.  What remains to be done with each step is to make workers forget
what they decided for the phones concerned, and at the end to define the version for
good.
"""

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

from bootwave.firmware.definitions import Definition
from bootwave.rollout.course import Course, Fate, State
from bootwave.settings.credentials import without_credentials
from bootwave.sightings import Sighting
from bootwave.store.firmware import firmware
from bootwave.store.firmware.rows import Place, definition_from_row
from bootwave.store.rollouts.reach import latest_adoption, moved
from bootwave.store.sightings.running import running_from
from bootwave.store.work import Work

_TARGET = """
SELECT selection, chosen_seq, scope, key, model, version, location FROM rollouts
WHERE id = :id AND action = 'firmware'
"""
_IS_THERE = {
    "engine": "SELECT 1",
    "domain": "SELECT 1 FROM domains WHERE id = :key",
    "group": "SELECT 1 FROM groups WHERE id = :key",
    "device": "SELECT 1 FROM devices WHERE mac = :key",
}


class Target(NamedTuple):
    """The version that phones of ``whom`` load, and the place that is to define it.

    Those that came to their domain after the change ``latest`` load it no longer.
    """

    whom: str
    place: Place
    definition: Definition
    latest: int | None = None


def target_of(connection: sqlite3.Connection, number: int) -> Target | None:
    """Return what the roll-out *number* rolls out, None when that is no firmware."""
    rows = connection.execute(_TARGET, {"id": number}).fetchall()
    if not rows:
        return None
    whom, chosen_seq, scope, key, model, version, location = rows[0]
    definition = definition_from_row(model, "", version, location, False)
    latest = latest_adoption(whom, chosen_seq)
    return Target(whom, Place(scope, key), definition, latest)


def saw(work: Work, target: Target, course: Course, sighting: Sighting) -> None:
    """Note that a phone of *course* was given its settings.

    It is back if it runs the version, in all four numbers.
    """
    said = _astray(target, sighting)
    if not said:
        is_back = course.seen(sighting.mac, sighting.at)
        if is_back and course.state is not State.RUNNING:
            # It was told nothing any more, and is from now on.
            work.touched("device", sighting.mac)
    else:
        course.strayed(sighting.mac, sighting.at, said)


def is_news(target: Target, course: Course, sighting: Sighting) -> bool:
    """Whether ``saw`` would note anything."""
    if not course.is_news(sighting.mac, sighting.at):
        return False
    said = _astray(target, sighting)
    return not said or course.is_astray(sighting.mac, sighting.at, said)


def _astray(target: Target, sighting: Sighting) -> str:
    """Return what a phone runs instead of the version, as a clause; "" if it does."""
    runs = running_from(sighting).version
    if runs == target.definition.version:
        return ""
    return "it did not say what it runs" if runs is None else f"it runs {runs}"


def told(work: Work, macs: Iterable[int]) -> None:
    """Let the phones *macs* ask by a handle of their own, and be told from now on."""
    for mac in macs:
        firmware.prepare(work, Place("device", mac))


def followed(work: Work, target: Target, course: Course, before: State) -> None:
    """Do what is due when *course* is no longer in the state *before*."""
    if course.state is before:
        return
    _touch(work, course)
    if course.state is State.DONE and _may_define(work, target):
        gone = firmware.adopt(work, target.place, target.definition)
        where = without_credentials(target.definition.location)
        work.note(
            "firmware.defined",
            target.whom,
            added=[f"{target.definition} {where}"],
            removed=[str(one) for one in gone],
        )


def keep(work: Work, target: Target, course: Course) -> int:
    """Define the version for each phone that is back; return for how many."""
    return firmware.adopt_for(work, _back(work, target, course), target.definition)


def withdraw(work: Work, target: Target, course: Course) -> int:
    """See to it that those that are back are sent back; return how many they are."""
    macs = _back(work, target, course)
    for mac in macs:
        work.touched("device", mac)
    return len(macs)


def _back(work: Work, target: Target, course: Course) -> list[int]:
    """Return who was told and is back, and is no other tenant's meanwhile."""
    macs = [one.mac for one in course.members if _was_told(one.fate, one.notified_at)]
    gone = moved(work, macs, target.latest)
    return [mac for mac in macs if mac not in gone]


def _was_told(fate: Fate, notified_at: float | None) -> bool:
    return fate is Fate.BACK and notified_at is not None


def _touch(work: Work, course: Course) -> None:
    """Make workers decide anew for those that were told and are not back."""
    for one in course.members:
        if one.notified_at is not None and one.fate is not Fate.BACK:
            work.touched("device", one.mac)


def _may_define(work: Work, target: Target) -> bool:
    """Whether the place of *target* is still there, and no other tenant's device."""
    place = target.place
    if place.scope == "device" and moved(work, [place.key], target.latest):
        return False
    return _is_there(work, place)


def _is_there(work: Work, place: Place) -> bool:
    rows = work.connection.execute(_IS_THERE[place.scope], {"key": place.key})
    return bool(rows.fetchall())
