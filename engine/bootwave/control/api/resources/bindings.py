"""Bindings: which phone has which account, by its MAC or by a wildcard.

They are a part of what an account is, so a condition on one is on the account.
"""

from typing import Annotated, Literal

from fastapi import Header, Path
from starlette.requests import Request
from starlette.responses import Response

from bootwave.control.api.answers import Answer
from bootwave.control.api.declarations import Reached, needs
from bootwave.control.api.entitytags import Check, conditions
from bootwave.control.api.forms import Shown
from bootwave.control.api.lists import Descending, MacPrefix, Page, Sort, TheRows
from bootwave.control.api.principals import Need
from bootwave.control.api.resources.accounts import Number, state_of
from bootwave.control.api.routing import Asker, Routes, TheDesk
from bootwave.control.api.targets import OF_DOMAIN, Domain, Mac

routes = Routes("bindings")
OF_DOMAINS = "/api/v1/domains/{domain}"
OF_ACCOUNTS = OF_DOMAINS + "/accounts/{number}"

Wildcard = Annotated[
    Literal["star", "question"],
    Path(description="star is *: the first unknown phone; question is ?: for a time."),
]
_SPELT = {"star": "*", "question": "?"}
IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", description="The ETag of the account, or *."),
]


class Bound(Shown):
    """What an account is bound to now."""

    account: str
    bound: str
    identity: int | None = None


class Unbound(Shown):
    """What an account is bound to no longer."""

    account: str
    unbound: list[str]


@routes.get("/api/v1/bindings", Page)
@needs(Need.READ, Reached())
async def list_all(
    rows: TheRows,
    mac_prefix: MacPrefix = "",
    sort: Sort = "",
    descending: Descending = False,
) -> Response:
    """List bindings by MAC, or those that end by themselves by their end."""
    return await rows.answer(
        "bindings",
        sort=sort,
        descending=descending,
        mac_prefix=mac_prefix,
    )


@routes.get(OF_DOMAINS + "/bindings", Page)
@needs(Need.READ, OF_DOMAIN)
async def list_of_domain(
    domain: Domain,
    rows: TheRows,
    mac_prefix: MacPrefix = "",
    descending: Descending = False,
) -> Response:
    """List the bindings of a domain, by MAC and identity."""
    return await rows.answer(
        "bindings",
        descending=descending,
        domain=domain,
        mac_prefix=mac_prefix,
    )


@routes.get(OF_DOMAINS + "/wildcards", Page)
@needs(Need.READ, OF_DOMAIN)
async def list_wildcards(domain: Domain, rows: TheRows) -> Response:
    """List the accounts of a domain that an unknown phone may claim."""
    return await rows.answer("wildcards", domain=domain)


@routes.get(OF_ACCOUNTS + "/bindings", Page)
@needs(Need.READ, OF_DOMAIN)
async def list_of_account(domain: Domain, number: Number, rows: TheRows) -> Response:
    """List the phones that an account is bound to."""
    name = f"{number}@{domain}"
    return await rows.answer("bindings", account=name)


@routes.put(OF_ACCOUNTS + "/bindings/{mac}", Bound)
@needs(Need.WRITE, OF_DOMAIN)
async def bind(
    request: Request,
    domain: Domain,
    number: Number,
    mac: Mac,
    asker: Asker,
    desk: TheDesk,
    keep: bool = False,
    if_match: IfMatch = None,
) -> Response:
    """Bind an account to a phone, instead of what it was bound to or beside it."""
    args = {"account": f"{number}@{domain}", "mac": mac, "add": keep}
    check = _check(domain, number, if_match)
    return await desk.write(request, asker, "account.bind", args, Answer, check=check)


@routes.delete(OF_ACCOUNTS + "/bindings/{mac}", Unbound, 200)
@needs(Need.WRITE, OF_DOMAIN)
async def unbind(
    request: Request,
    domain: Domain,
    number: Number,
    mac: Mac,
    asker: Asker,
    desk: TheDesk,
    if_match: IfMatch = None,
) -> Response:
    """Take an account from a phone; what was granted ends at once."""
    args = {"account": f"{number}@{domain}", "mac": mac}
    check = _check(domain, number, if_match)
    return await desk.write(request, asker, "account.unbind", args, Answer, check=check)


@routes.delete(OF_ACCOUNTS + "/bindings", Unbound, 200)
@needs(Need.WRITE, OF_DOMAIN)
async def unbind_all(
    request: Request,
    domain: Domain,
    number: Number,
    asker: Asker,
    desk: TheDesk,
    if_match: IfMatch = None,
) -> Response:
    """Take an account from every phone, and let no unknown one claim it."""
    args = {"account": f"{number}@{domain}"}
    check = _check(domain, number, if_match)
    return await desk.write(request, asker, "account.unbind", args, Answer, check=check)


@routes.put(OF_ACCOUNTS + "/wildcard/{wildcard}", Bound)
@needs(Need.WRITE, OF_DOMAIN)
async def make_wildcard(
    request: Request,
    domain: Domain,
    number: Number,
    wildcard: Wildcard,
    asker: Asker,
    desk: TheDesk,
    keep: bool = False,
    if_match: IfMatch = None,
) -> Response:
    """Let an unknown phone claim an account."""
    args = {"account": f"{number}@{domain}", "mac": _SPELT[wildcard], "add": keep}
    check = _check(domain, number, if_match)
    return await desk.write(request, asker, "account.bind", args, Answer, check=check)


@routes.delete(OF_ACCOUNTS + "/wildcard/{wildcard}", Unbound, 200)
@needs(Need.WRITE, OF_DOMAIN)
async def end_wildcard(
    request: Request,
    domain: Domain,
    number: Number,
    wildcard: Wildcard,
    asker: Asker,
    desk: TheDesk,
    if_match: IfMatch = None,
) -> Response:
    """Let no unknown phone claim an account any more."""
    args = {"account": f"{number}@{domain}", "mac": _SPELT[wildcard]}
    check = _check(domain, number, if_match)
    return await desk.write(request, asker, "account.unbind", args, Answer, check=check)


def _check(domain: str, number: str, if_match: str | None) -> Check | None:
    return conditions(if_match, None, state_of(domain, number))
