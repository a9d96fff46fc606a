"""What a process has of memory and descriptors, and whether that stays what it is.

Memory is looked at round by round.  The first third of the rounds fills what is
bounded: caches of pages and statements of each connection, arenas as large as the most
that came at once.  From then on it is flat: the least of the last third is that of the
middle one.  Not the median: what malloc keeps at the end of its heap for later comes
and goes by two mebibytes, and a leak is there in the least, too.
"""

import os
import re
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

# The interpreter takes memory by the mebibyte, and may do so late.
MOST_GROWN: Final = 1024 * 1024
PATIENCE: Final = 60.0
_NUMBER = re.compile(r":?\[.*\]")


class Growth(NamedTuple):
    """Bytes of the first round, and the least of the middle third and of the last."""

    first: int
    middle: int
    last: int

    @property
    def wrong(self) -> list[str]:
        """What is not flat, a sentence each."""
        grown = self.last - self.middle
        return [f"it grew by {grown} bytes"] if grown > MOST_GROWN else []


def growth(sizes: Sequence[int]) -> Growth:
    """Return how the *sizes* of a process grew, round by round; there are six or more.

    Raises ValueError for fewer.
    """
    third = len(sizes) // 3
    if third < 2:
        raise ValueError("there were too few rounds to tell")
    return Growth(sizes[0], min(sizes[third : 2 * third]), min(sizes[-third:]))


def descriptors(pid: int) -> Counter[str]:
    """Return how many descriptors *pid* has of which kind, or of which file by name."""
    found: Counter[str] = Counter()
    for number in os.listdir(f"/proc/{pid}/fd"):
        try:
            target = os.readlink(f"/proc/{pid}/fd/{number}")
        except OSError:
            continue  # closed meanwhile
        name = target.rpartition("/")[2]
        found[_NUMBER.sub("", name).removeprefix("anon_inode:")] += 1
    return found


def settled(pid: int, wanted: Mapping[str, int] | None) -> Counter[str]:
    """Return the descriptors of *pid*, once they are those that are *wanted*, if ever.

    Without any *wanted* those that it has for a second.
    """
    until = time.monotonic() + PATIENCE
    before: Mapping[str, int] | None = wanted
    while True:
        found = descriptors(pid)
        if found == before or time.monotonic() > until:
            return found
        if wanted is None:
            before = found
            time.sleep(1.0)
        time.sleep(0.2)


def unlike(before: Mapping[str, int], after: Mapping[str, int]) -> list[str]:
    """Return which descriptors are more or fewer than before, a clause each."""
    return [
        f"{name}: {before.get(name, 0)} became {after.get(name, 0)}"
        for name in sorted({*before, *after})
        if before.get(name, 0) != after.get(name, 0)
    ]
