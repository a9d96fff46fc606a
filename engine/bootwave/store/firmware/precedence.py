"""What roll-outs that are not over have to do with what administrators define.

A place and a model have one who says what its phones shall run: while a roll-out is on
its way there nobody else does.  What an administrator says for one device counts more
than any roll-out, which leaves that phone alone from then on.
"""

from collections.abc import Iterable

from bootwave.errors import StoreConflict
from bootwave.firmware.definitions import Definition
from bootwave.store.firmware.rows import Place
from bootwave.store.work import Work

# One to a device that another domain has since defines nothing there.
_TO = """
SELECT id, version FROM rollouts
WHERE ended_at IS NULL AND action = 'firmware' AND scope = :scope AND key = :key
  AND model = :model AND NOT (scope = 'device' AND EXISTS (
    SELECT 1 FROM devices WHERE mac = key AND adopted_seq > chosen_seq))
"""
# Those of a domain that had the device before are told nothing of it (rows).
_LEAVE = """
UPDATE rollout_phones SET fate = 'left', result = '', notified_at = NULL,
  detail = 'it was given a version of its own meanwhile'
WHERE mac = :mac AND fate <> 'left' AND rollout_id IN (
  SELECT id FROM rollouts WHERE ended_at IS NULL AND action = 'firmware'
    AND model = :model AND (scope = 'engine' OR NOT EXISTS (
      SELECT 1 FROM devices WHERE mac = :mac AND adopted_seq > chosen_seq)))
RETURNING rollout_id
"""
# Whoever carries it out holds what was.
_ANEW = "UPDATE rollouts SET revision = revision + 1 WHERE id = :id"
_IMAGE = """
SELECT id FROM rollouts WHERE ended_at IS NULL AND action = 'firmware'
  AND location = :location ORDER BY id
"""


def give_way(
    work: Work, place: Place, before: Iterable[Definition], after: Iterable[Definition]
) -> None:
    """Let an administrator change what *place* defines from *before* to *after*.

    Raises StoreConflict when a roll-out is to define what the change is about.
    """
    changed = set(before) ^ set(after)
    for model in sorted({one.model for one in changed if is_target(one)}):
        require_none(work, place, model)
    if place.scope != "device":
        return
    for model in {one.model for one in set(after) - set(before) if is_target(one)}:
        left = work.connection.execute(
            _LEAVE, {"mac": place.key, "model": model}
        ).fetchall()
        for (number,) in left:
            work.connection.execute(_ANEW, {"id": number})


def require_none(work: Work, place: Place, model: str) -> None:
    """Raise StoreConflict when a roll-out is to define a version of *model* there."""
    row = {**place.row, "model": model}
    for number, version in work.connection.execute(_TO, row).fetchall():
        raise StoreConflict(
            f"Roll-out {number} is on the way to {model} {version} there: cancel it "
            f"first with bootwave rollout cancel {number}."
        )


def is_target(one: Definition) -> bool:
    """Whether *one* is a version to run, no step and no part."""
    return not one.step and not one.part


def rolling_out(work: Work, image: str) -> list[int]:
    """Return the numbers of the roll-outs whose phones load *image*."""
    rows = work.connection.execute(_IMAGE, {"location": image}).fetchall()
    return [number for (number,) in rows]
