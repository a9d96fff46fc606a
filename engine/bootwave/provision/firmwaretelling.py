"""Responses to phones that ask for their firmware; counted and sighted."""

from collections.abc import Callable

from bootwave import log
from bootwave.errors import StoreError
from bootwave.http.conditional import is_current
from bootwave.http.response import Response
from bootwave.http.target import DocumentKind
from bootwave.limits import MAX_SIGHTING_DETAIL_CHARACTERS
from bootwave.metrics import Counter, CounterRow
from bootwave.pairing.instant import Instant
from bootwave.provision.asked import Asked
from bootwave.provision.documents import entity_tag
from bootwave.provision.firmware import NOTHING, FirmwareAnswers, Question
from bootwave.sightings import Reason, Sighting


class NotWhole(Exception):
    """The answer needs more of the request than the lane has read.

    What has the whole of it answers.
    """


class FirmwareTelling:
    """Tells phones of firmware in one process."""

    def __init__(
        self,
        answers: FirmwareAnswers,
        clock: Callable[[], Instant],
        sight: Callable[[Sighting], None],
        counters: CounterRow,
    ) -> None:
        """Give *sight* one sighting for each answer."""
        self._answers = answers
        self._clock = clock
        self._sight = sight
        self._counters = counters

    def response(self, asked: Asked) -> Response | None:
        """Return what who asks for firmware is told.

        None where something else is asked for, and where everybody is told the same.
        With the store away nobody is told anything new.  Raises NotWhole.
        """
        if asked.key.kind is not DocumentKind.FIRMWARE:
            return None
        try:
            if self._answers.is_same_for_all(asked.scope):
                return None
            by_loader = self._answers.needs_loader(asked.agent_firmware)
            if by_loader and asked.loader is None:
                raise NotWhole
            told = self._answers.answer(
                Question(
                    asked.scope,
                    asked.agent_model,
                    asked.agent_firmware,
                    asked.key.base_url,
                    asked.loader if by_loader else None,
                )
            )
        except StoreError as error:
            self._counters.add(Counter.STORE_FAILURES)
            log.note(log.PROVISION_STORE_AWAY, error=str(error))
            told = NOTHING
        self._counters.add(Counter.DOCUMENTS)
        reason, detail = Reason.SERVED_GENERAL, asked.detail
        if told.what:
            self._counters.add(Counter.FIRMWARE_TOLD)
            reason, detail = Reason.FIRMWARE_TOLD, f"{asked.detail}: {told.what}"
        detail = detail[:MAX_SIGHTING_DETAIL_CHARACTERS]
        wall = self._clock().wall
        self._sight(Sighting(wall, asked.mac, asked.source, reason, detail))
        etag = entity_tag(told.content)
        status = 304 if is_current(asked.if_none_match, etag) else 200
        return Response(status, told.content, told.media_type, etag=etag)
