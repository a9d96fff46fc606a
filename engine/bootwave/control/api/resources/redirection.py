"""Redirection: the account with the vendor's service, and what phones it sends here."""

from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from bootwave.control.api.admission import require_still
from bootwave.control.api.answers import Answer, Changing
from bootwave.control.api.declarations import needs
from bootwave.control.api.entitytags import IfMatch, conditions
from bootwave.control.api.forms import ONE_LINE, Body, not_given
from bootwave.control.api.idempotencykeys import key_of
from bootwave.control.api.lists import Page
from bootwave.control.api.pages import USUAL_PAGE, Cursor, Limit, list_name
from bootwave.control.api.principals import Need
from bootwave.control.api.problems import RETRY_SECONDS, Problem
from bootwave.control.api.routing import Asker, Routes, TheDesk
from bootwave.control.api.targets import OF_ENGINE, Mac
from bootwave.store.redirection import account

routes = Routes("redirection")
PATH = "/api/v1/redirection"
Object = dict[str, Any]
Trouble = Literal["", "unreachable", "refused", "owned", "elsewhere"]
Line = Annotated[str, Field(pattern=ONE_LINE, min_length=1, max_length=300)]


class RedirectionChange(Body):
    """What is changed of the account; what is not given stays."""

    user: Line = not_given(examples=["reseller"])
    password: Line = not_given(
        description="That of the service; no answer ever shows it."
    )
    url: Line = not_given(
        description="Where phones reach this engine; the first time else https.url or "
        "http.url of its options.",
        examples=["https://pbx.example.com"],
    )


@routes.get(PATH, Object, tells_tag=True)
@needs(Need.READ, OF_ENGINE)
async def show(asker: Asker, desk: TheDesk) -> Response:
    """Show the account without its password, how it goes, and phones in trouble.

    Its ETag is of user, password and url, and not of how it goes.
    """
    found, tag = await desk.read_tagged(asker, account.said, "redirection.status")
    return Changing(found, headers={"ETag": tag})


@routes.patch(PATH, Object)
@needs(Need.WRITE, OF_ENGINE)
async def change(
    request: Request,
    wanted: RedirectionChange,
    asker: Asker,
    desk: TheDesk,
    if_match: IfMatch = None,
) -> Response:
    """Set the account with the service, or change what is given of it.

    From then on every phone that is bound to an account is registered there.
    """
    given = wanted.model_dump(exclude_unset=True)
    if not given:
        raise Problem("invalid", "Say what is changed: user, password or url.")
    options = desk.room.options
    given["first_url"] = options.https.url or options.http.url or None
    check = conditions(if_match, None, account.said)
    return await desk.write(
        request, asker, "redirection.set", given, Answer, check=check
    )


@routes.delete(PATH, Object, 200)
@needs(Need.WRITE, OF_ENGINE)
async def forget(
    request: Request, asker: Asker, desk: TheDesk, if_match: IfMatch = None
) -> Response:
    """Forget the account; the service sends phones here all the same."""
    check = conditions(if_match, None, account.said)
    return await desk.write(
        request, asker, "redirection.unset", {}, Answer, check=check
    )


@routes.get(PATH + "/phones", Page)
@needs(Need.READ, OF_ENGINE)
async def list_troubled(
    asker: Asker,
    desk: TheDesk,
    state: Annotated[
        Trouble, Query(description="What is wrong with them; else any of it.")
    ] = "",
    limit: Limit = USUAL_PAGE,
    cursor: Cursor = "",
) -> Response:
    """List phones in trouble by MAC, with what the service said of them."""
    of = list_name(PATH, state=state)
    after = str(desk.cursors.read(of, cursor)[0]) if cursor else ""
    page = await desk.read(
        asker, "redirection.troubled", state=state, after=after, limit=limit
    )
    following = page["cursor"] and desk.cursors.after(of, [page["cursor"]])
    return Answer({"items": page["phones"], "next": following})


@routes.get(PATH + "/phones/{mac}", Object)
@needs(Need.READ, OF_ENGINE)
async def show_phone(mac: Mac, asker: Asker, desk: TheDesk) -> Response:
    """Show what the service was told of a phone, and what it said."""
    return Answer(await desk.read(asker, "redirection.status", mac=mac))


@routes.post(PATH + "/sync", Object, 200)
@needs(Need.WRITE, OF_ENGINE)
async def sync(
    request: Request, asker: Asker, desk: TheDesk, dry_run: bool = False
) -> Response:
    """Have all phones compared with what the service holds, and made right.

    It goes on beside the answer. With dry_run nothing is changed, and the answer says
    what would be, once the service was asked for all of its lists, which may take
    minutes.
    """
    if not dry_run:
        return await desk.write(request, asker, "redirection.sync", {}, Answer)
    key_of(request)  # looked at as that of a sync, though nothing is kept
    if desk.room.comparing:
        raise Problem(
            "busy",
            "The service is asked for its lists already: try again.",
            headers={"Retry-After": str(RETRY_SECONDS)},
        )
    desk.room.comparing = True
    try:
        # The body may have been held back: no transaction looks at who asks.
        await require_still(request, desk)
        found = await desk.carry_out_long(asker, "redirection.compare")
        await require_still(request, desk)
        return Answer(found)
    finally:
        desk.room.comparing = False
