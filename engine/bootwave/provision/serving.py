"""Making the document that a grant is for, keeping it, and letting it leave.

The last thing before it leaves is to look whether it still may: whatever was revoked or
has ended while it was made has it looked at again.
"""

from collections.abc import Callable
from dataclasses import replace

from bootwave.directory.records import Device
from bootwave.metrics import Counter, CounterRow
from bootwave.pairing.decisions import Grant, Policy
from bootwave.pairing.instant import Instant
from bootwave.pairing.passwords import passwords_end
from bootwave.pairing.rules import is_open
from bootwave.pairing.sources import source_key
from bootwave.provision.answering import Answering
from bootwave.provision.answers import Answers
from bootwave.provision.asked import proofs_of
from bootwave.provision.cache import DocumentCache, Terms
from bootwave.provision.credentials import Verifier
from bootwave.provision.documents import DocumentMaker
from bootwave.provision.looks import Looks
from bootwave.provision.notes import Notes
from bootwave.provision.refusals import Refusals
from bootwave.provision.steps import Course, Look, Outcome, Ready
from bootwave.provision.tokens import Checked, TokenGate
from bootwave.sightings import Reason

_SERVED = {
    "window": Reason.SERVED_WINDOW,
    "certificate": Reason.SERVED_CERTIFICATE,
    "credentials": Reason.SERVED_CREDENTIALS,
}


class Serving:
    """Serves whom a decision says; for one thread.

    *answering*, if any, is told before a grant is looked at for the last time; what is
    returned must be sent before the loop has its turn.
    """

    def __init__(
        self,
        maker: DocumentMaker,
        cache: DocumentCache,
        looks: Looks,
        tokens: TokenGate,
        verifier: Verifier,
        refusals: Refusals,
        notes: Notes,
        answers: Answers,
        policy: Policy,
        clock: Callable[[], Instant],
        counters: CounterRow,
        answering: Answering | None,
    ) -> None:
        """Keep the parts."""
        self._maker = maker
        self._cache = cache
        self._looks = looks
        self._tokens = tokens
        self._verifier = verifier
        self._refusals = refusals
        self._notes = notes
        self._answers = answers
        self._policy = policy
        self._clock = clock
        self._counters = counters
        self._answering = answering

    def serve(
        self, course: Course, look: Look, grant: Grant, checked: Checked
    ) -> Outcome | None:
        """Make and keep the document of *look*; None to look again.

        Raises StoreError or SettingError when it cannot be made.
        """
        asked, at = course.asked, look.at
        device = look.device
        assert device is not None
        assert device.domain is not None  # a device with bindings is in their domain
        mac, domain_id = device.mac, device.domain.id
        end = passwords_end(device, at, self._policy)
        told = at.boottime < end
        if told and end < grant.until:
            # What is kept holds passwords, so it is not kept for longer than these.
            grant = replace(grant, until=end)
        guard = self._tokens.guard(device, checked.domain)
        document = self._maker.own(asked.key, device, with_passwords=told)
        # Last of all: whatever was revoked or has ended until here must not leave.
        if self._answering is not None:
            self._answering.enter()
        if proves_otherwise(course):
            return None
        at = self._clock()
        if at.boottime >= grant.until or at.boot_id != grant.boot_id:
            return None
        stamp = self._looks.stamp(look, mac, domain_id)
        if stamp is None:
            return None
        # The first use of a window tells of itself; what was changed since does not.
        unsaid = grant.kind != "window" or (told and device.provisioned_at is None)
        if unsaid and not asked.is_head:
            self._notes.taken(asked, device, grant, stamp, told=told)
        self._remember(course, device, grant, stamp, at)
        ready = Ready(document, at.wall, _SERVED[grant.kind])
        if asked.is_head and (unsaid or is_open(device.bindings, at)):
            # A HEAD takes no window and no passwords.  Nothing is kept, or the GET
            # would be answered from that, leave the window to somebody else and tell
            # nobody what was taken.
            return self._answers.given(asked, ready)
        kept = self._cache.find(mac)
        if kept is not None and kept.stamp == stamp and kept.until < grant.until:
            # All documents of a phone end together, so one that may be had for longer
            # would have the others, with passwords or accounts whose time is over by
            # then, had for longer, too.
            if kept.lasts(at):
                grant = replace(grant, until=kept.until)
            else:
                self._cache.drop(mac)
        terms = Terms(domain_id, stamp, grant, not asked.secure, guard)
        dropped = self._cache.keep(mac, terms, asked.key, document)
        if dropped:
            self._counters.add(Counter.CACHE_EVICTIONS, dropped)
        if checked.domain is not None:
            self._notes.token(device, checked)
        if not self._cache.admits(mac, asked.token):
            # By this URL it is given this once; what is kept is for another.
            return self._answers.given(asked, ready)
        return ready

    def _remember(
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
                self._notes.credentials(asked.mac, found.fresh_user)


def proves_otherwise(course: Course) -> bool:
    """Whether the certificate proves something else than when this began.

    It may have been blocked while this waited, or have expired.  What it proves now is
    noted in *course*.
    """
    asked = course.asked
    if asked.again is None:
        return False
    proofs = proofs_of(asked.again())
    if proofs == asked.proofs:
        return False
    course.asked = asked._replace(proofs=proofs)
    return True
