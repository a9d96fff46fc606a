"""What is to be done about a MAC, and what came of it.

Theory of operation.  An entry holds what the service shall hold (``target``), what it
confirmed last (``known``) and all that it was asked for since (``told``): digests of
URLs.  It is *settled* when the three are one, and that was confirmed.  Every call can
be made again: registering over an entry of one's own replaces it, and who is not
registered is not deregistered.  So an order is written down before its first call, as
an attempt that failed, with the time of the next; whoever is killed in the middle has
it carried out once more, later.

    target      known, told     order        answer            then
    a URL       otherwise       register     done              settled
                                             owned, refused    trouble; again, slowly
    ""          any             deregister   done, not ours    forgotten
    a URL       settled, due    look         the same URL      settled
                                             another URL       alarm, register
                                             unknown           register
                                             owned             alarm; again, slowly
    any         any             any          no answer         again, later and later

A phone that is deregistered is looked at first: where it points elsewhere, somebody
else with this account has taken it over meanwhile, and it is left alone.
"""

from collections.abc import Generator
from enum import StrEnum
from typing import NamedTuple

from bootwave.errors import RedirectionError, RedirectionUnreachable
from bootwave.redirection.vendors import Call, Verdict
from bootwave.redirection.xmlrpc import Answer
from bootwave.store.redirection.rows import Account, Entry
from bootwave.store.redirection.urls import digest_of, origin_of

# The first wait after an attempt and the longest, doubled in between.  Nothing is said
# of what the service bears, so a phone that it refuses is tried a few times a day.
UNREACHABLE_SECONDS = (15.0, 3_600.0)
REFUSED_SECONDS = (3_600.0, 86_400.0)
OWNED_SECONDS = (21_600.0, 86_400.0)
# Failures one after another, of whatever phones, after which the service itself is
# left alone for a while; one phone that it cannot answer for must not end the others.
PATIENCE = 3
PAUSE_SECONDS = (5.0, 900.0)
ACCOUNT_SECONDS = (60.0, 3_600.0)
ASKED_SECONDS = 3_600.0  # that a service may ask to be left alone for
MAX_TOLD = 8  # URLs that a phone may have been given without an answer
SPREAD = 0.5  # of a wait is chance, so that engines do not come back together
FAR_SECONDS = 86_400.0 * (1 + SPREAD)  # beyond it nothing is ever put off


class Action(StrEnum):
    """What is done about a MAC."""

    REGISTER = "register"
    DEREGISTER = "deregister"
    LOOK = "look"


class Order(NamedTuple):
    """One thing to be done; ``url`` is "" to deregister.

    ``ours`` are the digests of URLs that this engine may have left there.
    """

    mac: int
    action: Action
    url: str
    ours: tuple[str, ...] = ()


class Result(StrEnum):
    """What came of an order."""

    DONE = "done"
    LEFT = "left"
    """It is not ours any more, so nothing was taken away."""
    ELSEWHERE = "elsewhere"
    UNKNOWN = "unknown"
    OWNED = "owned"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    NOT_BEGUN = "not begun"


class Outcome(NamedTuple):
    """What came of an order, the service's words, and where the phone points to."""

    result: Result
    words: str = ""
    where: str = ""


class Alarm(NamedTuple):
    """A MAC of ours does not come here: ``where`` it goes, "" for another owner's."""

    mac: int
    where: str


class Asked(NamedTuple):
    """One call about a MAC."""

    call: Call
    mac: int
    url: str = ""


def target_entry(
    entry: Entry | None, mac: int, target: str, now: float
) -> Entry | None:
    """Return the entry of *mac* once the service shall hold *target*, "" for nothing.

    None where nothing need be known: the service was never told of it.  The same entry
    where nothing changes, so that a phone in trouble keeps its time.
    """
    if entry is None:
        return Entry(mac, target, next_at=now) if target else None
    if entry.target == target:
        return entry
    if not target:
        if not entry.told:
            return None
        return entry._replace(target="", trouble="", words="", attempts=0, next_at=now)
    changed = entry._replace(
        target=target,
        # It may have been deregistered, without anybody having heard the answer.
        confirmed_at=entry.confirmed_at if entry.target else None,
        trouble="" if entry.trouble != "elsewhere" else entry.trouble,
        words="",
        attempts=0,
        next_at=now,
    )
    return changed._replace(next_at=None) if is_settled(changed) else changed


