"""The audit log: who did what, and which phone took which secret."""

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from bootwave.control.api.declarations import Everywhere, needs
from bootwave.control.api.lists import At, Descending, Page, TheRows, at_text
from bootwave.control.api.principals import Need
from bootwave.control.api.routing import Routes

routes = Routes("audit")

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
        since=at_text(since),
        until=at_text(until),
        actor=actor,
        action=action,
        subject=subject,
    )
