"""Whom a roll-out tells, in which order and by which plan, and who is left out of it.

Of a hundred thousand phones that takes a while to say, so it is worked out before the
store is locked, and written by few statements: phones' writes wait for as long.
"""

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from bootwave.phone.spread import place
from bootwave.rollout.course import Fate, Result
from bootwave.rollout.plan import Plan, plan_for
from bootwave.rollout.units import kept_whole
from bootwave.store.rollouts.errands import NOT_SEEN
from bootwave.store.work import Work

_ADD = """
INSERT INTO rollout_phones (rollout_id, place, mac, fate, result, detail, notified_at,
  back_at, unit)
SELECT :id, CAST(key AS INTEGER), value, :fate, :result, :detail, NULL, NULL, 0
FROM json_each(:macs)
"""
# What is given is read once, not for each phone.
_UNIT = """
WITH units AS MATERIALIZED (
  SELECT CAST(key AS INTEGER) AS mac, value AS unit FROM json_each(:units)
)
UPDATE rollout_phones SET unit = units.unit FROM units
WHERE rollout_id = :id AND rollout_phones.mac = units.mac
"""


class LeftOut(NamedTuple):
    """A phone that was selected and is not told, and why in a clause."""

    mac: int
    why: str


class Roster(NamedTuple):
    """Who is told, in the order of their turns, and ``left``: who is not.

    ``units`` has the unit of each MAC that is in one.
    """

    plan: Plan
    told: list[int]
    left: list[LeftOut]
    units: dict[int, int]

    @property
    def macs(self) -> list[int]:
        """All of them."""
        return [*self.told, *(one.mac for one in self.left)]


def roster_of(
    told: Iterable[int],
    left: Iterable[LeftOut],
    units: dict[int, int],
    asked: dict[str, Any],
) -> Roster:
    """Return whom to tell in which order; *asked* is what ``plan_for`` takes.

    Raises OptionError, as that does.
    """

    def turn(mac: int) -> tuple[int, int]:
        return place(units.get(mac, mac)), place(mac)

    in_turn = sorted(told, key=turn)
    plan = plan_for(len(in_turn), **asked)
    whole = kept_whole(plan.bounds, [units.get(mac, 0) for mac in in_turn])
    rest = sorted(left, key=lambda one: place(one.mac))
    return Roster(plan._replace(bounds=whole), in_turn, rest, units)


def write(work: Work, number: int, roster: Roster) -> None:
    """Store that these are the phones of the roll-out *number*, which has none yet."""
    _add(work, number, dict(enumerate(roster.told)), Fate.WAITING, Result.NONE, "")
    left: dict[str, dict[int, int]] = {}
    for at, (mac, why) in enumerate(roster.left, len(roster.told)):
        left.setdefault(why, {})[at] = mac
    for why, macs in left.items():
        result = Result.UNREACHABLE if why == NOT_SEEN else Result.NONE
        _add(work, number, macs, Fate.LEFT, result, why)
    if roster.units:
        units = {"id": number, "units": json.dumps(roster.units)}
        work.connection.execute(_UNIT, units)


def _add(
    work: Work,
    number: int,
    macs: dict[int, int],
    fate: Fate,
    result: Result,
    detail: str,
) -> None:
    """Add phones, by their places."""
    said = {"fate": fate, "result": result, "detail": detail}
    work.connection.execute(_ADD, {"id": number, "macs": json.dumps(macs), **said})
