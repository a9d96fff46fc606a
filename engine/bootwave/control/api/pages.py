"""Pages of lists: so many rows, and the cursor of those that follow."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Query

from bootwave.control.api.answers import Answer
from bootwave.control.api.cursors import MAX_CURSOR_CHARACTERS, Cursors
from bootwave.limits import MAX_API_PAGE

USUAL_PAGE = 100

Limit = Annotated[
    int, Query(ge=1, le=MAX_API_PAGE, description="How many rows are wanted at most.")
]
Cursor = Annotated[
    str,
    Query(
        max_length=MAX_CURSOR_CHARACTERS,
        description="What next of the page before said; the other parameters must be "
        "the same.",
    ),
]


def list_name(path: str, **filters: Any) -> str:
    """Return what a cursor is bound to: the list *path* with what chooses its rows."""
    chosen = sorted((name, repr(value)) for name, value in filters.items())
    return f"{path} {chosen}"


def named_page(
    cursors: Cursors,
    path: str,
    rows: Sequence[dict[str, Any]],
    limit: int,
    cursor: str,
    *,
    by: Sequence[str] = ("name",),
) -> Answer:
    """Return the answer with a page of *rows*, which are few, in the order of *by*.

    These are their members, all texts, that tell them apart.  ``next`` is the cursor of
    the page that follows, "" on the last one.  *path* is the list's.  Raises Problem
    422 for a cursor of another list.
    """

    def keys(row: dict[str, Any]) -> list[str]:
        return [str(row[name]) for name in by]

    of = list_name(path)
    last = [str(key) for key in cursors.read(of, cursor)] if cursor else []
    found = sorted((row for row in rows if keys(row) > last), key=keys)
    shown = found[:limit]
    more = len(found) > limit
    following = cursors.after(of, keys(shown[-1])) if more else ""
    return Answer({"items": shown, "next": following})
