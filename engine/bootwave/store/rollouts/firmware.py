"""Roll-outs of firmware: who is to be told when one begins, and when a turn comes.

While it goes on the version is defined for nobody: each phone is told of it from its
own turn on (``target``).  What administrators say in the meantime counts more, so
whether a phone is to be told is judged again when its turn comes.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from bootwave.errors import StoreConflict
from bootwave.firmware.decision import Running
from bootwave.firmware.definitions import Definition
from bootwave.phone.firmware import FirmwareVersion
from bootwave.rollout.course import Course
from bootwave.rollout.plan import (
    DEFAULT_RATE,
    MAX_WAIT_MINUTES,
    default_wait_minutes,
)
from bootwave.sightings import Sighting
from bootwave.store.changelog import last_seq
from bootwave.store.firmware import firmware, precedence
from bootwave.store.firmware.firmware import Allowed
from bootwave.store.rollouts import rollouts
from bootwave.store.rollouts import target as rollouttarget
from bootwave.store.rollouts.errands import NOT_SEEN
from bootwave.store.rollouts.judge import Judge
from bootwave.store.rollouts.roster import LeftOut, roster_of
from bootwave.store.rollouts.target import Target
from bootwave.store.rollouts.units import Together
from bootwave.store.sightings.running import running_from
from bootwave.store.sightings.sightings import SightingLog
from bootwave.store.work import Work

TOLD_ALONG = "its proxy restarts it along with others, and it loads nothing"

_MOST_REASONS = 4  # in one sentence
_NEVER_SEEN = Running("", None)


class Chosen(NamedTuple):
    """Whom a roll-out is to tell, and what is known of them.

    It was so ``at``, by the clock, and behind the change ``seq``.  ``units`` says who
    is told together.  ``loads`` is how many images the longest way has, and ``bytes``
    what a phone loads from this server at most.  ``warnings`` say who goes down to an
    older version.
    """

    at: float
    seq: int
    target: Target
    told: list[int]
    left: list[LeftOut]
    already: int
    units: Together
    loads: int
    bytes: int
    warnings: list[str]


def choose(
    work: Work,
    allowed: Allowed,
    log: SightingLog | None,
    scope: str,
    target: str,
    definition: Definition,
    *,
    shared: bool,
) -> Chosen:
    """Return whom a roll-out of *definition* to a scope is to tell.

    *shared* lets phones restart that are told along by their proxy, and load nothing.
    Raises StoreConflict when that is nobody, or the version is defined there already.
    """
    firmware.check_all(work, allowed, [definition])
    place = firmware.place_of(work, scope, target)
    whom = rollouts.named_selection(scope, target, definition.model)
    defined = firmware.definitions_of(work, place)
    if any(precedence.is_target(one) and one[:2] == definition[:2] for one in defined):
        raise StoreConflict(
            f"{definition} is defined there already, so phones load it when they next "
            "restart: bootwave resync --reboot restarts them in stages."
        )
    macs = rollouts.selected(work, scope, target, definition.model)
    if not macs:
        raise StoreConflict(f"There are no phones of {whom}: see bootwave device list.")
    wanted = Target(whom, place, definition)
    seen = rollouts.provisioned(work, log, macs, everywhere=scope == "engine")
    judge = Judge(work, allowed, wanted)
    when = work.at.wall, last_seq(work.connection)
    judged = _judged(judge, when, wanted, macs, seen)
    units = rollouts.told_together(work, log, judged.told, seen, take=shared)
    return _kept_apart(judged, units)


def startable(chosen: Chosen, asked: dict[str, Any]) -> rollouts.Startable:
    """Return the roll-out to whom *chosen* says; *asked* is what ``plan_for`` takes."""
    whom, place, definition, _ = chosen.target
    what = {
        "action": "firmware",
        "selection": whom,
        "started_at": chosen.at,
        "chosen_seq": chosen.seq,
        **place.row,
        "model": definition.model,
        "version": str(definition.version),
        "location": definition.location,
        "already": chosen.already,
    }
    roster = roster_of(chosen.told, chosen.left, chosen.units.units, asked)
    return rollouts.Startable(what, roster, chosen.units, asked.get("at_once", False))


def start(work: Work, chosen: Chosen, ready: rollouts.Startable) -> dict[str, Any]:
    """Start telling whom *chosen* says, as *ready* is; return the roll-out."""
    place, definition = chosen.target.place, chosen.target.definition
    precedence.require_none(work, place, definition.model)
    return {**rollouts.begin(work, ready), "warnings": chosen.warnings}


def default_rate(chosen: Chosen, bytes_per_second: int) -> float:
    """Return how many phones are told in a second, unless said.

    No more than can load their images from this server in a second: others would wait
    for theirs until their time is up.
    """
    if not chosen.bytes:
        return DEFAULT_RATE
    return min(DEFAULT_RATE, bytes_per_second / chosen.bytes)


def default_wait(chosen: Chosen, boot_delay_seconds: float) -> float:
    """Return how many minutes a phone may take to come back, unless said.

    It restarts, loads, writes and restarts once for each image on its way.
    """
    once = default_wait_minutes("firmware", boot_delay_seconds)
    return min(chosen.loads * once, MAX_WAIT_MINUTES)


def admit(
    work: Work,
    allowed: Allowed,
    target: Target,
    course: Course,
    macs: Sequence[int],
    runs: Mapping[int, Running],
) -> list[int]:
    """Return which of *macs*, whose turn has come, are to be told, and tell them.

    *runs* is what phones run, as far as they said.  The others are left out with the
    reason, or are there already.
    """
    judge = None
    told = []
    for mac in macs:
        judge = judge or Judge(work, allowed, target)
        found = judge.verdict(mac, runs.get(mac, _NEVER_SEEN))
        if found.why:
            course.spare(mac, found.why, is_there=found.is_there)
        else:
            told.append(mac)
    rollouttarget.told(work, told)
    return told


def _judged(
    judge: Judge,
    when: tuple[float, int],
    target: Target,
    macs: list[int],
    seen: Mapping[int, Sighting],
) -> Chosen:
    told: list[int] = []
    left: list[LeftOut] = []
    already = loads = most_bytes = 0
    down: list[FirmwareVersion] = []
    for mac in macs:
        if mac not in seen:
            left.append(LeftOut(mac, NOT_SEEN))
            continue
        running = running_from(seen[mac])
        found = judge.verdict(mac, running)
        if found.is_there:
            already += 1
        elif found.why:
            left.append(LeftOut(mac, found.why))
        else:
            told.append(mac)
            loads = max(loads, len(found.way))
            most_bytes = max(most_bytes, judge.bytes_of(found.way))
            if running.version and running.version > target.definition.version:
                down.append(running.version)
    if not told:
        raise StoreConflict(_nobody(target, left, already))
    warnings = [_going_down(target.definition, down)] if down else []
    alone = Together({}, set(), {})
    return Chosen(
        *when, target, told, left, already, alone, loads, most_bytes, warnings
    )


def _kept_apart(chosen: Chosen, units: Together) -> Chosen:
    """Return *chosen* without those whose NOTIFY would tell others that were not.

    Those that are taken in stand beside it: who is told along belongs to the unit.
    """
    told = [mac for mac in chosen.told if mac not in units.left_out]
    left = [*chosen.left, *(LeftOut(*one) for one in units.left_out.items())]
    if not told:
        raise StoreConflict(_nobody(chosen.target, left, chosen.already))
    known = {one.mac for one in left}
    left += [LeftOut(mac, TOLD_ALONG) for mac in sorted(units.joined - known)]
    return chosen._replace(told=told, left=left, units=units)


def _nobody(target: Target, left: list[LeftOut], already: int) -> str:
    version = target.definition.version
    if not left:
        if already == 1:
            return f"The phone of {target.whom} runs {version} already."
        return f"All {already:,} phones of {target.whom} run {version} already."
    reasons = Counter(one.why for one in left)
    if already:
        reasons["it runs it already"] = already
    said = ", ".join(
        f"{why} ({many:,})" for why, many in reasons.most_common(_MOST_REASONS)
    )
    return f"No phone of {target.whom} can be told to load {version}: {said}."


def _going_down(definition: Definition, versions: list[FirmwareVersion]) -> str:
    oldest, newest = min(versions), max(versions)
    span = str(newest) if oldest == newest else f"{oldest} to {newest}"
    count = len(versions)
    whose, run = ("phone", "runs") if count == 1 else ("phones", "run")
    return (
        f"{count:,} {whose} of {definition.model} {run} newer firmware ({span}) and "
        f"will go down to {definition.version}."
    )
