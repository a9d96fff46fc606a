"""Carrying out roll-outs, a step several times a second, in the control process.

A step takes what phones answered and fetched, and stores who is to be told before
anybody is.  A process that is killed in between leaves some of whom nobody knows
whether they were told: the next one tells them once more (``Course.take_over``).  A
step that would change nothing writes nothing, and says when there may be more to do, so
that a roll-out that only waits for a command costs next to nothing.

By which way a phone is reached is for ``addresses`` to say, and ``errands``
makes one errand of phones that one NOTIFY tells.
"""

import math
import sqlite3
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from bootwave.firmware.decision import Running
from bootwave.rollout.course import Course, Result, State
from bootwave.rollout.notifier import Answered
from bootwave.rollout.notify import Attempt
from bootwave.rollout.plan import Action
from bootwave.sightings import Sighting
from bootwave.store.firmware.firmware import Allowed
from bootwave.store.rollouts import firmware, rollouts
from bootwave.store.rollouts import target as rollouttarget
from bootwave.store.rollouts.addresses import Places, confirmed
from bootwave.store.rollouts.errands import Errand, errands
from bootwave.store.rollouts.reach import latest_adoption, moved
from bootwave.store.rollouts.target import Target, target_of
from bootwave.store.sightings.outcomes import PROVISIONED
from bootwave.store.sightings.running import running_from
from bootwave.store.sightings.sightings import SightingLog
from bootwave.store.work import Work

# Between two steps: while phones are told, while some are awaited, and out of hours.
TELLING_SECONDS = 0.2
AWAITING_SECONDS = 1.0
OUT_OF_HOURS_SECONDS = 10.0
# Of roll-outs that are halted or paused, and between two looks at the sightings, each a
# pass over their file: while phones are out, and while none is, but some that were
# given up may come yet.
HALTED_SECONDS = 30.0
FORSAKEN_SECONDS = 300.0
# Said of a phone that another domain has when its turn comes.
MOVED_AWAY = "it is no phone of the domain any more"

_UNFINISHED = """
SELECT id, action, revision, selection, chosen_seq FROM rollouts
WHERE ended_at IS NULL
"""


class Step(NamedTuple):
    """Whom to tell now, and after how many seconds there may be more to do.

    Answers to what was told, and commands, come when they come.  ``going`` are the
    roll-outs that have not halted.
    """

    errands: list[Errand]
    rest_seconds: float
    going: frozenset[int]


class _Held:
    """A roll-out that is carried out, as far as it is stored."""

    def __init__(
        self,
        action: Action,
        revision: int,
        latest: int | None,
        course: Course,
        target: Target | None,
    ) -> None:
        self.action: Action = action
        self.latest = latest  # who came to a domain after that is no phone of it
        self.revision = revision
        self.course = course
        self.target = target  # what its phones load, if anything
        self.runs: dict[int, Running] = {}
        self.gone: set[int] = set()  # who did so, as far as it was asked
        # Where phones were when they last proved who they are; None until it was read.
        self.places: Places | None = None
        self.looked_at = -math.inf
        # Carried out by another process until now, if by any.
        self.is_taken_over = False

    def rest(self, minute: int) -> float:
        """Return the seconds until there may be something to do, but for answers."""
        course = self.course
        if course.tells(minute):
            return TELLING_SECONDS
        if course.state is State.RUNNING:
            return AWAITING_SECONDS if course.has_out else OUT_OF_HOURS_SECONDS
        return HALTED_SECONDS if course.has_out else FORSAKEN_SECONDS

    def is_news(self, sighting: Sighting) -> bool:
        """Whether *sighting* changes anything."""
        if sighting.mac in self.gone:
            return False
        if self.target is None:
            return self.course.is_news(sighting.mac, sighting.at)
        return rollouttarget.is_news(self.target, self.course, sighting)

    def wants_look(self, now: float, minute: int) -> bool:
        """Whether it is time to see who fetched, *now* by a clock that only goes on."""
        course = self.course
        if course.tells(minute):
            return True
        if course.has_out:
            seconds = 0.0 if course.state is State.RUNNING else HALTED_SECONDS
        else:
            seconds = FORSAKEN_SECONDS if course.has_lost else math.inf
        return now - self.looked_at >= seconds


