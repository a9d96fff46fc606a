"""The token in the URLs of a domain's phones: making, requiring and ending it."""

from typing import Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from bootwave.control.api.answers import Answer, nothing
from bootwave.control.api.declarations import needs
from bootwave.control.api.forms import Body
from bootwave.control.api.principals import Need
from bootwave.control.api.resources.urltokens import PATH
from bootwave.control.api.routing import Asker, Routes, TheDesk
from bootwave.control.api.targets import OF_DOMAIN, Domain

routes = Routes("domains")
Object = dict[str, Any]


class NewToken(Body):
    """Whether phones of the domain are refused without a right token."""

    required: bool | None = Field(None, description="Else as it was.")


class Required(Body):
    """Whether phones of the domain are refused without a right token."""

    required: bool


@routes.post(PATH, Object)
@needs(Need.REVEAL, OF_DOMAIN)
async def make(
    request: Request, domain: Domain, wanted: NewToken, asker: Asker, desk: TheDesk
) -> Response:
    """Give a domain a new token, and reveal it; the one before stays good for now."""
    args = {"domain": domain, "required": wanted.required}
    return await desk.write(
        request,
        asker,
        "token.make",
        args,
        lambda made: Answer(made, 201),
        secret=True,
    )


@routes.patch(PATH, Object)
@needs(Need.WRITE, OF_DOMAIN)
async def require(
    request: Request, domain: Domain, wanted: Required, asker: Asker, desk: TheDesk
) -> Response:
    """Say whether phones of the domain are refused without a right token."""
    args = {"domain": domain, "required": wanted.required}
    return await desk.write(request, asker, "token.require", args, Answer)


@routes.delete(PATH)
@needs(Need.WRITE, OF_DOMAIN)
async def remove(
    request: Request, domain: Domain, asker: Asker, desk: TheDesk
) -> Response:
    """Take the token of a domain away, and those of its devices."""
    return await desk.write(
        request, asker, "token.remove", {"domain": domain}, lambda _gone: nothing()
    )
