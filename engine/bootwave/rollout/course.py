"""How far a roll-out is: which phones are told next, and when it must not go on.

Time is an argument, in wall-clock seconds, because a course outlives the process and
the boot of the machine, and is compared with sightings.  Phones stand in their order,
and stages are stretches of it (``plan``).

========= ================================================== ========================
fate      what it is                                         next
========= ================================================== ========================
waiting   told nothing yet                                   out
out       its NOTIFY was sent                                back, missing
back      it fetched its settings since                      (over)
missing   it refused, nothing reached it, or its time is up  back; waiting at resume
left      was missing, and is gone on without, or was not    back
          to be told any more when its turn came
========= ================================================== ========================

Phones of a unit (``units``) are told in one go, whatever the rate allows.

A stage is complete when all of its phones are back, missing or left.  As soon as more
are missing than may be, the roll-out halts: in the middle of a stage, too.

Where phones *load* firmware they are back once they run it, and while the roll-out
stands still they are not told of it by anybody.  So whoever is out when it stands still
waits again when it goes on, and may come back meanwhile: the load was under way.

Who is told is stored first, so a process that is killed in between leaves phones that
are out and were perhaps told nothing.  The next one tells those of which no answer is
stored again, once (``take_over``).  A phone that fetches its settings twice is none the
worse for it; one that is to restart must not be told when it has just done so, and is
told again at once only where its NOTIFY would be repeated now anyway (RFC 3261 section
17.1.2.2: at the latest after T2), else when its time is up without a sign of it.

========= ================================================== ========================
state     what happens                                       next
========= ================================================== ========================
running   phones are told, stage by stage                    done, halted; by command
                                                             paused, cancelled
paused    nothing; who comes back or does not is noted       running, cancelled
halted    the same                                           running, cancelled
cancelled nothing                                            (over)
done      nothing                                            (over)
========= ================================================== ========================
"""

import math
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bootwave.errors import StoreConflict
from bootwave.rollout.plan import Plan
from bootwave.sip.transaction import T2_SECONDS

# Of the time that phones were not told in, so much is made up for in one go, and the
# part of a phone: as a step may be late.  So in no second more than 1.25 times the rate
# are told, and one.
CATCH_UP_SECONDS = 0.25
# Seconds since 1970 leave a fraction of a microsecond to round.
_ONE = 1 - 1e-5


class Fate(StrEnum):
    """Where a phone is on its way."""

    WAITING = "waiting"
    OUT = "out"
    BACK = "back"
    MISSING = "missing"
    LEFT = "left"


class State(StrEnum):
    """Where a roll-out is on its way."""

    RUNNING = "running"
    PAUSED = "paused"
    HALTED = "halted"
    CANCELLED = "cancelled"
    DONE = "done"


class Result(StrEnum):
    """What became of the NOTIFY to a phone."""

    NONE = ""
    SENT = "sent"
    ACCEPTED = "accepted"
    CHALLENGED = "challenged"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"


_UNFINISHED = frozenset({State.RUNNING, State.PAUSED, State.HALTED})


@dataclass(slots=True)
class Member:
    """One phone of a roll-out; the instants are None for never.

    ``unit`` is that which it is told with, 0 when it is told alone.
    """

    mac: int
    fate: Fate = Fate.WAITING
    result: Result = Result.NONE
    detail: str = ""
    notified_at: float | None = None
    back_at: float | None = None
    unit: int = 0


