"""The way of a request that nothing was ready for, one step after the other.

    look ---> decide ---> refuse                      the same 401, whatever the reason
      ^         |  \\----> consume or claim --+       conditional; who lost looks again
      +---------|----------------------------+
                \\-------> make ---> answer            unless revoked in the meantime

A request tells what it needs next, a look or a write (``provision.steps``), and goes on
with the result; whoever drives it decides how to wait (``provision.service``,
``provision.misses``).

Unknown, unbound, closed and taken phones go the same way, do the same work and get the
same bytes.  With the store away windows fail closed.
"""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace

from bootwave import log
from bootwave.errors import SettingError, StoreError, StoreUnavailable
from bootwave.http.target import DocumentKind
from bootwave.metrics import Counter, CounterRow
from bootwave.pairing.decisions import Claim, Consume, Grant, Policy, Refuse, Serve
from bootwave.pairing.instant import Instant
from bootwave.pairing.rules import decide
from bootwave.pairing.sources import source_key
from bootwave.phone.mac import text_from_mac
from bootwave.provision.answers import Answers
from bootwave.provision.asked import Asked
from bootwave.provision.cache import GeneralDocuments
from bootwave.provision.credentials import Verifier
from bootwave.provision.documents import DocumentMaker
from bootwave.provision.notes import Notes
from bootwave.provision.ports import PhoneWrites, SealingKeys
from bootwave.provision.refusals import Refusals
from bootwave.provision.revocations import RevocationPage
from bootwave.provision.serving import Serving, proves_otherwise
from bootwave.provision.steps import (
    Course,
    GiveToken,
    Issue,
    Look,
    Outcome,
    Ready,
    Result,
    Step,
    Write,
)
from bootwave.provision.tokens import Checked, TokenGate
from bootwave.sightings import Reason
from bootwave.store.proofs.tokens import device_token_owner, new_token

# A look is repeated when a write was lost or something was revoked while it was in
# hand.  Each needs somebody else to have acted in that moment; so many in a row are an
# overload, and then refusing is right.
ROUNDS = 8


