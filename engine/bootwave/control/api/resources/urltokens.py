"""The token in the URLs of a domain's phones: a secret that can be revealed."""

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from bootwave.control.api.answers import Answer
from bootwave.control.api.declarations import DomainIn, needs
from bootwave.control.api.forms import DomainName, Shown
from bootwave.control.api.principals import Need
from bootwave.control.api.resources.domains import PATH as DOMAINS
from bootwave.control.api.routing import Asker, Routes, TheDesk

routes = Routes("domains")
PATH = DOMAINS + "/{domain}/url-token"


class UrlToken(Shown):
    """The token of a domain, and what is known of it."""

    domain: str
    token: str
    required: bool
    made_at: float
    used_at: float | None = Field(description="When a phone came with it first.")
    previous_good: bool


@routes.get(PATH, UrlToken)
@needs(Need.REVEAL, DomainIn())
async def show(
    request: Request, domain: DomainName, asker: Asker, desk: TheDesk
) -> Response:
    """Reveal the token of a domain, which the audit log is told."""
    return await desk.write(request, asker, "token.show", {"domain": domain}, Answer)
