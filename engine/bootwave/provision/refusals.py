"""How refusals leave: at once, held back, or put off, by pairing.limits."""

from collections.abc import Callable

from bootwave import log
from bootwave.http.response import Response, plain_response
from bootwave.metrics import Counter, CounterRow
from bootwave.options import LimitsOptions
from bootwave.pairing.limits import Pace, is_known
from bootwave.phone.mac import text_from_mac
from bootwave.provision.limitpages import LimitPages
from bootwave.sightings import Reason

# What says nothing about who asks: trouble here, or a change in between.
_OURS = frozenset({Reason.STORE_AWAY, Reason.NOT_MADE, Reason.NOT_DECIDED})
RETRY_AFTER_SECONDS = 30
# The connection stays: closing it would cost more than answering on it again.
_PUT_OFF = plain_response(503, headers=((b"Retry-After", b"%d" % RETRY_AFTER_SECONDS),))
# Of the places for refusals held back, one address has this share.
_SHARE = 4


class Refusals:
    """Decides how each refusal of one process leaves; for one thread."""

    def __init__(
        self, pages: LimitPages, options: LimitsOptions, counters: CounterRow
    ) -> None:
        """Count on *pages*, which other processes share."""
        self._keys = pages.keys
        self._pair = pages.pair
        self._options = options
        self._counters = counters
        self._proofs = pages.proofs()
        self._misses = pages.misses(options, lambda: counters.add(Counter.MISSES))
        self.guesses = pages.guesses(options)
        self._held = 0
        self._held_of: dict[int, int] = {}

    @property
    def held(self) -> int:
        """How many refusals are held back."""
        return self._held

    def is_known(self, source: str, mac: int, now: float) -> bool:
        """Whether the source key *source* proved lately that it is *mac*."""
        return is_known(self._proofs, self._keys(source, mac), now)

    def may_guess(self, source: str, mac: int, now: float) -> bool:
        """Whether a password of an extension may be compared for *source*."""
        known = self.is_known(source, mac, now)
        return self.guesses.allows(self._keys(source, mac), now, known=known)

    def guessed_wrong(self, source: str, mac: int, now: float) -> None:
        """Count a password that was compared and wrong."""
        known = self.is_known(source, mac, now)
        self.guesses.wrong(self._keys(source, mac), now, known=known)

    def proved(self, source: str, mac: int, now: float) -> None:
        """Note that *source* was given the document of *mac*."""
        self._proofs.set(self._pair(source, mac), now)

    def missed(
        self, source: str, mac: int, reason: Reason, now: float
    ) -> tuple[Response | None, float, Callable[[], None]]:
        """Count a refusal; return how it leaves.

        That is another answer to give instead, or None; for how many seconds it is
        held back, 0 for none; and what to call when these are over.
        """
        if reason in _OURS or self.is_known(source, mac, now):
            return None, 0.0, _nothing
        keys = self._keys(source, mac)
        self._misses.missed(keys, source, mac, now)
        alarm = self._misses.alarm(now)
        if alarm is not None:
            self._counters.add(Counter.ENUMERATIONS)
            log.note(
                log.PROVISION_ENUMERATION,
                misses=alarm.misses,
                seconds=round(alarm.seconds),
                mac=text_from_mac(alarm.mac),
                source=alarm.source,
            )
        pace = self._misses.pace(keys, now)
        if pace is Pace.USUAL or not self._options.delay_seconds:
            return None, 0.0, _nothing
        held_of = self._held_of.get(keys.source, 0)
        most = self._options.delayed
        if self._held < most and held_of < max(1, most // _SHARE):
            self._held += 1
            self._held_of[keys.source] = held_of + 1
            self._counters.add(Counter.MISSES_SLOWED)
            return (
                None,
                self._options.delay_seconds,
                lambda: self._let_go(keys.source),
            )
        if pace is Pace.SLOW:
            # It did nothing wrong itself, so it is slowed where there is room and
            # never put off: or neighbours could be kept from their settings.
            return None, 0.0, _nothing
        self._counters.add(Counter.MISSES_SHED)
        return _PUT_OFF, 0.0, _nothing

    def _let_go(self, source: int) -> None:
        self._held -= 1
        left = self._held_of[source] - 1
        if left:
            self._held_of[source] = left
        else:
            del self._held_of[source]


def _nothing() -> None:
    """Do nothing."""
