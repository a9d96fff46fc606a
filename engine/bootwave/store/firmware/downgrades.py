"""Which phones a change of firmware takes down to an older version, in sentences.

What phones run is what they said with their last settings; what they will be told is
decided by what is stored then, for each as it will be when it asks (firmware.decision).
"""

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from typing import NamedTuple

from bootwave.errors import StoreUnavailable
from bootwave.firmware.decision import (
    Decision,
    Running,
    ScopeRules,
    decide,
    rules_for,
)
from bootwave.phone.firmware import FirmwareVersion
from bootwave.sightings import Sighting
from bootwave.store.domains.devices import seen_there
from bootwave.store.firmware.firmware import place_of, scopes_of
from bootwave.store.firmware.rows import Place, rules_of
from bootwave.store.sightings.outcomes import PROVISIONED
from bootwave.store.sightings.running import running_from
from bootwave.store.sightings.sightings import SightingLog
from bootwave.store.work import Work

_PHONES = "SELECT mac, COALESCE(domain_id, 0), COALESCE(group_id, 0) FROM devices"
_OF_SCOPE = {
    "engine": _PHONES,
    "domain": f"{_PHONES} WHERE domain_id = :key",
    "group": f"{_PHONES} WHERE group_id = :key",
    "device": f"{_PHONES} WHERE mac = :key",
}
# Those of which something is said now: after a roll-out every phone has a handle.
_SCOPES = """
SELECT scope, key FROM firmware_definitions
UNION SELECT scope, key FROM firmware_pins
UNION SELECT scope, key FROM firmware_forbidden
UNION SELECT 'device', p.mac FROM rollouts r
  JOIN rollout_phones p ON p.rollout_id = r.id
  WHERE r.ended_at IS NULL AND r.action = 'firmware' AND p.notified_at IS NOT NULL
"""


class Phone(NamedTuple):
    """A phone that said what it runs, and what is said of firmware for it."""

    running: Running
    scopes: tuple[Place, ...]


Targets = Mapping[str, FirmwareVersion]
"""The version that phones of a model are to run, by the model."""


def phones_of(
    work: Work, log: SightingLog | None, scope: str, target: str
) -> list[Phone]:
    """Return the phones of a scope that said what they run, none without a *log*.

    Raises StoreNotFound for a scope that is not there.
    """
    place = place_of(work, scope, target)
    rows = work.connection.execute(_OF_SCOPE[scope], place.row).fetchall()
    of = {mac: (domain_id, group_id) for mac, domain_id, group_id in rows}
    said: Mapping[int, Sighting] = {}
    # Who may not know what was seen may still say what shall be.
    with suppress(StoreUnavailable):
        said = log.latest(of, PROVISIONED) if log else {}
    if work.reach is not None:
        said = seen_there(work, said)
    found = []
    for mac, seen in said.items():
        runs = running_from(seen)
        if runs.model and runs.version is not None:
            domain_id, group_id = of[mac]
            places = [Place("device", mac), Place("group", group_id)]
            places += [Place("domain", domain_id), Place("engine", 0)]
            where = tuple(one for one in places if one.key or one.scope == "engine")
            found.append(Phone(runs, where))
    return found


def targets(work: Work, scope: str, target: str) -> Targets:
    """Return what phones of a scope are to run, by what holds for all of them."""
    scopes = scopes_of(work, place_of(work, scope, target))
    models = {one.model for rules in scopes for one in rules.definitions}
    models |= {model for rules in scopes for model in rules.pins}
    found: dict[str, FirmwareVersion] = {}
    for model in models:
        rules = rules_for(model, scopes)
        version = rules.target
        if rules.pin:
            version = FirmwareVersion.from_text(rules.pin)  # none for "keep"
        if version is not None:
            found[model] = version
    return found


class Change(NamedTuple):
    """What a place says of firmware once it was changed.

    ``before`` and ``after`` are what its phones were to run, and are.
    """

    place: Place
    rules: ScopeRules
    before: Targets
    after: Targets


def changed(work: Work, scope: str, target: str, before: Targets) -> Change:
    """Return what a scope says now, in the transaction that changed it."""
    place = place_of(work, scope, target)
    rules = rules_of(work.connection, *place)
    return Change(place, rules, before, targets(work, scope, target))


def warnings(
    work: Work, phones: Iterable[Phone], change: Change, models: Collection[str]
) -> list[str]:
    """Return a sentence for each of *models* that phones go down in by a *change*.

    Where none of *phones* is known to run a newer version, what they were to run until
    now counts.  Not for the transaction that makes the change: of many phones it takes
    too long to keep others from writing.  It need not have been made at all.
    """
    said = []
    concerned = (one for one in phones if one.running.model in models)
    down = _going_down(work, concerned, change)
    for (model, goal), versions in sorted(down.items()):
        count = len(versions)
        oldest, newest = min(versions), max(versions)
        span = str(newest) if oldest == newest else f"{oldest} to {newest}"
        whose, run = ("phone", "runs") if count == 1 else ("phones", "run")
        said.append(
            f"{count} {whose} of {model} {run} newer firmware ({span}) and will go "
            f"down to {goal}."
        )
    told = {model for model, _goal in down}
    for model in sorted(set(models) - told):
        old, new = change.before.get(model), change.after.get(model)
        if old is not None and new is not None and new < old:
            said.append(
                f"Phones of {model} were to run {old} until now, which is newer than "
                f"{new}."
            )
    return said


def _going_down(
    work: Work, phones: Iterable[Phone], change: Change
) -> dict[tuple[str, FirmwareVersion], list[FirmwareVersion]]:
    """Return what those run that go down, by their model and where they arrive."""
    # A fleet has few scopes of which anything is said, and runs few versions.
    saying = {Place(*row) for row in work.connection.execute(_SCOPES).fetchall()}
    saying |= {Place("engine", 0), change.place}
    rules = {change.place: change.rules}
    decided: dict[Phone, Decision] = {}
    down: dict[tuple[str, FirmwareVersion], list[FirmwareVersion]] = {}
    for phone in phones:
        running = phone.running
        alike = Phone(running, tuple(one for one in phone.scopes if one in saying))
        decision = decided.get(alike)
        if decision is None:
            for place in alike.scopes:
                if place not in rules:
                    rules[place] = rules_of(work.connection, *place)
            scopes = [rules[place] for place in alike.scopes]
            held = rules_for(running.model, scopes)
            decision = decided[alike] = decide(running, held, lambda _image: True)
        if not decision.way or running.version is None:
            continue
        goal = decision.way[-1].version
        if goal < running.version:
            down.setdefault((running.model, goal), []).append(running.version)
    return down
