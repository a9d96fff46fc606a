"""How routes reach the store: the operations that commands call, by the same thread.

    read, look ──► one of a few threads, read only  (readers)
    write ──► a turn of whoever asks ──► the writer's thread of the control process

What a principal does not reach is not there for his operations either
(``Work.reach``): the second fence behind ``admission``.
"""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from bootwave import log
from bootwave.control.api import idempotencykeys
from bootwave.control.api.acquaintances import Acquaintances
from bootwave.control.api.cursors import Cursors
from bootwave.control.api.entitytags import Check, State, entity_tag
from bootwave.control.api.guessing import Guessing
from bootwave.control.api.idempotencykeys import KEY_BYTES, Allowances
from bootwave.control.api.passwords import Passwords
from bootwave.control.api.principals import Principal, of_now
from bootwave.control.api.readers import Readers
from bootwave.control.api.room import Room
from bootwave.control.api.turns import Turns
from bootwave.control.operations import STEPPED, acting, run, steps
from bootwave.control.server import ControlServer
from bootwave.errors import StoreError
from bootwave.pairing.instant import Instant
from bootwave.store.access import idempotency
from bootwave.store.access.apitokens import USED_EVERY_SECONDS, ApiToken
from bootwave.store.access.idempotency import Kept, Once
from bootwave.store.access.sessions import SEEN_EVERY_SECONDS, AdminSession
from bootwave.store.administration import Administration
from bootwave.store.boot import instant
from bootwave.store.secrets import KeyRing
from bootwave.store.work import Work

T = TypeVar("T")
_NOWHERE: frozenset[str] = frozenset()