class Way:
    """Takes requests from step to step; for one thread."""

    def __init__(
        self,
        serving: Serving,
        answers: Answers,
        tokens: TokenGate,
        verifier: Verifier,
        refusals: Refusals,
        notes: Notes,
        writes: PhoneWrites,
        maker: DocumentMaker,
        general: GeneralDocuments,
        revocations: RevocationPage,
        keyring: SealingKeys,
        policy: Policy,
        clock: Callable[[], Instant],
        counters: CounterRow,
    ) -> None:
        """Keep the parts."""
        self._serving = serving
        self._answers = answers
        self._tokens = tokens
        self._verifier = verifier
        self._refusals = refusals
        self._notes = notes
        self._writes = writes
        self._maker = maker
        self._general = general
        self._revocations = revocations
        self._keyring = keyring
        self._policy = policy
        self._clock = clock
        self._counters = counters

    def begun(self, course: Course) -> Step | Outcome:
        """Begin; return what is needed first, or the outcome."""
        asked = course.asked
        if not asked.is_own:
            return self._general_document(asked)
        self._counters.add(Counter.CACHE_MISSES)
        course.looks = 1
        return asked.mac

    def gone_on(self, course: Course, result: Result) -> Step | Outcome:
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
                    self.note_store_away(result)
            elif isinstance(result, StoreError):
                raise result
            else:
                course.lost_claim = course.claiming and not result
        except StoreUnavailable as error:
            self.note_store_away(error)
            return self._refused(course, Reason.STORE_AWAY)
        except StoreError as error:
            return self._not_made(course, error)  # a token that no key opens
        if course.looks == ROUNDS:
            return self._refused(course, Reason.NOT_DECIDED)
        course.looks += 1
        return course.asked.mac

    def submit(self, write: Write) -> "Future[bool]":
        """Begin the write that a step asks for."""
        decision = write.decision
        if isinstance(decision, Consume):
            return self._writes.consume(decision, write.model)
        if isinstance(decision, GiveToken):
            return self._writes.give_token(*decision)
        if isinstance(decision, Issue):
            return self._writes.issue(decision.mac)
        return self._writes.claim(decision, write.model)

    def note_store_away(self, error: StoreError) -> None:
        """Count and tell that the store failed with *error*."""
        self._counters.add(Counter.STORE_FAILURES)
        log.note(log.PROVISION_STORE_AWAY, error=str(error))

    def _decided(self, course: Course, look: Look) -> Write | Outcome | None:
        """Decide on what was looked up; None to look again."""
        proves_otherwise(course)
        asked = course.asked
        device, proofs = look.device, asked.proofs
        if asked.mac and proofs.certificate == asked.mac and device is not None:
            if not device.owns_certificate and course.looks == 1:
                # This phone is served by its certificate anyway.
                self._notes.certificate(asked.mac)
        # Before the token is looked at: what it costs to compare, and whether a nonce
        # was too old, must not tell who is refused for what.
        if asked.shown is not None:
            proofs = replace(proofs, credentials=self._verified(course, look))
        checked = self._tokens.check(asked.token, look)
        if checked.refused:
            return self._refused(course, Reason.TOKEN_WRONG)
        decision = decide(
            asked.mac,
            device,
            checked.wildcards,
            asked.source,
            asked.secure,
            look.at,
            self._policy,
            proofs,
            taking=not asked.is_head,
            model=asked.agent_model,
            decoy=look.decoy,
        )
        if isinstance(decision, Serve):
            assert device is not None
            if checked.domain is not None and device.token is None:
                return self._give_token(course)
            if self._wants_credentials(course, look, decision.grant):
                course.issued = course.issuing = True
                return Write(Issue(asked.mac), "")
            return self._served(course, look, decision.grant, checked)
        if isinstance(decision, Refuse):
            reason = decision.reason
            if course.lost_claim and reason in (Reason.UNKNOWN_MAC, Reason.UNBOUND):
                reason = Reason.WILDCARD_TAKEN
            return self._refused(course, reason)
        if asked.is_head:
            # It takes no secret away, so it must not use up who may.
            return self._refused(course, Reason.HEAD_UNDER_WINDOW)
        try:
            self._maker.rehearse(asked.key, device, decision, look.wildcards)
        except StoreUnavailable:
            raise
        except (StoreError, SettingError) as error:
            return self._not_made(course, error)
        course.claiming = isinstance(decision, Claim)
        return Write(decision, asked.agent_model)

    def _verified(self, course: Course, look: Look) -> bool | None:
        """Return whether the credentials shown are right, None for nothing to say."""
        asked, now = course.asked, look.at.boottime
        before = course.verified
        source = source_key(asked.source)
        found = course.verified = self._verifier.verify(
            asked,
            source,
            look.device,
            now,
            may_guess=self._refusals.may_guess(source, asked.mac, now),
            decoy=look.decoy,
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

    def _give_token(self, course: Course) -> Write:
        """Return the write without which the phone's document cannot be made."""
        mac = course.asked.mac
        course.claiming = False
        sealed = self._keyring.seal(new_token(), owner=device_token_owner(mac))
        return Write(GiveToken(mac, sealed), "")

    def _served(
        self, course: Course, look: Look, grant: Grant, checked: Checked
    ) -> Outcome | None:
        try:
            return self._serving.serve(course, look, grant, checked)
        except StoreUnavailable:
            raise
        except (StoreError, SettingError) as error:
            return self._not_made(course, error)

    def _not_made(self, course: Course, error: Exception) -> Outcome:
        mac = text_from_mac(course.asked.mac)
        log.note(log.PROVISION_NOT_MADE, mac=mac, error=str(error))
        return self._refused(course, Reason.NOT_MADE)

    def _refused(self, course: Course, reason: Reason) -> Outcome:
        """Refuse what was decided on."""
        found = course.verified
        stale = found is not None and found.stale
        if found is not None and found.limited and reason is Reason.CREDENTIALS_WRONG:
            reason = Reason.CREDENTIALS_LIMITED
        return self._answers.refused(course.asked, reason, stale=stale)

    def _general_document(self, asked: Asked) -> Outcome:
        stamp = self._revocations.everything()
        document, complete = self._maker.general(asked.key, stamp)
        ready = Ready(document, self._clock().wall, Reason.SERVED_GENERAL)
        if not complete or asked.token:
            # Of each token there would be one more; anybody can make some up.
            return self._answers.given(asked, ready)
        self._general.keep(asked.key, document)
        return ready
