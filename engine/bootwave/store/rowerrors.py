"""What is wrong with rows that somebody brings in: told for the first thousand."""

from collections.abc import Iterable
from typing import Any, NamedTuple

MAX_ERRORS = 1_000  # reported; a file of the wrong kind has one in every row


class RowError(NamedTuple):
    """What is wrong with row *row*; rows count from 1, without the heading."""

    row: int
    error: str


class Errors:
    """What is wrong with rows: how many, and the first thousand by their number."""

    def __init__(self) -> None:
        """Begin with none."""
        self.count = 0
        self._first: list[RowError] = []

    def add(self, errors: Iterable[RowError]) -> None:
        """Add *errors*, whose rows are in order."""
        for error in errors:
            self.count += 1
            if len(self._first) < 2 * MAX_ERRORS:
                self._first.append(error)
            else:
                self._shorten()
                if error.row < self._first[-1].row:
                    self._first.append(error)

    def _shorten(self) -> None:
        self._first.sort(key=lambda error: error.row)
        del self._first[MAX_ERRORS:]

    def told(self) -> dict[str, Any]:
        """Return what is told of them: the number, and the first thousand."""
        self._shorten()
        return {
            "error_count": self.count,
            "errors": [error._asdict() for error in self._first],
        }
