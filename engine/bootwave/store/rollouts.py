"""What administrators do with roll-outs: start, look, pause, resume, cancel.

Starting one stores it; whoever runs the control process carries it out
(``store.rolloutsteps``), also after a restart.
"""

import sqlite3
from collections.abc import Collection, Sequence
from typing import Any, get_args

from bootwave.errors import OptionError, StoreConflict, StoreNotFound
from bootwave.options import WavesOptions
from bootwave.phone.mac import required_mac, text_from_mac
from bootwave.phone.model import required_model
from bootwave.phone.spread import place
from bootwave.rollout.course import Course, Fate, Member, Result, State
from bootwave.rollout.plan import (
    Action,
    Plan,
    bounds_from_text,
    default_wait_minutes,
    hours_from_text,
    plan_for,
    text_from_bounds,
)
from bootwave.rollout.units import kept_whole
from bootwave.sightings import Sighting
from bootwave.store import fleet, groups
from bootwave.store.devicereport import PROVISIONED
from bootwave.store.names import required_member
from bootwave.store.rolloutaddresses import Places, confirmed
from bootwave.store.rollouterrands import NOT_SEEN
from bootwave.store.rolloutunits import Together, together
from bootwave.store.sightings import SightingLog
from bootwave.store.work import Work

SCOPES = ("engine", "domain", "group", "account", "device")
KEPT = 200  # roll-outs that are over; older ones are forgotten
MOST_SHOWN = 100  # phones told one by one

_OF_ENGINE = "SELECT mac FROM devices WHERE domain_id IS NOT NULL"
_OF_DOMAIN = "SELECT mac FROM devices WHERE domain_id = :key"
_OF_GROUP = """
SELECT mac FROM devices WHERE group_id = :key AND domain_id IS NOT NULL
"""
_OF_ACCOUNT = "SELECT mac FROM bindings WHERE account_id = :key"
_OF_DEVICE = "SELECT mac FROM devices WHERE mac = :key AND domain_id IS NOT NULL"
_OF_MODEL = "SELECT mac FROM devices WHERE model = :model"
_TAKEN = """
SELECT p.mac, r.id FROM rollouts r JOIN rollout_phones p ON p.rollout_id = r.id
WHERE r.ended_at IS NULL AND p.fate IN ('waiting', 'out')
"""
_ADD = """
INSERT INTO rollouts (action, selection, started_at, started_by, ended_at, rate,
  bounds, wait_seconds, share, hours, state, why, stage, waits_from, revision)
VALUES (:action, :selection, :started_at, :started_by, NULL, :rate,
  :bounds, :wait_seconds, :share, :hours, 'running', '', 0, 0, 1)
RETURNING id
"""
_ADD_PHONE = """
INSERT INTO rollout_phones (rollout_id, place, mac, fate, result, detail, notified_at,
  back_at, unit)
VALUES (?, ?, ?, ?, ?, ?, NULL, NULL, ?)
"""
_FORGET = """
DELETE FROM rollouts WHERE ended_at IS NOT NULL AND id NOT IN (
  SELECT id FROM rollouts WHERE ended_at IS NOT NULL ORDER BY id DESC LIMIT :kept)
"""
_COLUMNS = """
SELECT id, action, selection, started_at, started_by, ended_at, rate, bounds,
  wait_seconds, share, hours, state, why, stage, waits_from
FROM rollouts
"""
_ALL = _COLUMNS + "ORDER BY id DESC"
_ONE = _COLUMNS + "WHERE id = :id"
_PHONES = """
SELECT mac, fate, result, detail, notified_at, back_at, unit FROM rollout_phones
WHERE rollout_id = :id ORDER BY place
"""
_COUNTS = """
SELECT fate, result, COUNT(*) FROM rollout_phones
WHERE rollout_id = :id AND place >= :begin AND place < :end GROUP BY fate, result
"""
_TROUBLED = """
SELECT mac, fate, result, detail, notified_at, back_at FROM rollout_phones
WHERE rollout_id = :id AND (fate IN ('missing', 'left')
  OR result IN ('challenged', 'refused', 'unreachable'))
ORDER BY place LIMIT :most
"""
_SAVE = """
UPDATE rollouts SET state = :state, why = :why, stage = :stage, ended_at = :ended_at,
  waits_from = :waits_from, revision = revision + :by
WHERE id = :id
"""
_SAVE_PHONE = """
UPDATE rollout_phones SET fate = ?, result = ?, detail = ?, notified_at = ?, back_at = ?
WHERE rollout_id = ? AND place = ?
"""