def is_settled(entry: Entry) -> bool:
    """Whether the service holds what it shall, as far as is known."""
    is_confirmed = entry.confirmed_at is not None
    return is_confirmed and entry.known == entry.told == entry.target


def order_for(entry: Entry, url: str) -> Order:
    """Return what is to be done about *entry*, whose target *url* is ("" for none)."""
    ours = tuple(dict.fromkeys(filter(None, (entry.known, *entry.told.split()))))
    if not entry.target:
        return Order(entry.mac, Action.DEREGISTER, "", ours)
    action = Action.LOOK if is_settled(entry) else Action.REGISTER
    return Order(entry.mac, action, url, ours)


def begun(entry: Entry, order: Order, now: float, chance: float) -> Entry:
    """Return *entry* as it is stored before the first call, as if that will fail."""
    attempts = entry.attempts + 1
    told = entry.told
    if order.action is Action.REGISTER:
        each = dict.fromkeys((*told.split(), digest_of(order.url)))
        told = " ".join([*each][-MAX_TOLD:])
    return entry._replace(
        told=told,
        attempts=attempts,
        tried_at=now,
        next_at=now + wait(UNREACHABLE_SECONDS, attempts, chance),
    )


def conversation(order: Order) -> Generator[Asked, Answer, Outcome]:
    """Yield the calls of *order* one by one, given the answers; return what came of it.

    Whoever has no answer closes it.
    """
    mac, url = order.mac, order.url
    if order.action is Action.REGISTER:
        answer = yield Asked(Call.REGISTER, mac, url)
        return _outcome(answer)
    answer = yield Asked(Call.LOOK, mac)
    if order.action is Action.LOOK:
        if answer.verdict is Verdict.DONE and answer.url != url:
            where = origin_of(answer.url) if answer.url else "nowhere"
            return Outcome(Result.ELSEWHERE, where=where)
        return _outcome(answer)
    if answer.verdict is Verdict.DONE:
        if answer.url and digest_of(answer.url) not in order.ours:
            return Outcome(Result.LEFT, where=origin_of(answer.url))
        answer = yield Asked(Call.DEREGISTER, mac)
    found = _outcome(answer)
    if found.result in (Result.UNKNOWN, Result.OWNED):
        return found._replace(result=Result.LEFT)
    return found


def after(
    entry: Entry | None, order: Order, outcome: Outcome, now: float, chance: float
) -> tuple[Entry | None, Alarm | None]:
    """Return what *entry* becomes by the *outcome* of *order*, and an alarm if any.

    None is to be forgotten.  *entry* is as it is stored now, which may shall something
    else by now; *chance* is from 0 to 1.
    """
    if entry is None:
        return None, None
    result = outcome.result
    if result is Result.NOT_BEGUN:
        attempts = max(0, entry.attempts - 1)
        return entry._replace(attempts=attempts, next_at=now), None
    if entry.target != digest_of(order.url):
        return _overtaken(entry, order, result), None
    if result is Result.UNREACHABLE:
        at = now + wait(UNREACHABLE_SECONDS, entry.attempts, chance)
        trouble = "elsewhere" if entry.trouble == "elsewhere" else "unreachable"
        return (
            entry._replace(trouble=trouble, words=outcome.words, next_at=at),
            None,
        )
    if order.action is Action.DEREGISTER:
        if result in (Result.DONE, Result.LEFT):
            return None, None
        return _refused(entry, outcome, now, chance), None
    if result is Result.DONE:
        settled = entry._replace(
            known=entry.target,
            told=entry.target,
            trouble="",
            words="",
            attempts=0,
            next_at=None,
            confirmed_at=now,
        )
        return settled, None
    if result is Result.ELSEWHERE:
        found = entry._replace(
            known="",
            trouble="elsewhere",
            words="",
            attempts=0,
            next_at=now,
            elsewhere=outcome.where,
            elsewhere_at=now,
        )
        return found, Alarm(entry.mac, outcome.where)
    if result is Result.OWNED:
        at = now + wait(OWNED_SECONDS, entry.attempts, chance)
        owned = entry._replace(
            known="", trouble="owned", words=outcome.words, next_at=at
        )
        return owned, None if entry.trouble == "owned" else Alarm(entry.mac, "")
    if order.action is Action.LOOK and result is Result.UNKNOWN:
        return entry._replace(known="", attempts=0, next_at=now), None
    return _refused(entry._replace(known=""), outcome, now, chance), None


