"""Phone books of domains and accounts."""

from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

from fastapi import Depends
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from bootwave.control.api import targets
from bootwave.control.api.answers import Answer, shown
from bootwave.control.api.declarations import needs
from bootwave.control.api.entitytags import Check, IfMatch, conditions
from bootwave.control.api.forms import Body
from bootwave.control.api.principals import Need
from bootwave.control.api.problems import Problem
from bootwave.control.api.routing import Asker, Routes, TheDesk
from bootwave.control.api.targets import OF_DOMAIN
from bootwave.limits import MAX_API_BOOK_BYTES
from bootwave.store.settings import books
from bootwave.store.settings.books import COLUMNS, MAX_ROWS

routes = Routes("phone books")
Object = dict[str, Any]


# What is wrong with one is told by its row; no row is made of a whole body.
Entry = Annotated[dict[str, str], Field(max_length=4 * len(COLUMNS))]


class Entries(Body):
    """Entries of a phone book, with the columns of bootwave phonebook import."""

    entries: Annotated[list[Entry], Field(max_length=MAX_ROWS)] = Field(
        examples=[[{"name": "Anna", "number": "+49301234567"}]]
    )


class _Book(NamedTuple):
    scope: str
    path: str
    target: Callable[..., str]


_BOOKS = (
    _Book("domain", "/api/v1/domains/{domain}/phonebook", targets.domain),
    _Book(
        "account",
        "/api/v1/domains/{domain}/accounts/{number}/phonebook",
        targets.account,
    ),
)


def _add(book: _Book) -> None:
    """Add the routes of the books of one kind."""
    named = Depends(book.target)

    async def show(
        target: Annotated[str, named], asker: Asker, desk: TheDesk
    ) -> Response:
        """Show the entries of a book as phones show them."""
        found = await desk.read(
            asker, "phonebook.list", scope=book.scope, target=target
        )
        return shown(found, desk.tag(found))

    def check_of(target: str, if_match: str | None) -> Check | None:
        return conditions(
            if_match, None, lambda work: books.listed(work, book.scope, target)
        )

    async def replace(
        request: Request,
        entries: Entries,
        target: Annotated[str, named],
        asker: Asker,
        desk: TheDesk,
        dry_run: bool = False,
        if_match: IfMatch = None,
    ) -> Response:
        """Make the entries of a book those given, all or none."""
        how = {"replace": True, "dry_run": dry_run}
        return await _store(request, entries, target, asker, desk, if_match, **how)

    async def add(
        request: Request,
        entries: Entries,
        target: Annotated[str, named],
        asker: Asker,
        desk: TheDesk,
        all_or_nothing: bool = False,
        dry_run: bool = False,
        if_match: IfMatch = None,
    ) -> Response:
        """Add entries to a book: the right ones, whatever others are.

        With all_or_nothing all of them are added, or none if one is wrong.
        """
        how = {"all_or_nothing": all_or_nothing, "dry_run": dry_run}
        return await _store(request, entries, target, asker, desk, if_match, **how)

    async def clear(
        request: Request,
        target: Annotated[str, named],
        asker: Asker,
        desk: TheDesk,
        forget: bool = False,
        if_match: IfMatch = None,
    ) -> Response:
        """Empty a book, and those of its phones; with forget they keep theirs."""
        args = {"scope": book.scope, "target": target, "forget": forget}
        check = check_of(target, if_match)
        return await desk.write(
            request, asker, "phonebook.clear", args, Answer, check=check
        )

    async def _store(
        request: Request,
        entries: Entries,
        target: str,
        asker: Asker,
        desk: TheDesk,
        if_match: str | None,
        **how: bool,
    ) -> Response:
        args = {"scope": book.scope, "target": target, "rows": entries.entries, **how}
        return await desk.write(
            request,
            asker,
            "phonebook.import",
            args,
            lambda found: _result(found, dry_run=how["dry_run"]),
            check=check_of(target, if_match),
        )

    reads = needs(Need.READ, OF_DOMAIN)
    writes = needs(Need.WRITE, OF_DOMAIN)
    stores = needs(Need.WRITE, OF_DOMAIN, body_bytes=MAX_API_BOOK_BYTES)
    for endpoint in (show, replace, add, clear):
        endpoint.__name__ = f"{endpoint.__name__}_of_{book.scope}"
    routes.get(book.path, Object, tagged=True)(reads(show))
    routes.put(book.path, Object)(stores(replace))
    routes.post(book.path, Object, 200)(stores(add))
    routes.delete(book.path, Object, 200)(writes(clear))


def _result(found: Object, *, dry_run: bool) -> Response:
    """Return the answer; where nothing was stored it is a problem."""
    if found["stored"] or dry_run:
        return Answer(found)
    errors = [
        {"at": f"body/entries/{error['row'] - 1}", "detail": error["error"]}
        for error in found["errors"]
    ]
    count = found["error_count"]
    # Returned, not raised: so the key of the request is free again.
    return Problem(
        "invalid",
        f"Nothing was stored, because {count:,} "
        f"{'entry is' if count == 1 else 'entries are'} wrong.",
        errors=errors,
    ).response()


for _book in _BOOKS:
    _add(_book)
