"""Many accounts at once, as they come and as they are sent: imports, exports, states.

Bodies are CSV (text/csv) or JSON Lines (application/jsonl), of any size; errors name
rows, of which the first below a heading is row 1.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

from fastapi import Query
from pydantic import Field
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse

from bootwave.control.api.admission import require_still
from bootwave.control.api.answers import Answer
from bootwave.control.api.declarations import Reached, needs
from bootwave.control.api.desk import Desk
from bootwave.control.api.forms import Shown
from bootwave.control.api.lists import Descending, Page, Prefix, Sort, TheRows
from bootwave.control.api.principals import Need, Principal
from bootwave.control.api.problems import Problem
from bootwave.control.api.resources.accounts import PATH as ACCOUNTS
from bootwave.control.api.routing import Asker, Routes, TheDesk
from bootwave.control.api.targets import OF_DOMAIN, Domain
from bootwave.control.rowtexts import Form, RowDecoder, Rows, encoded_rows, heading
from bootwave.control.staging import TOGETHER
from bootwave.errors import BootwaveError
from bootwave.limits import MAX_API_IMPORT_BYTES
from bootwave.store.bulk.importrows import COLUMNS

routes = Routes("bulk")
OF_DOMAINS = "/api/v1/domains/{domain}"

_TYPES = {
    "text/csv": Form.CSV,
    "application/jsonl": Form.JSON_LINES,
    "application/x-ndjson": Form.JSON_LINES,
}
_TYPE_OF = {Form.CSV: "text/csv; charset=utf-8", Form.JSON_LINES: "application/jsonl"}
_CSV = "extension,name,password,mac\n402,Anna,s3cret-word,0004132E08B5\n"
_JSON_LINES = '{"extension": "402", "password": "s3cret-word", "mac": "0004132E08B5"}\n'
_ROWS = {
    type_: _CSV if form is Form.CSV else _JSON_LINES for type_, form in _TYPES.items()
}
_EXPORT = {"text/csv": "", "application/jsonl": ""}

DryRun = Annotated[bool, Query(description="Whether nothing is stored in any case.")]
Written = Annotated[
    Form, Query(alias="format", description="How the rows are written.")
]


class Imported(Shown):
    """What was stored, or would be; errors hold the first thousand."""

    added: int
    updated: int
    unchanged: int
    bound: int
    opened: int
    stored: bool
    error_count: int
    errors: list[dict[str, Any]] = Field(examples=[[]])


class Replaced(Shown):
    """What was changed, or would be, and how many accounts were so already."""

    added: int
    changed: int
    removed: int
    bound: int
    unbound: int
    same: int
    stored: bool
    error_count: int
    errors: list[dict[str, Any]] = Field(examples=[[]])


@routes.get("/api/v1/accounts", Page)
@needs(Need.READ, Reached())
async def search(
    rows: TheRows,
    number_prefix: Prefix = "",
    name_prefix: Prefix = "",
    mac: Annotated[str, Query(max_length=17)] = "",
    sort: Sort = "",
    descending: Descending = False,
) -> Response:
    """Find accounts by how number or name begin, or by the phone that has them."""
    return await rows.answer(
        "accounts",
        sort=sort,
        descending=descending,
        number_prefix=number_prefix,
        name_prefix=name_prefix,
        mac=mac,
    )


@routes.post(OF_DOMAINS + "/imports", Imported, 200, takes=_ROWS)
@needs(Need.WRITE, OF_DOMAIN, streams=True, body_bytes=MAX_API_IMPORT_BYTES)
async def import_rows(
    request: Request,
    domain: Domain,
    asker: Asker,
    desk: TheDesk,
    update: bool = False,
    all_or_nothing: bool = False,
    dry_run: DryRun = False,
) -> Response:
    """Import accounts into a domain: those of right rows, whatever others are.

    With update what a row gives replaces what is stored of an account that exists, and
    the same rows may be sent again: what is so already is not touched.  With
    all_or_nothing all rows are stored, or none if one is wrong.
    """
    if "idempotency-key" in request.headers:
        raise Problem(
            "bad-request",
            "An import takes no Idempotency-Key: to send it again, say update=true, "
            "by which what is stored already is left alone.",
        )
    async with _staged(request, domain, asker, desk) as stage:
        found = await _stepped(
            request,
            desk,
            asker,
            "stage.import",
            stage=stage,
            update=update,
            all_or_nothing=all_or_nothing,
            dry_run=dry_run,
        )
    return _result(found, Imported, dry_run=dry_run)


@routes.put(ACCOUNTS, Replaced, takes=_ROWS)
@needs(Need.WRITE, OF_DOMAIN, streams=True, body_bytes=MAX_API_IMPORT_BYTES)
async def replace(
    request: Request,
    domain: Domain,
    asker: Asker,
    desk: TheDesk,
    most_removed: Annotated[
        int | None,
        Query(ge=0, description="How many accounts may go; else half of them."),
    ] = None,
    dry_run: DryRun = False,
) -> Response:
    """Make the accounts of a domain what the rows say, all or nothing.

    What is not in the rows is removed, and what is as they say is not touched.
    """
    async with _staged(request, domain, asker, desk) as stage:
        found = await _stepped(
            request,
            desk,
            asker,
            "stage.replace",
            stage=stage,
            most_removed=most_removed,
            dry_run=dry_run,
        )
    return _result(found, Replaced, dry_run=dry_run)


@routes.get(OF_DOMAINS + "/export", None, 200, gives=_EXPORT)
@needs(Need.READ, OF_DOMAIN)
async def export(
    request: Request,
    domain: Domain,
    asker: Asker,
    desk: TheDesk,
    form: Written = Form.CSV,
) -> Response:
    """Export the accounts of a domain as rows to be imported, without passwords."""

    async def page(cursor: str) -> dict[str, Any]:
        if cursor:
            await require_still(request, desk)
        found: dict[str, Any] = await desk.read(
            asker, "account.export", domain=domain, cursor=cursor
        )
        return found

    return await _exported(page, form, passwords=False)


@routes.get(OF_DOMAINS + "/export/passwords", None, 200, gives=_EXPORT)
@needs(Need.REVEAL, OF_DOMAIN)
async def export_passwords(
    domain: Domain, asker: Asker, desk: TheDesk, form: Written = Form.CSV
) -> Response:
    """Export the accounts of a domain with their SIP passwords; this is audited."""

    async def page(cursor: str) -> dict[str, Any]:
        found: dict[str, Any] = await desk.carry_out(
            asker, "account.export", domain=domain, passwords=True, cursor=cursor
        )
        return found

    return await _exported(page, form, passwords=True)


@contextlib.asynccontextmanager
async def _staged(
    request: Request, domain: str, asker: Principal, desk: Desk
) -> AsyncIterator[str]:
    """Yield the stage that the rows of the body are on; none is left afterwards."""
    media_type = request.headers.get("content-type", "").partition(";")[0]
    form = _TYPES.get(media_type.strip().lower())
    if form is None:
        raise Problem(
            "not-rows", f"Send the rows as Content-Type: {', '.join(_TYPES)}."
        )
    begun = await desk.carry_out(asker, "stage.begin", domain=domain, only=True)
    stage: str = begun["stage"]
    try:
        decoder = RowDecoder(form)
        waiting: Rows = []
        async for piece in request.stream():
            # Beside the loop: a record of many lines is read again with each of them.
            waiting += await asyncio.to_thread(decoder.receive_data, piece)
            while len(waiting) >= TOGETHER:
                some, waiting = waiting[:TOGETHER], waiting[TOGETHER:]
                await desk.carry_out(asker, "stage.add", stage=stage, rows=some)
        waiting += decoder.finish()
        for at in range(0, len(waiting), TOGETHER):
            some = waiting[at : at + TOGETHER]
            await desk.carry_out(asker, "stage.add", stage=stage, rows=some)
        yield stage
    finally:
        # Whoever may do nothing any more leaves none behind either.
        await desk.change(asker.actor, lambda store: store.stage_drop(stage))


async def _stepped(
    request: Request, desk: Desk, asker: Principal, op: str, **how: Any
) -> dict[str, Any]:
    """Return the result of *op*, which is called until there is no more to do.

    Also when who asked has hung up: the rows are all there.
    """
    while True:
        # The rows may have come for hours, and steps that only read look at nobody.
        await require_still(request, desk)
        found: dict[str, Any] = await desk.carry_out(asker, op, **how)
        if not found["more"]:
            return found
        await asyncio.sleep(found["pause"])


def _result(found: dict[str, Any], kind: type[Shown], *, dry_run: bool) -> Response:
    if found["stored"] or dry_run:
        told = {
            name: value for name, value in found.items() if name in kind.model_fields
        }
        return Answer(told)
    count = found["error_count"]
    raise Problem(
        "invalid",
        f"Nothing was stored, because {count:,} row{' is' if count == 1 else 's are'} "
        "wrong.",
        errors=[
            {"at": f"row/{error['row']}", "detail": error["error"]}
            for error in found["errors"]
        ],
    )


async def _exported(
    page: Callable[[str], Any], form: Form, *, passwords: bool
) -> Response:
    first = await page("")  # before anything is answered: it may be refused
    columns = [name for name in COLUMNS if passwords or name != "password"]

    async def pieces() -> AsyncIterator[bytes]:
        found = first
        yield heading(columns, form) + encoded_rows(found["rows"], form)
        while found["cursor"]:
            try:
                found = await page(found["cursor"])
            except BootwaveError:
                # Too late to say why: that it breaks off says that it is not all.
                raise ClientDisconnect from None
            yield encoded_rows(found["rows"], form)

    return StreamingResponse(pieces(), media_type=_TYPE_OF[form])
