"""Deadlines of many connections behind one timer: a wheel with coarse slots.

A deadline is known to a slot, not to a timer of its own, and most never pass: an answer
moves them.  So moving one later costs nothing here: when its slot comes round, whoever
asked is looked at, and put where its deadline is by then.
"""

from math import ceil
from typing import Generic, TypeVar

T = TypeVar("T")


class DeadlineWheel(Generic[T]):
    """Holds entries in slots of *step* seconds; an entry is due up to a step late."""

    def __init__(self, step: float) -> None:
        """Make an empty wheel."""
        self._step = step
        self._slots: dict[int, set[T]] = {}
        self._places: dict[T, int] = {}
        self._reached: int | None = None

    def __len__(self) -> int:
        """Return how many entries there are."""
        return len(self._places)

    def place(self, entry: T, deadline: float) -> None:
        """See to it that ``due`` returns *entry* soon after *deadline*, or before.

        Before means: when its last, earlier deadline would have passed.
        """
        slot = ceil(deadline / self._step)
        if self._reached is not None and slot <= self._reached:
            slot = self._reached + 1
        placed = self._places.get(entry)
        if placed is not None:
            if placed <= slot:
                return
            self._take_out(entry, placed)
        self._places[entry] = slot
        self._slots.setdefault(slot, set()).add(entry)

    def remove(self, entry: T) -> None:
        """Forget *entry*; one that is not there is no error."""
        placed = self._places.pop(entry, None)
        if placed is not None:
            self._take_out(entry, placed)

    def due(self, now: float) -> list[T]:
        """Take out and return the entries whose slots have passed."""
        slot = int(now // self._step)
        last = self._reached
        if last is not None and slot <= last:
            return []
        self._reached = slot
        if last is None or slot - last > len(self._slots):
            passed = sorted(number for number in self._slots if number <= slot)
        else:
            passed = list(range(last + 1, slot + 1))
        found: list[T] = []
        for number in passed:
            found += self._slots.pop(number, ())
        for entry in found:
            del self._places[entry]
        return found

    def _take_out(self, entry: T, slot: int) -> None:
        entries = self._slots[slot]
        entries.discard(entry)
        if not entries:
            del self._slots[slot]