_NAMES = (
    *("id", "action", "selection", "started_at", "started_by", "ended_at", "rate"),
    *("bounds", "wait_seconds", "share", "hours", "state", "why", "stage"),
    "waits_from",
)
_INNER = frozenset({"bounds", "waits_from"})  # nobody is shown them
_END = 1 << 31


def start(
    work: Work,
    log: SightingLog | None,
    scope: str,
    target: str,
    *,
    action: str,
    model: str,
    shared: bool = False,
    asked: dict[str, Any],
    waves: WavesOptions,
) -> dict[str, Any]:
    """Start telling the phones of *scope*, or those of a *model* among them.

    *shared* takes in those that are told along (``rolloutunits``).  *asked* is what
    ``plan_for`` takes; without ``wait_minutes`` phones are waited for as long as they
    may take for what they are told.  Raises StoreConflict when nobody can be told, or
    when one is part of a roll-out that is not over.
    """
    if action not in get_args(Action):
        raise OptionError(f"{action[:40]!r} is no action: write resync or reboot.")
    selection = _selection(scope, target, model)
    macs = _selected(work, scope, target, model)
    if not macs:
        raise StoreConflict(
            f"There are no phones of {selection}: see bootwave device list."
        )
    _require_free(work, macs)
    seen = log.latest(macs, PROVISIONED) if log else {}
    if not seen:
        whom = "The phone" if len(macs) == 1 else f"Each of {len(macs)} phones"
        raise StoreConflict(
            f"{whom} was never given its settings here, so nobody knows where to reach "
            "it: it fetches them by its refresh timer, or when it is restarted."
        )
    with_others = _together(work, log, macs, seen, take=shared)
    units, left_out = with_others.units, with_others.left_out
    _require_free(work, with_others.joined)
    macs += sorted(with_others.joined)

    def order(mac: int) -> tuple[int, int]:
        return place(units.get(mac, mac)), place(mac)

    known = sorted((mac for mac in seen if mac not in left_out), key=order)
    if not known:
        raise StoreConflict(_nobody(left_out))
    if asked.get("wait_minutes") is None:
        delay = fleet.boot_delay(work.connection, waves)
        asked = {**asked, "wait_minutes": default_wait_minutes(action, delay)}
    plan = plan_for(len(known), **asked)
    whole = kept_whole(plan.bounds, [units.get(mac, 0) for mac in known])
    plan = plan._replace(bounds=whole)
    row = {
        "action": action,
        "selection": selection,
        "started_at": work.at.wall,
        "started_by": work.actor,
        "rate": plan.rate,
        "bounds": text_from_bounds(plan.bounds),
        "wait_seconds": plan.wait_seconds,
        "share": plan.share,
        "hours": str(plan.hours or ""),
    }
    ((number,),) = work.connection.execute(_ADD, row).fetchall()
    rows = [(mac, Fate.WAITING, Result.NONE, "") for mac in known]
    rows += [
        (mac, Fate.LEFT, Result.NONE, left_out[mac])
        if mac in left_out
        else (mac, Fate.LEFT, Result.UNREACHABLE, NOT_SEEN)
        for mac in sorted(set(macs).difference(known), key=place)
    ]
    work.connection.executemany(
        _ADD_PHONE,
        [
            (number, at, mac, *told, units.get(mac, 0))
            for at, (mac, *told) in enumerate(rows)
        ],
    )
    work.connection.execute(_FORGET, {"kept": KEPT})
    work.note(
        "rollout.started",
        _named(number),
        what=action,
        whom=selection,
        phones=len(macs),
        at_once=True if asked.get("at_once") else None,
        taken_in=len(with_others.joined) or None,
        left_out=len(left_out) or None,
    )
    return shown(work, number)


