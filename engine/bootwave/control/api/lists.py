"""Lists of what is stored, as the store pages through them (``store.listing``)."""

from typing import Annotated, Any

from fastapi import Depends, Query
from pydantic import Field
from starlette.responses import Response

from bootwave.control.api.answers import Answer
from bootwave.control.api.forms import Shown
from bootwave.control.api.pages import USUAL_PAGE, Cursor, Limit, list_name
from bootwave.control.api.routing import Asker, TheDesk

Descending = Annotated[bool, Query(description="Whether the list is read backwards.")]
Prefix = Annotated[
    str, Query(max_length=128, description="What it begins with, in any letter case.")
]
MacPrefix = Annotated[
    str,
    Query(max_length=17, description="First digits of the MAC.", examples=["000413"]),
]
Sort = Annotated[str, Query(max_length=32, description="What it is sorted by.")]

At = Annotated[
    float | None,
    Query(ge=0, le=1e12, description="Seconds since 1970.", examples=[1.8e9]),
]


def at_text(at: float | None) -> str:
    """Return an instant as lists take it, "" for none."""
    return "" if at is None else repr(at)


class Page(Shown):
    """Some rows, and the cursor behind them, which is empty where the list ends.

    A page may be short, or empty, with more behind it.
    """

    items: list[dict[str, Any]]
    next: str = Field(examples=[""])


class Rows:
    """The rows of lists, as whoever asks reaches them, page by page."""

    def __init__(
        self,
        asker: Asker,
        desk: TheDesk,
        limit: Limit = USUAL_PAGE,
        cursor: Cursor = "",
    ) -> None:
        """Hold what a request says of the page that it wants."""
        self._asker = asker
        self._desk = desk
        self._limit = limit
        self._cursor = cursor

    async def answer(
        self,
        resource: str,
        *,
        sort: str = "",
        descending: bool = False,
        seen: bool = False,
        **filters: str,
    ) -> Response:
        """Return the answer with a page of the list of a *resource*.

        Filters that are "" are none.
        """
        return Answer(
            await self.page(
                resource, sort=sort, descending=descending, seen=seen, **filters
            )
        )

    async def page(
        self,
        resource: str,
        *,
        sort: str = "",
        descending: bool = False,
        seen: bool = False,
        **filters: str,
    ) -> dict[str, Any]:
        """Return ``items`` and ``next`` of a page, as above.

        The store's cursor is sealed into one of the API: none can be made up.
        """
        of = list_name(resource, sort=sort, descending=descending, **filters)
        cursors, cursor = self._desk.cursors, self._cursor
        page = await self._desk.read(
            self._asker,
            "records.page",
            resource=resource,
            filters={name: value for name, value in filters.items() if value},
            sort=sort,
            descending=descending,
            limit=self._limit,
            cursor=str(cursors.read(of, cursor)[0]) if cursor else "",
            seen=seen,
        )
        following = page["cursor"] and cursors.after(of, [page["cursor"]])
        return {"items": page["rows"], "next": following}


TheRows = Annotated[Rows, Depends()]
