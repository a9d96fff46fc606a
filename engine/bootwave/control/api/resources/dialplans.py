"""Dial plans of domains: which numbers phones send when, and how.

A pattern stands in the query or the body, not in the path: ``.`` is one, and a path
that ends with it means another.
"""

from typing import Annotated, Any

from fastapi import Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from bootwave.control.api.answers import Answer, nothing
from bootwave.control.api.declarations import needs
from bootwave.control.api.forms import Body
from bootwave.control.api.principals import Need
from bootwave.control.api.routing import Asker, Routes, TheDesk
from bootwave.control.api.targets import OF_DOMAIN, Domain
from bootwave.settings.dialplan import MAX_TIMEOUT_SECONDS

routes = Routes("dial plans")
PATH = "/api/v1/domains/{domain}/dialplan"
RULES = PATH + "/rules"
Object = dict[str, Any]


class Rule(Body):
    """What phones do with numbers of one pattern."""

    match: Annotated[str, Field(max_length=64)] = Field(
        description=". is any one key, * one or more; at a comma a second tone plays.",
        examples=["0,*"],
    )
    timeout: Annotated[int, Field(ge=0, le=MAX_TIMEOUT_SECONDS)] = Field(
        0, description="Seconds that the phone waits for another key."
    )
    user: Annotated[str, Field(max_length=8)] = Field("", description="Phone or IP.")
    rewrite: Annotated[str, Field(max_length=64)] = Field(
        "", description="What is sent instead."
    )


@routes.get(PATH, Object)
@needs(Need.READ, OF_DOMAIN)
async def show(
    domain: Domain,
    asker: Asker,
    desk: TheDesk,
    dialled: Annotated[
        str, Query(max_length=64, description="A number: which rule is its?")
    ] = "",
) -> Response:
    """Show the rules of a domain, and the one that a number takes."""
    return Answer(
        await desk.read(asker, "dialplan.list", domain=domain, dialled=dialled)
    )


@routes.post(RULES, Object, 200)
@needs(Need.WRITE, OF_DOMAIN)
async def set_rule(
    request: Request, domain: Domain, rule: Rule, asker: Asker, desk: TheDesk
) -> Response:
    """Set one rule, or change the one of its pattern; warning may be a sentence."""
    args = {"domain": domain, **rule.model_dump()}
    return await desk.write(request, asker, "dialplan.set", args, Answer)


@routes.delete(RULES)
@needs(Need.WRITE, OF_DOMAIN)
async def unset_rule(
    request: Request,
    domain: Domain,
    match: Annotated[
        str, Query(max_length=64, description="The pattern.", examples=["0,*"])
    ],
    asker: Asker,
    desk: TheDesk,
) -> Response:
    """Take the rule of one pattern back."""
    args = {"domain": domain, "match": match}
    return await desk.write(
        request, asker, "dialplan.unset", args, lambda _gone: nothing()
    )


@routes.delete(PATH, Object, 200)
@needs(Need.WRITE, OF_DOMAIN)
async def clear(
    request: Request, domain: Domain, asker: Asker, desk: TheDesk, forget: bool = False
) -> Response:
    """Take every rule back, from phones, too; with forget they keep theirs."""
    args = {"domain": domain, "forget": forget}
    return await desk.write(request, asker, "dialplan.clear", args, Answer)
