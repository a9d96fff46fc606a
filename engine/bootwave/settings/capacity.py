"""How many requests a second a server answers, measured while it answers them.

A *window* is some seconds of all workers: what they answered and the CPU time that they
took for it.  It counts when they were busy with answering: at a few requests a second,
what a worker does by itself takes as long.  The cost of a request is the mean of the
windows, by their requests, and the older ones fade; what costs more weighs more,
because phones that all come at once come after a failure, when no cache is warm.

The capacity is what that cost leaves room for when half of the CPUs' time is used: the
rest is for the kernel's share, for TLS that resumes nothing and for documents that are
made anew.
"""

import math
from typing import Final, NamedTuple

# Of a server that was not measured yet: what a small virtual machine answers.
USUAL_REQUESTS_PER_SECOND: Final = 2_000.0
# Whoever answers less has something else on the machine just now, and above the most a
# hundred thousand phones are served within half a minute, storm or not.
LEAST_REQUESTS_PER_SECOND: Final = 100.0
MOST_REQUESTS_PER_SECOND: Final = 10_000.0
TARGET_SHARE: Final = 0.5
# Idle workers take far less than a hundredth of a CPU.
BUSY_SHARE: Final = 0.05
LEAST_IN_WINDOW: Final = 100
# Requests that the mean goes back over, and how many of them are enough to go by.
MEMORY_REQUESTS: Final = 50_000
ENOUGH_REQUESTS: Final = 5_000
COSTLIER_WEIGHS: Final = 4.0
# Documents are made anew for another capacity only: each phone then fetches its own.
FACTOR: Final = 1.5


class Window(NamedTuple):
    """What all workers did in *seconds*; ``images`` are pieces of firmware sent."""

    seconds: float
    cpu_seconds: float
    requests: int
    images: int = 0

    @property
    def counts(self) -> bool:
        """Whether it says what a request costs."""
        return (
            self.requests >= LEAST_IN_WINDOW
            and self.cpu_seconds >= BUSY_SHARE * self.seconds
            and not self.images
        )


class Cost(NamedTuple):
    """The CPU seconds of one request, as measured over so many *requests*."""

    seconds: float = 0.0
    requests: int = 0

    @property
    def is_known(self) -> bool:
        """Whether enough was measured to go by."""
        return self.requests >= ENOUGH_REQUESTS and self.seconds > 0

    def after(self, window: Window) -> "Cost":
        """Return the cost once *window*, which must count, is measured, too."""
        seconds = window.cpu_seconds / window.requests
        requests = self.requests + window.requests
        if not self.requests or self.seconds <= 0:
            return Cost(seconds, requests)
        share = window.requests / min(requests, MEMORY_REQUESTS)
        if seconds > self.seconds:
            share *= COSTLIER_WEIGHS
        # By its logarithm: a window in which the machine was taken ill for a moment
        # must not count for a hundred others.
        log = math.log(self.seconds)
        log += min(share, 1.0) * (math.log(seconds) - log)
        return Cost(math.exp(log), requests)

    def capacity(self, cpus: int) -> float:
        """Return the requests a second that workers on so many *cpus* answer.

        It is bounded, in two digits, and the usual one while too little is known.
        """
        if not self.is_known:
            return USUAL_REQUESTS_PER_SECOND
        found = cpus * TARGET_SHARE / self.seconds
        found = min(max(found, LEAST_REQUESTS_PER_SECOND), MOST_REQUESTS_PER_SECOND)
        return float(f"{found:.1e}")


def is_another(told: float, found: float) -> bool:
    """Whether phones are told anew for the capacity *found*, that of *told* before."""
    return not told / FACTOR < found < told * FACTOR
