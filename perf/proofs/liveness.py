"""Looking all the while whether the API lives, as a monitor does.

``GET /health/live`` over a connection of its own, a few times a second, from before the
first request of a proof to behind the last: each is answered with 200, however many
others ask for what, and none waits long.
"""

import contextlib
import statistics
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from typing import Final

from perf.proofs.outcome import Outcome

PATH: Final = "/health/live"
LOOK_SECONDS: Final = 0.25
MOST_SECONDS: Final = 5.0


class Looks:
    """What came of looking: how long each answer took, and what was wrong."""

    def __init__(self) -> None:
        """Begin with none."""
        self.seconds: list[float] = []
        self.wrong: list[str] = []

    def outcome(self, name: str) -> Outcome:
        """Return what it came to; nothing looked at is wrong, too."""
        outcome = Outcome(name, {"looks": len(self.seconds)}, self.wrong[:20])
        if len(self.seconds) < 2:
            outcome.wrong.append("nobody looked")
            return outcome
        hundredths = statistics.quantiles(self.seconds, n=100, method="inclusive")
        longest = max(self.seconds)
        outcome.figures |= {
            "median ms": round(1000 * hundredths[49], 2),
            "99 of 100 within ms": round(1000 * hundredths[98], 2),
            "longest ms": round(1000 * longest, 2),
        }
        if longest > MOST_SECONDS:
            outcome.wrong.append(f"{PATH} was answered after {longest:.1f} s only")
        return outcome

    def look(self, address: tuple[str, int]) -> None:
        """Look once."""
        began = time.monotonic()
        connection = HTTPConnection(*address, timeout=2 * MOST_SECONDS)
        try:
            connection.request("GET", PATH)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                self.wrong.append(f"{PATH} was answered with {answer.status}")
        except (OSError, HTTPException) as error:
            self.wrong.append(f"{PATH} was not answered: {error!r}")
        finally:
            connection.close()
        self.seconds.append(time.monotonic() - began)


@contextlib.contextmanager
def watched(address: tuple[str, int]) -> Iterator[Looks]:
    """Look every now and then at *address*; give what comes of it."""
    looks = Looks()
    ended = threading.Event()

    def go_on() -> None:
        while not ended.wait(LOOK_SECONDS):
            looks.look(address)

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield looks
    finally:
        ended.set()
        thread.join()