def listed(work: Work) -> list[dict[str, Any]]:
    """Return the roll-outs with the numbers of their phones, newest first."""
    rows = work.connection.execute(_ALL).fetchall()
    return [_told(work, row) for row in rows]


def shown(work: Work, number: int) -> dict[str, Any]:
    """Return a roll-out, its stages, and the phones that something is wrong with."""
    row = _row(work.connection, number)
    told = _told(work, row)
    bounds = bounds_from_text(row["bounds"])
    begins = (0, *bounds)
    stages = [
        {"phones": end - begin, **_fates(_counts(work, number, begin, end))}
        for begin, end in zip(begins, bounds, strict=False)
    ]
    troubled = work.connection.execute(
        _TROUBLED, {"id": number, "most": MOST_SHOWN}
    ).fetchall()
    return {
        **told,
        "stages": stages,
        "phones": [
            {
                "mac": text_from_mac(mac),
                "fate": fate,
                "result": result,
                "detail": detail,
                "notified_at": notified_at,
                "back_at": back_at,
            }
            for mac, fate, result, detail, notified_at, back_at in troubled
        ],
    }


def pause(work: Work, number: int) -> dict[str, Any]:
    """Tell no more phones for now."""
    course = loaded(work.connection, number)
    course.pause()
    return _commanded(work, number, course, "rollout.paused")


def resume(work: Work, number: int, *, skip: bool) -> dict[str, Any]:
    """Go on with one that is paused or halted; *skip* goes on without the missing."""
    course = loaded(work.connection, number)
    course.resume(work.at.wall, skip=skip)
    return _commanded(work, number, course, "rollout.resumed", skip=skip or None)


def cancel(work: Work, number: int) -> dict[str, Any]:
    """End one for good; phones that were told already are not called back."""
    course = loaded(work.connection, number)
    course.cancel()
    return _commanded(work, number, course, "rollout.cancelled")


def loaded(connection: sqlite3.Connection, number: int) -> Course:
    """Return how far the roll-out *number* is; raises StoreNotFound."""
    row = _row(connection, number)
    plan = Plan(
        row["rate"],
        bounds_from_text(row["bounds"]),
        row["wait_seconds"],
        row["share"],
        hours_from_text(row["hours"]),
    )
    members = [
        Member(mac, Fate(fate), Result(result), detail, notified_at, back_at, unit)
        for mac, fate, result, detail, notified_at, back_at, unit in connection.execute(
            _PHONES, {"id": number}
        ).fetchall()
    ]
    return Course(
        plan,
        members,
        state=State(row["state"]),
        why=row["why"],
        stage=row["stage"],
        waits_from=row["waits_from"],
    )


def save(work: Work, number: int, course: Course, *, command: bool = False) -> None:
    """Store how far it is now; by *command* whoever carries it out reads it anew."""
    rows = []
    for at in sorted(course.changed):
        one = course.members[at]
        told = (one.fate, one.result, one.detail, one.notified_at, one.back_at)
        rows.append((*told, number, at))
    work.connection.executemany(_SAVE_PHONE, rows)
    course.changed.clear()
    row = {
        "id": number,
        "state": course.state,
        "why": course.why,
        "stage": course.stage,
        "ended_at": work.at.wall if course.is_over else None,
        "waits_from": course.waits_from,
        "by": int(command),
    }
    work.connection.execute(_SAVE, row)


def _commanded(
    work: Work, number: int, course: Course, action: str, **detail: Any
) -> dict[str, Any]:
    save(work, number, course, command=True)
    work.note(action, _named(number), **detail)
    return shown(work, number)


