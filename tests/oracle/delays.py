"""Things that fall due one fixed time after they were put in."""

import sys
from collections import OrderedDict
from collections.abc import Iterator
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class DelayQueue(Generic[Key, Value]):
    """A bounded table whose entries all fall due the same time after their putting.

    Since time does not run backwards the oldest is the next due, so putting, dropping
    and asking for the next instant take constant time: one of these per delay is all
    the timer wheel that a protocol with six delays needs.
    """

    def __init__(self, seconds: float, most: int) -> None:
        """Hold at most *most* entries, each due *seconds* after it was put."""
        self.seconds = seconds
        self.most = most
        self._entries: OrderedDict[Key, tuple[float, Value]] = OrderedDict()

    def __len__(self) -> int:
        """Return how many entries there are."""
        return len(self._entries)

    def __contains__(self, key: Key) -> bool:
        """Whether *key* is there, due or not."""
        return key in self._entries

    @property
    def is_full(self) -> bool:
        """Whether one more would push out the oldest."""
        return len(self._entries) >= self.most

    def put(self, key: Key, value: Value, now: float) -> tuple[Key, Value] | None:
        """Put one entry, or put it anew; return the oldest if it had to give way."""
        self._entries.pop(key, None)
        pushed = None
        if len(self._entries) >= self.most:
            pushed = self.take_oldest()
        self._entries[key] = now + self.seconds, value
        return pushed

    def get(self, key: Key) -> Value | None:
        """Return the value of *key*, or None."""
        entry = self._entries.get(key)
        return None if entry is None else entry[1]

    def pop(self, key: Key) -> Value | None:
        """Take *key* out and return its value, or None."""
        entry = self._entries.pop(key, None)
        return None if entry is None else entry[1]

    def take_oldest(self) -> tuple[Key, Value]:
        """Take out the entry put first, due or not; raises KeyError without one."""
        key, (_, value) = self._entries.popitem(last=False)
        return key, value

    def values(self) -> list[Value]:
        """Return what is held, oldest first."""
        return [value for _, value in self._entries.values()]

    def next_due(self) -> float | None:
        """Return when the oldest entry falls due, or None when there is none."""
        for due, _ in self._entries.values():
            return due
        return None

    def take_due(
        self, now: float, most: int = sys.maxsize
    ) -> Iterator[tuple[Key, Value]]:
        """Take out, oldest first, what is due at *now*, *most* of it."""
        for _ in range(min(most, len(self._entries))):
            due, _ = next(iter(self._entries.values()))
            if due > now:
                return
            yield self.take_oldest()

    def drop_due(self, now: float, most: int = sys.maxsize) -> None:
        """Forget what is due at *now*, *most* of it."""
        for _ in self.take_due(now, most):
            pass
