"""Provisioning: requests and SUBSCRIBEs of phones in, responses and URLs out.

``cached`` answers what is ready without waiting.  ``respond`` does the rest, and
``answer_missed`` does it for what the lane missed, many requests at a time.

======================  ============================================================
``provision.ready``    what is kept and may leave now
``provision.way``      from a look at the store to a decision, and what follows
``provision.looks``    what the store says at one moment
``provision.serving``  the document made, kept and let go
``provision.notes``    what is written down of it, and nobody waits for
``provision.answers``  responses; the one refusal
``provision.firmware`` which firmware a phone is told
======================  ============================================================

A request on its way tells what it needs next (``provision.steps``).  ``respond`` waits
for it on an event loop, with the looks of a turn in one query (``provision.batch``) and
the loop free while a commit runs; ``respond_now`` does it at once, for an engine
without sockets; ``provision.misses`` does it for many.

With the store away what is ready under a grant is still given.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from bootwave.errors import StoreError
from bootwave.http.contact import Contact
from bootwave.http.request import Request
from bootwave.http.response import Response
from bootwave.metrics import CounterRow
from bootwave.native.pnp import BoundMacs
from bootwave.options import Options
from bootwave.pairing.decisions import Policy
from bootwave.pairing.instant import Instant
from bootwave.provision.answering import Answering
from bootwave.provision.answers import Answers
from bootwave.provision.asked import Asked, asked_from
from bootwave.provision.batch import Batch
from bootwave.provision.cache import DocumentCache, GeneralDocuments
from bootwave.provision.credentials import Verifier
from bootwave.provision.documents import DocumentMaker
from bootwave.provision.firmware import FirmwareAnswers
from bootwave.provision.firmwaretelling import FirmwareTelling
from bootwave.provision.invitations import Invitations
from bootwave.provision.layers import ModelLayers
from bootwave.provision.limitpages import LimitPages
from bootwave.provision.looks import Looks
from bootwave.provision.misses import Misses, Tell
from bootwave.provision.notes import Notes
from bootwave.provision.ports import (
    Compiler,
    PhoneWrites,
    PnpLookUp,
    Reader,
    SealingKeys,
)
from bootwave.provision.ready import ReadyDocuments
from bootwave.provision.refusals import Refusals
from bootwave.provision.revocations import PASSED_OVER, RevocationPage
from bootwave.provision.serving import Serving
from bootwave.provision.steps import Course, Outcome, Result, Slowed, Step, Write
from bootwave.provision.tokens import TokenGate
from bootwave.provision.urls import bootstrap_url
from bootwave.provision.way import Way
from bootwave.sightings import Sighting
from bootwave.store.changelog import Change

if TYPE_CHECKING:
    from bootwave.native.http import Miss


class Provisioner:
    """Answers the requests of phones; one per process, for one thread.

    *nonce_secret* (16 to 64 bytes) is shared by all processes, as *revocations* is.
    *http_port* is where phones reach clear HTTP when no URL is set, *https_port* HTTPS
    (0: nowhere).  *sight* is given
    one sighting for each request answered.  *bound*, if any, is told which phones may
    be answered by multicast without asking again.  *limits* is shared by all processes,
    too.  ``general`` holds what belongs to no phone.
    """

    def __init__(
        self,
        reader: Reader,
        writes: PhoneWrites,
        compiler: Compiler,
        keyring: SealingKeys,
        cache: DocumentCache,
        revocations: RevocationPage,
        options: Options,
        clock: Callable[[], Instant],
        sight: Callable[[Sighting], None],
        counters: CounterRow,
        *,
        nonce_secret: bytes,
        http_port: int,
        https_port: int = 0,
        bound: BoundMacs | None = None,
        answering: Answering | None = None,
        limits: LimitPages | None = None,
        firmware: FirmwareAnswers | None = None,
    ) -> None:
        """Keep the parts; nothing is read before the first request.

        Without *firmware* no phone is told of any.  *answering* is told before a grant
        is looked at for the last time; what is returned must be sent before the loop
        has its turn.
        """
        pages = LimitPages() if limits is None else limits
        self._options = options
        self._cache = cache
        self.general = GeneralDocuments()
        self._layers = ModelLayers(reader, revocations)
        self._looks = Looks(reader, revocations, clock)
        policy = policy_of(options)
        refusals = Refusals(pages, options.limits, counters)
        verifier = Verifier(keyring, nonce_secret, basic=options.http.basic)
        tokens = TokenGate(keyring)
        notes = Notes(writes, revocations, counters)
        maker = DocumentMaker(
            compiler,
            keyring,
            self._layers,
            lambda url: bootstrap_url(options, url, https_port),
            _no_scope if firmware is None else firmware.handle_of,
            reader.account_books,
        )
        self._firmware = firmware
        self._telling: FirmwareTelling | None = None
        if firmware is not None:
            self._telling = FirmwareTelling(firmware, clock, sight, counters)
        self._answers = Answers(
            refusals,
            clock,
            sight,
            counters,
            nonce_secret=nonce_secret,
            basic=options.http.basic,
        )
        self._ready = ReadyDocuments(
            cache,
            self.general,
            verifier,
            refusals,
            notes,
            revocations,
            clock,
            counters,
            answering,
        )
        serving = Serving(
            maker,
            cache,
            self._looks,
            tokens,
            verifier,
            refusals,
            notes,
            self._answers,
            policy,
            clock,
            counters,
            answering,
        )
        self._way = way = Way(
            serving,
            self._answers,
            tokens,
            verifier,
            refusals,
            notes,
            writes,
            maker,
            self.general,
            revocations,
            keyring,
            policy,
            clock,
            counters,
        )
        self._batch = Batch(self._looks.read)
        self._misses = Misses(self._begun, way.gone_on, self._batch, way.submit)
        self.bound = bound
        self._invitations = Invitations(
            reader,
            self._looks,
            cache,
            revocations,
            policy,
            options,
            clock,
            way.note_store_away,
            http_port=http_port,
            https_port=https_port,
            bound=bound,
        )

    def cached(self, request: Request, contact: Contact) -> Response | None:
        """Return the answer when it is ready, or None: then ``respond`` has it.

        Never blocks.
        """
        asked = asked_from(request, contact, self._options)
        if asked is None:
            return self._answers.no_document(request, contact)
        told = self._told(asked)
        if told is not None:
            return told
        ready = self._ready.find(asked)
        return None if ready is None else self._answers.given(asked, ready)

    async def respond(self, request: Request, contact: Contact) -> Response:
        """Return the answer to what ``cached`` had none for.

        Waits for the query of this turn of the loop and for commits.
        """
        asked = asked_from(request, contact, self._options)
        if asked is None:
            return self._answers.no_document(request, contact)
        course = Course(asked)
        step = self._begun(course)
        while isinstance(step, int | Write):
            try:
                if isinstance(step, Write):
                    # Shielded: a phone that hangs up takes back no write.
                    written = asyncio.wrap_future(self._way.submit(step))
                    result: Result = await asyncio.shield(written)
                else:
                    result = await self._batch.look(step)
            except StoreError as error:
                result = error
            step = self._way.gone_on(course, result)
        if isinstance(step, Slowed):
            try:
                await asyncio.sleep(step.seconds)
            finally:
                step.over()
            return step.response
        return self._answers.given(asked, step)

    def respond_now(self, request: Request, contact: Contact) -> Response:
        """Return the answer, ready or not; blocks while a write is committed.

        What would be held back is not.
        """
        ready = self.cached(request, contact)
        if ready is not None:
            return ready
        asked = asked_from(request, contact, self._options)
        assert asked is not None  # or that had been answered, too
        course = Course(asked)
        step = self._begun(course)
        while isinstance(step, int | Write):
            try:
                if isinstance(step, Write):
                    result: Result = self._way.submit(step).result()
                else:
                    result = self._looks.read([step])[step]
            except StoreError as error:
                result = error
            step = self._way.gone_on(course, result)
        if isinstance(step, Slowed):  # nobody can be made to wait here
            step.over()
            return step.response
        return self._answers.given(asked, step)

    def _begun(self, course: Course) -> Step | Outcome:
        """Begin; return what is needed first, or the outcome."""
        told = self._told(course.asked)
        return self._way.begun(course) if told is None else told

    def _told(self, asked: Asked) -> Response | None:
        """Return what a phone is told of firmware, None when it asks for other things.

        Raises NotWhole for what the lane has read of some.
        """
        return None if self._telling is None else self._telling.response(asked)

    def answer_missed(self, misses: "Sequence[Miss]", tell: Tell) -> None:
        """Call *tell* with the outcome for each of *misses*, now or later.

        When that is ``Ready`` the lane has the document, unless something was revoked
        since, and counts and sights it when it gives it; a ``Response`` is counted and
        sighted here.  None says that it failed here.
        """
        self._misses.begin(misses, tell)

    def pnp_urls(self, lookups: Sequence[PnpLookUp]) -> list[str | None]:
        """Return for each SUBSCRIBE the settings URL to tell, or None for silence."""
        return self._invitations.urls(lookups)

    def meet(self, after: int, most: int) -> int | None:
        """Let the PnP lane answer the next *most* bound phones above the MAC *after*.

        So that a whole fleet need not be looked up while it boots.  Returns the last of
        them, or None when there was none; raises StoreError.
        """
        return self._invitations.meet(after, most)

    def apply(self, changes: Sequence[Change]) -> None:
        """Forget what *changes*, told by the change log, made wrong.

        Revocations need no telling; this is for what was written without the engine,
        and gives memory back.
        """
        if self._firmware is not None:
            self._firmware.forget(changes)
        for kind, key in changes:
            if kind in PASSED_OVER:
                continue
            self._looks.overtake()
            if kind == "device":
                self._cache.drop(key)
                self._invitations.forget(key)
                continue
            if kind == "domain":
                self._cache.drop_domain(key)
            else:
                self._cache.clear()
                self.general.clear()
                self._layers.clear()
            self._invitations.forget(None)


def _no_scope(_mac: int, _domain_id: int) -> str:
    return ""


def policy_of(options: Options) -> Policy:
    """Return what *options* say of who may have what."""
    return Policy(
        clear_secrets=options.http.secrets == "window",
        pairing_seconds=options.pairing.pairing_minutes * 60,
        temporary_seconds=options.pairing.temporary_hours * 3600,
        any_vendor=options.pairing.wildcard_vendors == "any",
        certificate_claims=options.pairing.wildcard_certificates,
        passwords_seconds=options.pairing.passwords_hours * 3600,
    )