def _row(connection: sqlite3.Connection, number: int) -> dict[str, Any]:
    rows = connection.execute(_ONE, {"id": number}).fetchall()
    if not rows:
        raise StoreNotFound(
            f"There is no roll-out {number}: see bootwave rollout list."
        )
    return dict(zip(_NAMES, rows[0], strict=True))


def _told(work: Work, row: Any) -> dict[str, Any]:
    found = row if isinstance(row, dict) else dict(zip(_NAMES, row, strict=True))
    counts = _counts(work, found["id"], 0, _END)
    results = dict.fromkeys((each.value for each in Result if each), 0)
    for (_fate, result), phones in counts.items():
        if result:
            results[result] += phones
    return {
        **{name: value for name, value in found.items() if name not in _INNER},
        "total": sum(counts.values()),
        "fates": _fates(counts),
        "results": results,
    }


def _counts(
    work: Work, number: int, begin: int, end: int
) -> dict[tuple[str, str], int]:
    rows = work.connection.execute(_COUNTS, {"id": number, "begin": begin, "end": end})
    return {(fate, result): phones for fate, result, phones in rows.fetchall()}


def _fates(counts: dict[tuple[str, str], int]) -> dict[str, int]:
    found = dict.fromkeys((each.value for each in Fate), 0)
    for (fate, _result), phones in counts.items():
        found[fate] += phones
    return found


def _selected(work: Work, scope: str, target: str, model: str) -> list[int]:
    key = 0
    query = _OF_ENGINE
    if scope == "domain":
        key, query = work.domain_id(target), _OF_DOMAIN
    elif scope == "group":
        group = required_member(target, "group")
        key, query = groups.found(work, group.domain, group.name), _OF_GROUP
    elif scope == "account":
        key, query = work.account(target).id, _OF_ACCOUNT
    elif scope == "device":
        key, query = required_mac(target), _OF_DEVICE
    rows = work.connection.execute(query, {"key": key}).fetchall()
    macs = [mac for (mac,) in rows]
    if model:
        named = {"model": required_model(model)}
        of_model = work.connection.execute(_OF_MODEL, named).fetchall()
        wanted = {mac for (mac,) in of_model}
        macs = [mac for mac in macs if mac in wanted]
    return macs


def _together(
    work: Work,
    log: SightingLog | None,
    macs: Sequence[int],
    seen: dict[int, Sighting],
    *,
    take: bool,
) -> Together:
    """Return who is told together, and add to *seen* where others are taken in."""
    assert log is not None
    places = Places()
    places.note(seen.values())
    places.hear(confirmed(log, seen))
    found = together(work.connection, places, macs, take=take)
    if found.joined:
        seen.update(log.latest(found.joined, PROVISIONED))
    return found


def _nobody(left_out: dict[int, str]) -> str:
    mac, why = min(left_out.items())
    whom = text_from_mac(mac)
    whom += f" and {len(left_out) - 1} more are" if len(left_out) > 1 else " is"
    return f"{whom} not told, for {why}: bootwave resync --shared tells all of them."


def _selection(scope: str, target: str, model: str) -> str:
    if scope not in SCOPES:
        raise OptionError(f"{scope[:40]!r} is none of {', '.join(SCOPES)}.")
    if scope == "engine":
        whom = "all phones"
    elif scope == "device":
        whom = text_from_mac(required_mac(target))
    else:
        whom = f"{scope} {target.strip()}"
    return f"{whom}, {required_model(model)}" if model else whom


def _require_free(work: Work, macs: Collection[int]) -> None:
    wanted = set(macs)
    for mac, number in work.connection.execute(_TAKEN).fetchall():
        if mac in wanted:
            raise StoreConflict(
                f"{text_from_mac(mac)} is part of roll-out {number}, which is not "
                f"over: see bootwave rollout show {number}, or cancel it."
            )


def _named(number: int) -> str:
    return f"roll-out {number}"
