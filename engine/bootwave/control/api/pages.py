"""Pages of lists: so many rows, and the cursor of those that follow."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any

from fastapi import Query

from bootwave.control.api.answers import Answer
from bootwave.control.api.cursors import Cursors, Key
from bootwave.limits import MAX_API_PAGE

USUAL_PAGE = 100

Limit = Annotated[
    int, Query(ge=1, le=MAX_API_PAGE, description="How many rows are wanted at most.")
]
Cursor = Annotated[
    str,
    Query(
        max_length=2_048,
        description="What next of the page before said; the other parameters must be "
        "the same.",
    ),
]


def list_name(path: str, **filters: Any) -> str:
    """Return what a cursor is bound to: the list *path* with what chooses its rows."""
    chosen = sorted((name, repr(value)) for name, value in filters.items())
    return f"{path} {chosen}"


def page_of(
    cursors: Cursors,
    of: str,
    rows: Sequence[Any],
    limit: int,
    key: Callable[[Any], Sequence[Key]],
) -> Answer:
    """Return the answer of *rows*, of which one more than *limit* was asked for.

    ``next`` is the cursor of the page that follows, "" on the last one.  *of* names the
    list, and *key* gives the sort keys of a row.
    """
    shown = list(rows[:limit])
    following = cursors.after(of, key(shown[-1])) if len(rows) > limit else ""
    return Answer({"items": shown, "next": following})


def rows_after(
    rows: Sequence[Any], last: Sequence[Key], limit: int, key: Callable[[Any], Any]
) -> list[Any]:
    """Return one more than *limit* of *rows*, sorted by *key*, that follow *last*."""
    found = [row for row in rows if not last or list(key(row)) > list(last)]
    return found[: limit + 1]
