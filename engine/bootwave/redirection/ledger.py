"""The durable side: entries follow the bindings, and orders are written down first.

``step`` is one turn, in a transaction.  It stores what came of orders, follows the log
of changes, which says whose bindings or tokens changed, and hands out what is to be
done now, each written down as an attempt.  When it begins, when the account changed,
and when the log was cut, it walks all MACs, some at a time.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from bootwave.redirection import plan
from bootwave.redirection.addresses import Addresses
from bootwave.redirection.comparison import Comparison
from bootwave.redirection.plan import Alarm, Order, Outcome
from bootwave.store.administration import Administration
from bootwave.store.changelog import changes_after, last_seq
from bootwave.store.redirection import rows
from bootwave.store.redirection.rows import Account, Bound, Entry
from bootwave.store.redirection.urls import digest_of
from bootwave.store.secrets import redirection_owner
from bootwave.store.work import Work

WALK = 500  # MACs in one transaction: some 20 ms at most, for phones write, too
CHANGES = 500  # MACs of the log in one statement
MOST_CHANGES = 2_000  # in one transaction; more of them are a walk over all


class Done(NamedTuple):
    """What came of an order that was handed out at this ``version`` of the account."""

    version: tuple[int, int] | None
    order: Order
    outcome: Outcome


class Step(NamedTuple):
    """What is to be done now, and whom to alarm of what came of orders before.

    ``survey`` says that everything is to be asked for, ``for_sync`` because somebody
    said so.
    """

    account: Account
    orders: tuple[Order, ...]
    alarms: tuple[Alarm, ...]
    survey: bool
    for_sync: bool


class Ledger:
    """Entries of *administration*, in the thread that operations run in."""

    def __init__(
        self,
        administration: Administration,
        *,
        service: str,
        list_seconds: float,
        chance: Callable[[], float],
    ) -> None:
        """Look at everything each *list_seconds*; *chance* is from 0 to 1.

        *service* is the URL of the one that is called, "" for the vendor's own: how
        another one behaves and what it holds, which the options named before, says
        nothing of it.
        """
        self._administration = administration
        self._service = digest_of(service)
        self._list_seconds = list_seconds
        self._chance = chance
        self._version: tuple[int, int] | None = None
        self._seq = 0
        self._walked: int | None = 0  # the MAC to go on behind, None at the end
        self._addresses = Addresses()

    def step(self, done: Sequence[Done], room: int) -> Step | None:
        """Return what is to be done now, *room* orders at most; None without account.

        Raises StoreError; then *done* is not stored.
        """
        administration = self._administration
        with administration.redirection_look() as work:
            account = self._account(work)
            if account is None:
                self._version = None
                return None
            now = work.at.wall
            is_new = account.version != self._version
            due_at = rows.next_due(work.connection)
            has_changes = last_seq(work.connection) != self._seq
            survey, for_sync = self._survey_due(account, now)
            if plan.is_left_alone(account, now):
                room, survey = 0, False
            is_due = due_at is not None and room and self._is_due(due_at, now)
            if not (is_new or done or has_changes or is_due or self.is_walking):
                return Step(account, (), (), survey, for_sync)
        try:
            with administration.redirection_change() as work:
                return self._step(work, done, room)
        except BaseException:
            # What was followed may have been rolled back.
            self._version = None
            raise

    @property
    def is_walking(self) -> bool:
        """Whether not every MAC was walked over since the account changed."""
        return self._walked is not None

    def password(self, account: Account) -> str:
        """Return the password of *account*; raises StoreError."""
        with self._administration.redirection_look() as work:
            owner = redirection_owner(account.id)
            return work.keyring.open(account.sealed_password, owner=owner)

    def save_health(self, account: Account, known: Account) -> None:
        """Store how the service behaved in calls after *known* was read.

        Not where it is left alone for longer by what others stored since.
        """
        with self._administration.redirection_change() as work:
            stored = self._account(work)
            if stored is None:
                return
            self._begin_service(work)
            is_new = stored.next_at != known.next_at
            if not is_new or (stored.next_at or 0.0) <= (account.next_at or 0.0):
                rows.save_health(work.connection, account)

    def comparison(
        self, account: Account, began: float, *, for_sync: bool
    ) -> Comparison:
        """Return what compares *account* with the service, from *began* on."""
        return Comparison(self._administration, account, began, for_sync=for_sync)

    def account(self) -> Account:
        """Return the account; raises StoreNotFound."""
        with self._administration.redirection_look() as work:
            return self._required_account(work)

    def _account(self, work: Work) -> Account | None:
        found = rows.account(work.connection)
        return None if found is None else plan.of_service(found, self._service)

    def _required_account(self, work: Work) -> Account:
        return plan.of_service(rows.required_account(work.connection), self._service)

    def _begin_service(self, work: Work) -> None:
        rows.begin_service(work.connection, self._service, work.at.wall)

    def _survey_due(self, account: Account, now: float) -> tuple[bool, bool]:
        listed = account.listed_at
        for_sync = plan.is_sync_due(account)
        is_old = listed is None or not 0 <= now - listed < self._list_seconds
        return for_sync or is_old, for_sync

    def _is_due(self, at: float, now: float) -> bool:
        return at <= now or at > now + plan.FAR_SECONDS

    def _step(self, work: Work, done: Sequence[Done], room: int) -> Step:
        self._begin_service(work)
        account = self._required_account(work)
        now = work.at.wall
        is_new = account.version != self._version
        newest, changes = changes_after(work.connection, self._seq)
        if is_new:
            self._version, self._walked = account.version, 0
            self._addresses.forget()
        alarms = self._stored(work, account, done)
        macs: set[int] = set()
        for kind, key in changes:
            if kind == "device":
                macs.add(key)
            elif kind == "all" or (
                kind in ("domain", "wildcard")
                and self._addresses.has_other_token(work, key)
            ):
                self._walked = 0
        self._seq = newest
        if len(macs) > MOST_CHANGES:
            self._walked = 0
        else:
            self._follow(work, account, sorted(macs))
        if self._walked is not None:
            bound, entries, self._walked = rows.within(
                work.connection, self._walked, WALK
            )
            self._made_right(work, account, bound, entries)
        orders = self._handed_out(work, account, room) if room else ()
        survey, for_sync = self._survey_due(account, now)
        survey = survey and bool(room)
        return Step(account, orders, tuple(alarms), survey, for_sync)

    def _stored(
        self, work: Work, account: Account, done: Sequence[Done]
    ) -> list[Alarm]:
        """Store what came of orders; of those of another version nothing is known."""
        now = work.at.wall
        of_now = {
            each.order.mac: each for each in done if each.version == account.version
        }
        entries = {
            entry.mac: entry for entry in rows.entries_of(work.connection, [*of_now])
        }
        alarms: list[Alarm] = []
        kept: list[Entry] = []
        gone: list[int] = []
        for mac, each in of_now.items():
            old = entries.get(mac)
            if old is None:
                continue
            new, alarm = plan.after(old, each.order, each.outcome, now, self._chance())
            if new is None:
                gone.append(mac)
            else:
                kept.append(new)
            if alarm is not None:
                alarms.append(alarm)
        rows.save(work.connection, kept)
        rows.delete(work.connection, gone)
        return alarms

    def _follow(self, work: Work, account: Account, macs: Sequence[int]) -> None:
        for start in range(0, len(macs), CHANGES):
            some = macs[start : start + CHANGES]
            bound = rows.bound_of(work.connection, some)
            entries = rows.entries_of(work.connection, some)
            self._made_right(work, account, bound, entries)

    def _made_right(
        self,
        work: Work,
        account: Account,
        bound: Iterable[Bound],
        entries: Iterable[Entry],
    ) -> list[tuple[Entry, str]]:
        """Store what entries of MACs shall be; return them with their URLs.

        *bound* are those of the MACs that shall be redirected, *entries* what is known.
        """
        now = work.at.wall
        known = {entry.mac: entry for entry in entries}
        urls: dict[int, str] = dict.fromkeys(known, "")
        for one in bound:
            url = self._addresses.url(work, account, one)
            if url is None:  # nothing can be said of it now, so nothing is done
                urls.pop(one.mac, None)
            else:
                urls[one.mac] = url
        found: list[tuple[Entry, str]] = []
        changed: list[Entry] = []
        gone: list[int] = []
        for mac, url in urls.items():
            old = known.get(mac)
            new = plan.target_entry(old, mac, digest_of(url), now)
            if new is None:
                if old is not None:
                    gone.append(mac)
                continue
            if new is not old:
                changed.append(new)
            found.append((new, url))
        rows.save(work.connection, changed)
        rows.delete(work.connection, gone)
        return found

    def _handed_out(self, work: Work, account: Account, room: int) -> tuple[Order, ...]:
        now = work.at.wall
        due = rows.due(work.connection, now, now + plan.FAR_SECONDS, room)
        bound = rows.bound_of(work.connection, [entry.mac for entry in due])
        orders: list[Order] = []
        begun: list[Entry] = []
        # Once more, for what was not walked over yet.
        for entry, url in self._made_right(work, account, bound, due):
            if entry.next_at is None or not self._is_due(entry.next_at, now):
                continue
            order = plan.order_for(entry, url)
            orders.append(order)
            begun.append(plan.begun(entry, order, now, self._chance()))
        rows.save(work.connection, begun)
        return tuple(orders)
