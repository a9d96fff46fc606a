"""Rows of lists that grow with the fleet, fetched page by page.

Each page is a short read of its own: nobody else waits for a long list, and no process
holds all of one for another.  What changes meanwhile may be told as it was or as it is.
"""

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

from bootwave.cli.progress import Progress
from bootwave.control.session import Session

Row = dict[str, Any]

PAGE: Final = 1_000  # rows of one read


class Rows:
    """The rows of a list of *session*, *most* of them or all, as records.page has them.

    ``more`` says, once they were told, whether there may be others behind them.
    """

    def __init__(
        self,
        session: Session,
        resource: str,
        *,
        most: int | None = None,
        **asked: Any,
    ) -> None:
        """Ask nothing yet; *asked* is what records.page takes beside."""
        self.more = False
        self._session = session
        self._resource = resource
        self._most = most
        self._asked = asked

    def __iter__(self) -> Iterator[Row]:
        """Yield row by row; raises OperatorError or StoreError."""
        cursor, left = "", self._most
        while left != 0:
            page = self._session.call(
                "records.page",
                resource=self._resource,
                limit=PAGE if left is None else min(left, PAGE),
                cursor=cursor,
                **self._asked,
            )
            yield from page["rows"]
            cursor = page["cursor"]
            self.more = bool(cursor)
            if not cursor:
                return
            if left is not None:
                left -= len(page["rows"])


def listing(*, json: bool) -> AbstractContextManager[object]:
    """Return what shows that a list is being fetched, unless it is seen itself.

    *json* is printed while it comes; a table is not before its columns are known.
    """
    is_seen = json and sys.stdout.isatty()
    return nullcontext() if is_seen else Progress("Listing")