def wait(bounds: tuple[float, float], attempts: int, chance: float) -> float:
    """Return the seconds to the next attempt after so many; *chance* is from 0 to 1."""
    first, longest = bounds
    doubled = min(longest, first * 2.0 ** min(max(0, attempts - 1), 32))
    return doubled * (1 - SPREAD / 2 + SPREAD * chance)


def of_service(account: Account, service: str) -> Account:
    """Return *account* with what is known of *service*, the digest of its URL.

    Nothing, where another one was called last, as ``rows.begin_service`` stores it.
    """
    if account.service == service:
        return account
    return account._replace(
        service=service,
        state="",
        words="",
        failures=0,
        next_at=None,
        answered_at=None,
        sync_at=account.sync_at if is_sync_due(account) else None,
        listed_at=None,
        lists_done=0,
        lists=0,
        strays=0,
    )


def is_sync_due(account: Account) -> bool:
    """Whether somebody asked for a look at everything that did not come to its end."""
    listed, sync = account.listed_at, account.sync_at
    return sync is not None and (listed is None or listed < sync)


def answered(account: Account, now: float) -> Account:
    """Return *account* after an answer that can be understood."""
    return account._replace(
        state="answers", words="", failures=0, next_at=None, answered_at=now
    )


def failed(
    account: Account, words: str, now: float, chance: float, asked: float = 0.0
) -> Account:
    """Return *account* after a call without answer, *words* say why.

    The service is left alone for the seconds that it *asked* for, at least.
    """
    failures = account.failures + 1
    found = account._replace(failures=failures)
    if failures < PATIENCE and not asked:
        return found
    seconds = min(asked, ASKED_SECONDS)
    if failures >= PATIENCE:
        own = wait(PAUSE_SECONDS, failures - PATIENCE + 1, chance)
        seconds = max(seconds, own)
    return found._replace(state="unreachable", words=words, next_at=now + seconds)


def refused(account: Account, words: str, now: float, chance: float) -> Account:
    """Return *account* after the service did not accept it."""
    failures = account.failures + 1
    at = now + wait(ACCOUNT_SECONDS, failures, chance)
    return account._replace(state="refused", words=words, failures=failures, next_at=at)


def unanswered(
    account: Account, error: RedirectionError, now: float, chance: float
) -> Account:
    """Return *account* after a call that ended with *error*."""
    if isinstance(error, RedirectionUnreachable):
        return failed(account, str(error), now, chance, error.wait_seconds)
    return refused(account, str(error), now, chance)


def is_left_alone(account: Account, now: float) -> bool:
    """Whether the service is not to be called *now*, but later."""
    return account.next_at is not None and now < account.next_at <= now + FAR_SECONDS


def _outcome(answer: Answer) -> Outcome:
    result = {
        Verdict.DONE: Result.DONE,
        Verdict.OWNED: Result.OWNED,
        Verdict.UNKNOWN: Result.UNKNOWN,
    }.get(answer.verdict, Result.REFUSED)
    return Outcome(result, answer.words)


def _refused(entry: Entry, outcome: Outcome, now: float, chance: float) -> Entry:
    at = now + wait(REFUSED_SECONDS, entry.attempts, chance)
    return entry._replace(trouble="refused", words=outcome.words, next_at=at)


def _overtaken(entry: Entry, order: Order, result: Result) -> Entry:
    """Return *entry*, which shall something else by now, after the order of before."""
    if result is not Result.DONE:
        return entry
    if order.action is Action.DEREGISTER:
        return entry._replace(known="")
    digest = digest_of(order.url)
    return entry._replace(known=digest, told=digest)
