"""Responses: documents that may leave, and the one refusal; counted and sighted."""

from collections.abc import Callable

from bootwave.http.challenge import challenge
from bootwave.http.conditional import is_current
from bootwave.http.contact import Contact
from bootwave.http.request import Request
from bootwave.http.response import Response, plain_response
from bootwave.http.target import DocumentKind
from bootwave.metrics import Counter, CounterRow
from bootwave.pairing.instant import Instant
from bootwave.pairing.sources import source_key
from bootwave.phone.challenges import offers
from bootwave.provision.asked import Asked, phone_detail
from bootwave.provision.refusals import Refusals
from bootwave.provision.steps import Ready, Slowed
from bootwave.sightings import Reason, Sighting


class Answers:
    """Makes the responses of one process."""

    def __init__(
        self,
        refusals: Refusals,
        clock: Callable[[], Instant],
        sight: Callable[[Sighting], None],
        counters: CounterRow,
        *,
        nonce_secret: bytes,
        basic: bool,
    ) -> None:
        """Give *sight* one sighting for each answer.

        *nonce_secret* (16 to 64 bytes) is shared by all processes; *basic* says that
        passwords may be sent without TLS.
        """
        self._refusals = refusals
        self._clock = clock
        self._sight = sight
        self._counters = counters
        self._nonce_secret = nonce_secret
        self._basic = basic

    def given(self, asked: Asked, outcome: Response | Ready) -> Response:
        """Return the response that *outcome* is; only after the grant.

        A document that the phone has already is not sent again.
        """
        if isinstance(outcome, Response):
            return outcome
        document, wall, reason = outcome
        current = is_current(asked.if_none_match, document.etag)
        self._counters.add(Counter.DOCUMENTS)
        if asked.is_own:
            self._counters.add(Counter.DOCUMENTS_SECRET)
            # That a general document is current says nothing about the phone's own.
            reason = Reason.NOT_MODIFIED if current else reason
            if asked.key.kind is DocumentKind.PHONE_BOOK:
                # It says nothing about the settings that the phone has.
                reason = Reason.PHONE_BOOK_SERVED
        self._tell(asked, reason, wall)
        status = 304 if current else 200
        body = document.body()
        return Response(status, body, etag=document.etag, proven=asked.is_own)

    def refused(
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
            offers=offers(asked.agent_model, secure=asked.secure, basic=self._basic),
            stale=stale,
        )
        return Slowed(response, seconds, over) if seconds else response

    def no_document(self, request: Request, contact: Contact) -> Response:
        """Return that no document is called so."""
        detail = phone_detail(request)
        wall = self._clock().wall
        self._sight(Sighting(wall, 0, contact.source, Reason.NO_DOCUMENT, detail))
        return plain_response(404)

    def _tell(self, asked: Asked, reason: Reason, wall: float) -> None:
        self._sight(Sighting(wall, asked.mac, asked.source, reason, asked.detail))
