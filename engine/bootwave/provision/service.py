"""The way of a request: ready, or looked up, decided, written, made, answered.

``cached`` answers what is ready without waiting.  ``respond`` does the rest, and
``answer_missed`` does it for what the lane missed, many requests at a time:

    look ---> decide ---> refuse                      the same 401, whatever the reason
      ^         |  \\----> consume or claim --+       conditional; who lost looks again
      +---------|----------------------------+
                \\-------> make ---> answer            unless revoked in the meantime

A request tells what it needs next, a look or a write (``provision.steps``), and goes on
with the result.  ``respond`` waits for it on an event loop, with the looks of a turn in
one query and the loop free while a commit runs; ``respond_now`` does it at once, for an
engine without sockets; ``provision.misses`` does it for many.

Unknown, unbound, closed and taken phones go the same way and get the same bytes.  With
the store away windows fail closed, while what is ready under a grant is still given.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING

from bootwave import log
from bootwave.directory.records import Device
from bootwave.errors import SettingError, StoreError, StoreUnavailable
from bootwave.http.challenge import challenge
from bootwave.http.conditional import is_current
from bootwave.http.contact import Contact
from bootwave.http.request import Request
from bootwave.http.response import Response, plain_response
from bootwave.http.target import DocumentKind
from bootwave.metrics import Counter, CounterRow
from bootwave.native.pnp import BoundMacs
from bootwave.options import Options
from bootwave.pairing.decisions import (
    NO_PROOFS,
    Claim,
    Consume,
    Grant,
    Policy,
    Refuse,
    Serve,
)
from bootwave.pairing.instant import Instant
from bootwave.pairing.passwords import passwords_end
from bootwave.pairing.rules import (
    decide,
    is_open,
    live_bindings,
    live_device,
    open_for_pnp,
)
from bootwave.pairing.sources import is_private_source, source_key
from bootwave.pairing.tokens import TokenUse
from bootwave.phone.challenges import offers
from bootwave.phone.mac import text_from_mac
from bootwave.provision.answering import Answering
from bootwave.provision.asked import Asked, asked_from, phone_detail, proofs_of
from bootwave.provision.batch import Batch
from bootwave.provision.cache import (
    Document,
    DocumentCache,
    GeneralDocument,
    GeneralDocuments,
    Kept,
    Terms,
)
from bootwave.provision.credentials import Verifier
from bootwave.provision.documents import DocumentMaker
from bootwave.provision.layers import ModelLayers
from bootwave.provision.limitpages import LimitPages
from bootwave.provision.misses import Misses, Tell
from bootwave.provision.ports import (
    Compiler,
    PhoneWrites,
    PnpLookUp,
    Reader,
    SealingKeys,
)
from bootwave.provision.refusals import Refusals
from bootwave.provision.revocations import RevocationPage
from bootwave.provision.steps import (
    Course,
    GiveToken,
    Issue,
    Look,
    Outcome,
    Ready,
    Result,
    Slowed,
    Step,
    Write,
)
from bootwave.provision.tokens import Checked, TokenGate
from bootwave.provision.urls import bootstrap_url, pnp_url
from bootwave.sightings import Reason, Sighting
from bootwave.store.changelog import Change
from bootwave.store.phonewrites import Taken
from bootwave.store.tokens import device_token_owner, new_token

if TYPE_CHECKING:
    from bootwave.native.http import Miss

# A look is repeated when a write was lost or something was revoked while it was in
# hand.  Each needs somebody else to have acted in that moment; so many in a row are an
# overload, and then refusing is right.
ROUNDS = 8

# Phones of which it is remembered that the audit log knows what they took.
TAKEN_REMEMBERED = 16_384

_SERVED = {
    "window": Reason.SERVED_WINDOW,
    "certificate": Reason.SERVED_CERTIFICATE,
    "credentials": Reason.SERVED_CREDENTIALS,
}


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
    ) -> None:
        """Keep the parts; nothing is read before the first request.

        *answering* is told before a grant is looked at for the last time; what is
        returned must be sent before the loop has its turn.
        """
        self._reader = reader
        self._writes = writes
        self._cache = cache
        self._revocations = revocations
        self._options = options
        self._clock = clock
        self._sight = sight
        self._counters = counters
        self._nonce_secret = nonce_secret
        self._http_port = http_port
        self.bound = bound
        self._answering = answering
        self._policy = Policy(
            clear_secrets=options.http.secrets == "window",
            pairing_seconds=options.pairing.pairing_minutes * 60,
            temporary_seconds=options.pairing.temporary_hours * 3600,
            any_vendor=options.pairing.wildcard_vendors == "any",
            certificate_claims=options.pairing.wildcard_certificates,
            passwords_seconds=options.pairing.passwords_hours * 3600,
        )
        self.general = GeneralDocuments()
        self._layers = ModelLayers(reader, revocations)
        self._maker = DocumentMaker(
            compiler,
            keyring,
            self._layers,
            lambda url: bootstrap_url(options, url, https_port),
        )
        self._keyring = keyring
        self._tokens = TokenGate(keyring)
        self._verifier = Verifier(keyring, nonce_secret, basic=options.http.basic)
        self._refusals = Refusals(
            LimitPages() if limits is None else limits, options.limits, counters
        )
        self._using: set[int] = set()  # phones whose first use is being written
        self._batch = Batch(self._look)
        self._misses = Misses(self._begun, self._gone_on, self._look, self._submit)
        self._applied = 0
        self._taken: OrderedDict[int, tuple[str, int, bool, tuple[int, ...]]] = (
            OrderedDict()
        )

    def cached(self, request: Request, contact: Contact) -> Response | None:
        """Return the answer when it is ready, or None: then ``respond`` has it.

        Never blocks.
        """
        asked = asked_from(request, contact, self._options)
        if asked is None:
            return self._no_document(request, contact)
        if asked.is_own:
            return self._own_if_ready(asked)
        general = self.general.find(asked.key, self._revocations.everything())
        if general is None:
            return None
        return self._give(asked, general, self._clock().wall, Reason.SERVED_GENERAL)

    async def respond(self, request: Request, contact: Contact) -> Response:
        """Return the answer to what ``cached`` had none for.

        Waits for the query of this turn of the loop and for commits.
        """
        asked = asked_from(request, contact, self._options)
        if asked is None:
            return self._no_document(request, contact)
        course = Course(asked)
        step = self._begun(course)
        while isinstance(step, int | Write):
            try:
                if isinstance(step, Write):
                    # Shielded: a phone that hangs up takes back no write.
                    written = asyncio.wrap_future(self._submit(step))
                    result: Result = await asyncio.shield(written)
                else:
                    result = await self._batch.look(step)
            except StoreError as error:
                result = error
            step = self._gone_on(course, result)
        if isinstance(step, Slowed):
            try:
                await asyncio.sleep(step.seconds)
            finally:
                step.over()
            return step.response
        return self._given(asked, step)

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
                    result: Result = self._submit(step).result()
                else:
                    result = self._look([step])[step]
            except StoreError as error:
                result = error
            step = self._gone_on(course, result)
        if isinstance(step, Slowed):  # nobody can be made to wait here
            step.over()
            return step.response
        return self._given(asked, step)

    def answer_missed(self, misses: "Sequence[Miss]", tell: Tell) -> None:
        """Call *tell* with the outcome for each of *misses*, now or later.

        When that is ``Ready`` the lane has the document, unless something was revoked
        since, and counts and sights it when it gives it; a ``Response`` is counted and
        sighted here.  None says that it failed here.
        """
        self._misses.begin(misses, tell)

    def pnp_urls(self, lookups: Sequence[PnpLookUp]) -> list[str | None]:
        """Return for each SUBSCRIBE the settings URL to tell, or None for silence.

        One query for all of them.  With the store away only phones are answered that
        something is kept of.
        """
        if not lookups:
            return []
        looks: dict[int, Look] | None = None
        try:
            looks = self._look(list(dict.fromkeys(lookup.mac for lookup in lookups)))
        except StoreError as error:
            self._note_store_away(error)
        at = self._clock()
        return [self._pnp_url(lookup, looks, at) for lookup in lookups]

    def meet(self, after: int, most: int) -> int | None:
        """Let the PnP lane answer the next *most* bound phones above the MAC *after*.

        So that a whole fleet need not be looked up while it boots.  Returns the last of
        them, or None when there was none; raises StoreError.
        """
        macs = self._reader.bound(after, most)
        if not macs:
            return None
        for mac, look in self._look(macs).items():
            self._hold(mac, look)
        return macs[-1]

    def apply(self, changes: Sequence[Change]) -> None:
        """Forget what *changes*, told by the change log, made wrong.

        Revocations need no telling; this is for what was written without the engine,
        and gives memory back.  Accounts are passed over because their devices are named
        beside them, wildcards because nothing is kept for phones without an account.
        """
        for kind, key in changes:
            if kind in ("account", "wildcard"):
                continue
            # Looks in hand are older than this: what comes of them must not be kept.
            self._applied += 1
            if kind == "device":
                self._cache.drop(key)
                if self.bound is not None:
                    self.bound.drop(key)
            elif kind == "domain":
                self._cache.drop_domain(key)
            else:
                self._cache.clear()
                self.general.clear()
                self._layers.clear()
            if self.bound is not None and kind != "device":
                self.bound.clear()

    def _begun(self, course: Course) -> Step | Outcome:
        """Begin; return what is needed first, or the outcome."""
        asked = course.asked
        if not asked.is_own:
            return self._general_document(asked)
        self._counters.add(Counter.CACHE_MISSES)
        course.looks = 1
        return asked.mac

    def _gone_on(self, course: Course, result: Result) -> Step | Outcome:
        """Go on with the *result* of a step; return the next one, or the outcome."""
        try:
            if isinstance(result, Look):
                step = self._decided(course, result)
                if step is not None:
                    return step
            elif course.issuing:
                # Whatever came of it: who proved itself gets its document without.
                course.issuing = False
                if isinstance(result, StoreError):
                    self._note_store_away(result)
            elif isinstance(result, StoreError):
                raise result
            else:
                course.lost_claim = course.claiming and not result
        except StoreError as error:
            self._note_store_away(error)
            return self._refused(course, Reason.STORE_AWAY)
        if course.looks == ROUNDS:
            return self._refused(course, Reason.NOT_DECIDED)
        course.looks += 1
        return course.asked.mac

    def _decided(self, course: Course, look: Look) -> Write | Outcome | None:
        """Decide on what was looked up; None to look again."""
        self._prove_again(course)
        asked = course.asked
        at = look.at
        device = look.device
        if asked.mac and asked.proofs.certificate == asked.mac and device is not None:
            if not device.owns_certificate and course.looks == 1:
                # Nobody waits for it: this phone is served by its certificate anyway.
                mac = asked.mac
                writing = self._writes.own_certificate(mac)
                writing.add_done_callback(lambda written: self._owns(mac, written))
        # Before the token is looked at: what it costs to compare, and whether a nonce
        # was too old, must not tell who is refused for what.
        proofs = asked.proofs
        if asked.shown is not None:
            proofs = replace(proofs, credentials=self._verified(course, look))
        is_bound = bool(live_bindings(device, at))
        checked = self._tokens.check(asked.token, look, is_bound=is_bound)
        if checked.refused:
            return self._refused(course, Reason.TOKEN_WRONG)
        decision = decide(
            asked.mac,
            look.device,
            checked.wildcards,
            asked.source,
            asked.secure,
            at,
            self._policy,
            proofs,
            taking=not asked.is_head,
            model=asked.agent_model,
        )
        if isinstance(decision, Serve):
            assert look.device is not None
            if checked.domain is not None and look.device.token is None:
                return self._give_token(course)
            if self._wants_credentials(course, look, decision.grant):
                course.issued = course.issuing = True
                return Write(Issue(asked.mac), "")
            return self._serve(course, look, decision.grant, at, checked)
        if isinstance(decision, Refuse):
            reason = decision.reason
            if course.lost_claim and reason in (Reason.UNKNOWN_MAC, Reason.UNBOUND):
                reason = Reason.WILDCARD_TAKEN
            return self._refused(course, reason)
        if asked.is_head:
            # It takes no secret away, so it must not use up who may.
            return self._refused(course, Reason.HEAD_UNDER_WINDOW)
        course.claiming = isinstance(decision, Claim)
        return Write(decision, asked.agent_model)

    def _owns(self, mac: int, written: "Future[bool]") -> None:
        """End what is kept for clear HTTP of a phone that has a certificate.

        In the writer's thread, for whom the page is as good as for any.
        """
        if not written.cancelled() and not written.exception() and written.result():
            self._revocations.revoke([Change("device", mac)])

    def _prove_again(self, course: Course) -> bool:
        """Whether the certificate proves something else than when this began.

        It may have been blocked while this waited, or have expired.
        """
        asked = course.asked
        if asked.again is None:
            return False
        proofs = proofs_of(asked.again())
        if proofs == asked.proofs:
            return False
        course.asked = asked._replace(proofs=proofs)
        return True

    def _verified(self, course: Course, look: Look) -> bool | None:
        """Return whether the credentials shown are right, None for nothing to say."""
        asked, now = course.asked, look.at.boottime
        before = course.verified
        source = source_key(asked.source)
        device = look.device
        if device is not None:
            device = live_device(device, look.at)
        found = course.verified = self._verifier.verify(
            asked,
            source,
            device,
            now,
            may_guess=self._refusals.may_guess(source, asked.mac, now),
        )
        # Once for a request, however often it is looked at.
        if before is None and found.right is False:
            if found.limited:
                self._counters.add(Counter.CREDENTIALS_LIMITED)
            else:
                self._counters.add(Counter.CREDENTIALS_WRONG)
            if found.guess:
                self._refusals.guessed_wrong(source, asked.mac, now)
        return found.right

    def _wants_credentials(self, course: Course, look: Look, grant: Grant) -> bool:
        """Whether the device should first be given credentials of its own.

        Under a window it was, with the window (provision.writes).
        """
        asked, device = course.asked, look.device
        return (
            not course.issued
            and grant.kind != "window"
            and device is not None
            and device.credentials is None
            and asked.key.kind is DocumentKind.SETTINGS
            and not asked.is_head
        )

    def _refused(self, course: Course, reason: Reason) -> Outcome:
        """Refuse what was decided on."""
        found = course.verified
        if found is None:
            return self._refuse(course.asked, reason)
        if reason is Reason.CREDENTIALS_WRONG and found.limited:
            reason = Reason.CREDENTIALS_LIMITED
        return self._refuse(course.asked, reason, stale=found.stale)

    def _serve(
        self, course: Course, look: Look, grant: Grant, at: Instant, checked: Checked
    ) -> Outcome | None:
        """Make and keep the document of *look*; None to look again."""
        asked = course.asked
        assert look.device is not None
        device = live_device(look.device, at)
        assert device.domain is not None  # a device with bindings is in their domain
        domain_id = device.domain.id
        end = passwords_end(device, at, self._policy)
        told = at.boottime < end
        if told and end < grant.until:
            # What is kept holds passwords, so it is not kept for longer than these.
            grant = replace(grant, until=end)
        try:
            guard = self._tokens.guard(device, checked.domain)
            document = self._maker.own(asked.key, device, with_passwords=told)
        except StoreUnavailable:
            raise
        except (StoreError, SettingError) as error:
            return self._not_made(course, error)
        # Last of all: whatever was revoked or has ended until here must not leave.
        if self._answering is not None:
            self._answering.enter()
        if self._prove_again(course):
            return None
        at = self._clock()
        if at.boottime >= grant.until or at.boot_id != grant.boot_id:
            return None
        stamp = self._revocations.stamp_if_unrevoked(look.mark, device.mac, domain_id)
        if stamp is None or look.applied != self._applied:
            return None
        if grant.kind != "window" and asked.key.kind is DocumentKind.SETTINGS:
            self._note_taken(asked, device, grant, stamp, told=told)
        self._note_proof(course, device, grant, stamp, at)
        if is_open(device.bindings, at):
            # It was asked for with HEAD.  Nothing is kept, or the GET would be answered
            # from that and leave the window to somebody else.
            return self._give(asked, document, at.wall, _SERVED[grant.kind])
        grant = self._with_what_is_kept(device.mac, stamp, grant, at)
        terms = Terms(domain_id, stamp, grant, not asked.secure, guard)
        dropped = self._cache.keep(device.mac, terms, asked.key, document)
        if dropped:
            self._counters.add(Counter.CACHE_EVICTIONS, dropped)
        self._note_token(device, checked)
        if not self._cache.admits(asked.mac, asked.token):
            # By this URL it is given this once; what is kept is for another.
            return self._give(asked, document, at.wall, _SERVED[grant.kind])
        return Ready(document, at.wall, _SERVED[grant.kind])

    def _note_proof(
        self, course: Course, device: Device, grant: Grant, stamp: int, at: Instant
    ) -> None:
        """Remember that the phone was served there, and by which credentials."""
        asked, found = course.asked, course.verified
        self._refusals.proved(source_key(asked.source), asked.mac, at.boottime)
        if grant.kind == "credentials" and found is not None:
            # With the time of a '?' its credentials end, and nothing is revoked.
            lasts = all(binding.expires is None for binding in device.bindings)
            if found.proof is not None and lasts:
                self._verifier.remember(asked.mac, stamp, found.proof)
            if found.fresh_user:
                self._use(asked.mac, found.fresh_user)

    def _with_what_is_kept(
        self, mac: int, stamp: int, grant: Grant, at: Instant
    ) -> Grant:
        """Return *grant* as it may be kept beside what is kept of *mac*.

        All documents of a phone end together, so one that may be had for longer would
        have the others, with passwords or accounts whose time is over by then, had for
        longer, too.
        """
        kept = self._cache.find(mac)
        if kept is None or kept.stamp != stamp or kept.until >= grant.until:
            return grant
        if kept.lasts(at):
            return replace(grant, until=kept.until)
        self._cache.drop(mac)
        return grant

    def _use(self, mac: int, user: str) -> None:
        """Write that the device's new credentials were used; nobody waits for it."""
        if mac in self._using:
            return
        self._using.add(mac)
        writing = self._writes.use(mac, user)
        # In the writer's thread, where a set may be told to forget.
        writing.add_done_callback(lambda _future: self._using.discard(mac))

    def _give_token(self, course: Course) -> Write:
        """Return the write without which the phone's document cannot be made."""
        mac = course.asked.mac
        course.claiming = False
        sealed = self._keyring.seal(new_token(), owner=device_token_owner(mac))
        return Write(GiveToken(mac, sealed), "")

    def _note_token(self, device: Device, checked: Checked) -> None:
        """Let it be written down by which token the phone came, if that is news."""
        token, domain = device.token, checked.domain
        if checked.use is TokenUse.STEADY and token is not None and not token.used:
            self._writes.device_token_used(device.mac, token.sealed)
        if checked.use is TokenUse.FIRST_CONTACT and domain and not domain.used:
            assert device.domain is not None
            self._writes.domain_token_used(device.domain.id, domain.sealed)

    def _note_taken(
        self, asked: Asked, device: Device, grant: Grant, stamp: int, *, told: bool
    ) -> None:
        """Let the audit log be told, once for each grant; nobody waits for it."""
        # A phone whose time with one account is over may have claimed another since,
        # which revokes nothing.
        ids = tuple([binding.account.id for binding in device.bindings])
        what = grant.kind, stamp, told, ids
        if self._taken.get(device.mac) == what:
            return
        self._taken[device.mac] = what
        self._taken.move_to_end(device.mac)
        if len(self._taken) > TAKEN_REMEMBERED:
            self._taken.popitem(last=False)
        assert device.domain is not None
        accounts = [
            f"{binding.account.number}@{device.domain.name}"
            for binding in device.bindings
            if told
        ]
        taken = Taken(asked.mac, grant.kind, asked.source, tuple(accounts))
        self._writes.taken(taken).add_done_callback(self._was_noted)

    def _was_noted(self, written: "Future[None]") -> None:
        if not written.cancelled() and written.exception() is not None:
            self._counters.add(Counter.AUDIT_LOST)

    def _own_if_ready(self, asked: Asked) -> Response | None:
        kept = self._cache.find(asked.mac)
        if kept is None:
            return None
        if self._answering is not None:
            self._answering.enter()
        if self._revocations.stamp(asked.mac, kept.domain_id) != kept.stamp:
            self._cache.drop(asked.mac)
            return None
        at = self._clock()
        reason = Reason.SERVED_WINDOW
        if asked.mac and asked.proofs.certificate == asked.mac:
            reason = Reason.SERVED_CERTIFICATE
            if not kept.lasts(at):
                return None
        elif asked.proofs is not NO_PROOFS:
            return None
        elif asked.shown is not None:
            reason = Reason.SERVED_CREDENTIALS
            if not kept.lasts(at) or not self._is_remembered(asked, kept, at):
                return None
        elif not (
            kept.covers(source_key(asked.source), at) and (asked.secure or kept.clear)
        ):
            return None
        if not self._cache.admits(asked.mac, asked.token):
            return None
        document = self._cache.document(asked.mac, asked.key)
        if document is None:
            return None
        if asked.shown is not None:
            self._refusals.proved(source_key(asked.source), asked.mac, at.boottime)
        self._counters.add(Counter.CACHE_HITS)
        return self._give(asked, document, at.wall, reason)

    def _is_remembered(self, asked: Asked, kept: Kept, at: Instant) -> bool:
        """Whether the credentials shown were right before, on as fit a transport."""
        if not asked.secure and not (kept.clear and is_private_source(asked.source)):
            return False
        source = source_key(asked.source)
        return self._verifier.is_remembered(asked, source, kept.stamp, at.boottime)

    def _given(self, asked: Asked, outcome: Response | Ready) -> Response:
        if isinstance(outcome, Response):
            return outcome
        return self._give(asked, outcome.document, outcome.wall, outcome.reason)

    def _give(
        self,
        asked: Asked,
        document: Document | GeneralDocument,
        wall: float,
        reason: Reason,
    ) -> Response:
        """Return *document*, or that the phone has it; only after the grant.

        *reason* is why it may leave, for the sighting.
        """
        current = is_current(asked.if_none_match, document.etag)
        self._counters.add(Counter.DOCUMENTS)
        if asked.is_own:
            self._counters.add(Counter.DOCUMENTS_SECRET)
            # That a general document is current says nothing about the phone's own.
            reason = Reason.NOT_MODIFIED if current else reason
        self._tell(asked, reason, wall)
        status = 304 if current else 200
        body = document.body()
        return Response(status, body, etag=document.etag, proven=asked.is_own)

    def _general_document(self, asked: Asked) -> Outcome:
        stamp = self._revocations.everything()
        document, complete = self._maker.general(asked.key, stamp)
        wall = self._clock().wall
        if not complete or asked.token:
            # Of each token there would be one more; anybody can make some up.
            return self._give(asked, document, wall, Reason.SERVED_GENERAL)
        self.general.keep(asked.key, document)
        return Ready(document, wall, Reason.SERVED_GENERAL)

    def _no_document(self, request: Request, contact: Contact) -> Response:
        detail = phone_detail(request)
        wall = self._clock().wall
        self._sight(Sighting(wall, 0, contact.source, Reason.NO_DOCUMENT, detail))
        return plain_response(404)

    def _refuse(
        self, asked: Asked, reason: Reason, *, stale: bool = False
    ) -> Response | Slowed:
        """Return the one 401; *reason* goes to the sighting only.

        Who asks for too many phones is kept waiting for it, or put off.
        """
        at = self._clock()
        source = source_key(asked.source)
        other, seconds, over = self._refusals.missed(
            source, asked.mac, reason, at.boottime
        )
        self._counters.add(Counter.DOCUMENTS_REFUSED)
        self._tell(asked, reason if other is None else Reason.SLOWED, at.wall)
        if other is not None:
            return other
        response = challenge(
            at.boottime,
            self._nonce_secret,
            source=source,
            mac=asked.mac,
            offers=offers(
                asked.agent_model,
                secure=asked.secure,
                basic=self._options.http.basic,
            ),
            stale=stale,
        )
        return Slowed(response, seconds, over) if seconds else response

    def _not_made(self, course: Course, error: Exception) -> Outcome:
        mac = text_from_mac(course.asked.mac)
        log.note(log.PROVISION_NOT_MADE, mac=mac, error=str(error))
        return self._refused(course, Reason.NOT_MADE)

    def _tell(self, asked: Asked, reason: Reason, wall: float) -> None:
        self._sight(Sighting(wall, asked.mac, asked.source, reason, asked.detail))

    def _note_store_away(self, error: StoreError) -> None:
        self._counters.add(Counter.STORE_FAILURES)
        log.note(log.PROVISION_STORE_AWAY, error=str(error))

    def _look(self, macs: Sequence[int]) -> dict[int, Look]:
        """Return what the store says of each of *macs*; raises StoreError.

        The wildcards are read for bound phones, too: unknown ones must not be told by
        the time it takes.
        """
        applied = self._applied
        marks = self._revocations.marks(macs)
        devices = self._reader.devices(macs)
        wildcards = self._reader.wildcards()
        tokens = self._reader.domain_tokens()
        at = self._clock()
        return {
            mac: Look(devices.get(mac), wildcards, tokens, mark, applied, at)
            for mac, mark in zip(macs, marks, strict=True)
        }

    def _submit(self, write: Write) -> "Future[bool]":
        decision = write.decision
        if isinstance(decision, Consume):
            return self._writes.consume(decision, write.model)
        if isinstance(decision, GiveToken):
            return self._writes.give_token(*decision)
        if isinstance(decision, Issue):
            return self._writes.issue(decision.mac)
        return self._writes.claim(decision, write.model)

    def _pnp_url(
        self, lookup: PnpLookUp, looks: dict[int, Look] | None, at: Instant
    ) -> str | None:
        mac = lookup.mac
        if looks is None:
            expected = self._cache.find(mac) is not None
        else:
            look = looks[mac]
            source = lookup.source[0]
            expected = open_for_pnp(
                mac, look.device, look.wildcards, source, at, self._policy
            )
            if expected:
                self._hold(mac, look)
        if not expected:
            return None
        return pnp_url(self._options, lookup.local.address, self._http_port)

    def _hold(self, mac: int, look: Look) -> None:
        """Let the PnP lane answer *mac* until something of it is revoked.

        A temporary binding ends without anybody revoking it, so it is looked up.
        """
        device = look.device
        if self.bound is None or device is None or device.domain is None:
            return
        if all(binding.expires is not None for binding in device.bindings):
            return
        domain_id = device.domain.id
        stamp = self._revocations.stamp_since(look.mark, domain_id)
        if stamp is not None:
            counters = self._revocations.counters_of(mac, domain_id)
            self.bound.keep(mac, *counters, stamp)
