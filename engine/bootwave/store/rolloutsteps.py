"""Carrying out roll-outs, a step several times a second, in the control process.

A step takes what phones answered and fetched, and stores who is to be told before
anybody is: a process that is killed in between tells nobody twice.  Where a phone is,
only a sighting says by which it proved its MAC: nothing is sent anywhere else.  Phones
at a private address are told directly, others through their domain's outbound proxy,
or its registrar, which has a way to phones behind NAT.
"""

import sqlite3
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from bootwave.pairing.sources import address_from_text, is_private_source
from bootwave.rollout.course import Course, Result, State
from bootwave.rollout.notifier import Answered, Credentials
from bootwave.rollout.notify import Attempt
from bootwave.rollout.plan import Action
from bootwave.sightings import Sighting
from bootwave.store import rollouts
from bootwave.store.devicereport import PROVISIONED
from bootwave.store.secrets import KeyRing, password_owner
from bootwave.store.sightings import SightingLog
from bootwave.store.work import Work

SIP_PORT = 5060  # of a proxy that names none

_UNFINISHED = "SELECT id, action, revision FROM rollouts WHERE ended_at IS NULL"
_PHONE = """
SELECT a.number, d.name, d.outbound_proxy, d.registrar
FROM devices v JOIN domains d ON d.id = v.domain_id
JOIN bindings b ON b.mac = v.mac JOIN accounts a ON a.id = b.account_id
WHERE v.mac = :mac ORDER BY b.identity LIMIT 1
"""
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


class Errand(NamedTuple):
    """A phone to tell now; *host* may be the name of a proxy."""

    mac: int
    attempt: Attempt
    action: Action
    number: str
    domain: str
    host: str
    port: int
    is_proxy: bool


class _Held:
    """A roll-out that is carried out, as far as it is stored."""

    def __init__(self, action: Action, revision: int, course: Course) -> None:
        self.action: Action = action
        self.revision = revision
        self.course = course
        # Where phones were when they last proved who they are.
        self.places: dict[int, str] | None = None


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
            held.places = {}
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
        errands: list[Errand] = []
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
            for mac, sighting in seen.items():
                if mac in course:
                    held.places[mac] = sighting.source
                    course.seen(mac, sighting.at)
            told = course.advance(work.at.wall, minute, room=room - len(errands))
            attempt = Attempt(number, work.at.wall)
            errands += self._errands(work.connection, held, attempt, told)
            if course.changed or course.state is not before:
                rollouts.save(work, number, course)
            _note(work, number, course, before)
        return errands

    def _errands(
        self,
        connection: sqlite3.Connection,
        held: _Held,
        attempt: Attempt,
        macs: list[int],
    ) -> list[Errand]:
        errands = []
        for mac in macs:
            errand = self._errand(connection, held, attempt, mac)
            if isinstance(errand, Errand):
                errands.append(errand)
            else:
                held.course.answered(mac, Result.UNREACHABLE, errand)
        return errands

    def _errand(
        self, connection: sqlite3.Connection, held: _Held, attempt: Attempt, mac: int
    ) -> Errand | str:
        """Return how to reach the phone *mac*, or why nobody can."""
        rows = connection.execute(_PHONE, {"mac": mac}).fetchall()
        if not rows:
            return "it is bound to no account any more"
        number, domain, outbound_proxy, registrar = rows[0]
        source = held.places.get(mac) if held.places else None
        if source is None:
            return rollouts.NOT_SEEN
        if is_private_source(source):
            host = str(address_from_text(source))
            port = self._phone_port
            return Errand(mac, attempt, held.action, number, domain, host, port, False)
        proxy = outbound_proxy or registrar
        if not proxy:
            return (
                f"it is at {source}, behind NAT it seems, and its domain has neither "
                "outbound proxy nor registrar to reach it by"
            )
        address, _, transport = proxy.partition(";")
        if transport and transport.lower() != "transport=udp":
            return f"its proxy {proxy} takes no UDP"
        host, port = _split(address)
        return Errand(mac, attempt, held.action, number, domain, host, port, True)


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
        hosts = (_split(server.partition(";")[0])[0] for server in servers if server)
        realms = frozenset(host.lower() for host in hosts)
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


def _split(address: str) -> tuple[str, int]:
    """Return host, without brackets, and port of ``host``, ``host:port`` or ``[v6]``.

    It was checked when it was stored (``names.checked_host``).
    """
    if address.startswith("["):
        host, _, rest = address[1:].partition("]")
        port = rest.removeprefix(":")
    else:
        host, _, port = address.partition(":")
    return host, int(port) if port else SIP_PORT
