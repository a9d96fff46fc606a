"""What may leave without asking the store: a document that is kept, under its grant."""

from collections.abc import Callable

from bootwave.metrics import Counter, CounterRow
from bootwave.pairing.decisions import NO_PROOFS
from bootwave.pairing.instant import Instant
from bootwave.pairing.sources import is_private_source, source_key
from bootwave.provision.answering import Answering
from bootwave.provision.asked import Asked
from bootwave.provision.cache import DocumentCache, GeneralDocuments, Kept
from bootwave.provision.credentials import Verifier
from bootwave.provision.notes import Notes
from bootwave.provision.refusals import Refusals
from bootwave.provision.revocations import RevocationPage
from bootwave.provision.steps import Ready
from bootwave.sightings import Reason


class ReadyDocuments:
    """Finds what is kept in *cache* and *general*, and may be given now.

    *answering*, if any, is told before a grant is looked at: what is returned must be
    sent before the loop has its turn.
    """

    def __init__(
        self,
        cache: DocumentCache,
        general: GeneralDocuments,
        verifier: Verifier,
        refusals: Refusals,
        notes: Notes,
        revocations: RevocationPage,
        clock: Callable[[], Instant],
        counters: CounterRow,
        answering: Answering | None,
    ) -> None:
        """Keep the parts."""
        self._cache = cache
        self._general = general
        self._verifier = verifier
        self._refusals = refusals
        self._notes = notes
        self._revocations = revocations
        self._clock = clock
        self._counters = counters
        self._answering = answering

    def find(self, asked: Asked) -> Ready | None:
        """Return the document asked for, or None when it is to be made or refused."""
        if asked.is_own:
            return self._own(asked)
        document = self._general.find(asked.key, self._revocations.everything())
        if document is None:
            return None
        return Ready(document, self._clock().wall, Reason.SERVED_GENERAL)

    def _own(self, asked: Asked) -> Ready | None:
        kept = self._cache.find(asked.mac)
        if kept is None:
            return None
        if self._answering is not None:
            self._answering.enter()
        if self._revocations.stamp(asked.mac, kept.domain_id) != kept.stamp:
            self._cache.drop(asked.mac)
            return None
        at = self._clock()
        reason = self._granted(asked, kept, at)
        if reason is None or not self._cache.admits(asked.mac, asked.token):
            return None
        document = self._cache.document(asked.mac, asked.key)
        if document is None:
            return None
        if asked.shown is not None:
            self._refusals.proved(source_key(asked.source), asked.mac, at.boottime)
        self._counters.add(Counter.CACHE_HITS)
        return Ready(document, at.wall, reason)

    def _granted(self, asked: Asked, kept: Kept, at: Instant) -> Reason | None:
        """Return why what is *kept* may leave, None when it may not."""
        if asked.mac and asked.proofs.certificate == asked.mac:
            # What it takes by the first time is noted, and that it owns one.
            if not kept.is_proven or self._notes.is_new_certificate(asked):
                return None
            return Reason.SERVED_CERTIFICATE if kept.lasts(at) else None
        if asked.proofs is not NO_PROOFS:
            return None
        if asked.shown is not None:
            remembered = kept.lasts(at) and self._is_remembered(asked, kept, at)
            return Reason.SERVED_CREDENTIALS if remembered else None
        covered = kept.covers(source_key(asked.source), at)
        return (
            Reason.SERVED_WINDOW if covered and (asked.secure or kept.clear) else None
        )

    def _is_remembered(self, asked: Asked, kept: Kept, at: Instant) -> bool:
        """Whether the credentials shown were right before, on as fit a transport."""
        if not asked.secure and not (kept.clear and is_private_source(asked.source)):
            return False
        source = source_key(asked.source)
        return self._verifier.is_remembered(
            asked,
            source,
            kept.stamp,
            at.boottime,
            lambda: self._refusals.may_guess(source, asked.mac, at.boottime),
        )
