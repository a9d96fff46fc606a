"""Lists of what is stored, page by page."""

from collections.abc import Mapping

from bootwave.store.listing import requests
from bootwave.store.operations.transactions import Object, Transactions


class ListOperations(Transactions):
    """Lists of what is stored, page by page."""

    def records_page(
        self,
        resource: str,
        *,
        filters: Mapping[str, str] | None = None,
        sort: str = "",
        descending: bool = False,
        limit: int = 100,
        cursor: str = "",
        seen: bool = False,
    ) -> Object:
        """Return a page of a list: its ``rows``, and the ``cursor`` behind them.

        A page costs the same however far behind it is.  It may be short, with more
        behind it: the cursor is "" when nothing is.  *seen* tells when devices were
        heard last.
        """
        with self._look() as work:
            return requests.page(
                work,
                self._sightings,
                resource,
                filters=filters or {},
                sort=sort,
                descending=descending,
                limit=limit,
                cursor=cursor,
                seen=seen,
            )
