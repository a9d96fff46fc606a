"""Carrying out roll-outs, a step several times a second, in the control process.

A step takes what phones answered and fetched, and stores who is to be told before
anybody is: a process that is killed in between tells nobody twice.  By which way a
phone is reached is for ``rolloutaddresses`` to say, and ``errands`` makes one errand of
phones that one NOTIFY tells.
"""

import sqlite3
from collections.abc import Iterable, Mapping

from bootwave.rollout.course import Course, Result, State
from bootwave.rollout.notifier import Answered, Credentials
from bootwave.rollout.notify import Attempt
from bootwave.rollout.plan import Action
from bootwave.rollout.resolving import proxy_from_text
from bootwave.sightings import Sighting
from bootwave.store import rollouts
from bootwave.store.devicereport import PROVISIONED
from bootwave.store.rolloutaddresses import Places, confirmed
from bootwave.store.rollouterrands import Errand, errands
from bootwave.store.secrets import KeyRing, password_owner
from bootwave.store.sightings import SightingLog
from bootwave.store.work import Work

_UNFINISHED = "SELECT id, action, revision FROM rollouts WHERE ended_at IS NULL"
# What the phone's own web server wants, from the layers that say it, the last wins.
_WEB = """
SELECT s.name, s.value FROM settings s JOIN devices v ON v.mac = :mac
WHERE s.name IN ('http_user', 'http_pass') AND s.idx = -1 AND (
  (s.scope = 'engine' AND s.key = 0)
  OR (s.scope = 'model' AND s.key = (SELECT id FROM models WHERE name = v.model))
  OR (s.scope = 'domain' AND s.key = v.domain_id)
  OR (s.scope = 'account' AND s.key = (
    SELECT account_id FROM bindings WHERE mac = :mac ORDER BY identity LIMIT 1))
  OR (s.scope = 'profile' AND s.key = (
    SELECT a.profile_id FROM bindings b JOIN accounts a ON a.id = b.account_id
    WHERE b.mac = :mac ORDER BY b.identity LIMIT 1))
  OR (s.scope = 'device' AND s.key = :mac))
ORDER BY CASE s.scope WHEN 'engine' THEN 0 WHEN 'model' THEN 1 WHEN 'domain' THEN 2
  WHEN 'profile' THEN 3 WHEN 'account' THEN 4 ELSE 5 END
"""
_ACCOUNTS = """
SELECT a.id, a.number, a.auth_user, a.sealed_password, d.name, d.registrar,
  d.outbound_proxy
FROM bindings b JOIN accounts a ON a.id = b.account_id
JOIN domains d ON d.id = a.domain_id
WHERE b.mac = :mac ORDER BY b.identity
"""


class _Held:
    """A roll-out that is carried out, as far as it is stored."""

    def __init__(self, action: Action, revision: int, course: Course) -> None:
        self.action: Action = action
        self.revision = revision
        self.course = course
        # Where phones were when they last proved who they are; None until it was read.
        self.places: Places | None = None


class RolloutSteps:
    """The roll-outs that are not over; one thread at a time may use it.

    A step is ``read`` and ``look``, which may take long and hold nobody up, and then
    ``step`` in a transaction that writes.  ``forget`` after a step that raised: what is
    held may not be what is stored.
    """

    def __init__(self, phone_port: int) -> None:
        """Hold none; phones listen for SIP on *phone_port*."""
        self._phone_port = phone_port
        self._held: dict[int, _Held] = {}

    def forget(self) -> None:
        """Read all of them anew at the next step."""
        self._held.clear()

    def read(self, connection: sqlite3.Connection) -> bool:
        """Hold those that are not over, anew after a command; whether there are any."""
        before, self._held = self._held, {}
        for number, action, revision in connection.execute(_UNFINISHED).fetchall():
            held = before.get(number)
            if held is None or held.revision != revision:
                places = held.places if held else None
                held = _Held(action, revision, rollouts.loaded(connection, number))
                held.places = places
            self._held[number] = held
        return bool(self._held)

    def look(self, log: SightingLog | None, *, due: bool) -> dict[int, Sighting]:
        """Return the sightings that ``step`` takes.

        If *due* those of phones that may be back, and of a roll-out that was held just
        now, those of all of its phones.
        """
        new = [held for held in self._held.values() if held.places is None]
        wanted = {member.mac for held in new for member in held.course.members}
        if due:
            wanted.update(*(held.course.watched for held in self._held.values()))
        seen = log.latest(wanted, PROVISIONED) if log and wanted else {}
        for held in new:
            held.places = Places()
            mine = {mac: one for mac, one in seen.items() if mac in held.course}
            if log is not None:
                held.places.hear(confirmed(log, mine))
        return seen

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
            for number, _, revision in work.connection.execute(_UNFINISHED).fetchall()
        }
        told: list[Errand] = []
        for number, held in self._held.items():
            if stored.get(number) != held.revision:
                continue  # a command came in between, and is read at the next step
            course, before = held.course, held.course.state
            for answer in answers:
                if answer.attempt.rollout == number:
                    told_at = answer.attempt.told_at
                    course.answered(
                        answer.mac, answer.result, answer.detail, told_at=told_at
                    )
            assert held.places is not None
            mine = [sighting for mac, sighting in seen.items() if mac in course]
            held.places.note(mine)
            for sighting in mine:
                course.seen(sighting.mac, sighting.at)
            macs = course.advance(work.at.wall, minute, room=room - len(told))
            attempt = Attempt(number, work.at.wall)
            told += self._errands(work.connection, held, attempt, macs)
            if course.changed or course.state is not before:
                rollouts.save(work, number, course)
            _note(work, number, course, before)
        return told

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


def credentials_for(
    connection: sqlite3.Connection, keyring: KeyRing, mac: int
) -> list[Credentials]:
    """Return what the phone *mac* may ask a NOTIFY for, the likeliest first.

    Those of its own web server, if a layer says both, then those of its accounts, which
    are also for the realms of their domain: its name, its registrar and its proxy.
    Raises StoreError when a password cannot be opened.
    """
    web = dict(connection.execute(_WEB, {"mac": mac}).fetchall())
    found = []
    if web.get("http_user") and web.get("http_pass"):
        found.append(Credentials(web["http_user"], web["http_pass"]))
    for account, number, auth_user, sealed, *servers in connection.execute(
        _ACCOUNTS, {"mac": mac}
    ).fetchall():
        password = keyring.open(sealed, owner=password_owner(account))
        realms = frozenset(proxy_from_text(each).host for each in servers if each)
        found.append(Credentials(auth_user or number, password, realms))
    return found


def _note(work: Work, number: int, course: Course, before: State) -> None:
    if course.state is before:
        return
    if course.state is State.HALTED:
        work.note("rollout.halted", f"roll-out {number}", why=course.why)
    elif course.state is State.DONE:
        counts = {fate.value: many for fate, many in course.counts().items() if many}
        work.note("rollout.done", f"roll-out {number}", **counts)
