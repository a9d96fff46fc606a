"""Whoever carries redirection out: the control process, while there is an account.

Turn by turn it takes a step in the thread of operations (redirection.ledger), which
writes orders down, and then carries them out, one call after another.  What came of
them is stored with the next step.  No command and no phone waits for it.
"""

import asyncio
import contextlib
import math
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

from bootwave import log
from bootwave.control.operations import ProgressFunction
from bootwave.control.server import ControlServer
from bootwave.errors import (
    BootwaveError,
    OptionError,
    RedirectionRefused,
    RedirectionUnreachable,
    StoreError,
)
from bootwave.metrics import Counter, CounterRow
from bootwave.options import RedirectionOptions
from bootwave.phone.mac import text_from_mac
from bootwave.redirection import plan
from bootwave.redirection.comparison import Comparison, Strays
from bootwave.redirection.ledger import Done, Ledger, Step
from bootwave.redirection.pace import Budget
from bootwave.redirection.plan import Alarm, Order, Outcome, Result
from bootwave.redirection.survey import Survey
from bootwave.redirection.vendors import Call, Verdict, vendors
from bootwave.redirection.xmlrpc import Answer, words_from
from bootwave.store.administration import Administration
from bootwave.store.redirection.rows import Account

if TYPE_CHECKING:
    from bootwave.redirection.client import Client

IDLE_SECONDS = 1.0  # between two looks at the log of changes
# What came of calls is stored, and others are heard, at least so often.
TURN_SECONDS = 2.0
MAX_ROOM = 100  # orders in a turn
MAX_NAMED = 1_000  # MACs of a kind in the answer of a comparison
HELLO = "ping"

T = TypeVar("T")
InThread = Callable[[Callable[[], Any]], Awaitable[Any]]
_CHANCE = random.SystemRandom()