class Course:
    """A roll-out under way; ``changed`` has the places whose phones did since taken.

    ``why`` says in a sentence why it halted, "" otherwise.  ``waits_from`` is when it
    last went on after a halt, 0.0 for never: whoever was out then has its time anew.
    ``unsure`` has the places of phones that are out and were perhaps told nothing.
    """

    def __init__(
        self,
        plan: Plan,
        members: Sequence[Member],
        *,
        state: State = State.RUNNING,
        why: str = "",
        stage: int = 0,
        waits_from: float = 0.0,
        loads: bool = False,
    ) -> None:
        """Go on from what is given; *members* are all phones, in their order.

        *loads* is whether they load firmware.
        """
        self.plan = plan
        self.members = members
        self.state = state
        self.why = why
        self.stage = stage
        self.waits_from = waits_from
        self.loads = loads
        self.changed: set[int] = set()
        self._place_of = {member.mac: place for place, member in enumerate(members)}
        self._units: dict[int, list[int]] = {}
        for member in members:
            if member.unit:
                self._units.setdefault(member.unit, []).append(member.mac)
        self._allowance = 0.0
        self._advanced_at: float | None = None
        self._waiting: deque[int] = deque()
        self._out: dict[int, float] = {}  # since when; those told first stand first
        self._missing = 0
        self._judged = 0
        self.unsure: set[int] = set()
        self._enter_stage()

    def among(self, macs: Mapping[int, object]) -> Collection[int]:
        """Return which of *macs* are part of it.

        It takes as long as there are phones in the smaller of the two: of many small
        roll-outs each looks at its own.
        """
        return macs.keys() & self._place_of.keys()

    @property
    def is_over(self) -> bool:
        """Whether it has ended for good."""
        return self.state not in _UNFINISHED

    @property
    def watched(self) -> Iterator[int]:
        """The MACs of phones that may come back, and those that may be told next.

        Those of the stage after this one, too, once this one has nobody more to tell:
        what they do in the meantime must be known when it begins.
        """
        for member in self.members:
            if member.notified_at is not None and member.fate is not Fate.BACK:
                yield member.mac
        waiting = self._waiting if self._has_waiting() else self._following_places()
        for place in waiting:
            if self.members[place].notified_at is None:
                yield self.members[place].mac

    def together_with(self, mac: int) -> Sequence[int]:
        """Return the MACs of the unit that *mac* is in, of *mac* alone if in none."""
        return self._units.get(self.members[self._place_of[mac]].unit, (mac,))

    @property
    def has_out(self) -> bool:
        """Whether phones were told and are awaited."""
        return bool(self._out)

    @property
    def has_lost(self) -> bool:
        """Whether phones that are given up may come back all the same."""
        return any(
            member.fate in (Fate.MISSING, Fate.LEFT) and member.notified_at is not None
            for member in self.members
        )

    def tells(self, minute: int) -> bool:
        """Whether phones are being told at that *minute* of the local day."""
        return (
            self.state is State.RUNNING
            and self._has_waiting()
            and (self.plan.hours is None or self.plan.hours.include(minute))
        )

    def is_due(self, now: float, minute: int, *, room: int) -> bool:
        """Whether ``advance`` would change anything."""
        if self.is_over:
            return False
        since = next(iter(self._out.values()), math.inf)
        if since + self.plan.wait_seconds <= now:
            return True
        if self.state is not State.RUNNING:
            return False
        began = self._advanced_at
        # A clock that was set back is noticed, or it would stand still until then.
        if began is None or now < began or self._is_complete() or self._too_many():
            return True
        earned = self._allowance + (now - began) * self.plan.rate
        return room > 0 and earned >= _ONE and self.tells(minute)

    def take_over(self, now: float, *, restarts: bool) -> None:
        """Go on for a process that ended; see above.

        To be called once what phones fetched is noted.  *restarts* says that phones
        restart when they are told.  All that are out have their time anew: perhaps they
        could not come back meanwhile.
        """
        for place in list(self._out):
            member = self.members[place]
            if member.result is not Result.SENT:
                continue
            age = now - (member.notified_at or 0.0)
            if not restarts or 0.0 <= age < T2_SECONDS:
                self._recall(place)
            else:
                self.unsure.add(place)
        if self._out:
            self.waits_from = max(self.waits_from, now)
        self._enter_stage()

    def advance(self, now: float, minute: int, *, room: int) -> list[int]:
        """Return the MACs of the phones that are to be told now.

        They are at most *room*, but for the rest of a unit.  They count as told, so
        what changed must be stored before they are.  *minute* is that of the local day.
        """
        elapsed = 0.0 if self._advanced_at is None else now - self._advanced_at
        self._advanced_at = now
        if self.is_over:
            return []
        self._expire(now)
        if self.state is not State.RUNNING:
            return []
        had_waiting = self._has_waiting()
        while not self._must_halt() and self._is_complete():
            if self._is_last_stage():
                self.state = State.DONE
                return []
            self.stage += 1
            self._enter_stage()
        if self.state is not State.RUNNING:
            return []
        # What could not be used is not saved up.
        most = 1.0 + self.plan.rate * CATCH_UP_SECONDS if had_waiting else 1.0
        # A clock that was set back takes no allowance away.
        earned = max(0.0, elapsed) * self.plan.rate
        self._allowance = min(most, self._allowance + earned)
        if not self.tells(minute):
            return []
        told: list[int] = []
        while self._has_waiting() and self._allowance >= _ONE and len(told) < room:
            unit = self._next.unit
            told.append(self._tell_next(now))
            while unit and self._has_waiting() and self._next.unit == unit:
                told.append(self._tell_next(now))
        return told

    @property
    def _next(self) -> Member:
        return self.members[self._waiting[0]]

    def _tell_next(self, now: float) -> int:
        self._allowance -= 1
        place = self._waiting.popleft()
        member = self.members[place]
        member.fate = Fate.OUT
        member.result, member.detail = Result.SENT, ""
        member.notified_at, member.back_at = now, None
        self._out[place] = now
        self.unsure.discard(place)
        self.changed.add(place)
        return member.mac

    def answered(
        self,
        mac: int,
        result: Result,
        detail: str = "",
        *,
        told_at: float | None = None,
    ) -> None:
        """Note what the phone *mac* said to its NOTIFY, or that nothing reached it.

        A phone that did not accept is missing at once, unless it came back all the
        same.  *told_at* is when it was told, None for the last time; an answer to an
        earlier NOTIFY is nobody's.
        """
        place = self._place_of.get(mac)
        if place is None or self.members[place].result is Result.NONE:
            return
        member = self.members[place]
        if told_at is not None and told_at != member.notified_at:
            return
        member.result, member.detail = result, detail
        self.changed.add(place)
        self.unsure.discard(place)
        if result not in (Result.SENT, Result.ACCEPTED) and place in self._out:
            self._settle(place, Fate.MISSING)

    def seen(self, mac: int, at: float) -> bool:
        """Note that the phone *mac* fetched its settings at *at*; whether it is back.

        Where phones load firmware it says that it runs it, too; others ``strayed``.
        """
        if not self.is_news(mac, at):
            return False
        place = self._place_of[mac]
        member = self.members[place]
        member.back_at = at
        if member.result in (Result.SENT, Result.ACCEPTED):
            member.detail = ""
        self._settle(place, Fate.BACK)
        return True

    def strayed(self, mac: int, at: float, detail: str) -> None:
        """Note that the phone *mac* came at *at* without what it was to load.

        It may be on its way, and is not back; *detail* says what it runs.
        """
        if self.is_astray(mac, at, detail):
            place = self._place_of[mac]
            self.members[place].detail = detail
            self.changed.add(place)

    def is_astray(self, mac: int, at: float, detail: str) -> bool:
        """Whether it would be new that the phone *mac* ``strayed`` so."""
        if not self.is_news(mac, at):
            return False
        return self.members[self._place_of[mac]].detail != detail

    def is_news(self, mac: int, at: float) -> bool:
        """Whether the phone *mac* may be back if it fetched its settings at *at*."""
        place = self._place_of.get(mac)
        if place is None:
            return False
        member = self.members[place]
        return (
            member.notified_at is not None
            and at > member.notified_at
            and member.fate is not Fate.BACK
        )

    def spare(self, mac: int, detail: str, *, is_there: bool = False) -> None:
        """Take back that the phone *mac* is to be told, as ``advance`` just said.

        It is left, or counts as back when it *is_there* without having been told;
        *detail* says why.  A stage of which nobody is left tries nothing, so that the
        roll-out halts instead of going on to the next.
        """
        place = self._place_of[mac]
        member = self.members[place]
        member.result, member.detail, member.notified_at = Result.NONE, detail, None
        self._settle(place, Fate.BACK if is_there else Fate.LEFT)
        self._halt_untried()

    def pause(self) -> None:
        """Tell nobody more; raises StoreConflict unless it runs."""
        self._require(State.RUNNING, what="paused")
        self.state = State.PAUSED

    def resume(self, now: float, *, skip: bool = False) -> None:
        """Go on.  Of a stage that halted, the phones that are missing are told again.

        Those that are out are waited for anew, or told again where they load firmware.
        With *skip* all of them are left.  Raises StoreConflict unless it is paused or
        halted.
        """
        self._require(State.PAUSED, State.HALTED, what="resumed")
        halted = self.state is State.HALTED
        for place in self._stage_places():
            member = self.members[place]
            if halted and skip and member.fate in (Fate.MISSING, Fate.OUT):
                member.fate = Fate.LEFT
            elif (halted and member.fate is Fate.MISSING) or (
                self.loads and member.fate is Fate.OUT
            ):
                member.fate = Fate.WAITING
            else:
                continue
            self.changed.add(place)
        places = self._stage_places()
        if halted and not self._is_last_stage():
            # A stage of which nobody is left would halt it once more.
            self.stage += all(self.members[at].fate is Fate.LEFT for at in places)
        self.state, self.why = State.RUNNING, ""
        if halted:
            # Or the next of them whose time is up would halt it at once.
            self.waits_from = now
        self._enter_stage()

    def cancel(self) -> None:
        """End it; raises StoreConflict when it is over already."""
        self._require(*_UNFINISHED, what="cancelled")
        self.state = State.CANCELLED

    def counts(self, stage: int | None = None) -> dict[Fate, int]:
        """Return how many phones have which fate, of all or of a *stage*."""
        places: Iterable[int] = range(len(self.members))
        if stage is not None:
            places = self._stage_places(stage)
        found = dict.fromkeys(Fate, 0)
        for place in places:
            found[self.members[place].fate] += 1
        return found

    def _require(self, *states: State, what: str) -> None:
        if self.state not in states:
            raise StoreConflict(f"It cannot be {what}: it is {self.state}.")

    def _stage_places(self, stage: int | None = None) -> range:
        stage = self.stage if stage is None else stage
        bounds = self.plan.bounds
        return range(bounds[stage - 1] if stage else 0, bounds[stage])

    def _following_places(self) -> range:
        if self._is_last_stage() or self.state is not State.RUNNING:
            return range(0)
        return self._stage_places(self.stage + 1)

    def _enter_stage(self) -> None:
        """Find out who of the stage waits, is out and is missing."""
        self._waiting = deque()
        out: list[tuple[float, int]] = []
        fates = dict.fromkeys(Fate, 0)
        places = self._stage_places()
        for place in places:
            member = self.members[place]
            fates[member.fate] += 1
            if member.fate is Fate.WAITING:
                self._waiting.append(place)
            elif member.fate is Fate.OUT:
                since = max(member.notified_at or 0.0, self.waits_from)
                out.append((since, place))
        self._out = {place: at for at, place in sorted(out)}
        self._missing = fates[Fate.MISSING]
        self._judged = len(places) - fates[Fate.LEFT]

    def _settle(self, place: int, fate: Fate) -> None:
        member = self.members[place]
        self.changed.add(place)
        if place in self._stage_places():
            self._missing += (fate is Fate.MISSING) - (member.fate is Fate.MISSING)
            # Who was left and comes back counts as if it had never been missing.
            self._judged += (member.fate is Fate.LEFT) - (fate is Fate.LEFT)
        member.fate = fate
        self._out.pop(place, None)
        self.unsure.discard(place)

    def _recall(self, place: int) -> None:
        """Let it be told again before the others."""
        self._out.pop(place, None)
        self.unsure.discard(place)
        self.members[place].fate = Fate.WAITING
        self._waiting.appendleft(place)
        self.changed.add(place)

    def _expire(self, now: float) -> None:
        late = []
        for place, at in self._out.items():
            if at + self.plan.wait_seconds > now:
                break
            late.append(place)
        for place in late:
            if place in self.unsure:
                self._recall(place)
            else:
                self._settle(place, Fate.MISSING)

    def _has_waiting(self) -> bool:
        """Whether phones of the stage wait; those that came by themselves do not."""
        waiting, members = self._waiting, self.members
        while waiting and members[waiting[0]].fate is not Fate.WAITING:
            waiting.popleft()
        return bool(waiting)

    def _is_complete(self) -> bool:
        return not self._has_waiting() and not self._out

    @property
    def _may_be_missing(self) -> int:
        return math.floor(self._judged * (1 - self.plan.share) + 1e-9)

    def _too_many(self) -> bool:
        return self._missing > self._may_be_missing

    def _is_last_stage(self) -> bool:
        return self.stage + 1 == len(self.plan.bounds)

    def _halt_untried(self) -> bool:
        """Whether nobody of the stage tries it for those that follow; it halts then."""
        if self._judged or self._is_last_stage():
            return False
        self.state = State.HALTED
        self.why = f"All phones of stage {self.stage + 1} were left out."
        return True

    def _must_halt(self) -> bool:
        """Whether more are missing than may be, or nobody is left; it halts then."""
        if self._halt_untried():
            return True
        if not self._too_many():
            return False
        most = self._may_be_missing
        self.state = State.HALTED
        phones = f"{self._judged} phones" if self._judged != 1 else "one phone"
        self.why = (
            f"{self._missing} of the {phones} of stage {self.stage + 1} did not come "
            f"back, and at most {most} may stay away."
        )
        return True
