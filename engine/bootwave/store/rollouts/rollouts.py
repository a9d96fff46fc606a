"""What administrators do with roll-outs: start, look, pause, resume, cancel.

Starting one stores it; whoever runs the control process carries it out
(``steps``), also after a restart.
"""

import sqlite3
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from bootwave.errors import OptionError, StoreConflict, StoreNotFound
from bootwave.options import WavesOptions
from bootwave.phone.mac import required_mac, text_from_mac
from bootwave.phone.model import required_model
from bootwave.rollout.course import Course, Fate, Member, Result, State
from bootwave.rollout.plan import (
    Plan,
    bounds_from_text,
    default_wait_minutes,
    hours_from_text,
    text_from_bounds,
)
from bootwave.sightings import Sighting
from bootwave.store.changelog import last_seq
from bootwave.store.domains import groups
from bootwave.store.domains.devices import seen_there
from bootwave.store.names import required_member
from bootwave.store.rollouts import target as rollouttarget
from bootwave.store.rollouts.addresses import Places, confirmed
from bootwave.store.rollouts.errands import NOT_SEEN
from bootwave.store.rollouts.kept import make_room
from bootwave.store.rollouts.reach import (
    EVERYBODY,
    domain_from_selection,
    is_reached,
    latest_adoption,
    moved,
    named_domain,
    require_reached,
)
from bootwave.store.rollouts.roster import LeftOut, Roster, roster_of, write
from bootwave.store.rollouts.target import target_of
from bootwave.store.rollouts.units import Together, together
from bootwave.store.settings import fleet
from bootwave.store.sightings.outcomes import PROVISIONED
from bootwave.store.sightings.sightings import SightingLog
from bootwave.store.work import Work

SCOPES = ("engine", "domain", "group", "account", "device")
MOST_SHOWN = 100  # phones told one by one

MOST_LOOKED_AT = 20  # of those that may not be over
JUST_ENDED_SECONDS = 5.0
MOST_REASONS = 20  # why phones are left out, the most frequent

