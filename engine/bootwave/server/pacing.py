"""How many bytes may be sent now, so that over time it is a given rate."""


class Pacing:
    """A bucket that fills with *rate* bytes a second, up to *most*; time is given."""

    def __init__(self, rate: float, most: float) -> None:
        """Start with a full bucket."""
        self._rate = rate
        self._most = most
        self._left = most
        self._at: float | None = None

    def allowed(self, now: float) -> int:
        """Return how many bytes may be sent at *now* (monotonic seconds)."""
        if self._at is not None:
            passed = max(0.0, now - self._at)
            self._left = min(self._most, self._left + passed * self._rate)
        self._at = now
        return int(self._left)

    def took(self, size: int) -> None:
        """Note that *size* bytes were sent; more than allowed has to be waited for."""
        self._left -= size
