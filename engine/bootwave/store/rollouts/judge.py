"""Whether a phone is to be told to load the firmware of a roll-out, and why not.

What counts is what the phone would be told once the version is defined where the
roll-out is to define it: pins, what is forbidden, and what a narrower scope defines
count more than the roll-out, and a phone that no way leads to the version is not sent
half of it (firmware.decision).
"""

import sqlite3
from typing import NamedTuple

from bootwave.firmware.decision import (
    KEEP,
    Running,
    ScopeRules,
    Why,
    decide,
    rules_for,
)
from bootwave.firmware.definitions import Definition
from bootwave.store.firmware import firmware
from bootwave.store.firmware.firmware import Allowed
from bootwave.store.firmware.rows import Place, rules_of
from bootwave.store.rollouts.target import Target
from bootwave.store.work import Work

_HOME = """
SELECT COALESCE(domain_id, 0), COALESCE(group_id, 0) FROM devices WHERE mac = :mac
"""
# Not whether it has a handle: after a roll-out every phone has one.
_HAS_OWN = """
SELECT EXISTS (SELECT 1 FROM firmware_definitions WHERE scope = 'device' AND key = :mac)
  OR EXISTS (SELECT 1 FROM firmware_pins WHERE scope = 'device' AND key = :mac)
  OR EXISTS (SELECT 1 FROM firmware_forbidden WHERE scope = 'device' AND key = :mac)
"""


class Verdict(NamedTuple):
    """``why`` a phone is not told, "" when it is, and then the ``way`` to the version.

    ``is_there`` is whether it is not told because it runs the version.
    """

    why: str
    is_there: bool = False
    way: tuple[Definition, ...] = ()


THERE = Verdict("it runs the version already", is_there=True)


class Judge:
    """Judges phones of one roll-out by what is stored in one moment."""

    def __init__(self, work: Work, allowed: Allowed, target: Target) -> None:
        """Judge by what *work* reads, and the images that are *allowed*."""
        self._connection: sqlite3.Connection = work.connection
        self._allowed = allowed
        self._target = target
        self._images = firmware.images_of(work)
        self._rules: dict[Place, ScopeRules] = {}
        self._verdicts: dict[tuple[Running, int, int], Verdict] = {}

    def verdict(self, mac: int, running: Running) -> Verdict:
        """Return the verdict over the phone *mac*, which runs what it says."""
        version = self._target.definition.version
        if running.version is None:
            return Verdict("it did not say which version it runs")
        if running.version == version:
            return THERE
        rows = self._connection.execute(_HOME, {"mac": mac}).fetchall()
        domain_id, group_id = rows[0] if rows else (0, 0)
        own = self._connection.execute(_HAS_OWN, {"mac": mac}).fetchall()[0][0]
        if own or self._target.place.scope == "device":
            return self._judged(running, mac, domain_id, group_id)
        # A fleet runs few versions in few groups.
        alike = running, domain_id, group_id
        if alike not in self._verdicts:
            self._verdicts[alike] = self._judged(running, 0, domain_id, group_id)
        return self._verdicts[alike]

    def exists(self, one: Definition) -> bool:
        """Whether phones can be told *one*: its image is there, its host allowed."""
        return not firmware.state_of(one, self._images, self._allowed)

    def bytes_of(self, way: tuple[Definition, ...]) -> int:
        """Return how much a phone loads from this server on its *way*."""
        images = (self._images.get(one.location) for one in way)
        return sum(image.size for image in images if image is not None)

    def _judged(
        self, running: Running, mac: int, domain_id: int, group_id: int
    ) -> Verdict:
        wanted = self._target.definition
        if running.model != wanted.model:
            if not running.model:
                return Verdict("it did not say which model it is")
            return Verdict(f"it says that it is a {running.model}")
        places = [Place("device", mac), Place("group", group_id)]
        places += [Place("domain", domain_id), Place("engine", 0)]
        places = [one for one in places if one.key or one.scope == "engine"]
        if self._target.place not in places:
            return Verdict(f"it is none of {self._target.whom} any more")
        now = rules_for(running.model, [self._rules_of(one) for one in places])
        if not now.pin and now.target == wanted.version:
            return Verdict(f"{wanted} is defined for it already")
        then = rules_for(running.model, [self._with_target(one) for one in places])
        if then.pin == KEEP:
            return Verdict(Why.KEPT.value)
        if then.pin and then.pin != str(wanted.version):
            return Verdict(f"it is pinned to {then.pin}")
        if then.target != wanted.version:
            return Verdict(f"{then.target} is defined for it, its group or its domain")
        found = decide(running, then, self.exists)
        if found.why is not Why.TOLD:
            return Verdict(found.why.value)
        return Verdict("", way=found.way)

    def _rules_of(self, place: Place) -> ScopeRules:
        if place.scope == "device":
            return rules_of(self._connection, *place)
        if place not in self._rules:
            self._rules[place] = rules_of(self._connection, *place)
        return self._rules[place]

    def _with_target(self, place: Place) -> ScopeRules:
        rules = self._rules_of(place)
        if place != self._target.place:
            return rules
        defined = firmware.with_definition(rules.definitions, self._target.definition)
        return ScopeRules(tuple(defined), rules.pins, rules.forbidden)
