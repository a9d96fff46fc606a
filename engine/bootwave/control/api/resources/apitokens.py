"""Tokens of the API, for programs."""

from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from bootwave.control.api.answers import Answer, nothing
from bootwave.control.api.declarations import Nothing, needs
from bootwave.control.api.desk import Desk
from bootwave.control.api.forms import Body, Shown
from bootwave.control.api.pages import USUAL_PAGE, Cursor, Limit, named_page
from bootwave.control.api.principals import Need, Principal
from bootwave.control.api.problems import Problem
from bootwave.control.api.resources.administrators import Domains
from bootwave.control.api.resources.sessions import NewName
from bootwave.control.api.routing import Asker, Routes, TheDesk
from bootwave.errors import StoreNotFound
from bootwave.store.access.apitokens import MAX_DAYS, Within

routes = Routes("access")
PATH = "/api/v1/tokens"
_DAY_SECONDS = 86_400.0

Scope = Literal["read", "write", "reveal", "access"]
Owner = Annotated[
    str | None,
    Query(max_length=64, description="Whose it is; empty: a user's of the machine."),
]
Scopes = Annotated[list[Scope], Field(min_length=1, max_length=4)]


class NewToken(Body):
    """A token that is made; it can do at most what its administrator can."""

    name: NewName
    scopes: Scopes
    domains: Domains = Field([], description="Those it is for; none: all he reaches.")
    days: Annotated[float, Field(gt=0, le=MAX_DAYS)] | None = Field(
        None,
        description="For how long it is good; else until it is revoked, or as long as "
        "the token that makes it.",
    )


class MadeToken(Shown):
    """A token, with what opens, this once."""

    name: str
    token: str = Field(examples=["bw_Zk3…"])
    scopes: list[Scope]
    domains: list[str]
    expires_at: float | None
    administrator: str


class Token(Shown):
    """A token; what opens is not known any more."""

    name: str
    scopes: list[Scope]
    everywhere: bool
    domains: list[str]
    administrator: str
    made_at: float
    made_by: str
    expires_at: float | None
    used_at: float | None
    used_from: str


class Tokens(Shown):
    """Some tokens, and where the list goes on."""

    items: list[Token]
    next: str


@routes.get(PATH, Tokens)
@needs(Need.TOKENS, Nothing())
async def list_all(
    asker: Asker, desk: TheDesk, limit: Limit = USUAL_PAGE, cursor: Cursor = ""
) -> Response:
    """List the tokens by name: of all who administers access, else one's own.

    A token is shown those that can do no more than it can.
    """
    whose, within = _whose(asker), _within(asker)
    rows = await desk.see(asker, lambda store: store.access_tokens(whose, within))
    by = ("name", "administrator")
    return named_page(desk.cursors, PATH, rows, limit, cursor, by=by)


@routes.post(PATH, MadeToken)
@needs(Need.TOKENS, Nothing(), confirmed=True)
async def add(request: Request, new: NewToken, asker: Asker, desk: TheDesk) -> Response:
    """Make a token; this answer is the only place where it is shown.

    An answer to an Idempotency-Key is not kept for that reason.
    """
    _whose(asker)
    beyond = [scope for scope in new.scopes if Need(scope) not in asker.may]
    if beyond:
        raise Problem(
            "forbidden",
            f"A token can do no more than who makes it: leave {', '.join(beyond)} out.",
        )
    fields: dict[str, Any] = new.model_dump()
    if not fields["domains"] and asker.domains is not None:
        if not asker.domains:
            raise Problem("forbidden", "There is no domain that a token could be for.")
        fields["domains"] = sorted(asker.domains)
    fields["not_after"] = _not_after(new.days, asker, desk)
    return await desk.write(
        request,
        asker,
        "admin.token.add",
        {**fields, "administrator": asker.administrator},
        lambda made: Answer(made, 201),
        secret=True,
    )


@routes.delete(PATH + "/{name}")
@needs(Need.TOKENS, Nothing())
async def revoke(
    name: str, asker: Asker, desk: TheDesk, administrator: Owner = None
) -> Response:
    """Revoke a token; the next request with it is refused.

    By a token only one that it is shown.  Names are each administrator's own: where
    several have one of that name, administrator says whose is meant.
    """
    whose, within = _whose(asker), _within(asker)
    if whose is None:
        whose = administrator
    elif administrator not in (None, whose):
        # As to one that is not there: whose others are is not told.
        raise StoreNotFound("There is no such token, or it is not yours.")
    await desk.change_still(
        asker, lambda store: store.access_revoke(name, whose, within)
    )
    return nothing()


def _not_after(wanted: float | None, asker: Principal, desk: Desk) -> float | None:
    """Return when what *asker* makes is good no more in any case, None for no time.

    Raises Problem 403 where the days *wanted* are more than his own token has.
    """
    expires_at = None if asker.token is None else asker.token.expires_at
    if expires_at is None or wanted is None:
        return expires_at
    if desk.now().wall + wanted * _DAY_SECONDS > expires_at:
        raise Problem(
            "forbidden", "A token is good no longer than the one that makes it."
        )
    return expires_at


def _within(asker: Principal) -> Within | None:
    """Return what tokens that *asker* is shown can do at most, None for anything."""
    if asker.token is None:
        return None
    return Within(asker.token.scopes, asker.domains)


def _whose(asker: Principal) -> str | None:
    """Return whose tokens *asker* may see, None for everybody's.

    Raises Problem 403 for a token that is nobody's and is not for all domains.
    """
    if Need.ACCESS in asker.may and asker.domains is None:
        return None
    if asker.administrator is None:
        raise Problem("forbidden", "This token is no administrator's and has none.")
    return asker.administrator