class RedirectionRunner:
    """Carries redirection out from ``start`` to ``stop``, in the running loop."""

    def __init__(
        self,
        server: ControlServer,
        administration: Administration,
        options: RedirectionOptions,
        counters: CounterRow,
    ) -> None:
        """Take steps of *administration* in the thread of *server*."""
        self._server = server
        self._options = options
        self._counters = counters
        self._ledger = _ledger(administration, options)
        self._budget = Budget(options.calls_per_second)
        self._room = max(1, min(MAX_ROOM, int(options.calls_per_second * TURN_SECONDS)))
        self._client: Client | None = None
        self._version: tuple[int, int] | None = None
        self._health: Account | None = None
        self._done: list[Done] = []
        self._survey: Survey | None = None
        self._comparison: Comparison | None = None
        self._running: asyncio.Task[None] | None = None
        server.register_long("redirection.compare", self._compare)

    def start(self) -> None:
        """Go on with what is stored."""
        self._running = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Call nobody more, and store what came of the calls before."""
        if self._running is None:
            return
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)
        self._running = None
        with contextlib.suppress(BootwaveError):
            if self._done:
                await self._server.in_thread(partial(self._ledger.step, self._done, 0))
        await self._hang_up()

    async def _run(self) -> None:
        while True:
            try:
                idle = await self._turn()
            except (BootwaveError, OSError) as error:
                log.note(log.CONTROL_REDIRECTION_HELD_UP, error=str(error))
                idle = True
            except Exception as error:
                # The control process has more to do than this.
                log.note(
                    log.CONTROL_OPERATION_FAILED, op="redirection.step", exception=error
                )
                idle = True
            await asyncio.sleep(IDLE_SECONDS if idle else 0)

    async def _turn(self) -> bool:
        """Take one step and carry out what it says; whether there is nothing to do."""
        done = tuple(self._done)
        step: Step | None = await self._server.in_thread(
            partial(self._ledger.step, done, self._room)
        )
        # Kept until they are stored.
        del self._done[: len(done)]
        if step is None:
            await self._hang_up()
            return True
        for alarm in step.alarms:
            self._raise_alarm(alarm)
        account = step.account
        self._health = account
        is_new = account.version != self._version
        if is_new:
            await self._hang_up()
        ends_at = time.monotonic() + TURN_SECONDS
        if not plan.is_left_alone(account, time.time()):
            if self._client is None:
                await self._begin(account)
            await self._carry_out(step.orders, ends_at)
            if step.survey and not self._is_left_alone():
                await self._look_around(step, ends_at)
        else:
            self._put_back(step.orders)
        if self._health != account:
            await self._server.in_thread(
                partial(self._ledger.save_health, self._health, account)
            )
        goes_on = bool(step.orders) or self._survey is not None
        is_calm = plan.is_left_alone(self._health, time.time())
        return is_calm or not (goes_on or self._ledger.is_walking)

    async def _begin(self, account: Account) -> None:
        """Make a client, and see whether the account is right before it is needed."""
        self._version = account.version
        try:
            self._client = await self._opened(account)
        except (OptionError, StoreError) as error:
            # Nothing is called until somebody repaired it; looked at now and then.
            self._health = plan.refused(
                account, words_from(error), time.time(), _CHANCE.random()
            )._replace(state="unreachable")
            self._tell_health(account, self._health)
            return
        with contextlib.suppress(RedirectionRefused, RedirectionUnreachable):
            await self._call(Call.ECHO, text=HELLO)

    async def _opened(self, account: Account) -> "Client":
        password = await self._server.in_thread(partial(self._ledger.password, account))
        return await asyncio.to_thread(opened_client, account, password, self._options)

    async def _hang_up(self) -> None:
        client, self._client = self._client, None
        self._survey = self._comparison = None
        self._version = None
        if client is not None:
            await client.__aexit__()

    async def _carry_out(self, orders: tuple[Order, ...], ends_at: float) -> None:
        for number, order in enumerate(orders):
            if time.monotonic() > ends_at or self._is_left_alone():
                self._put_back(orders[number:])
                return
            outcome = await self._carried_out(order)
            self._done.append(Done(self._version, order, outcome))

    def _put_back(self, orders: tuple[Order, ...]) -> None:
        not_begun = Outcome(Result.NOT_BEGUN)
        self._done += [Done(self._version, order, not_begun) for order in orders]

    async def _carried_out(self, order: Order) -> Outcome:
        talk = plan.conversation(order)
        asked = next(talk)
        try:
            while True:
                answer = await self._call(asked.call, mac=asked.mac, url=asked.url)
                asked = talk.send(answer)
        except StopIteration as ended:
            outcome: Outcome = ended.value
            return outcome
        except RedirectionUnreachable as error:
            return Outcome(Result.UNREACHABLE, str(error))
        except RedirectionRefused:
            return Outcome(Result.NOT_BEGUN)  # the account is at fault, not the phone
        finally:
            talk.close()

    async def _look_around(self, step: Step, ends_at: float) -> None:
        """Ask for some lists of a survey, one at least, and compare after the last."""
        if self._survey is None:
            self._comparison = self._ledger.comparison(
                step.account, time.time(), for_sync=step.for_sync
            )
            self._survey = await gathered(self._server.in_thread, self._comparison)
        comparison, survey = self._comparison, self._survey
        assert comparison is not None
        asked = survey.done
        while (wanted := survey.next_list()) is not None:
            if self._is_left_alone() or (
                survey.done > asked and time.monotonic() > ends_at
            ):
                break
            try:
                if not await ask_for_list(survey, wanted, self._call):
                    break  # phones that wait come before it is asked for again
            except (RedirectionRefused, RedirectionUnreachable):
                break
        in_thread = self._server.in_thread
        if survey.next_list() is not None:
            await in_thread(partial(comparison.save_lists, survey))
            return
        self._survey = self._comparison = None
        await walked(in_thread, partial(comparison.compare, survey))
        await walked(in_thread, comparison.sort_strays)
        strays: Strays = await in_thread(partial(comparison.finish, survey))
        if survey.differing or strays.found:
            log.note(
                log.CONTROL_REDIRECTION_DRIFT,
                differing=survey.differing,
                strays=strays.found,
                taken=strays.taken,
            )

    async def _call(self, call: Call, **given: Any) -> Answer:
        """Return what the service answers, once the budget allows the call."""
        assert self._client is not None
        assert self._health is not None
        before = self._health
        await self._wait_for_budget()
        self._counters.add(Counter.REDIRECTION_CALLS)
        try:
            answer = await self._client.call(call, **given)
        except (RedirectionRefused, RedirectionUnreachable) as error:
            self._counters.add(Counter.REDIRECTION_FAILURES)
            self._health = plan.unanswered(before, error, time.time(), _CHANCE.random())
            self._tell_health(before, self._health)
            raise
        self._health = plan.answered(before, time.time())
        self._tell_health(before, self._health)
        return answer

    async def _wait_for_budget(self) -> None:
        loop = asyncio.get_running_loop()
        while (delay := self._budget.delay(loop.time())) > 0:
            await asyncio.sleep(delay)
        self._budget.spend(loop.time())

    def _is_left_alone(self) -> bool:
        return self._health is not None and plan.is_left_alone(
            self._health, time.time()
        )

    def _tell_health(self, before: Account, now: Account) -> None:
        if now.state == before.state:
            return
        if now.state == "refused":
            log.note(log.CONTROL_REDIRECTION_REFUSED, words=now.words)
        elif now.state == "unreachable":
            log.note(log.CONTROL_REDIRECTION_AWAY, words=now.words)
        elif before.state:
            log.note(log.CONTROL_REDIRECTION_BACK)

    def _raise_alarm(self, alarm: Alarm) -> None:
        self._counters.add(Counter.REDIRECTION_ALARMS)
        mac = text_from_mac(alarm.mac)
        if alarm.where:
            log.note(log.CONTROL_REDIRECTION_ELSEWHERE, mac=mac, where=alarm.where)
        else:
            log.note(log.CONTROL_REDIRECTION_OWNED, mac=mac)

    async def _compare(
        self, _args: Mapping[str, Any], progress: ProgressFunction
    ) -> dict[str, Any]:
        return await compared(
            self._server.in_thread,
            self._ledger,
            self._options,
            self._wait_for_budget,
            progress,
        )


async def walked(in_thread: InThread, step: Callable[[int], int | None]) -> None:
    """Take all steps of *step*, with others in between."""
    after: int | None = 0
    while after is not None:
        after = await in_thread(partial(step, after))


async def gathered(in_thread: InThread, comparison: Comparison) -> Survey:
    """Return the survey of *comparison*, once it knows what to ask for."""
    await walked(in_thread, comparison.gather)
    return comparison.survey()


async def ask_for_list(
    survey: Survey, wanted: tuple[str, str], call: Callable[..., Awaitable[Answer]]
) -> bool:
    """Ask by *call* for the list that *survey* has *wanted*, and give it to it.

    False where it did not come: it is asked for again once the service has answered
    otherwise, and passed over in the end.  Raises RedirectionError when the service
    itself does not answer, or asks to be left alone.
    """
    type_, url = wanted
    if words := survey.doubt:
        await call(Call.ECHO, text=HELLO)
        if survey.fail():
            log.note(log.CONTROL_REDIRECTION_UNLISTED, type=type_, words=words)
            return True
    try:
        answer = await call(Call.LIST, type_=type_, url=url)
    except RedirectionUnreachable as error:
        survey.doubt = str(error)
        if error.wait_seconds:
            raise
        return False
    if answer.verdict is Verdict.DONE:
        survey.receive(answer.macs)
    else:
        survey.pass_over()
    return True


async def compared(
    in_thread: InThread,
    ledger: Ledger,
    options: RedirectionOptions,
    wait_for_budget: Callable[[], Awaitable[None]],
    progress: ProgressFunction,
) -> dict[str, Any]:
    """Return what a sync would do, by what the service holds now; nothing is changed.

    For each kind the count and the first thousand MACs.  Raises RedirectionError when
    the service does not answer or is left alone, StoreNotFound without account.
    """
    account = health = await in_thread(partial(_called, ledger))
    password = await in_thread(partial(ledger.password, account))
    comparison = ledger.comparison(account, time.time(), for_sync=True)
    survey = await gathered(in_thread, comparison)
    client = await asyncio.to_thread(opened_client, account, password, options)

    async def call(what: Call, **given: Any) -> Answer:
        nonlocal health
        await wait_for_budget()
        try:
            answer = await client.call(what, **given)
        except (RedirectionRefused, RedirectionUnreachable) as error:
            health = plan.unanswered(health, error, time.time(), _CHANCE.random())
            raise
        health = plan.answered(health, time.time())
        return answer

    try:
        while (wanted := survey.next_list()) is not None:
            # Who registers phones meanwhile may have been told to call no more.
            await in_thread(partial(_called, ledger))
            progress(survey.done, survey.lists)
            try:
                await ask_for_list(survey, wanted, call)
            except RedirectionRefused as error:
                raise RedirectionRefused(
                    f"The redirection service does not accept the account ({error}): "
                    "set user and password again with bootwave redirection set."
                ) from None
            except RedirectionUnreachable as error:
                raise RedirectionUnreachable(
                    "The redirection service does not answer as it should "
                    f"({error}): try again later."
                ) from None
    finally:
        await client.__aexit__()
        if health.failures and health is not account:
            await in_thread(partial(ledger.save_health, health, account))
    await walked(in_thread, partial(comparison.preview, survey))
    return {
        kind: {"count": len(macs), "macs": [*map(text_from_mac, macs[:MAX_NAMED])]}
        for kind, macs in comparison.found.items()
    }


async def compared_directly(
    administration: Administration,
    options: RedirectionOptions,
    progress: ProgressFunction,
) -> dict[str, Any]:
    """Return the same where no engine runs, on *administration*."""
    budget = Budget(options.calls_per_second)

    async def in_place(work: Callable[[], Any]) -> Any:
        return work()

    async def wait_for_budget() -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(budget.delay(loop.time()))
        budget.spend(loop.time())

    ledger = _ledger(administration, options)
    return await compared(in_place, ledger, options, wait_for_budget, progress)


def _called(ledger: Ledger) -> Account:
    """Return the account; raises RedirectionError where it is left alone, and why."""
    account = ledger.account()
    if not plan.is_left_alone(account, time.time()):
        return account
    wait = wait_in_words((account.next_at or 0.0) - time.time())
    if account.state == "refused":
        raise RedirectionRefused(
            f"The redirection service did not accept the account ({account.words}), "
            f"and is left alone for {wait} more: set user and password again with "
            "bootwave redirection set."
        )
    raise RedirectionUnreachable(
        f"The redirection service did not answer as it should ({account.words}), and "
        f"is left alone for {wait} more: try again then."
    )


def wait_in_words(seconds: float) -> str:
    """Return *seconds* in whole ones, one at least, or in minutes; never too few."""
    whole = max(1, math.ceil(seconds))
    if whole < 120:
        return f"{whole} second{'' if whole == 1 else 's'}"
    return f"{math.ceil(whole / 60)} minutes"


def opened_client(
    account: Account, password: str, options: RedirectionOptions
) -> "Client":
    """Return a client for *account*; raises OptionError.

    For a thread: it loads libraries, which nobody needs who has no account.
    """
    try:
        module = import_module("bootwave.redirection.client")
    except ImportError as error:
        raise OptionError(
            f"Redirection needs {error.name}, which is not installed: install "
            "bootwave[control]."
        ) from None
    client: Client = module.Client(
        vendors()[account.vendor],
        account.user,
        password,
        url=options.service,
        cas=options.cas,
        timeout_seconds=options.timeout_seconds,
    )
    return client


def _ledger(administration: Administration, options: RedirectionOptions) -> Ledger:
    return Ledger(
        administration,
        service=options.service,
        list_seconds=options.list_hours * 3_600,
        chance=_CHANCE.random,
    )
