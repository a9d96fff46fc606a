"""How often a service is called: evenly, and never more often than that."""


class Budget:
    """Calls at a *rate*, in calls per second, one after another.

    Nothing is saved up: a service that was left alone is not called in bursts.
    """

    def __init__(self, rate: float) -> None:
        """Allow the first at once."""
        self._gap = 1.0 / rate
        self._next_at = 0.0

    def delay(self, now: float) -> float:
        """Return the seconds to wait before the next call."""
        return max(0.0, self._next_at - now)

    def spend(self, now: float) -> None:
        """Note that a call is made *now*."""
        self._next_at = max(now, self._next_at) + self._gap