class Desk:
    """What the routes of one API work with.

    Changes are made by *administration* in the thread of *server*, reads by *readers*;
    *room* is what else there is of the engine.
    *now* is the clock that decides.
    """

    def __init__(
        self,
        server: ControlServer,
        administration: Administration,
        readers: Readers,
        keyring: KeyRing,
        room: Room,
        *,
        now: Callable[[], Instant] = instant,
    ) -> None:
        """Keep them; ``close`` closes the readers, and what ``start`` began."""
        self.room = room
        self._server = server
        self._administration = administration
        self._readers = readers
        self.keyring = keyring
        self.now = now
        self.cursors = Cursors(keyring)
        self.passwords = Passwords()
        self.guessing = Guessing()
        self.acquaintances = Acquaintances()
        self._allowances = Allowances()
        self._turns = Turns()
        self._noting: set[asyncio.Task[None]] = set()
        self._noted: set[tuple[str, int]] = set()

    async def warm(self) -> None:
        """Make what the first requests need: they take no longer than others then."""
        await self.passwords.warm()
        await self._readers.open()

    def start(self) -> None:
        """Begin what goes on beside requests."""
        self.room.start(self._readers)

    async def close(self) -> None:
        """Wait for what is under way, and close the connections of reads."""
        await self.room.stop()
        await asyncio.gather(*self._noting)
        await asyncio.to_thread(self._readers.close)
        await asyncio.to_thread(self.passwords.close)

    # Reads

    async def read(self, principal: Principal, op: str, **args: Any) -> Any:
        """Return the result of the operation *op*, which only reads."""
        return await self._readers.run(
            lambda store: run(
                store, op, args, actor=principal.actor, reach=principal.domains
            ),
            whose=principal.whose,
        )

    async def read_tagged(
        self, principal: Principal, state: State, op: str, **args: Any
    ) -> tuple[Any, str]:
        """Return the result of *op*, which only reads, and the entity tag of *state*.

        That is looked at first: a tag is never of what is newer than what is shown.
        """

        def read(store: Administration) -> tuple[Any, str]:
            with acting(store, actor=principal.actor, reach=principal.domains):
                tag = self.tag(store.looked(state))
            found = run(store, op, args, actor=principal.actor, reach=principal.domains)
            return found, tag

        return await self._readers.run(read, whose=principal.whose)

    def tag(self, state: Any) -> str:
        """Return the entity tag of a *state* that was read."""
        return entity_tag(state, self.keyring)

    async def see(self, principal: Principal, read: Callable[[Administration], T]) -> T:
        """Return what *read* returns, called with a store as *principal* reaches it."""

        def see(store: Administration) -> T:
            with acting(store, actor=principal.actor, reach=principal.domains):
                return read(store)

        return await self._readers.run(see, whose=principal.whose)

    async def look(self, read: Callable[[Administration], T]) -> T:
        """Return what *read* returns, called with a store that is read only.

        Nothing holds it to what somebody reaches: for what decides over that, and
        takes no time to speak of.
        """
        return await self._readers.look(read)

    # Writes

    async def write(
        self,
        request: Request,
        principal: Principal,
        op: str,
        args: dict[str, Any],
        answer: Callable[[Any], Response],
        *,
        check: Check | None = None,
        state: State | None = None,
        secret: bool = False,
    ) -> Response:
        """Carry the operation *op* out, and return *answer* of its result.

        *principal* is looked at again in its transaction: others may be before it for
        as long as they like.  *check* is called there, too, before it, and may raise
        what ends it, and *state* after it, for the entity tag of the answer.  A POST is
        heeded if it carries an Idempotency-Key, and given the answer it had before; one
        that is *secret* is not kept, nor one by which nothing was done.
        """
        once = None
        if request.method == "POST":
            once = await idempotencykeys.once(request, principal, self.keyring)
        tags: list[str] = []

        def after(work: Work) -> None:
            if state is not None:
                tags.append(entity_tag(state(work), work.keyring))

        store = self._administration
        how: dict[str, Any] = {
            "actor": principal.actor,
            "reach": principal.domains,
            "before": lambda work: self._begin(work, principal, once, check),
        }

        def answered(result: Any) -> Response:
            response = answer(result)
            if tags:
                response.headers["ETag"] = tags[0]
            if once is not None:
                with acting(store, actor=principal.actor, reach=principal.domains):
                    self._keep(store, principal, once, response, secret=secret)
            return response

        try:
            async with self._turns.place(principal.whose) as turn:
                try:
                    if op in STEPPED:
                        taken = steps(store, op, args, **how)
                        result = await self._server.stepped(taken, turn=turn)
                        return await self._server.in_thread(lambda: answered(result))
                    async with turn:
                        return await self._server.in_thread(
                            lambda: answered(run(store, op, args, after=after, **how))
                        )
                finally:
                    self._server.tell(op)
        except _Repeated as repeated:
            return await idempotencykeys.replayed(request, repeated.kept, self.keyring)

    async def carry_out(self, principal: Principal, op: str, **args: Any) -> Any:
        """Return the result of *op*, carried out where changes are made.

        For what a request does in several steps, of which none can be repeated.  As in
        ``write``, *principal* is looked at again where it comes to writing.
        """
        async with self._turns.turn(principal.whose, goes_on=True):
            try:
                return await self._server.in_thread(
                    lambda: run(
                        self._administration,
                        op,
                        args,
                        actor=principal.actor,
                        reach=principal.domains,
                        before=lambda work: _require_still(work, principal),
                    )
                )
            finally:
                self._server.tell(op)

    async def carry_out_long(self, principal: Principal, op: str, **args: Any) -> Any:
        """Return the result of *op*, which the control process does beside the store.

        Only for routes of who reaches all domains: nothing holds *op* to his.
        """
        return await self._server.call(op, args, actor=principal.actor)

    async def change_still(
        self, principal: Principal, write: Callable[[Administration], T]
    ) -> T:
        """Return what *write* returns, called where changes are made, by *principal*.

        He is looked at again in its transaction, and waits for no turn.
        """

        def carry_out() -> T:
            with acting(
                self._administration,
                actor=principal.actor,
                reach=principal.domains,
                before=lambda work: _require_still(work, principal),
            ):
                return write(self._administration)

        return await self._server.in_thread(carry_out)

    async def change(self, actor: str, write: Callable[[Administration], T]) -> T:
        """Return what *write* returns, called where changes are made, by *actor*.

        He reaches no domain: what is of access alone touches none.
        """

        def carry_out() -> T:
            with acting(self._administration, actor=actor, reach=_NOWHERE):
                return write(self._administration)

        return await self._server.in_thread(carry_out)

    def _begin(
        self, work: Work, principal: Principal, once: Once | None, check: Check | None
    ) -> None:
        _require_still(work, principal)
        if once is not None:
            kept = idempotency.find(work.connection, once.actor, once.key, work.at.wall)
            if kept is not None:
                raise _Repeated(kept)
            self._allowances.require_key(principal)
        if check is not None:
            check(work)
        if once is not None:
            idempotency.begin(work.connection, once, work.at.wall)

    def _keep(
        self,
        store: Administration,
        principal: Principal,
        once: Once,
        response: Response,
        *,
        secret: bool,
    ) -> None:
        headers = idempotencykeys.headers_to_keep(response)
        body = bytes(response.body)
        try:
            if response.status_code >= 400:
                store.access_forget_key(once)
                return
            self._allowances.take(principal, KEY_BYTES)
            if secret or len(body) > idempotency.MAX_KEPT_BYTES:
                return
            if self._allowances.take(principal, len(body)):
                store.access_keep_answer(once, response.status_code, headers, body)
        except StoreError as error:
            # The change is made; whoever asks again is told that it was.
            log.note(log.API_ANSWER_NOT_KEPT, error=str(error))

    # What is written down beside a request, and no request waits for

    def note_use(
        self,
        source: str,
        *,
        session: AdminSession | None = None,
        token: ApiToken | None = None,
    ) -> None:
        """Write down that a session or token is used, when that is a minute old."""
        now = self.now()
        if session is not None and now.boottime - session.seen >= SEEN_EVERY_SECONDS:
            self._note_once("session", session.id, source)
        if token is not None and (
            token.used_at is None or abs(now.wall - token.used_at) >= USED_EVERY_SECONDS
        ):
            self._note_once("token", token.id, source)

    def _note_once(self, kind: str, number: int, source: str) -> None:
        # One at a time for each: a writer that is busy must not gather thousands.
        if (kind, number) in self._noted:
            return
        self._noted.add((kind, number))
        task = asyncio.get_running_loop().create_task(self._note(kind, number, source))
        self._noting.add(task)
        task.add_done_callback(self._noting.discard)

    async def _note(self, kind: str, number: int, source: str) -> None:
        named = {kind: number}
        try:
            await self.change(
                "", lambda store: store.access_used(source=source, **named)
            )
        except StoreError as error:
            log.note(log.API_USE_NOT_NOTED, error=str(error))
        finally:
            self._noted.discard((kind, number))


def _require_still(work: Work, principal: Principal) -> None:
    principal.require_still(of_now(work, principal))


class _Repeated(Exception):
    """A request with this key was carried out before."""

    def __init__(self, kept: Kept) -> None:
        super().__init__()
        self.kept = kept
