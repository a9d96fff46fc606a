"""Which roll-outs are kept, so that neither their number nor their phones grow on.

Those that are over are forgotten, the oldest first.  Who resyncs phones one by one,
some of which are switched off, leaves a roll-out that halted for each: nobody is told
nor awaited in it, so that the oldest of these end by themselves.

Those of a domain go with it: by its name alone they would be the next one's.
"""

from typing import NamedTuple

from bootwave.store.rollouts.reach import named_domain
from bootwave.store.work import Work

KEPT = 200  # that are over
KEPT_PHONES = 500_000  # of them all, but for the newest
KEPT_HALTED = 500  # of which nobody is told nor awaited

_OVER = """
SELECT id,
  (SELECT COALESCE(MAX(place) + 1, 0) FROM rollout_phones WHERE rollout_id = r.id)
FROM rollouts r WHERE ended_at IS NOT NULL ORDER BY id DESC
"""
_NAMED = """
SELECT id,
  (SELECT COALESCE(MAX(place) + 1, 0) FROM rollout_phones WHERE rollout_id = r.id),
  ended_at IS NOT NULL, selection
FROM rollouts r ORDER BY id
"""
_FORGET = "DELETE FROM rollouts WHERE id = :id"
# What is to happen with firmware that harmed the canary, only people can say.
_HALTED = """
SELECT id FROM rollouts r
WHERE ended_at IS NULL AND state = 'halted' AND action <> 'firmware' AND NOT EXISTS (
  SELECT 1 FROM rollout_phones
  WHERE rollout_id = r.id AND fate IN ('waiting', 'out'))
ORDER BY id DESC LIMIT -1 OFFSET :kept
"""
# Whoever carries it out reads it anew.
_END = """
UPDATE rollouts SET state = 'cancelled', ended_at = :now, revision = revision + 1
WHERE id = :id
"""


def make_room(work: Work) -> None:
    """End and forget what is too old beside the newest roll-out."""
    halted = work.connection.execute(_HALTED, {"kept": KEPT_HALTED}).fetchall()
    for (number,) in halted:
        work.connection.execute(_END, {"id": number, "now": work.at.wall})
        work.note("rollout.cancelled", f"roll-out {number}", why="newer ones halted")
    phones = 0
    for kept, (number, many) in enumerate(work.connection.execute(_OVER).fetchall()):
        phones += many
        if kept >= KEPT or (kept and phones > KEPT_PHONES):
            work.connection.execute(_FORGET, {"id": number})


class Kept(NamedTuple):
    """A roll-out that is kept, and how many ``phones`` it has."""

    number: int
    phones: int
    is_over: bool


def of_domain(work: Work, name: str) -> list[Kept]:
    """Return the roll-outs to phones that are named by the domain *name*."""
    rows = work.connection.execute(_NAMED).fetchall()
    return [
        Kept(number, phones, bool(is_over))
        for number, phones, is_over, selection in rows
        if named_domain(selection) == name
    ]


def forget(work: Work, one: Kept) -> None:
    """Forget one whose domain is removed; who carries it out holds it no longer."""
    work.connection.execute(_FORGET, {"id": one.number})
    if not one.is_over:
        named = f"roll-out {one.number}"
        work.note("rollout.cancelled", named, why="its domain was removed")
