"""What roll-outs told one phone, when, and what came of it: lines for its time-line."""

import sqlite3
from typing import Any

from bootwave.rollout.course import Fate, Result

MOST = 20  # roll-outs of one phone, the newest

_OF_DEVICE = """
SELECT r.id, r.action, r.version, r.started_at, p.fate, p.result, p.detail,
  p.notified_at, p.back_at
FROM rollouts r JOIN rollout_phones p ON p.rollout_id = r.id AND p.mac = :mac
LEFT JOIN devices v ON v.mac = p.mac
WHERE :everything OR COALESCE(v.adopted_seq <= r.chosen_seq, 1)
ORDER BY r.id DESC LIMIT :most
"""
_TOLD_TO = {
    "resync": "fetch its settings",
    "reboot": "restart",
    "firmware": "restart and load",
}
_ENDS = {
    Fate.OUT: "it is awaited",
    Fate.MISSING: "it did not come back",
    Fate.LEFT: "it did not come back, and the others went on",
    Fate.WAITING: "it is to be told again",
}


def of_device(
    connection: sqlite3.Connection, mac: int, *, everything: bool = True
) -> list[dict[str, Any]]:
    """Return the roll-outs that the phone *mac* was part of, newest first.

    Those that began since its domain got it, unless *everything* is told.
    ``at`` is when it was told, or when a roll-out began that did not tell it.
    """
    named = {"mac": mac, "most": MOST, "everything": everything}
    rows = connection.execute(_OF_DEVICE, named).fetchall()
    found = []
    for number, action, version, started_at, fate, result, detail, *times in rows:
        notified_at, back_at = times
        said = {
            "rollout": number,
            "action": action,
            "version": version,
            "fate": fate,
            "result": result,
            "detail": detail,
            "notified_at": notified_at,
            "back_at": back_at,
        }
        at = started_at if notified_at is None else notified_at
        found.append({"at": at, **said, "sentence": _sentence(said)})
    return found


def _sentence(said: dict[str, Any]) -> str:
    number, fate, detail = said["rollout"], Fate(said["fate"]), said["detail"]
    what = " ".join(filter(None, (_TOLD_TO[said["action"]], said["version"])))
    if said["notified_at"] is None:
        if fate is Fate.LEFT:
            return f"roll-out {number} left it out: {detail}"
        if fate is Fate.BACK:
            return f"roll-out {number} told it nothing: {detail}"
        return f"roll-out {number} has yet to tell it to {what}"
    if fate is Fate.BACK:
        seconds = (said["back_at"] or said["notified_at"]) - said["notified_at"]
        end = f"it was back after {seconds:.0f} s"
    else:
        end = _ENDS[fate]
    answer = "" if said["result"] == Result.SENT else f"{said['result']}, "
    because = f" ({detail})" if detail else ""
    return f"roll-out {number} told it to {what}: {answer}{end}{because}"
