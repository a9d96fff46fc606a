"""The audit log: who did what, and which phone took which secret."""

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from bootwave.control.api.declarations import Everywhere, needs
from bootwave.control.api.lists import Descending, Page, TheRows
from bootwave.control.api.principals import Need
from bootwave.control.api.routing import Routes

routes = Routes("audit")

At = Annotated[
    float | None,
    Query(ge=0, le=1e12, description="Seconds since 1970.", examples=[1.8e9]),
]
Text = Annotated[str, Query(max_length=300)]


@routes.get("/api/v1/audit", Page)
@needs(Need.READ, Everywhere())
async def list_all(
    rows: TheRows,
    since: At = None,
    until: At = None,
    actor: Text = "",
    action: Text = "",
    subject: Text = "",
    descending: Descending = True,
) -> Response:
    """List the audit log, the newest first; a page may be short with more behind it."""
    return await rows.answer(
        "audit",
        descending=descending,
        since="" if since is None else repr(since),
        until="" if until is None else repr(until),
        actor=actor,
        action=action,
        subject=subject,
    )