_OF_ENGINE = "SELECT mac FROM devices WHERE domain_id IS NOT NULL"
_OF_DOMAIN = "SELECT mac FROM devices WHERE domain_id = :key"
_OF_GROUP = """
SELECT mac FROM devices WHERE group_id = :key AND domain_id IS NOT NULL
"""
_OF_ACCOUNT = "SELECT mac FROM bindings WHERE account_id = :key"
_OF_DEVICE = "SELECT mac FROM devices WHERE mac = :key AND domain_id IS NOT NULL"
_OF_MODEL = "SELECT mac FROM devices WHERE model = :model"
# Not those that are another tenant's meanwhile (reach.latest_adoption).
_TAKEN = """
SELECT p.mac, r.id FROM rollouts r JOIN rollout_phones p ON p.rollout_id = r.id
LEFT JOIN devices v ON v.mac = p.mac
WHERE r.ended_at IS NULL AND r.id <> :but AND (p.fate IN ('waiting', 'out')
  OR (:action = 'firmware' AND r.action = 'firmware' AND p.notified_at IS NOT NULL))
  AND (substr(r.selection, 1, 10) = 'all phones'
    OR COALESCE(v.adopted_seq <= r.chosen_seq, 1))
"""
_ADD = """
INSERT INTO rollouts (action, selection, started_at, chosen_seq, started_by, ended_at,
  rate, bounds, wait_seconds, share, hours, state, why, stage, waits_from, revision,
  scope, key, model, version, location, already)
VALUES (:action, :selection, :started_at, :chosen_seq, :started_by, NULL,
  :rate, :bounds, :wait_seconds, :share, :hours, 'running', '', 0, 0, 1,
  :scope, :key, :model, :version, :location, :already)
RETURNING id
"""
_COLUMNS = """
SELECT id, action, selection, chosen_seq, started_at, started_by,
  ended_at, rate, bounds, wait_seconds, share, hours, state, why,
  stage, waits_from, model, version, location, already
FROM rollouts
"""
_UNFINISHED = """
SELECT state, COUNT(*) FROM rollouts WHERE ended_at IS NULL GROUP BY state
"""
_ALL = _COLUMNS + "ORDER BY id DESC"
_NEWEST = _COLUMNS + "ORDER BY id DESC LIMIT :most"
_ONE = _COLUMNS + "WHERE id = :id"
_PHONES = """
SELECT mac, fate, result, detail, notified_at, back_at, unit FROM rollout_phones
WHERE rollout_id = :id ORDER BY place
"""
_COUNTS = """
SELECT fate, result, COUNT(*) FROM rollout_phones
WHERE rollout_id = :id AND place >= :begin AND place < :end GROUP BY fate, result
"""
_LEFT_OUT = """
SELECT detail, COUNT(*) FROM rollout_phones WHERE rollout_id = :id AND place >= :begin
GROUP BY detail ORDER BY 2 DESC, 1 LIMIT :most
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
    *("id", "action", "selection", "chosen_seq", "started_at", "started_by"),
    *("ended_at", "rate", "bounds", "wait_seconds", "share", "hours", "state", "why"),
    *("stage", "waits_from", "model", "version", "location", "already"),
)
_INNER = frozenset({"bounds", "chosen_seq", "waits_from"})  # nobody is shown them
_END = 1 << 31
_NO_FIRMWARE = {
    **{"scope": "", "key": 0, "model": "", "version": "", "location": ""},
    "already": 0,
}


class Startable(NamedTuple):
    """A roll-out that may begin.

    ``what`` are its action, its selection, when its phones were chosen and the columns
    of firmware; ``units`` says who is told together, and ``at_once`` that all are.
    """

    what: dict[str, Any]
    roster: Roster
    units: Together
    at_once: bool


def choose(
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
) -> Startable:
    """Return whom to tell: the phones of *scope*, or those of a *model* among them.

    *shared* takes in those that are told along (``units``).  *asked* is what
    ``plan_for`` takes; without ``wait_minutes`` phones are waited for as long as they
    may take for what they are told.  Raises StoreConflict when nobody can be told.
    It only reads: of a large fleet it takes too long to keep others from writing.
    """
    if action not in ("resync", "reboot"):
        raise OptionError(f"{action[:40]!r} is no action: write resync or reboot.")
    selection = named_selection(scope, target, model)
    macs = selected(work, scope, target, model)
    if not macs:
        raise StoreConflict(
            f"There are no phones of {selection}: see bootwave device list."
        )
    # Who moved a phone may tell it at once.
    everywhere = scope == "engine" or (scope == "device" and work.reach is None)
    seen = provisioned(work, log, macs, everywhere=everywhere)
    if not seen:
        whom = "The phone" if len(macs) == 1 else f"Each of {len(macs):,} phones"
        raise StoreConflict(
            f"{whom} was never given its settings here, so nobody knows where to reach "
            "it: it fetches them by its refresh timer, or when it is restarted."
        )
    found = told_together(work, log, macs, seen, take=shared)
    # Those that are taken in are phones like the others from here on.
    macs += sorted(found.joined)
    if found.joined:
        seen |= provisioned(work, log, found.joined, everywhere=everywhere)
    known = [mac for mac in seen if mac not in found.left_out]
    if not known:
        raise StoreConflict(_nobody(found.left_out))
    left = [
        LeftOut(mac, found.left_out.get(mac, NOT_SEEN))
        for mac in sorted(set(macs).difference(known))
    ]
    if asked.get("wait_minutes") is None:
        delay = fleet.boot_delay(work.connection, waves)
        asked = {**asked, "wait_minutes": default_wait_minutes(action, delay)}
    # Whoever moves from now on is another tenant's when it begins.
    what = {
        "action": action,
        "selection": selection,
        "started_at": work.at.wall,
        "chosen_seq": last_seq(work.connection),
    }
    roster = roster_of(known, left, found.units, asked)
    return Startable(what, roster, found, asked.get("at_once", False))


def begin(work: Work, ready: Startable) -> dict[str, Any]:
    """Store a roll-out that tells at least one phone; return it.

    Raises StoreConflict when a phone is part of a roll-out that is not over, and
    StoreNotFound when their domain is gone meanwhile.
    """
    what, roster, units, at_once = ready
    if domain := named_domain(what["selection"]):
        work.domain_id(domain)
    macs = roster.macs
    _require_free(work, macs, what["action"])
    plan = roster.plan
    row = {
        **_NO_FIRMWARE,
        **what,
        "started_by": work.actor,
        "rate": plan.rate,
        "bounds": text_from_bounds(plan.bounds),
        "wait_seconds": plan.wait_seconds,
        "share": plan.share,
        "hours": str(plan.hours or ""),
    }
    ((number,),) = work.connection.execute(_ADD, row).fetchall()
    write(work, number, roster)
    make_room(work)
    work.note(
        "rollout.started",
        _named(number),
        what=row["action"],
        version=row["version"],
        whom=row["selection"],
        phones=len(macs),
        at_once=at_once or None,
        taken_in=len(units.joined) or None,
        left_out=len(units.left_out) or None,
    )
    return shown(work, number)


def listed(work: Work) -> list[dict[str, Any]]:
    """Return the roll-outs with the numbers of their phones, newest first."""
    rows = work.connection.execute(_ALL).fetchall()
    at = _NAMES.index("selection")  # and then the last change before
    return [_told(work, row) for row in rows if is_reached(work, *row[at : at + 2])]


def going_on(work: Work) -> list[dict[str, Any]]:
    """Return those of the newest roll-outs that are not over, newest first.

    And those that ended some seconds ago: who looks now and then would never be told of
    one that is begun and over between two looks.
    """
    rows = work.connection.execute(_NEWEST, {"most": MOST_LOOKED_AT}).fetchall()
    ended = _NAMES.index("ended_at")
    return [
        _told(work, row)
        for row in rows
        if row[ended] is None or 0 <= work.at.wall - row[ended] < JUST_ENDED_SECONDS
    ]


def unfinished(work: Work) -> dict[str, int]:
    """Return how many roll-outs that are not over are in each state."""
    counts = {state.value: 0 for state in (State.RUNNING, State.PAUSED, State.HALTED)}
    counts.update(work.connection.execute(_UNFINISHED).fetchall())
    return counts


def shown(work: Work, number: int) -> dict[str, Any]:
    """Return a roll-out, its stages, and the phones that something is wrong with."""
    require_reached(work, number)
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
    left_out = work.connection.execute(
        _LEFT_OUT, {"id": number, "begin": bounds[-1], "most": MOST_REASONS}
    ).fetchall()
    return {
        **told,
        "stages": stages,
        "left_out": [{"why": why, "phones": phones} for why, phones in left_out],
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
    require_reached(work, number)
    course = loaded(work.connection, number)
    before = course.state
    course.pause()
    return _commanded(work, number, course, before, "rollout.paused")


def resume(work: Work, number: int, *, skip: bool) -> dict[str, Any]:
    """Go on with one that is paused or halted; *skip* goes on without the missing.

    Raises StoreConflict when a phone that was missing is part of another meanwhile.
    """
    require_reached(work, number)
    row = _row(work.connection, number)
    course = loaded(work.connection, number)
    before = course.state
    course.resume(work.at.wall, skip=skip)
    again = {one.mac for one in course.members if one.fate is Fate.WAITING}
    again -= moved(work, again, latest_adoption(row["selection"], row["chosen_seq"]))
    _require_free(work, again, row["action"], but=number)
    skipped = skip or None
    return _commanded(work, number, course, before, "rollout.resumed", skip=skipped)


def cancel(work: Work, number: int, *, withdraw: bool) -> dict[str, Any]:
    """End one for good; phones that were told already are not called back.

    Those that run the firmware that it rolled out keep it, by a definition of their
    own, unless it is to be *withdrawn*: ``kept`` and ``withdrawn`` are how many.
    Raises OptionError for *withdraw* where no firmware is rolled out.
    """
    require_reached(work, number)
    course = loaded(work.connection, number)
    before = course.state
    course.cancel()
    target = target_of(work.connection, number)
    if target is None and withdraw:
        raise OptionError(f"Roll-out {number} rolls no firmware out to withdraw.")
    back = 0
    if target is not None:
        back = (
            rollouttarget.withdraw(work, target, course)
            if withdraw
            else rollouttarget.keep(work, target, course)
        )
    kept, withdrawn = (0, back) if withdraw else (back, 0)
    detail = {"kept": kept or None, "withdrawn": withdrawn or None}
    done = _commanded(work, number, course, before, "rollout.cancelled", **detail)
    return {**done, "kept": kept, "withdrawn": withdrawn}


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
        loads=row["action"] == "firmware",
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
    work: Work,
    number: int,
    course: Course,
    before: State,
    action: str,
    **detail: Any,
) -> dict[str, Any]:
    save(work, number, course, command=True)
    target = target_of(work.connection, number)
    if target is not None:
        rollouttarget.followed(work, target, course, before)
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
        "domain": domain_from_selection(work, found["selection"], found["chosen_seq"]),
        "total": sum(counts.values()),
        "staged": bounds_from_text(found["bounds"])[-1],
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


def selected(work: Work, scope: str, target: str, model: str) -> list[int]:
    """Return the MACs of the phones that are named, of *model* unless it is ""."""
    key = 0
    query = _OF_ENGINE
    if scope == "engine":
        work.require_everywhere()
    elif scope == "domain":
        key, query = work.domain_id(target), _OF_DOMAIN
    elif scope == "group":
        group = required_member(target, "group")
        key, query = groups.found(work, group.domain, group.name), _OF_GROUP
    elif scope == "account":
        key, query = work.account(target).id, _OF_ACCOUNT
    elif scope == "device":
        key, query = required_mac(target), _OF_DEVICE
        work.require_reached(key)
    rows = work.connection.execute(query, {"key": key}).fetchall()
    macs = [mac for (mac,) in rows]
    if model:
        named = {"model": required_model(model)}
        of_model = work.connection.execute(_OF_MODEL, named).fetchall()
        wanted = {mac for (mac,) in of_model}
        macs = [mac for mac in macs if mac in wanted]
    return macs


def provisioned(
    work: Work, log: SightingLog | None, macs: Collection[int], *, everywhere: bool
) -> dict[int, Sighting]:
    """Return how each of *macs* was given its settings last, as far as it was seen.

    Unless *everywhere*, in the domain that it is in: who administers that is shown the
    roll-outs to its phones, whoever starts them.
    """
    seen = log.latest(macs, PROVISIONED) if log else {}
    return seen if everywhere else seen_there(work, seen)


def told_together(
    work: Work,
    log: SightingLog | None,
    macs: Collection[int],
    seen: Mapping[int, Sighting],
    *,
    take: bool,
) -> Together:
    """Return who of *macs* is told together, by where they were *seen*."""
    places = Places()
    places.note(seen.values())
    if log is not None:
        places.hear(confirmed(log, seen))
    return together(work.connection, places, macs, take=take)


def _nobody(left_out: dict[int, str]) -> str:
    mac, why = min(left_out.items())
    whom = text_from_mac(mac)
    whom += f" and {len(left_out) - 1:,} more are" if len(left_out) > 1 else " is"
    return f"{whom} not told, for {why}: bootwave resync --shared tells all of them."


def named_selection(scope: str, target: str, model: str) -> str:
    """Return in words which phones are named; raises OptionError."""
    if scope not in SCOPES:
        raise OptionError(f"{scope[:40]!r} is none of {', '.join(SCOPES)}.")
    if scope == "engine":
        whom = EVERYBODY
    elif scope == "device":
        whom = text_from_mac(required_mac(target))
    else:
        whom = f"{scope} {target.strip()}"
    return f"{whom}, {required_model(model)}" if model else whom


def _require_free(
    work: Work, macs: Collection[int], action: str, *, but: int = 0
) -> None:
    """Raise StoreConflict for a phone that is told, or would be told two versions.

    It may be so by the roll-out *but*.
    """
    wanted = set(macs)
    taken = work.connection.execute(_TAKEN, {"action": action, "but": but})
    for mac, number in taken.fetchall():
        if mac in wanted:
            raise StoreConflict(
                f"{text_from_mac(mac)} is part of roll-out {number}, which is not "
                f"over: see bootwave rollout show {number}, or cancel it."
            )


def _named(number: int) -> str:
    return f"roll-out {number}"
