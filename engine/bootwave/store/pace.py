"""How much of a long change one of many short transactions makes.

Phones write, too, and wait while an administrator does.
"""

# For how long one of many transactions is to keep others from writing.  Who finds the
# store locked looks again after 1, 2, 5, 10, 15, 20, 25 ms, and later every 100 ms
# (SQLite's busy handler): so there is as long a pause behind each, and it is found free
# after a look or two.
LOCK_SECONDS = 0.04
LEAST_PAUSE_SECONDS, MOST_PAUSE_SECONDS = 0.005, 0.1
FIRST_ROWS = 100
LEAST_ROWS, MOST_ROWS = 10, 2_000


class Pace:
    """How many rows the next transaction takes, by how long the last ones took."""

    def __init__(self, lock_seconds: float = LOCK_SECONDS) -> None:
        """Begin with few; *lock_seconds* are what a transaction is to take."""
        self._lock_seconds = lock_seconds
        self.rows = FIRST_ROWS
        self.pause = LEAST_PAUSE_SECONDS

    def took(self, rows: int, seconds: float, in_all: float) -> None:
        """Heed that writing *rows* took *seconds*, and with the commit *in_all*.

        What a commit takes has little to do with how many rows there are, so fewer of
        them would not make it shorter.
        """
        self.pause = min(max(LEAST_PAUSE_SECONDS, in_all), MOST_PAUSE_SECONDS)
        # A machine that was busy once must not make everything slow, nor a few rows
        # that were quick make the next transaction long.
        fits = int(rows * self._lock_seconds / max(seconds, 1e-4))
        self.rows = min(max(fits, self.rows // 2), self.rows * 2)
        self.rows = min(max(self.rows, LEAST_ROWS), MOST_ROWS)