class RolloutSteps:
    """The roll-outs that are not over; one thread at a time may use it.

    A step is ``read`` and ``look``, which may take long and hold nobody up, and then
    ``step`` in a transaction that writes.  ``forget`` after a step that raised: what is
    held may not be what is stored.
    """

    def __init__(self, phone_port: int, allowed: Allowed) -> None:
        """Hold none; phones listen for SIP on *phone_port*.

        *allowed* says which images they may be told to load.
        """
        self._phone_port = phone_port
        self._allowed = allowed
        self._held: dict[int, _Held] = {}
        # Those of which a step was stored, and whom each was unsure of then.
        self._own: dict[int, frozenset[int]] = {}

    def forget(self) -> None:
        """Read all of them anew at the next step."""
        self._held.clear()

    def read(self, connection: sqlite3.Connection) -> bool:
        """Hold those that are not over, anew after a command; whether there are any."""
        before, self._held = self._held, {}
        rows = connection.execute(_UNFINISHED).fetchall()
        for number, action, revision, selection, chosen_seq in rows:
            held = before.get(number)
            if held is None or held.revision != revision:
                last = held
                course = rollouts.loaded(connection, number)
                target = target_of(connection, number)
                latest = latest_adoption(selection, chosen_seq)
                held = _Held(action, revision, latest, course, target)
                held.is_taken_over = number not in self._own
                held.course.unsure |= self._own.get(number, frozenset())
                if last is not None:
                    held.places, held.runs = last.places, last.runs
                    held.gone = last.gone
                    held.is_taken_over = last.is_taken_over
            self._held[number] = held
        return bool(self._held)

    def look(
        self, log: SightingLog | None, now: float, minute: int, *, due: bool
    ) -> dict[int, Sighting]:
        """Return the sightings that ``step`` takes.

        If *due* those of phones that may be back, where it is time to look.  Of a
        roll-out that was read just now they are taken anyway, and of one that is new,
        those of all of its phones.  *now* is by a clock that only goes on.
        """
        wanted = {
            member.mac
            for held in self._held.values()
            if held.places is None
            for member in held.course.members
        }
        looking = [
            held
            for held in self._held.values()
            # After a command first: who came back meanwhile need not be told again.
            if held.looked_at == -math.inf or (due and held.wants_look(now, minute))
        ]
        wanted.update(*(held.course.watched for held in looking))
        seen = log.latest(wanted, PROVISIONED) if log and wanted else {}
        for held in looking:
            held.looked_at = now
            mine = {mac: seen[mac] for mac in held.course.among(seen)}
            if held.places is None:
                held.places = Places()
                if log is not None:
                    held.places.hear(confirmed(log, mine))
            held.places.note(mine.values())
            if held.target is not None:
                runs = ((mac, running_from(one)) for mac, one in mine.items())
                held.runs.update(runs)
        return seen

    def is_due(
        self,
        answers: Iterable[Answered],
        seen: Mapping[int, Sighting],
        now: float,
        *,
        minute: int,
        room: int,
    ) -> bool:
        """Whether ``step`` would change anything; *now* is wall-clock time."""
        if any(answer.attempt.rollout in self._held for answer in answers):
            return True
        return any(
            held.is_taken_over
            or held.course.is_due(now, minute, room=room)
            or any(held.is_news(seen[mac]) for mac in held.course.among(seen))
            for held in self._held.values()
        )

    def rest(self, minute: int) -> float:
        """Return the seconds until the next step."""
        rests = [
            held.rest(minute) for held in self._held.values() if not held.course.is_over
        ]
        return min(rests, default=0.0)

    def step(
        self,
        work: Work,
        answers: Iterable[Answered],
        seen: Mapping[int, Sighting],
        *,
        minute: int,
        room: int,
    ) -> list[Errand]:
        """Return whom to tell once the transaction is committed, at most *room*.

        *answers* are what came of earlier errands, *seen* is what ``look`` returned,
        and *minute* is that of the local day.
        """
        stored = {
            number: revision
            for number, _, revision, *_ in work.connection.execute(
                _UNFINISHED
            ).fetchall()
        }
        answers_of: dict[int, list[Answered]] = {}
        for answer in answers:
            answers_of.setdefault(answer.attempt.rollout, []).append(answer)
        told: list[Errand] = []
        for number, held in self._held.items():
            if stored.get(number) != held.revision:
                continue  # a command came in between, and is read at the next step
            course, before = held.course, held.course.state
            for answer in answers_of.get(number, ()):
                told_at = answer.attempt.told_at
                course.answered(
                    answer.mac, answer.result, answer.detail, told_at=told_at
                )
            news = [mac for mac in course.among(seen) if held.is_news(seen[mac])]
            # What they do is for the next tenant to see, and nobody's news here.
            held.gone |= moved(work, news, held.latest)
            for mac in news:
                if mac not in held.gone:
                    _saw(work, held, seen[mac])
            taken_over = held.is_taken_over
            if taken_over:
                course.take_over(work.at.wall, restarts=held.action != "resync")
                held.is_taken_over = False
            macs = course.advance(work.at.wall, minute, room=room - len(told))
            macs = self._admitted(work, held, macs)
            attempt = Attempt(number, work.at.wall)
            told += self._errands(work.connection, held, attempt, macs)
            # What is taken over has its time anew, and a command reads that again.
            if course.changed or course.state is not before or taken_over:
                rollouts.save(work, number, course)
            _note(work, number, course, before)
            if held.target is not None:
                rollouttarget.followed(work, held.target, course, before)
        return told

    @property
    def going(self) -> frozenset[int]:
        """The numbers of those that run, or are paused: whoever is told is told on."""
        return frozenset(
            number
            for number, held in self._held.items()
            if held.course.state in (State.RUNNING, State.PAUSED)
        )

    def stored(self) -> None:
        """Know that the last step was committed."""
        self._own = {
            number: frozenset(held.course.unsure)
            for number, held in self._held.items()
            if not held.is_taken_over
        }

    def _admitted(self, work: Work, held: _Held, macs: list[int]) -> list[int]:
        """Return which of *macs* are to be told, now that their turn has come."""
        if not macs:
            return macs
        gone = moved(work, macs, held.latest)
        for mac in gone:
            held.course.spare(mac, MOVED_AWAY)
        macs = [mac for mac in macs if mac not in gone]
        if held.target is None:
            return macs
        return firmware.admit(
            work, self._allowed, held.target, held.course, macs, held.runs
        )

    def _errands(
        self,
        connection: sqlite3.Connection,
        held: _Held,
        attempt: Attempt,
        macs: list[int],
    ) -> list[Errand]:
        assert held.places is not None
        found, unreachable = errands(
            connection,
            held.places,
            macs,
            attempt,
            held.action,
            phone_port=self._phone_port,
            together_with=held.course.together_with,
        )
        for mac, why in unreachable.items():
            held.course.answered(mac, Result.UNREACHABLE, why)
        return found


def _saw(work: Work, held: _Held, sighting: Sighting) -> None:
    """Note that a phone of the roll-out was given its settings."""
    if held.target is None:
        held.course.seen(sighting.mac, sighting.at)
        return
    rollouttarget.saw(work, held.target, held.course, sighting)


def _note(work: Work, number: int, course: Course, before: State) -> None:
    if course.state is before:
        return
    if course.state is State.HALTED:
        work.note("rollout.halted", f"roll-out {number}", why=course.why)
    elif course.state is State.DONE:
        counts = {fate.value: many for fate, many in course.counts().items() if many}
        work.note("rollout.done", f"roll-out {number}", **counts)
